"""Angles between vectors, and the axes of a body, in two or three dimensions."""

from __future__ import annotations

import numpy as np

from python_models.motion.kinematics import unit
from python_models.motion.motion import Floats


def length(vector: Floats) -> Floats:
    """[..., D] -> [...]."""
    return np.asarray(np.linalg.norm(vector, axis=-1))


def dot(a: Floats, b: Floats) -> Floats:
    """Of [..., D] and [..., D] -> [...]."""
    return np.asarray(np.sum(a * b, axis=-1))


def angle_between(a: Floats, b: Floats) -> Floats:
    """Degrees, 0 to 180, between vectors [..., D] -> [...]; NaN where one is NaN or 0.

    With u, v of length 1, 2 atan2(|u - v|, |u + v|): as exact at 0 and 180 as elsewhere, where the
    arc cosine loses half the digits; and the same in two and three dimensions.
    """
    u, v = unit(a), unit(b)
    return np.asarray(np.degrees(2 * np.arctan2(length(u - v), length(u + v))))


def signed_angle(x: Floats, y: Floats) -> Floats:
    """Degrees, -180 to 180, of the direction (x, y); NaN where both are 0."""
    known = np.hypot(x, y) > 0
    return np.where(known, np.degrees(np.arctan2(y, x)), np.nan)


def left_axis(left_hip: Floats, right_hip: Floats, up: Floats) -> Floats:
    """The body's horizontal axis to its left, [T, D] of length 1: through the hips, made level."""
    hips = left_hip - right_hip
    return unit(hips - dot(hips, up)[..., None] * up)
