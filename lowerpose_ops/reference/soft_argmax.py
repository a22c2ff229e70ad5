"""The expectation of a pixel's place under the softmax of a heatmap, in a few lines of torch."""

from __future__ import annotations

import torch
from torch import Tensor


def soft_argmax2d(heatmaps: Tensor, beta: float | Tensor, *, normalized: bool = False) -> Tensor:
    """`lowerpose_ops.soft_argmax2d` for heatmaps [B, K, H, W]; autograd differentiates it."""
    height, width = heatmaps.shape[2:]
    values = heatmaps.to(torch.promote_types(heatmaps.dtype, torch.float32))
    if isinstance(beta, Tensor):
        beta = beta.to(values.dtype).reshape(-1, 1, 1)
    p = (beta * values).flatten(2).softmax(2).reshape(values.shape)
    columns = (
        torch.linspace(-1, 1, width, dtype=torch.float64) if normalized else torch.arange(width)
    )
    rows = (
        torch.linspace(-1, 1, height, dtype=torch.float64) if normalized else torch.arange(height)
    )
    x = (p.sum(2) * columns.to(p)).sum(2)
    y = (p.sum(3) * rows.to(p)).sum(2)
    return torch.stack([x, y], 2)
