"""The mean of heatmaps and of those of the mirror image, on tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .. import _arguments as arguments
from .. import _native
from .._library import check_no_gradient, check_tensors, define_op, view

_NAME = "flip_merge"


def _allocate(heatmaps: Tensor, flipped: Tensor, flip_pairs: list[int], shift: bool) -> Tensor:
    return torch.empty_like(heatmaps)  # channels_last where they are


def _run(heatmaps: Tensor, flipped: Tensor, flip_pairs: list[int], shift: bool) -> Tensor:
    merged = _allocate(heatmaps, flipped, flip_pairs, shift)
    _native.core.flip_merge(
        *(view(heatmaps), view(flipped), view(merged)), flip_pairs, shift, arguments.threads()
    )
    return merged


_flip_merge = define_op(
    "flip_merge(Tensor heatmaps, Tensor flipped, int[] flip_pairs, bool shift) -> Tensor",
    _run,
    _allocate,
)


def flip_merge(
    heatmaps: Tensor,
    flipped: Tensor,
    flip_pairs: Sequence[Sequence[int]],
    shift: bool = False,
) -> Tensor:
    """`lowerpose_ops.flip_merge` for tensors."""
    check_tensors(_NAME, heatmaps=heatmaps, flipped=flipped)
    check_no_gradient(_NAME, "heatmaps", heatmaps)
    check_no_gradient(_NAME, "flipped", flipped)
    pairs = arguments.index_pairs(_NAME, "flip_pairs", flip_pairs)
    arguments.check_flag(_NAME, "shift", shift)
    layouts = arguments.HEATMAP_LAYOUTS
    arguments.check_ndim(_NAME, "heatmaps", heatmaps, layouts)
    single = heatmaps.ndim == 3
    arguments.check_ndim(_NAME, "flipped", flipped, {heatmaps.ndim: layouts[heatmaps.ndim]})
    if single:
        heatmaps, flipped = heatmaps.unsqueeze(0), flipped.unsqueeze(0)
    merged: Tensor = _flip_merge(heatmaps, flipped, pairs, shift)
    return merged[0] if single else merged
