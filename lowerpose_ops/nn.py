"""The losses and the soft argmax as modules."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from . import _arguments as arguments
from . import presets
from .ops.gaussian_joints_mse import gaussian_options
from .ops.gaussian_joints_mse import loss_of as gaussian_loss_of
from .ops.joints_mse import DENOMINATORS, REDUCTIONS, check_denominator, joints_mse_loss
from .ops.joints_ohkm_mse import joints_ohkm_mse_loss
from .ops.soft_argmax import soft_argmax2d

_Outputs = Tensor | list[Tensor] | tuple[Tensor, ...]
_DEFAULTS = {  # of JointsMSELoss, which its repr leaves out
    "reduction": "mean",
    "loss_weight": 1.0,
    "half": None,
    "weight_power": None,
    "denominator": "all",
    "skip_empty": False,
    "fixed": False,
}
_GAUSSIAN_DEFAULTS = {  # the same of GaussianJointsMSELoss
    "fixed": False,
    "loss_preset": None,
    "topk": None,
    "reduction": "mean",
    "loss_weight": 1.0,
}


class JointsMSELoss(nn.Module):
    """`joints_mse_loss` as a module.

    Called with (output, target, target_weight): [B, K, H, W] twice, and [B, K, 1], [B, K] or
    [B, K, H, W]; and with a mask, [B, 1, H, W] or [B, K, H, W], where there is one. The options are
    those of `joints_mse_loss`. With use_target_weight=False the weight is ignored and may be left
    out; otherwise leaving it out is a ValueError, so that no joint is trained on unnoticed.

    With preset="mmpose", use_target_weight means nothing, as in MMPose, which stores it and never
    reads it: a weight that is given counts, and it may be left out. With fixed=True the flag counts
    there as well: use_target_weight=False ignores the weight, True takes it where it is given.
    "document" has no bugs to fix: fixed=True is a ValueError there.

    Example:
        >>> criterion = JointsMSELoss()
        >>> criterion
        JointsMSELoss(use_target_weight=True, preset='document')
        >>> JointsMSELoss(preset="hrnet", denominator="visible")
        JointsMSELoss(use_target_weight=True, preset='hrnet', denominator='visible')
    """

    def __init__(
        self,
        use_target_weight: bool = True,
        *,
        preset: str = "document",
        reduction: str = "mean",
        loss_weight: float = 1.0,
        half: bool | None = None,
        weight_power: int | None = None,
        denominator: str = "all",
        skip_empty: bool = False,
        fixed: bool = False,
    ) -> None:
        super().__init__()
        name = "JointsMSELoss"
        arguments.choice(name, "preset", preset, presets.LOSSES)
        arguments.choice(name, "reduction", reduction, REDUCTIONS)
        arguments.choice(name, "denominator", denominator, DENOMINATORS)
        check_denominator(name, reduction, denominator)
        if arguments.check_flag(name, "fixed", fixed) and preset == "document":
            raise arguments.value_error(name, "fixed", "False with preset 'document'", fixed)
        self.use_target_weight = arguments.check_flag(name, "use_target_weight", use_target_weight)
        self.preset = preset
        self.fixed = fixed
        # Not attributes each: half is a method of modules.
        self.options: dict[str, Any] = {
            "reduction": reduction,
            "loss_weight": arguments.number(name, "loss_weight", loss_weight),
            "half": None if half is None else arguments.check_flag(name, "half", half),
            "weight_power": (
                None if weight_power is None else arguments.weight_power(name, weight_power)
            ),
            "denominator": denominator,
            "skip_empty": arguments.check_flag(name, "skip_empty", skip_empty),
        }

    def forward(
        self,
        output: _Outputs,
        target: Tensor,
        target_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        if self.preset == "mmpose":
            if self.fixed and not self.use_target_weight:
                target_weight = None
        else:
            target_weight = _chosen(self, target_weight)
        return joints_mse_loss(
            output, target, target_weight, preset=self.preset, mask=mask, **self.options
        )

    def extra_repr(self) -> str:
        text = f"use_target_weight={self.use_target_weight}, preset={self.preset!r}"
        for name, value in (self.options | {"fixed": self.fixed}).items():
            if value != _DEFAULTS[name]:
                text += f", {name}={value!r}"
        return text


class JointsOHKMMSELoss(nn.Module):
    """`joints_ohkm_mse_loss` as a module.

    Called with (output, target, target_weight): [B, K, H, W] twice, and [B, K, 1] or [B, K]. With
    use_target_weight=False the weight is ignored and may be left out, for a batch of one too (where
    HRNet raises an IndexError); otherwise leaving it out is a ValueError.

    Example:
        >>> JointsOHKMMSELoss(topk=4)
        JointsOHKMMSELoss(use_target_weight=True, topk=4, preset='hrnet')
    """

    def __init__(
        self,
        use_target_weight: bool = True,
        topk: int = 8,
        *,
        preset: str = "hrnet",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        name = "JointsOHKMMSELoss"
        arguments.choice(name, "preset", preset, presets.OHKM_LOSSES)
        self.use_target_weight = arguments.check_flag(name, "use_target_weight", use_target_weight)
        self.topk = arguments.topk(name, topk)
        self.preset = preset
        self.loss_weight = arguments.number(name, "loss_weight", loss_weight)

    def forward(
        self, output: _Outputs, target: Tensor, target_weight: Tensor | None = None
    ) -> Tensor:
        return joints_ohkm_mse_loss(
            output,
            target,
            _chosen(self, target_weight),
            topk=self.topk,
            preset=self.preset,
            loss_weight=self.loss_weight,
        )

    def extra_repr(self) -> str:
        text = f"use_target_weight={self.use_target_weight}, topk={self.topk}"
        text += f", preset={self.preset!r}"
        return text if self.loss_weight == 1 else f"{text}, loss_weight={self.loss_weight}"


def _chosen(loss: JointsMSELoss | JointsOHKMMSELoss, target_weight: Tensor | None) -> Tensor | None:
    """The weight if the module uses it; then it must be there."""
    if not loss.use_target_weight:
        return None
    if target_weight is None:
        raise ValueError(
            f"{type(loss).__name__}: target_weight must be a tensor with use_target_weight=True, "
            "got None"
        )
    return target_weight


class GaussianJointsMSELoss(nn.Module):
    """`gaussian_joints_mse_loss` as a module: JointsMSELoss without targets.

    Called with (output, joints, visible): [B, K, H, W], [B, K, 2] in heatmap pixels and [B, K].
    The options are those of `gaussian_joints_mse_loss`. A sigma that is a tensor becomes a buffer,
    one that is a parameter stays one, and is learnt; it must be no parameter that requires a
    gradient but under the preset "exact", and a number must be positive. use_target_weight counts
    under MMPose's presets too, where that of JointsMSELoss means nothing.

    Example:
        >>> criterion = GaussianJointsMSELoss(sigma=2.0, preset="lower_body")
        >>> criterion
        GaussianJointsMSELoss(sigma=2.0, use_target_weight=True, preset='lower_body')
        >>> output, joints = torch.zeros(2, 6, 64, 48), torch.full((2, 6, 2), 20.0)
        >>> criterion(output, joints, torch.ones(2, 6))
        tensor(0.0041)
    """

    sigma: float | Tensor

    def __init__(
        self,
        sigma: float | Tensor = 2.0,
        use_target_weight: bool = True,
        *,
        preset: str = "exact",
        fixed: bool = False,
        loss_preset: str | None = None,
        topk: int | None = None,
        reduction: str = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        name = "GaussianJointsMSELoss"
        if isinstance(sigma, nn.Parameter):
            self.sigma = sigma
        elif isinstance(sigma, Tensor):
            self.register_buffer("sigma", sigma)
        else:
            self.sigma = arguments.number(name, "sigma", sigma, "a number or a tensor")
        self._given: dict[str, Any] = {
            "use_target_weight": use_target_weight,
            "preset": preset,
            "fixed": fixed,
            "loss_preset": loss_preset,
            "topk": topk,
            "reduction": reduction,
            "loss_weight": loss_weight,
        }
        self._options = gaussian_options(name, **self._given)
        if not isinstance(sigma, Tensor):
            if self.sigma <= 0:
                raise arguments.value_error(name, "sigma", "positive and finite", sigma)
        elif sigma.requires_grad and preset != "exact":
            raise ValueError(
                f"{name}: sigma must not require a gradient but under the preset 'exact'"
            )

    def forward(self, output: _Outputs, joints: Tensor, visible: Tensor) -> Tensor:
        return gaussian_loss_of(output, joints, visible, self.sigma, self._options)

    def extra_repr(self) -> str:
        sigma = "tensor" if isinstance(self.sigma, Tensor) else self.sigma
        text = f"sigma={sigma}, use_target_weight={self._given['use_target_weight']}"
        text += f", preset={self._given['preset']!r}"
        for name, default in _GAUSSIAN_DEFAULTS.items():
            if self._given[name] != default:
                text += f", {name}={self._given[name]!r}"
        return text


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
            if not beta.is_floating_point():
                raise TypeError(f"{name}: beta must be of a floating type, got {beta.dtype}")
            if beta.ndim > 1:
                raise arguments.value_error(name, "beta", "one number or [K]", list(beta.shape))
            kept = beta.detach().clone()
        else:
            kept = torch.tensor(arguments.number(name, "beta", beta, "a number or a tensor"))
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
