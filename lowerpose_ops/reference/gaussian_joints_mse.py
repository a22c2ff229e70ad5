"""The error against the Gaussians of joints: draw them, then compare."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import presets
from .gaussian_targets import gaussian_targets
from .joints_mse import joints_mse_loss
from .joints_ohkm_mse import joints_ohkm_mse_loss


def gaussian_joints_mse_loss(
    output: Tensor,
    joints: Tensor,
    visible: Tensor,
    *,
    sigma: float | Tensor = 2.0,
    preset: str = "exact",
    fixed: bool = False,
    loss_preset: str | None = None,
    use_target_weight: bool = True,
    topk: int | None = None,
    reduction: str = "mean",
    loss_weight: float = 1.0,
) -> Tensor:
    """`lowerpose_ops.gaussian_joints_mse_loss`; autograd differentiates it in output."""
    size = (output.shape[3], output.shape[2])
    dtype = torch.promote_types(output.dtype, torch.float32)
    targets, weights = gaussian_targets(
        joints, visible, size, sigma, preset=preset, fixed=fixed, dtype=dtype
    )
    weight = weights if use_target_weight else None
    loss_preset = loss_preset or presets.LOSS_OF_TARGETS[preset]
    if topk is not None:
        loss = joints_ohkm_mse_loss(output, targets, weight, topk=topk, preset=loss_preset)
    else:
        loss = joints_mse_loss(output, targets, weight, preset=loss_preset, reduction=reduction)
    return loss_weight * loss
