"""Poses of two moments: the left leg of one and the right leg of another.

In a squat both legs do the same, and who learns from squats alone never sees one leg bent beside a
straight one, as in a step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from python_models.motion.conversion import convert
from python_models.motion.kinematics import unit
from python_models.motion.motion import Floats, Motion
from python_models.motion.skeletons import LOWER_BODY_6, legs

_LEFT, _RIGHT = legs(LOWER_BODY_6)


def crossed_legs(motions: Sequence[Motion], part: float, *, seed: int = 0) -> list[Motion]:
    """The motions, six lower-body joints each; in a part of the poses the right leg is another's.

    It is that of a frame drawn from the same motion, as it points from the hip, and turns with the
    hips: about the vertical, by the angle between the lines through both frames' hips as seen from
    above. Bones keep the lengths that they have in that frame; no floor and no balance is asked
    for.

    Args:
        motions: In the world's frame; NaN stays NaN, and comes along with a leg.
        part: The probability that a pose gets another right leg, 0 to 1.
        seed: Of the numbers.

    Raises:
        ValueError: The part is no probability; a motion is in a camera's frame, where the vertical
            is not known.
    """
    if not 0 <= part <= 1:
        raise ValueError(f"crossed_legs: part must be 0 to 1, got {part}")
    result = []
    for number, motion in enumerate(motions):
        if motion.frame != "world":
            raise ValueError(f"crossed_legs: {motion.name} must be in the world's frame")
        joints = convert(motion.joints, motion.skeleton, LOWER_BODY_6)
        rng = np.random.default_rng((seed, number, 1))  # other numbers than of varied_legs
        own = np.arange(len(joints))
        others = np.where(rng.random(len(joints)) < part, rng.permutation(own), own)
        axes = _heading(joints)
        hip, *below = _RIGHT
        for joint in below:
            away = joints[:, joint] - joints[:, hip]
            told = np.einsum("tij,tj->ti", axes, away)[others]  # across, ahead, up
            turned = np.einsum("tij,ti->tj", axes, told)
            # What is its own stays exactly as it was, and known where hips are not.
            drawn = others != own
            joints[drawn, joint] = joints[drawn, hip] + turned[drawn]
        result.append(motion.with_joints(joints, LOWER_BODY_6))
    return result


def _heading(joints: Floats) -> Floats:
    """Axes [T, 3, 3], a row each: from the right hip to the left one but level, ahead, and up."""
    across = unit((joints[:, _LEFT[0]] - joints[:, _RIGHT[0]]) * [1, 1, 0])
    up = np.broadcast_to([0.0, 0.0, 1.0], across.shape)
    return np.stack([across, np.cross(across, up), up], axis=1)
