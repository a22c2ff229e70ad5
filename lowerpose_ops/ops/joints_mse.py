"""The weighted mean squared error between heatmaps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode

from .. import _arguments as arguments
from .. import _native, presets
from .._library import check_no_gradient, check_tensors, define_op, has_tangent, optional_view, view
from .._plain import is_plain

_NAME = "joints_mse_loss"


def _allocate_loss(
    output: Tensor, target: Tensor, weight: Tensor | None, preset: str, loss_weight: float
) -> Tensor:
    dtypes = (output.dtype, target.dtype)
    return output.new_empty((), dtype=torch.float64 if torch.float64 in dtypes else torch.float32)


def _allocate_both(
    output: Tensor, target: Tensor, weight: Tensor | None, preset: str, loss_weight: float
) -> tuple[Tensor, Tensor]:
    loss = _allocate_loss(output, target, weight, preset, loss_weight)
    return loss, torch.empty_like(output)  # channels_last where output is


def _run_into(
    loss: Tensor,
    gradient: Tensor | None,
    output: Tensor,
    target: Tensor,
    weight: Tensor | None,
    preset: str,
    loss_weight: float,
) -> None:
    weighting = presets.LOSSES[preset]
    size = _native.core.joints_mse_scratch(view(output))
    scratch = output.new_empty(size, dtype=torch.float64)
    _native.core.joints_mse(
        view(output),
        view(target),
        optional_view(weight),
        view(loss),
        view(scratch),
        optional_view(gradient),
        weighting.half,
        weighting.squared_weight,
        loss_weight,
        arguments.threads(),
    )


def _run(
    output: Tensor, target: Tensor, weight: Tensor | None, preset: str, loss_weight: float
) -> Tensor:
    loss = _allocate_loss(output, target, weight, preset, loss_weight)
    _run_into(loss, None, output, target, weight, preset, loss_weight)
    return loss


def _run_both(
    output: Tensor, target: Tensor, weight: Tensor | None, preset: str, loss_weight: float
) -> tuple[Tensor, Tensor]:
    loss, gradient = _allocate_both(output, target, weight, preset, loss_weight)
    _run_into(loss, gradient, output, target, weight, preset, loss_weight)
    return loss, gradient


def _allocate_gradient(
    incoming: Tensor,
    output: Tensor,
    target: Tensor,
    weight: Tensor | None,
    preset: str,
    loss_weight: float,
) -> Tensor:
    return torch.empty_like(output)


def _run_backward(
    incoming: Tensor,
    output: Tensor,
    target: Tensor,
    weight: Tensor | None,
    preset: str,
    loss_weight: float,
) -> Tensor:
    gradient = torch.empty_like(output)
    weighting = presets.LOSSES[preset]
    _native.core.joints_mse_backward(
        view(incoming),
        view(output),
        view(target),
        optional_view(weight),
        view(gradient),
        weighting.half,
        weighting.squared_weight,
        loss_weight,
        arguments.threads(),
    )
    return gradient


def _refuse_double_backward(ctx: Any, *grads: Tensor) -> Any:
    raise ValueError(f"{_NAME}: the gradient of its gradient is not available")


_joints_mse_backward = define_op(
    "joints_mse_backward(Tensor incoming, Tensor output, Tensor target, Tensor? weight, "
    "str preset, float loss_weight) -> Tensor",
    _run_backward,
    _allocate_gradient,
    backward=_refuse_double_backward,
)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    prediction, target, weight, ctx.preset, ctx.loss_weight = inputs
    ctx.save_for_backward(prediction, target, weight)


def _backward(ctx: Any, incoming: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
    output, target, weight = ctx.saved_tensors
    options = ctx.preset, ctx.loss_weight
    to_output = to_target = None
    if ctx.needs_input_grad[0]:
        to_output = _joints_mse_backward(incoming, output, target, weight, *options)
    if ctx.needs_input_grad[1]:  # the loss is symmetric in the two
        to_target = _joints_mse_backward(incoming, target, output, weight, *options)
    return to_output, to_target, None, None, None


# The loss alone; its gradients are computed when they are asked for.
_joints_mse = define_op(
    "joints_mse(Tensor output, Tensor target, Tensor? weight, str preset, float loss_weight) "
    "-> Tensor",
    _run,
    _allocate_loss,
    setup_context=_save,
    backward=_backward,
)


def _save_gradient(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)  # or a map of zeros is made as the gradient of the gradient
    ctx.gradient = output[1]
    _save(ctx, inputs, output[0])


def _hand_over_gradient(
    ctx: Any, incoming: Tensor | None, _: Tensor | None
) -> tuple[Tensor | None, Tensor | None, None, None, None]:
    if incoming is None:  # whoever used the loss stopped the gradient
        return None, None, None, None, None
    gradient, ctx.gradient = ctx.gradient, None
    if gradient is None or torch.is_grad_enabled() or ctx.needs_input_grad[1]:
        # It was handed over before and belongs to somebody else now; or the gradient shall be
        # differentiated, which is refused there; or target needs one too.
        return _backward(ctx, incoming)
    # In training the incoming gradient is 1 and nothing is left to do.
    if not (_can_be_looked_at(incoming) and incoming.item() == 1):
        gradient = gradient * incoming
    return gradient, None, None, None, None


def _can_be_looked_at(tensor: Tensor) -> bool:
    """Whether its value can be read without waiting for a device, breaking a trace or a vmap."""
    plain = type(tensor) is Tensor and tensor.device.type == "cpu"
    traced = is_functorch_wrapped_tensor(tensor) or _get_current_dispatch_mode() is not None
    return plain and not traced


# The loss and its gradient with respect to output, which reads the maps only once.
_joints_mse_and_gradient = define_op(
    "joints_mse_and_gradient(Tensor output, Tensor target, Tensor? weight, str preset, "
    "float loss_weight) -> (Tensor, Tensor)",
    _run_both,
    _allocate_both,
    setup_context=_save_gradient,
    backward=_hand_over_gradient,
)


class _EagerLoss(torch.autograd.Function):
    """`_joints_mse_and_gradient` for a call that is plain: the same without torch's dispatcher."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        loss, ctx.gradient = _run_both(*inputs)
        ctx.set_materialize_grads(False)
        _save(ctx, inputs, loss)
        return loss

    @staticmethod
    def backward(
        ctx: Any, incoming: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        return _hand_over_gradient(ctx, incoming, None)


def _gradient_in_forward(output: Tensor, target: Tensor) -> bool:
    """Whether only output needs a gradient, and its type can hold one before it is scaled.

    A 16-bit gradient must be scaled before it is rounded, so it waits for the incoming one. A GPU's
    waits too: whether the incoming gradient is 1 could not be seen without waiting for the GPU.
    """
    wanted = torch.is_grad_enabled() and output.requires_grad and not target.requires_grad
    return wanted and output.is_cpu and output.dtype in (torch.float32, torch.float64)


def joints_mse_loss(
    output: Tensor,
    target: Tensor,
    target_weight: Tensor | None = None,
    *,
    preset: str = "document",
    reduction: str = "mean",
    loss_weight: float = 1.0,
) -> Tensor:
    """The mean over all elements of target_weight * (output - target)^2, with its gradients.

    Joints with weight 0 stay in the denominator: the sum is divided by B * K * H * W. A NaN in a
    map of weight 0 still gives NaN, so that a broken prediction shows. The sum of each map is
    taken in a fixed order; the result is the same bit for bit for any number of threads.

    Args:
        output: [B, K, H, W], float32, float16, bfloat16 or float64, of any strides: contiguous and
            channels_last are read in place.
        target: Of the same shape, of any of these dtypes and any strides. It may require a gradient
            too.
        target_weight: [B, K, 1] or [B, K]; bool, uint8, a signed integer or a floating type. None
            is 1 everywhere. It must not require a gradient.
        preset: "document"; "lower_body", with target_weight squared; or "hrnet", with target_weight
            squared and a factor 1/2.
        reduction: "mean".
        loss_weight: A factor on the loss.

    Returns:
        The loss, without dimensions, in float32, or float64 if a map is; 0 for an empty batch.
        Arithmetic is in that type too, and 16-bit gradients are scaled before they are rounded. A
        float32 or float64 gradient of output alone is computed with the loss and kept beside the
        maps until backward. The gradient cannot be differentiated again; forward-mode
        differentiation and torch.func.grad cannot pass through; torch.func.vmap can, slowly. In
        float32, differences above 1e19 overflow when they are squared.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: Shapes or devices differ; a word is unknown; loss_weight is not finite;
            target_weight requires a gradient.

    Example:
        >>> output = torch.zeros(2, 6, 64, 48, requires_grad=True)
        >>> loss = joints_mse_loss(output, torch.ones(2, 6, 64, 48), torch.ones(2, 6, 1))
        >>> loss.backward()
        >>> loss.item()
        1.0

    The formula of "document" is that of the lower-body joint prediction project's text (CS566),
    "lower_body" what its training script computes, "hrnet" HRNet's and SimpleBaseline's.
    """
    tensors = {"output": output, "target": target}
    if target_weight is not None:
        tensors["target_weight"] = target_weight
    plain = is_plain(*tensors.values())
    if not plain:  # else native code checks the devices, and there is nothing more to check
        check_tensors(_NAME, **tensors)
    if target_weight is not None:
        check_no_gradient(_NAME, "target_weight", target_weight)
    if has_tangent(output) or has_tangent(target):
        raise ValueError(f"{_NAME}: forward-mode differentiation is not available")
    arguments.choice(_NAME, "preset", preset, presets.LOSSES)
    arguments.choice(_NAME, "reduction", reduction, ("mean",))
    loss_weight = arguments.number(_NAME, "loss_weight", loss_weight)
    loss: Tensor
    inputs = output, target, target_weight, preset, loss_weight
    if not _gradient_in_forward(output, target):
        loss = _joints_mse(*inputs)
    elif plain:
        loss = _EagerLoss.apply(*inputs)  # type: ignore[no-untyped-call]
    else:
        loss, _ = _joints_mse_and_gradient(*inputs)
    return loss
