"""Joint coordinates from heatmaps, on tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import _arguments as arguments
from .. import _native
from .._library import check_tensors, define_op, view

_NAME = "decode_heatmaps"


def _allocate(heatmaps: Tensor, refine: str) -> tuple[Tensor, Tensor]:
    batch, num_joints = heatmaps.shape[:2]
    coords = heatmaps.new_empty((batch, num_joints, 2), dtype=torch.float32)
    scores = heatmaps.new_empty((batch, num_joints), dtype=torch.float32)
    return coords, scores


def _run(heatmaps: Tensor, refine: str) -> tuple[Tensor, Tensor]:
    coords, scores = _allocate(heatmaps, refine)
    _native.core.decode_heatmaps(
        view(heatmaps), view(coords), view(scores), refine, arguments.threads()
    )
    return coords, scores


_decode_heatmaps = define_op(
    "decode_heatmaps(Tensor heatmaps, str refine) -> (Tensor, Tensor)", _run, _allocate
)


def decode_heatmaps(
    heatmaps: Tensor, refine: str = "quarter", *, preset: None = None
) -> tuple[Tensor, Tensor]:
    """`lowerpose_ops.decode_heatmaps` for tensors."""
    check_tensors(_NAME, heatmaps=heatmaps)
    arguments.choice(_NAME, "refine", refine, ("none", "quarter"))
    arguments.check_no_preset(_NAME, preset)
    arguments.check_ndim(_NAME, "heatmaps", heatmaps, {3: "[K, H, W]", 4: "[B, K, H, W]"})
    maps = heatmaps.detach()  # coordinates of a maximum have no gradient
    single = maps.ndim == 3
    coords, scores = _decode_heatmaps(maps.unsqueeze(0) if single else maps, refine)
    return (coords[0], scores[0]) if single else (coords, scores)
