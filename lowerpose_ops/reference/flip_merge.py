"""The mean of heatmaps and of those of the mirror image, by flips and copies."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def flip_merge(
    heatmaps: Tensor,
    flipped: Tensor,
    flip_pairs: Sequence[tuple[int, int]],
    shift: bool = False,
) -> Tensor:
    """`lowerpose_ops.flip_merge` for heatmaps [B, K, H, W]."""
    partner = list(range(heatmaps.shape[1]))
    for a, b in flip_pairs:
        partner[a], partner[b] = b, a
    mirrored = flipped[:, partner].flip(-1)
    if shift:
        mirrored = torch.cat([mirrored[..., :1], mirrored[..., :-1]], -1)
    arithmetic = torch.promote_types(heatmaps.dtype, torch.float32)
    mean = 0.5 * (heatmaps.to(arithmetic) + mirrored.to(arithmetic))
    return mean.to(heatmaps.dtype)
