"""Poses near those that were recorded: legs turned at the hip, knees bent more or less.

Few people do few exercises in a data set, and a network learns that legs bend as theirs do. Varied
legs are what others might have done.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from python_models.motion.conversion import convert
from python_models.motion.kinematics import unit
from python_models.motion.motion import Floats, Motion
from python_models.motion.skeletons import LOWER_BODY_6, legs

_LEGS = legs(LOWER_BODY_6)
_ASIDE = 1 / 3  # of how far a leg turns to the front: how far to the side, and about the vertical
_HIPS = 0.35 / 15  # of the logarithm of the hips' distance, a degree
_STRAIGHTEST, _MOST_BENT = 0.0, 150.0  # degrees of knee flexion


def varied_legs(motions: Sequence[Motion], degrees: float, *, seed: int = 0) -> list[Motion]:
    """The motions with the legs of every pose varied by themselves, six lower-body joints each.

    A leg turns at its hip, about the line through both hips by a normal number of `degrees`, and
    by a third of that to the side and about the vertical; its knee bends by another one, and stays
    within 0 to 150 degrees. The hips' distance is multiplied by the exponential of a normal number,
    of 0.35 for 15 degrees: UI-PRMD's markers put the hips' centres 173 to 202 mm apart, and one
    person's, wrongly, 300. Lengths of thighs and shanks stay, and so does the middle of the hips;
    no floor and no balance is asked for.

    Args:
        motions: In the world's frame; NaN stays NaN.
        degrees: Standard deviation.
        seed: Of the numbers.

    Raises:
        ValueError: A motion is in a camera's frame, where the vertical is not known.
    """
    result = []
    for number, motion in enumerate(motions):
        if motion.frame != "world":
            raise ValueError(f"varied_legs: {motion.name} must be in the world's frame")
        joints = convert(motion.joints, motion.skeleton, LOWER_BODY_6)
        rng = np.random.default_rng((seed, number))
        drawn = rng.normal(0, degrees, (4, 2, len(joints)))
        apart = np.exp(rng.normal(0, degrees * _HIPS, (len(joints), 1))) - 1
        across = unit((joints[:, _LEGS[0][0]] - joints[:, _LEGS[1][0]]) * [1, 1, 0])
        ahead = np.cross(across, [0, 0, 1])
        hips = joints[:, [leg[0] for leg in _LEGS]]
        moved = hips + apart[:, None] * (hips - hips.mean(axis=1, keepdims=True))
        up = np.broadcast_to([0.0, 0.0, 1.0], across.shape)
        for side, (hip, knee, ankle) in enumerate(_LEGS):
            front, aside, about, bend = drawn[:, side]
            thigh = joints[:, knee] - joints[:, hip]
            shank = joints[:, ankle] - joints[:, knee]
            axis = unit(across - _along(across, thigh))  # of the knee
            flexion = _flexion(thigh, shank, axis)
            wanted = np.clip(flexion + bend, _STRAIGHTEST, _MOST_BENT)
            shank = _turned(shank, axis, wanted - flexion)
            for line, angle in ((across, front), (ahead, _ASIDE * aside), (up, _ASIDE * about)):
                thigh, shank = _turned(thigh, line, angle), _turned(shank, line, angle)
            joints[:, hip] = moved[:, side]
            joints[:, knee] = joints[:, hip] + thigh
            joints[:, ankle] = joints[:, knee] + shank
        result.append(motion.with_joints(joints, LOWER_BODY_6))
    return result


def _flexion(thigh: Floats, shank: Floats, axis: Floats) -> NDArray[np.float64]:
    """By how many degrees [T] the shank is turned about the knee's axis, from the thigh's way."""
    sine = (np.cross(thigh, shank) * axis).sum(axis=-1)
    cosine = (_without(thigh, axis) * _without(shank, axis)).sum(axis=-1)
    return np.asarray(np.degrees(np.arctan2(sine, cosine)))


def _turned(vectors: Floats, axis: Floats, degrees: Floats) -> Floats:
    """Vectors [T, 3] turned about unit axes [T, 3], right-handed (Rodrigues)."""
    angle = np.radians(degrees)[:, None]
    along = (vectors * axis).sum(axis=-1, keepdims=True) * axis
    around = np.cross(axis, vectors)
    return np.asarray(along + (vectors - along) * np.cos(angle) + around * np.sin(angle))


def _along(vectors: Floats, way: Floats) -> Floats:
    """The part of vectors [T, 3] that lies along a way [T, 3]."""
    direction = unit(way)
    return np.asarray((vectors * direction).sum(axis=-1, keepdims=True) * direction)


def _without(vectors: Floats, axis: Floats) -> Floats:
    return np.asarray(vectors - _along(vectors, axis))
