"""The weighted mean squared error between heatmaps, as one line of torch."""

from __future__ import annotations

from torch import Tensor


def joints_mse_loss(
    output: Tensor, target: Tensor, target_weight: Tensor | None = None, *, loss_weight: float = 1.0
) -> Tensor:
    """`lowerpose_ops.joints_mse_loss` with the preset "document"; autograd differentiates it."""
    squared = (output - target) ** 2
    if target_weight is not None:
        squared = squared * target_weight.to(output.dtype).reshape(*output.shape[:2], 1, 1)
    return loss_weight * squared.mean()
