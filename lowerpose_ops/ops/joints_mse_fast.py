"""The squared error between heatmaps with a factor for each map: one pass for it and its gradient.

The loss is the mean over everything, or the sum. Everything else is in `joints_mse_general`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import _native
from .._library import apply_of, define_op, has_own_scratch, optional_view, view
from .._plain import is_traced

_OPTIONS = "bool squared_weight, bool mean, float loss_weight"  # JointsMSEOptions
_Gradients = tuple[Tensor | None, ...]


def _allocate_loss(output: Tensor, target: Tensor, *_: Any) -> Tensor:
    is_double = output.dtype is torch.float64 or target.dtype is torch.float64
    return output.new_empty((), dtype=torch.float64 if is_double else torch.float32)


def _allocate_both(output: Tensor, target: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    loss = _allocate_loss(output, target)
    return loss, torch.empty_like(output)  # channels_last where output is


def _run_into(
    loss: Tensor,
    gradient: Tensor | None,
    output: Tensor,
    target: Tensor,
    weight: Tensor | None,
    squared_weight: bool,
    mean: bool,
    loss_weight: float,
) -> None:
    scratch = None
    if not has_own_scratch(output):
        size = _native.core.joints_mse_scratch(view(output))
        scratch = output.new_empty(size, dtype=torch.float64)
    _native.core.joints_mse(
        view(output),
        view(target),
        optional_view(weight),
        view(loss),
        optional_view(scratch),
        optional_view(gradient),
        squared_weight,
        mean,
        loss_weight,
        torch.get_num_threads(),
    )


def run_alone(output: Tensor, target: Tensor, weight: Tensor | None, *options: Any) -> Tensor:
    """The loss where no gradient is wanted."""
    loss = _allocate_loss(output, target)
    _run_into(loss, None, output, target, weight, *options)
    return loss


def _run_both(
    output: Tensor, target: Tensor, weight: Tensor | None, *options: Any
) -> tuple[Tensor, Tensor]:
    loss, gradient = _allocate_both(output, target)
    _run_into(loss, gradient, output, target, weight, *options)
    return loss, gradient


def _allocate_gradient(
    incoming: Tensor,
    output: Tensor,
    target: Tensor,
    weight: Tensor | None,
    *options: Any,
) -> Tensor:
    return torch.empty_like(output)


def write_gradient(
    gradient: Tensor,
    incoming: Tensor,
    output: Tensor,
    target: Tensor,
    weight: Tensor | None,
    squared_weight: bool,
    mean: bool,
    loss_weight: float,
    *,
    unless_one: bool,
) -> None:
    """Fills `gradient`; `unless_one`: it is there already for an incoming gradient of 1."""
    _native.core.joints_mse_backward(
        view(incoming),
        view(output),
        view(target),
        optional_view(weight),
        view(gradient),
        unless_one,
        squared_weight,
        mean,
        loss_weight,
        torch.get_num_threads(),
    )


def _run_backward(incoming: Tensor, output: Tensor, *others: Any) -> Tensor:
    gradient = torch.empty_like(output)
    write_gradient(gradient, incoming, output, *others, unless_one=False)
    return gradient


def refuse_double_backward(name: str) -> Any:
    """The backward of a gradient of the public function `name`."""

    def refuse(ctx: Any, *grads: Tensor) -> Any:
        raise ValueError(f"{name}: the gradient of its gradient is not available")

    return refuse


def define_backward(operator: str, name: str) -> Any:
    """The gradient of the public function `name` as an operator."""
    return define_op(
        f"{operator}(Tensor incoming, Tensor output, Tensor target, Tensor? weight, "
        f"{_OPTIONS}) -> Tensor",
        _run_backward,
        _allocate_gradient,
        backward=refuse_double_backward(name),
    )


joints_mse_backward = define_backward("joints_mse_backward", "joints_mse_loss")


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:3])
    ctx.options = inputs[3:]


def _backward(ctx: Any, incoming: Tensor) -> _Gradients:
    output, target, weight = ctx.saved_tensors
    to_output = to_target = None
    if ctx.needs_input_grad[0]:
        to_output = joints_mse_backward(incoming, output, target, weight, *ctx.options)
    if ctx.needs_input_grad[1]:  # the loss is symmetric in the two
        to_target = joints_mse_backward(incoming, target, output, weight, *ctx.options)
    return to_output, to_target, None, None, None, None


# The loss alone; its gradients are computed when they are asked for.
joints_mse = define_op(
    f"joints_mse(Tensor output, Tensor target, Tensor? weight, {_OPTIONS}) -> Tensor",
    run_alone,
    _allocate_loss,
    setup_context=_save,
    backward=_backward,
)


def _save_gradient(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)  # or a map of zeros is made as the gradient of the gradient
    ctx.gradient = output[1]
    _save(ctx, inputs, output[0])


def _hand_over_gradient(ctx: Any, incoming: Tensor | None, _: Tensor | None) -> _Gradients:
    if incoming is None:  # whoever used the loss stopped the gradient
        return None, None, None, None, None, None
    gradient, ctx.gradient = ctx.gradient, None
    if gradient is None or torch.is_grad_enabled() or ctx.needs_input_grad[1]:
        # It was handed over before and belongs to somebody else now; or the gradient shall be
        # differentiated, which is refused there; or target needs one too.
        return _backward(ctx, incoming)
    if is_one(incoming):  # as in training: nothing is left to do
        pass
    elif is_traced(incoming):
        gradient = gradient * incoming
    else:
        inputs = *ctx.saved_tensors, *ctx.options
        if is_traced(*(tensor for tensor in inputs[:3] if tensor is not None)):
            gradient = joints_mse_backward(incoming, *inputs)
        else:
            write_gradient(gradient, incoming, *inputs, unless_one=True)
    return gradient, None, None, None, None, None


def is_one(incoming: Tensor) -> bool:
    """Whether an incoming gradient is known to be 1.

    A GPU finds that out by itself: it would have to be waited for before its number could be looked
    at.
    """
    return not is_traced(incoming) and incoming.is_cpu and incoming.item() == 1


# The loss and its gradient with respect to output, which reads the maps only once.
joints_mse_and_gradient = define_op(
    f"joints_mse_and_gradient(Tensor output, Tensor target, Tensor? weight, {_OPTIONS}) "
    "-> (Tensor, Tensor)",
    _run_both,
    _allocate_both,
    setup_context=_save_gradient,
    backward=_hand_over_gradient,
)


class EagerLoss(torch.autograd.Function):
    """`joints_mse_and_gradient` for a call that is plain: the same without torch's dispatcher."""

    @staticmethod
    def forward(
        ctx: Any, output: Tensor, target: Tensor, weight: Tensor | None, options: Any
    ) -> Tensor:
        loss, ctx.gradient = _run_both(output, target, weight, *options)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(output, target, weight)
        ctx.options = options
        return loss

    @staticmethod
    def backward(ctx: Any, incoming: Tensor | None) -> _Gradients:
        return _hand_over_gradient(ctx, incoming, None)[:4]


apply_eagerly = apply_of(EagerLoss)


def wants_gradient(output: Tensor, target: Tensor) -> bool:
    """Whether autograd has to see a call with these tensors."""
    return torch.is_grad_enabled() and (output.requires_grad or target.requires_grad)


def can_hold_unscaled(output: Tensor, plain: bool) -> bool:
    """Whether a gradient of output's type can be kept as it is for an incoming gradient of 1.

    Not in float16, in which it may be too small: those who use it scale their losses. In bfloat16
    where it can be computed again for another incoming gradient: scaled before it is rounded.
    """
    dtype = output.dtype
    return dtype in (torch.float32, torch.float64) or (plain and dtype is torch.bfloat16)


def gradient_in_forward(output: Tensor, target: Tensor, plain: bool) -> bool:
    """Whether only output needs a gradient, and it can be computed with the loss."""
    wanted = torch.is_grad_enabled() and output.requires_grad and not target.requires_grad
    return wanted and can_hold_unscaled(output, plain)
