"""Losses, as in HRNet's `core/loss.py`."""

from __future__ import annotations

from torch import Tensor, nn

from ... import _arguments as arguments
from ..._library import check_tensors
from ...ops.joints_mse import joints_mse_loss
from ...ops.joints_ohkm_mse import joints_ohkm_mse_loss


def _weight(name: str, used: bool, target_weight: Tensor | None) -> Tensor | None:
    if not used:
        return None
    if target_weight is None:
        raise ValueError(f"{name}: target_weight must be a tensor with use_target_weight=True")
    return target_weight


class JointsMSELoss(nn.Module):
    """Half the mean over all elements of (w * output - w * target)^2.

    Called with (output, target, target_weight): [B, J, H, W] twice, and [B, J, 1]. [B, J] means the
    same; the original stops there, or goes wrong silently. With use_target_weight=False the weight
    is ignored. An empty batch gives 0, where the original stops.

    Example:
        >>> target = torch.zeros(1, 6, 64, 48)
        >>> JointsMSELoss(True)(target + 1, target, torch.full((1, 6, 1), 0.5))
        tensor(0.1250)
    """

    def __init__(self, use_target_weight: bool) -> None:
        super().__init__()
        self.use_target_weight = arguments.check_flag(
            "JointsMSELoss", "use_target_weight", use_target_weight
        )

    def forward(self, output: Tensor, target: Tensor, target_weight: Tensor | None) -> Tensor:
        weight = _weight("JointsMSELoss", self.use_target_weight, target_weight)
        return joints_mse_loss(output, target, weight, preset="hrnet")

    def extra_repr(self) -> str:
        return f"use_target_weight={self.use_target_weight}"


class JointsOHKMMSELoss(nn.Module):
    """The same over the topk hardest joints of each sample.

    Called like JointsMSELoss. Without weights a batch of one is a ValueError, as the original stops
    with an IndexError there; `fixed=True` computes it.

    Example:
        >>> target = torch.zeros(1, 6, 64, 48)
        >>> criterion = JointsOHKMMSELoss(use_target_weight=True, topk=3)
        >>> criterion(target + 1, target, torch.arange(6.0).reshape(1, 6, 1))
        tensor(8.3333)
    """

    def __init__(self, use_target_weight: bool, topk: int = 8, *, fixed: bool = False) -> None:
        super().__init__()
        self.use_target_weight = arguments.check_flag(
            "JointsOHKMMSELoss", "use_target_weight", use_target_weight
        )
        self.topk = arguments.topk("JointsOHKMMSELoss", topk)
        self.fixed = arguments.check_flag("JointsOHKMMSELoss", "fixed", fixed)

    def forward(self, output: Tensor, target: Tensor, target_weight: Tensor | None) -> Tensor:
        name = "JointsOHKMMSELoss"
        weight = _weight(name, self.use_target_weight, target_weight)
        check_tensors(name, output=output)
        if weight is None and not self.fixed and output.ndim > 0 and output.shape[0] == 1:
            raise ValueError(
                f"{name}: use_target_weight must be True for a batch of one, or fixed=True, "
                "got False"
            )
        return joints_ohkm_mse_loss(output, target, weight, topk=self.topk, preset="hrnet")

    def extra_repr(self) -> str:
        text = f"use_target_weight={self.use_target_weight}, topk={self.topk}"
        return f"{text}, fixed=True" if self.fixed else text
