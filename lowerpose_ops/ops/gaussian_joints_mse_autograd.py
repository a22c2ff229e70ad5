"""The error against Gaussians that are never drawn, as operators, and its gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import _arguments as arguments
from .. import _native, presets
from .._library import apply_of, define_op, has_own_scratch, optional_view, view
from .._plain import is_traced
from .joints_mse_fast import is_one, refuse_double_backward

NAME = "gaussian_joints_mse_loss"
_JOINTS = "Tensor joints, Tensor visible, float sigma, Tensor? sigmas, str preset, bool fixed"
_OPTIONS = "bool weighted, bool squared_weight, bool mean, int topk, float loss_weight"
_Gradients = tuple[Tensor | None, ...]


def _drawn(
    joints: Tensor, visible: Tensor, sigma: float, sigmas: Tensor | None, preset: str, fixed: bool
) -> tuple[Any, Any, float, Any, Any]:
    """The joints as native code takes them."""
    rules = presets.targets(NAME, preset, fixed)
    return view(joints), view(visible), sigma, optional_view(sigmas), rules


def _allocate_loss(output: Tensor) -> Tensor:
    if output.dtype is torch.float32 or output.dtype is torch.float64:
        return output.new_empty(())  # half a microsecond faster than to name the type
    return output.new_empty((), dtype=torch.float32)


def _allocate(output: Tensor, *others: Any) -> tuple[Tensor, Tensor]:
    """The loss, and where `topk` is not 0 what each map's gradient is multiplied by."""
    size = output.shape[:2] if others[-2] else (0, 0)
    return _allocate_loss(output), output.new_empty(size, dtype=torch.float64)


def _allocate_both(output: Tensor, *others: Any) -> tuple[Tensor, Tensor]:
    return _allocate_loss(output), torch.empty_like(output)  # channels_last where output is


def _run_into(
    loss: Tensor, gradient: Tensor | None, scales: Tensor | None, output: Tensor, *others: Any
) -> None:
    drawing, options = others[:6], others[6:]
    scratch = None
    if not has_own_scratch(output):
        size = _native.core.gaussian_joints_mse_scratch(view(output), options[3])
        scratch = output.new_empty(size, dtype=torch.float64)
    _native.core.gaussian_joints_mse(
        view(output),
        *_drawn(*drawing),
        *(view(loss), optional_view(scratch), optional_view(gradient), optional_view(scales)),
        *(options, torch.get_num_threads()),
    )


def _check_ndim(output: Tensor) -> None:
    if output.ndim != 4:  # native code would say it too, but there would be nothing to allocate
        raise arguments.value_error(NAME, "output", "[B, K, H, W]", list(output.shape))


def run_alone(output: Tensor, *others: Any) -> Tensor:
    """The loss where no gradient is wanted."""
    loss = _allocate_loss(output)
    scales = None
    if others[-2] and not has_own_scratch(output):
        _check_ndim(output)
        scales = output.new_empty(output.shape[:2], dtype=torch.float64)
    _run_into(loss, None, scales, output, *others)
    return loss


def _run(output: Tensor, *others: Any) -> tuple[Tensor, Tensor]:
    _check_ndim(output)
    loss, scales = _allocate(output, *others)
    _run_into(loss, None, scales if others[-2] else None, output, *others)
    return loss, scales


def _run_both(output: Tensor, *others: Any) -> tuple[Tensor, Tensor]:
    loss, gradient = _allocate_both(output)
    _run_into(loss, gradient, None, output, *others)
    return loss, gradient


def _run_backward(incoming: Tensor, scales: Tensor | None, output: Tensor, *others: Any) -> Tensor:
    gradient = torch.empty_like(output)
    write_gradient(gradient, incoming, scales, output, *others, unless_one=False)
    return gradient


def _allocate_gradient(
    incoming: Tensor, scales: Tensor | None, output: Tensor, *others: Any
) -> Tensor:
    return torch.empty_like(output)


def write_gradient(
    gradient: Tensor,
    incoming: Tensor,
    scales: Tensor | None,
    output: Tensor,
    *others: Any,
    unless_one: bool,
) -> None:
    """Fills `gradient`; `unless_one`: it is there already for an incoming gradient of 1."""
    _native.core.gaussian_joints_mse_backward(
        view(incoming),
        view(output),
        *_drawn(*others[:6]),
        optional_view(scales),
        *(view(gradient), unless_one, others[6:], torch.get_num_threads()),
    )


def _allocate_to_joints(
    incoming: Tensor, scales: Tensor | None, output: Tensor, *others: Any
) -> tuple[Tensor, Tensor]:
    shape = output.shape[:2]
    to_joints = output.new_empty((*shape, 2), dtype=torch.float64)
    return to_joints, output.new_empty(shape, dtype=torch.float64)


