"""The weighted mean squared error between heatmaps, in a few lines of torch."""

from __future__ import annotations

import torch
from torch import Tensor

_AXES = {"per_sample": (1, 2, 3), "per_joint": (0, 2, 3)}


def _weighting(preset: str, half: bool | None, weight_power: int | None) -> tuple[float, int]:
    """The factor and the power of the weights."""
    if half is None:
        half = preset == "hrnet"
    if weight_power is None:
        weight_power = 2 if preset in ("lower_body", "hrnet") else 1
    return 0.5 if half else 1.0, weight_power


def joints_mse_loss(
    output: Tensor,
    target: Tensor,
    target_weight: Tensor | None = None,
    *,
    preset: str = "document",
    reduction: str = "mean",
    loss_weight: float = 1.0,
    half: bool | None = None,
    weight_power: int | None = None,
    denominator: str = "all",
    mask: Tensor | None = None,
    skip_empty: bool = False,
) -> Tensor:
    """`lowerpose_ops.joints_mse_loss`; autograd differentiates it."""
    arithmetic = torch.promote_types(torch.promote_types(output.dtype, target.dtype), torch.float32)
    squared = (output.to(arithmetic) - target.to(arithmetic)) ** 2
    factor, power = _weighting(preset, half, weight_power)
    factors = torch.ones_like(squared)
    if target_weight is not None:
        weight = target_weight.to(arithmetic)
        if weight.ndim < 4:
            weight = weight.reshape(*output.shape[:2], 1, 1)
        factors = factors * weight**power
    if mask is not None:
        factors = factors * mask.to(arithmetic)
    if skip_empty:
        factors = factors * (target != 0).any(dim=3).any(dim=2)[..., None, None]
    losses = loss_weight * factor * factors * squared
    if reduction == "none":
        return losses
    counted = {
        "all": torch.ones_like(factors),
        "weighted": factors,
        "visible": (factors != 0).to(arithmetic),
    }[denominator]
    axes = _AXES.get(reduction, (0, 1, 2, 3))
    total = losses.sum(axes)
    if reduction == "sum":
        return total
    divisor = counted.sum(axes)
    empty = divisor == 0
    return torch.where(empty, 0 * total, total / torch.where(empty, 1, divisor))
