"""Poses that nobody was recorded in: one leg of one moment, the other one of another.

Few people do few exercises in a data set; a network that has seen them learns that legs always
bend together as theirs do. Mixed legs say that they need not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from python_models.motion.conversion import convert
from python_models.motion.motion import Floats, Motion
from python_models.motion.skeletons import LOWER_BODY_6

ACTION = "mixed legs"
_LEFT, _RIGHT = (
    LOWER_BODY_6.indices(*(f"{side}_{joint}" for joint in ("hip", "knee", "ankle")))
    for side in ("left", "right")
)


def mixed_legs(motions: Sequence[Motion], poses: int, *, seed: int = 0) -> list[Motion]:
    """For each subject, so many poses of the six lower-body joints, in no order.

    The right leg of one pose hangs from the right hip of another one of the same subject, turned
    about the vertical so that the lines through both hips agree. Thighs and shanks keep their
    lengths, hips their distance; no floor and no balance is asked for.

    Args:
        motions: In the world's frame; poses of which one of the six joints is not known are left
            out, and so are subjects without any.
        poses: Of each subject.
        seed: Of which poses are mixed.

    Raises:
        ValueError: A motion is in a camera's frame, where the vertical is not known.
    """
    by_subject: dict[str, list[Floats]] = {}
    for motion in motions:
        if motion.frame != "world":
            raise ValueError(f"mixed_legs: {motion.name} must be in the world's frame")
        joints = convert(motion.joints, motion.skeleton, LOWER_BODY_6)
        known = np.isfinite(joints).all(axis=(1, 2))
        by_subject.setdefault(motion.subject, []).append(joints[known])
    result = []
    for number, subject in enumerate(sorted(by_subject)):
        joints = np.concatenate(by_subject[subject])
        if len(joints):
            rng = np.random.default_rng((seed, number))
            one, other = rng.integers(len(joints), size=(2, poses))
            name = f"{ACTION} of {subject}"
            mixed = _mixed(joints[one], joints[other])
            result.append(Motion(mixed, LOWER_BODY_6, 1.0, subject, ACTION, name))
    return result


def _mixed(one: Floats, other: Floats) -> Floats:
    """Poses [N, 6, 3] with the right legs of others."""
    turn = _heading(one) - _heading(other)
    cosine, sine = np.cos(turn)[:, None], np.sin(turn)[:, None]
    x, y, z = np.moveaxis(other[:, _RIGHT] - other[:, _RIGHT[:1]], -1, 0)
    leg = np.stack([cosine * x - sine * y, sine * x + cosine * y, z], axis=-1)
    result = one.copy()
    result[:, _RIGHT] = one[:, _RIGHT[:1]] + leg
    return result


def _heading(joints: Floats) -> Floats:
    """Which way the line from the right to the left hip points [N], about the vertical."""
    across = joints[:, _LEFT[0]] - joints[:, _RIGHT[0]]
    return np.asarray(np.arctan2(across[:, 1], across[:, 0]))