def _run_to_joints(
    incoming: Tensor, scales: Tensor | None, output: Tensor, *others: Any
) -> tuple[Tensor, Tensor]:
    to_joints, to_sigmas = _allocate_to_joints(incoming, scales, output)
    _native.core.gaussian_joints_mse_joints_backward(
        view(incoming),
        view(output),
        *_drawn(*others[:6]),
        optional_view(scales),
        *(view(to_joints), view(to_sigmas), others[6:], torch.get_num_threads()),
    )
    return to_joints, to_sigmas


_backward_schema = f"(Tensor incoming, Tensor? scales, Tensor output, {_JOINTS}, {_OPTIONS})"

gaussian_joints_mse_backward = define_op(
    f"gaussian_joints_mse_backward{_backward_schema} -> Tensor",
    _run_backward,
    _allocate_gradient,
    backward=refuse_double_backward(NAME),
)
gaussian_joints_mse_joints_backward = define_op(
    f"gaussian_joints_mse_joints_backward{_backward_schema} -> (Tensor, Tensor)",
    _run_to_joints,
    _allocate_to_joints,
    backward=refuse_double_backward(NAME),
)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)  # or a map of zeros is made as the gradient of the gradient
    ctx.save_for_backward(*inputs[:3], inputs[4])
    ctx.sigma, ctx.options = inputs[3], inputs[5:]


def _save_scales(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    _save(ctx, inputs, output)
    ctx.gradient, ctx.scales = None, output[1] if inputs[10] else None


def _save_gradient(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    _save(ctx, inputs, output)
    ctx.gradient, ctx.scales = output[1], None


def _backward(ctx: Any, incoming: Tensor | None, _: Tensor | None) -> _Gradients:
    if incoming is None:  # whoever used the loss stopped the gradient
        return (None,) * 12
    # Without a call between the two, at which another thread could take it as well. None: it was
    # handed over before and belongs to somebody else now.
    held, ctx.gradient = ctx.gradient, None
    if torch.is_grad_enabled():
        held = None  # the gradient shall be differentiated, which the operation refuses
    to_output, to_joints, _, _, to_sigmas = ctx.needs_input_grad[:5]
    if held is not None and is_one(incoming) and not (to_joints or to_sigmas):
        return held, *(None,) * 11  # as in training: nothing is left to do
    gradients: list[Tensor | None] = [None] * 12
    output, joints, visible, sigmas = ctx.saved_tensors
    inputs = ctx.scales, output, joints, visible, ctx.sigma, sigmas, *ctx.options
    if to_output:
        gradients[0] = _to_output(held, incoming, inputs)
    if to_joints or to_sigmas:
        of_joints, of_sigmas = gaussian_joints_mse_joints_backward(incoming, *inputs)
        gradients[1] = of_joints.to(joints.dtype).reshape(joints.shape)
        if sigmas is not None:
            total = of_sigmas.sum(0) if sigmas.ndim == 1 else of_sigmas.sum(1, keepdim=True)
            gradients[4] = total.to(sigmas.dtype)
    return tuple(gradients)


def _to_output(held: Tensor | None, incoming: Tensor, inputs: tuple[Any, ...]) -> Tensor:
    """`held` is the gradient for an incoming gradient of 1, if it is there."""
    if held is not None:
        if is_one(incoming):
            return held
        if is_traced(incoming):
            return held * incoming
        if not is_traced(*(value for value in inputs if isinstance(value, Tensor))):
            write_gradient(held, incoming, *inputs, unless_one=True)
            return held
    result: Tensor = gaussian_joints_mse_backward(incoming, *inputs)
    return result


# The loss, and the scales of the hardest joints; its gradients are computed when they are asked
# for.
gaussian_joints_mse = define_op(
    f"gaussian_joints_mse(Tensor output, {_JOINTS}, {_OPTIONS}) -> (Tensor, Tensor)",
    _run,
    _allocate,
    setup_context=_save_scales,
    backward=_backward,
)
# The loss and its gradient with respect to output, which reads the maps only once.
gaussian_joints_mse_and_gradient = define_op(
    f"gaussian_joints_mse_and_gradient(Tensor output, {_JOINTS}, {_OPTIONS}) -> (Tensor, Tensor)",
    _run_both,
    _allocate_both,
    setup_context=_save_gradient,
    backward=_backward,
)


class EagerGaussianLoss(torch.autograd.Function):
    """`gaussian_joints_mse_and_gradient` for a call that is plain: without torch's dispatcher."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        loss, ctx.gradient = _run_both(*inputs)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs[:3], inputs[4])
        ctx.sigma, ctx.options, ctx.scales = inputs[3], inputs[5:], None
        return loss

    @staticmethod
    def backward(ctx: Any, incoming: Tensor | None) -> _Gradients:
        return _backward(ctx, incoming, None)


apply_eagerly = apply_of(EagerGaussianLoss)
