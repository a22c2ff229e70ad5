"""The mean squared error of the hardest joints, in a few lines of torch."""

from __future__ import annotations

from torch import Tensor

from .joints_mse import joints_mse_loss


def joints_ohkm_mse_loss(
    output: Tensor,
    target: Tensor,
    target_weight: Tensor | None = None,
    *,
    topk: int = 8,
    preset: str = "hrnet",
    loss_weight: float = 1.0,
) -> Tensor:
    """`lowerpose_ops.joints_ohkm_mse_loss`; autograd differentiates it."""
    power = 1 if preset == "document" else 2
    losses = joints_mse_loss(
        output, target, target_weight, preset=preset, weight_power=power, reduction="none"
    ).mean((2, 3))
    # topk does not say which of equal numbers it takes; a stable sort does. NaN comes first.
    hardest = losses.sort(dim=1, descending=True, stable=True).values[:, :topk]
    return loss_weight * hardest.sum(1).mean() / topk
