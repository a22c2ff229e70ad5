"""Motions that nobody has made, for tests."""

from __future__ import annotations

import numpy as np

from python_models.motion.motion import Motion
from python_models.motion.skeletons import HUMAN36M_17, Skeleton

# About where an upright person's joints are, mm: x to the left, y to the back, z up.
_PLACES = {
    "pelvis": (0, 0, 950), "hip": (120, 0, 940), "knee": (130, -20, 500), "ankle": (130, 0, 90),
    "heel": (130, 50, 20), "toe": (130, -170, 20), "spine": (0, 10, 1180), "thorax": (0, 0, 1430),
    "neck": (0, 0, 1520), "nose": (0, -90, 1600), "head_top": (0, 0, 1740), "eye": (30, -80, 1630),
    "ear": (75, 0, 1610), "shoulder": (170, 0, 1420), "elbow": (240, 0, 1130),
    "wrist": (260, -60, 880),
}  # fmt: skip


def standing(skeleton: Skeleton) -> np.ndarray:
    """An upright person's joints [K, 3] in millimetres, Z up."""
    rows = []
    for joint in skeleton.joints:
        part = joint.removeprefix("left_").removeprefix("right_")
        x, y, z = _PLACES[part]
        rows.append((-x if joint.startswith("right_") else x, y, z))
    return np.array(rows, np.float64)


def made_up_motion(
    frames: int = 12, skeleton: Skeleton = HUMAN36M_17, *, seed: int = 0, **fields
) -> Motion:
    """A person whose joints wobble by some centimetres."""
    rng = np.random.default_rng(seed)
    joints = standing(skeleton) + rng.normal(0, 40, (frames, len(skeleton), 3))
    given = {"frame_rate": 50.0, "subject": "s01", "action": "squat", "name": "made up"}
    return Motion(joints, skeleton, **(given | fields))
