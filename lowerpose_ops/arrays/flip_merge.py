"""The mean of heatmaps and of those of the mirror image, on arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import _arguments as arguments
from .. import _native
from ._checks import Array, check_arrays


def flip_merge(
    heatmaps: Array,
    flipped: Array,
    flip_pairs: Sequence[Sequence[int]],
    shift: bool = False,
) -> Array:
    """`lowerpose_ops.flip_merge` for arrays."""
    name = "flip_merge"
    check_arrays(name, heatmaps=heatmaps, flipped=flipped)
    pairs = arguments.index_pairs(name, "flip_pairs", flip_pairs)
    arguments.check_flag(name, "shift", shift)
    layouts = arguments.HEATMAP_LAYOUTS
    arguments.check_ndim(name, "heatmaps", heatmaps, layouts)
    arguments.check_ndim(name, "flipped", flipped, {heatmaps.ndim: layouts[heatmaps.ndim]})
    single = heatmaps.ndim == 3
    if single:
        heatmaps, flipped = heatmaps[None], flipped[None]
    merged = np.empty_like(heatmaps)
    _native.core.flip_merge(heatmaps, flipped, merged, pairs, shift, arguments.threads())
    return merged[0] if single else merged
