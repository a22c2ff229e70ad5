"""The mean place of the softmax of each heatmap, on arrays."""

from __future__ import annotations

import numpy as np

from .. import _arguments as arguments
from .. import _native
from ._checks import Array, check_arrays


def soft_argmax2d(heatmaps: Array, beta: float | Array, *, normalized: bool = False) -> Array:
    """`lowerpose_ops.soft_argmax2d` for arrays."""
    name = "soft_argmax2d"
    array_beta = beta if isinstance(beta, np.ndarray) else None
    check_arrays(name, heatmaps=heatmaps, **({} if array_beta is None else {"beta": array_beta}))
    beta_value = (
        1.0 if array_beta is not None else arguments.number(name, "beta (if no array)", beta)
    )
    arguments.check_flag(name, "normalized", normalized)
    arguments.check_ndim(name, "heatmaps", heatmaps, arguments.HEATMAP_LAYOUTS)
    maps = heatmaps[None] if heatmaps.ndim == 3 else heatmaps
    dtype = np.float64 if maps.dtype == np.float64 else np.float32
    coords = np.empty((*maps.shape[:2], 2), dtype)
    state = np.empty((*maps.shape[:2], 4), np.float64)
    _native.core.soft_argmax(
        *(maps, array_beta, beta_value, normalized, coords, state, arguments.threads())
    )
    return coords[0] if heatmaps.ndim == 3 else coords
