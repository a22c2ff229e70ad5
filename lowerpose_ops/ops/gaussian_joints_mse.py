"""The weighted mean squared error between heatmaps and the Gaussians of joints."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import _arguments as arguments
from .. import presets
from .._library import check_no_gradient, check_tensors, has_tangent
from .._plain import is_plain
from .gaussian_joints_mse_autograd import (
    NAME,
    apply_eagerly,
    gaussian_joints_mse,
    gaussian_joints_mse_and_gradient,
    run_alone,
)
from .joints_mse_fast import can_hold_unscaled

_JOINTS = {3: "[B, K, 2]", 4: "[B, N, K, 2]"}
# preset, fixed, weighted, squared_weight, mean, topk, loss_weight
Options = tuple[str, bool, bool, bool, bool, int, float]


def gaussian_joints_mse_loss(
    output: Tensor | list[Tensor] | tuple[Tensor, ...],
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
    """`joints_mse_loss` against the targets of `gaussian_targets`, which are never in memory.

    The same as drawing targets and weights from the joints and comparing the output with them, in
    one pass: the output is read once, and where it needs a gradient that is written on the way.
    The Gaussian is computed separably, with one exponential a row and column. The loss and the
    output's gradient have the same bits as those of the two functions, on the CPU and for maps of
    up to 1024 x 1024 pixels; elsewhere they agree to a few units in the last place. (Against a
    float64 output, with targets that are drawn in float64.)

    Args:
        output: [B, K, H, W], float32, float16, bfloat16 or float64, of any strides: contiguous and
            channels_last are read in place. Or a list or tuple of such outputs, as stacked
            networks give them: the loss is the sum of theirs.
        joints: [B, K, 2] or, for several instances whose largest value counts, [B, N, K, 2];
            (x, y) in heatmap pixels, pixel centres at integers. Of any dtype that gaussian_targets
            takes.
        visible: [B, K] or [B, K, 1]; with instances [B, N, K] or [B, N, K, 1]; bool, integers or
            floats. It must not require a gradient.
        sigma: In heatmap pixels: a number, a tensor without dimensions, [K], one a joint, or
            [B, N], one an instance ([B, 1] for joints without instances). An element of a tensor
            that is not positive and finite makes its joints invalid, as do coordinates and
            visibilities that are not finite: an empty map with weight 0.
        preset: How joints are drawn and weighted: the presets of gaussian_targets.
        fixed: What a project's authors meant, as with gaussian_targets.
        loss_preset: How the weights enter: the presets of joints_mse_loss, or with topk those of
            joints_ohkm_mse_loss. None takes the one of the same project: "lower_body" for
            "lower_body", "hrnet" for "hrnet", "mmpose" for MMPose's two, else "document".
        use_target_weight: Whether the weights count, under every preset; otherwise every joint
            does, and one that is not drawn shall have an empty map.
        topk: None, or how many of each sample's joints count: those with the largest loss, as in
            joints_ohkm_mse_loss, from 1 to K.
        reduction: "mean", over all elements, or, but for topk, "sum". Other reductions and
            denominators are joints_mse_loss's alone.
        loss_weight: A factor on the loss. Here it costs nothing; a factor outside makes the
            gradient be computed again.

    Returns:
        The loss, without dimensions, in float32, or float64 for a float64 output; 0 for an empty
        batch. The target is in that type too. A NaN in a map shows, also with weight 0.

        Gradients flow to the output; and, under the preset "exact" without instances, to joints and
        sigma where they require one; they are computed in float64, and the visibilities are
        constants in them. The output's gradient is kept from the forward pass on (but for float16
        and topk), as large as the output, outside of what saved-tensor hooks see. The gradients
        cannot be differentiated again; forward-mode differentiation and torch.func.grad cannot pass
        through; torch.func.vmap can, slowly.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: Shapes or devices differ; a word is unknown; a number sigma is not positive and
            finite, or none that the preset takes; loss_weight is not finite; topk is not from 1 to
            K; joints or sigma require a gradient under another preset or with several instances;
            visible requires one; the list of outputs is empty.

    Example:
        >>> output = torch.zeros(2, 6, 64, 48, requires_grad=True)
        >>> joints, visible = torch.full((2, 6, 2), 20.0), torch.ones(2, 6)
        >>> loss = gaussian_joints_mse_loss(output, joints, visible)
        >>> loss.backward()
        >>> import lowerpose_ops as lp
        >>> targets, weights = lp.gaussian_targets(joints, visible, heatmap_size=(48, 64))
        >>> bool(loss == lp.joints_mse_loss(output, targets, weights))
        True

    The formulas are those of gaussian_targets and joints_mse_loss, and of the projects named there.
    """
    options = gaussian_options(
        NAME, preset, fixed, loss_preset, use_target_weight, topk, reduction, loss_weight
    )
    return loss_of(output, joints, visible, sigma, options)


def loss_of(
    output: Tensor | list[Tensor] | tuple[Tensor, ...],
    joints: Tensor,
    visible: Tensor,
    sigma: float | Tensor,
    options: Options,
) -> Tensor:
    """`gaussian_joints_mse_loss` with options that are known to be right."""
    if isinstance(output, (list, tuple)):
        stages = arguments.stages(NAME, output)
        losses = [loss_of(stage, joints, visible, sigma, options) for stage in stages]
        return sum(losses[1:], start=losses[0])
    sigmas = sigma if isinstance(sigma, Tensor) else None
    plain = is_plain(output, joints, visible) and (sigmas is None or is_plain(sigmas))
    if not plain:  # else native code checks the devices, and there is nothing more to check
        check_tensors(NAME, output=output, joints=joints, visible=visible)
        if sigmas is not None:
            check_tensors(NAME, output=output, sigma=sigmas)
    check_no_gradient(NAME, "visible", visible)
    if has_tangent(output):
        raise ValueError(f"{NAME}: forward-mode differentiation is not available")
    arguments.check_ndim(NAME, "joints", joints, _JOINTS)
    preset = options[0]
    to_joints = _wants_gradient("joints", joints, joints, preset)
    if sigmas is None:
        sigma = arguments.number(NAME, "sigma", sigma, "a number or a torch tensor")
    else:
        to_joints = _wants_gradient("sigma", sigmas, joints, preset) or to_joints
        if sigmas.ndim == 0:
            sigmas = sigmas.expand(joints.shape[-2])
        sigma = 1.0
    inputs = output, joints, visible, sigma, sigmas, *options
    to_output = torch.is_grad_enabled() and output.requires_grad
    hardest = options[5] > 0
    loss: Tensor
    if to_output and not hardest and can_hold_unscaled(output, plain):
        if plain:
            loss = apply_eagerly(*inputs)
        else:
            loss, _ = gaussian_joints_mse_and_gradient(*inputs)
    elif plain and not (to_output or to_joints):
        loss = run_alone(*inputs)
    else:
        loss, _ = gaussian_joints_mse(*inputs)
    return loss


def gaussian_options(
    name: str,
    preset: str,
    fixed: bool,
    loss_preset: str | None,
    use_target_weight: bool,
    topk: int | None,
    reduction: str,
    loss_weight: float,
) -> Options:
    """The operators' arguments from `preset` on; `name` refuses what does not fit."""
    presets.targets(name, preset, fixed)
    arguments.check_flag(name, "use_target_weight", use_target_weight)
    weightings = presets.LOSSES if topk is None else presets.OHKM_LOSSES
    if loss_preset is None:
        loss_preset = presets.LOSS_OF_TARGETS[preset]
    else:
        arguments.choice(name, "loss_preset", loss_preset, weightings)
    weighting = weightings[loss_preset]
    arguments.choice(name, "reduction", reduction, ("mean", "sum"))
    if topk is not None:
        topk = arguments.topk(name, topk)
        if reduction != "mean":
            raise arguments.value_error(name, "reduction", "'mean' with topk", reduction)
    loss_weight = arguments.number(name, "loss_weight", loss_weight)
    if weighting.half:
        loss_weight = 0.5 * loss_weight
    mean = reduction == "mean"
    squared = weighting.squared_weight
    return preset, fixed, use_target_weight, squared, mean, topk or 0, loss_weight


def _wants_gradient(argument: str, tensor: Tensor, joints: Tensor, preset: str) -> bool:
    """Whether a gradient is to flow to joints or sigma; refuses it where none does."""
    if has_tangent(tensor):
        raise ValueError(f"{NAME}: forward-mode differentiation is not available")
    if not tensor.requires_grad:
        return False
    if preset != "exact" or (joints.ndim == 4 and joints.shape[1] != 1):
        raise ValueError(
            f"{NAME}: {argument} must not require a gradient but under the preset 'exact' with one "
            f"instance a sample; pass {argument}.detach()"
        )
    return torch.is_grad_enabled()
