"""Which joints are known."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from python_models.motion.motion import Floats


def known(points: Floats) -> NDArray[np.bool_]:
    """Which points [..., D] have numbers alone, no NaN: [...]."""
    # By coordinate: NumPy takes ten times as long for `all` over an axis of two or three.
    parts = (np.isfinite(points[..., axis]) for axis in range(points.shape[-1]))
    return np.asarray(functools.reduce(np.logical_and, parts))


def extremes(points: Floats) -> tuple[Floats, Floats]:
    """The least and the largest coordinates [..., D] of the known ones of points [..., N, D].

    Infinity and minus infinity where none is known.
    """
    rows = np.ascontiguousarray(np.swapaxes(points, -1, -2))  # fast likewise
    mask = known(points)[..., None, :]
    low = np.where(mask, rows, np.inf).min(axis=-1)
    high = np.where(mask, rows, -np.inf).max(axis=-1)
    return low, high
