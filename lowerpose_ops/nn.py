"""The losses and the soft argmax as modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from . import _arguments as arguments
from . import presets
from .ops.joints_mse import joints_mse_loss
from .ops.soft_argmax import soft_argmax2d


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


class SoftArgmax2d(nn.Module):
    """`soft_argmax2d` as a module, which keeps beta: [B, K, H, W] to [B, K, 2].

    beta is a number, or a tensor of one number or of [K]; it is a buffer, or a parameter with
    learnable=True, in float32 for a number. There is no default.

    Example:
        >>> decode = SoftArgmax2d(25.0, learnable=True)
        >>> decode
        SoftArgmax2d(beta=25.0, learnable=True, normalized=False)
        >>> decode(torch.zeros(1, 6, 64, 48))[0, 0].tolist()
        [23.5, 31.5]
    """

    beta: Tensor

    def __init__(
        self, beta: float | Tensor, *, learnable: bool = False, normalized: bool = False
    ) -> None:
        super().__init__()
        name = "SoftArgmax2d"
        arguments.check_flag(name, "learnable", learnable)
        arguments.check_flag(name, "normalized", normalized)
        if isinstance(beta, Tensor):
            kept = beta.detach().clone()
        else:
            kept = torch.tensor(arguments.number(name, "beta (if no tensor)", beta))
        if learnable:
            self.beta = nn.Parameter(kept)
        else:
            self.register_buffer("beta", kept)
        self.normalized = normalized

    def forward(self, heatmaps: Tensor) -> Tensor:
        return soft_argmax2d(heatmaps, self.beta, normalized=self.normalized)

    def extra_repr(self) -> str:
        beta = "meta" if self.beta.is_meta else self.beta.tolist()
        learnable = isinstance(self.beta, nn.Parameter)
        return f"beta={beta}, learnable={learnable}, normalized={self.normalized}"
