"""Predictions in COCO's result format."""

from __future__ import annotations

from typing import Any

import lowerpose_ops as lp
from python_models.arrays import Array

_KEYPOINTS = len(lp.COCO_SIGMAS)
_PERSON = 1


def result_row(
    image_id: int | str, joints: Array, maxima: Array, box: tuple[float, ...]
) -> dict[str, Any]:
    """A person of a results file.

    COCO's 17 keypoints, three numbers each: the six joints where COCO has them, as x, y in image
    pixels and the maximum of the joint's heatmap, as HRNet and MMPose write it (COCO's evaluation
    does not read it); zeros for the joints that the model does not have. COCO's evaluation takes
    the person's size from the box, so that those zeros do not count; without it, it would take the
    extent of all keypoints.

    Args:
        image_id: The image's.
        joints: [6, 2], (x, y) in image pixels.
        maxima: [6].
        box: x, y, width, height of where the person was looked for.
    """
    keypoints = [0.0] * (3 * _KEYPOINTS)
    for joint, place in enumerate(lp.LOWER_BODY_COCO_INDICES):
        x, y = joints[joint].tolist()
        keypoints[3 * place : 3 * place + 3] = [x, y, float(maxima[joint])]
    return {
        "image_id": image_id,
        "category_id": _PERSON,
        "keypoints": keypoints,
        "bbox": [float(value) for value in box],
        "score": float(maxima.mean(dtype=float)),
    }
