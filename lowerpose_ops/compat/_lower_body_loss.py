"""The lower-body joint prediction project's loss."""

from __future__ import annotations

from torch import Tensor, nn

from .. import _arguments as arguments
from ..ops.joints_mse import joints_mse_loss


class JointsMSELoss(nn.Module):
    """The mean over all elements of (w * output - w * target)^2, without a factor 1/2.

    Called with (output, target, target_weight): [B, J, H, W] twice, and [B, J, 1] or [B, J]. With
    use_target_weight=False the weight is ignored. Tensors of any strides are taken.

    Example:
        >>> target = torch.zeros(1, 6, 64, 48)
        >>> JointsMSELoss()(target + 1, target, torch.full((1, 6, 1), 0.5))
        tensor(0.2500)
    """

    def __init__(self, use_target_weight: bool = True) -> None:
        super().__init__()
        name = "JointsMSELoss"
        self.use_target_weight = arguments.check_flag(name, "use_target_weight", use_target_weight)

    def forward(self, output: Tensor, target: Tensor, target_weight: Tensor | None) -> Tensor:
        if not self.use_target_weight:
            target_weight = None
        elif target_weight is None:
            raise ValueError(
                "JointsMSELoss: target_weight must be a tensor with use_target_weight=True"
            )
        return joints_mse_loss(output, target, target_weight, preset="lower_body")

    def extra_repr(self) -> str:
        return f"use_target_weight={self.use_target_weight}"
