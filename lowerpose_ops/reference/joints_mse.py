"""The weighted mean squared error between heatmaps, in a few lines of torch."""

from __future__ import annotations

import torch
from torch import Tensor


def joints_mse_loss(
    output: Tensor,
    target: Tensor,
    target_weight: Tensor | None = None,
    *,
    preset: str = "document",
    loss_weight: float = 1.0,
) -> Tensor:
    """`lowerpose_ops.joints_mse_loss`; autograd differentiates it."""
    arithmetic = torch.promote_types(torch.promote_types(output.dtype, target.dtype), torch.float32)
    squared = (output.to(arithmetic) - target.to(arithmetic)) ** 2
    if target_weight is not None:
        weight = target_weight.to(arithmetic).reshape(*output.shape[:2], 1, 1)
        squared = squared * (weight if preset == "document" else weight**2)
    half = 0.5 if preset == "hrnet" else 1.0
    return loss_weight * half * squared.mean()
