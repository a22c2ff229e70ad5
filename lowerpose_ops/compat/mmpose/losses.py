"""Losses, as in MMPose's `models/losses/heatmap_loss.py`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ... import _arguments as arguments
from ..._library import check_tensors
from ...ops.joints_mse import joints_mse_loss
from ...ops.joints_ohkm_mse import joints_ohkm_mse_loss


class KeypointMSELoss(nn.Module):
    """The mean over all elements of weight * mask * (output - target)^2.

    Called with (output, target, target_weights, mask): [B, K, H, W] twice; [B, K] or [B, K, H, W]
    or None; [B, K, H, W] or [B, 1, H, W] or None. Weights count whenever they are given, whatever
    use_target_weight says; with `fixed` only where it is True. skip_empty_channel leaves out maps
    whose target is 0 everywhere. An empty batch gives NaN, with `fixed` 0.

    Example:
        >>> target = torch.zeros(1, 6, 64, 48)
        >>> KeypointMSELoss()(target + 1, target, torch.full((1, 6), 0.5))
        tensor(0.5000)
        >>> KeypointMSELoss(fixed=True)(target + 1, target, torch.full((1, 6), 0.5))
        tensor(1.)
    """

    def __init__(
        self,
        use_target_weight: bool = False,
        skip_empty_channel: bool = False,
        loss_weight: float = 1.0,
        *,
        fixed: bool = False,
    ) -> None:
        super().__init__()
        name = "KeypointMSELoss"
        self.use_target_weight = use_target_weight
        self.skip_empty_channel = bool(skip_empty_channel)
        self.loss_weight = arguments.number(name, "loss_weight", loss_weight)
        self.fixed = arguments.check_flag(name, "fixed", fixed)

    def forward(
        self,
        output: Tensor,
        target: Tensor,
        target_weights: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        name = "KeypointMSELoss"
        given = {"target_weights": target_weights, "mask": mask}
        optional = {argument: tensor for argument, tensor in given.items() if tensor is not None}
        check_tensors(name, output=output, target=target, **optional)
        arguments.check_ndim(name, "target", target, {4: "[B, K, H, W]"})
        if target_weights is not None:
            layouts = {2: "[B, K]", 4: "[B, K, H, W]"}
            arguments.check_ndim(name, "target_weights", target_weights, layouts)
        if mask is not None:
            arguments.check_ndim(name, "mask", mask, {4: "[B, K, H, W] or [B, 1, H, W]"})
            sides = zip(mask.shape, target.shape, strict=False)
            if not all(side in (1, whole) for side, whole in sides):
                expected = f"{list(target.shape)} or 1 along an axis"
                raise arguments.value_error(name, "mask", expected, list(mask.shape))
            mask = mask.expand(target.shape[0], mask.shape[1], *target.shape[2:])
        if self.fixed and not self.use_target_weight:
            target_weights = None
        loss = joints_mse_loss(
            *(output, target, target_weights),
            preset="mmpose",
            mask=mask,
            skip_empty=self.skip_empty_channel,
            loss_weight=self.loss_weight,
        )
        return loss if self.fixed or output.shape[0] else loss * torch.nan

    def extra_repr(self) -> str:
        text = f"use_target_weight={self.use_target_weight}"
        text += f", skip_empty_channel={self.skip_empty_channel}, loss_weight={self.loss_weight}"
        return f"{text}, fixed=True" if self.fixed else text


class KeypointOHKMMSELoss(nn.Module):
    """The mean of (weight * output - weight * target)^2 over the topk hardest keypoints of each.

    Called with (output, target, target_weights): [B, K, H, W] twice, and [B, K], which is ignored
    with use_target_weight=False. An empty batch gives 0, where the original stops.

    Example:
        >>> target = torch.zeros(1, 6, 64, 48)
        >>> criterion = KeypointOHKMMSELoss(use_target_weight=True, topk=3)
        >>> criterion(target + 1, target, torch.arange(6.0).reshape(1, 6))
        tensor(16.6667)
    """

    def __init__(
        self, use_target_weight: bool = False, topk: int = 8, loss_weight: float = 1.0
    ) -> None:
        super().__init__()
        name = "KeypointOHKMMSELoss"
        self.use_target_weight = arguments.check_flag(name, "use_target_weight", use_target_weight)
        self.topk = arguments.topk(name, topk)
        self.loss_weight = arguments.number(name, "loss_weight", loss_weight)

    def forward(self, output: Tensor, target: Tensor, target_weights: Tensor | None) -> Tensor:
        name = "KeypointOHKMMSELoss"
        if not self.use_target_weight:
            target_weights = None
        elif target_weights is None:
            raise ValueError(f"{name}: target_weights must be a tensor with use_target_weight=True")
        else:
            check_tensors(name, output=output, target_weights=target_weights)
            arguments.check_ndim(name, "target_weights", target_weights, {2: "[B, K]"})
        options = {"topk": self.topk, "loss_weight": self.loss_weight}
        return joints_ohkm_mse_loss(output, target, target_weights, preset="mmpose", **options)  # type: ignore[arg-type]

    def extra_repr(self) -> str:
        text = f"use_target_weight={self.use_target_weight}, topk={self.topk}"
        return f"{text}, loss_weight={self.loss_weight}"
