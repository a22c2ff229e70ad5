"""Joint orders, left/right pairs and OKS sigmas of the skeletons in use."""

from __future__ import annotations

LOWER_BODY_JOINTS = (
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_hip",
    "right_knee",
    "right_ankle",
)
"""The six joints of the lower-body models, in the order of their heatmaps."""

LOWER_BODY_COCO_INDICES = (11, 13, 15, 12, 14, 16)
"""Where the six joints stand among COCO's 17 keypoints."""

LOWER_BODY_FLIP_PAIRS = ((0, 3), (1, 4), (2, 5))
"""The joints that a horizontal flip exchanges."""

COCO_SIGMAS = (
    *(0.026, 0.025, 0.025, 0.035, 0.035),  # nose, eyes, ears
    *(0.079, 0.079, 0.072, 0.072, 0.062, 0.062),  # shoulders, elbows, wrists
    *(0.107, 0.107, 0.087, 0.087, 0.089, 0.089),  # hips, knees, ankles
)
"""COCO's per-keypoint standard deviations for object keypoint similarity (COCO API)."""

LOWER_BODY_SIGMAS = tuple(COCO_SIGMAS[index] for index in LOWER_BODY_COCO_INDICES)
"""The same for the six joints."""
