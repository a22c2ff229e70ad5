"""Joint coordinates from heatmaps that are arrays."""

from __future__ import annotations

import numpy as np

from .. import _arguments as arguments
from .. import _native
from ._checks import Array, check_arrays


def decode_heatmaps(
    heatmaps: Array, refine: str = "quarter", *, preset: None = None
) -> tuple[Array, Array]:
    """`lowerpose_ops.decode_heatmaps` for arrays."""
    name = "decode_heatmaps"
    check_arrays(name, heatmaps=heatmaps)
    arguments.choice(name, "refine", refine, ("none", "quarter"))
    arguments.check_no_preset(name, preset)
    arguments.check_ndim(name, "heatmaps", heatmaps, {3: "[K, H, W]", 4: "[B, K, H, W]"})
    maps = heatmaps[None] if heatmaps.ndim == 3 else heatmaps
    coords = np.empty((*maps.shape[:2], 2), np.float32)
    scores = np.empty(maps.shape[:2], np.float32)
    _native.core.decode_heatmaps(maps, coords, scores, refine, arguments.threads())
    return (coords[0], scores[0]) if heatmaps.ndim == 3 else (coords, scores)
