"""The losses as modules."""

from __future__ import annotations

from torch import Tensor, nn

from . import _arguments as arguments
from . import presets
from .ops.joints_mse import joints_mse_loss


class JointsMSELoss(nn.Module):
    """`joints_mse_loss` as a module.

    Called with (output, target, target_weight): [B, K, H, W] twice, and [B, K, 1] or [B, K]. With
    use_target_weight=False the weight is ignored and may be left out; otherwise leaving it out is
    a ValueError, so that no joint is trained on unnoticed.

    Example:
        >>> criterion = JointsMSELoss()
        >>> criterion
        JointsMSELoss(use_target_weight=True, preset='document')
    """

    def __init__(
        self,
        use_target_weight: bool = True,
        *,
        preset: str = "document",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        arguments.choice("JointsMSELoss", "preset", preset, presets.LOSSES)
        self.use_target_weight = use_target_weight
        self.preset = preset
        self.loss_weight = arguments.number("JointsMSELoss", "loss_weight", loss_weight)

    def forward(
        self, output: Tensor, target: Tensor, target_weight: Tensor | None = None
    ) -> Tensor:
        if not self.use_target_weight:
            target_weight = None
        elif target_weight is None:
            raise ValueError(
                "JointsMSELoss: target_weight must be a tensor with use_target_weight=True, "
                "got None"
            )
        return joints_mse_loss(
            output, target, target_weight, preset=self.preset, loss_weight=self.loss_weight
        )

    def extra_repr(self) -> str:
        text = f"use_target_weight={self.use_target_weight}, preset={self.preset!r}"
        return text if self.loss_weight == 1 else f"{text}, loss_weight={self.loss_weight}"
