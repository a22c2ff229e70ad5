"""The squared error between heatmaps with every factor, denominator and reduction.

It takes what `joints_mse_fast` leaves out, and finds the hardest joints of each sample.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import _arguments as arguments
from .. import _native
from .._library import define_op, has_own_scratch, optional_view, view
from .joints_mse_fast import (
    define_backward,
    joints_mse_backward,
    refuse_double_backward,
    wants_gradient,
)

_Gradients = tuple[Tensor | None, ...]


def _allocate(
    output: Tensor,
    target: Tensor,
    weight: Tensor | None,
    mask: Tensor | None,
    squared_weight: bool,
    reduction: str,
    *options: Any,
) -> tuple[Tensor, Tensor]:
    """The loss, and what each map's gradient is multiplied by."""
    scales = output.new_empty(output.shape[:2], dtype=torch.float64)
    return _allocate_loss(output, target, reduction), scales


def _allocate_loss(output: Tensor, target: Tensor, reduction: str) -> Tensor:
    is_double = output.dtype is torch.float64 or target.dtype is torch.float64
    dtype = torch.float64 if is_double else torch.float32
    if reduction == "none":
        return torch.empty_like(output, dtype=dtype)
    shape: tuple[int, ...] = ()
    if reduction == "per_sample":
        shape = output.shape[:1]
    elif reduction == "per_joint":
        shape = output.shape[1:2]
    return output.new_empty(shape, dtype=dtype)


def _run_into(
    loss: Tensor,
    scales: Tensor | None,
    output: Tensor,
    target: Tensor,
    weight: Tensor | None,
    mask: Tensor | None,
    squared_weight: bool,
    reduction: str,
    denominator: str,
    skip_empty: bool,
    topk: int,
    loss_weight: float,
) -> None:
    sums = ticket = None
    if not has_own_scratch(output):
        sums = output.new_empty((*output.shape[:2], 3), dtype=torch.float64)
        ticket = output.new_empty(1, dtype=torch.int64)
    _native.core.joints_mse_general(
        view(output),
        view(target),
        optional_view(weight),
        optional_view(mask),
        view(loss),
        optional_view(scales),
        optional_view(sums),
        optional_view(ticket),
        squared_weight,
        reduction,
        denominator,
        skip_empty,
        topk,
        loss_weight,
        torch.get_num_threads(),
    )


def _check_ndim(output: Tensor, reduction: str) -> None:
    if output.ndim != 4:  # native code would say it too, but there would be nothing to allocate
        name = "joints_ohkm_mse_loss" if reduction == "hardest" else "joints_mse_loss"
        raise arguments.value_error(name, "output", "[B, K, H, W]", list(output.shape))


def _run(
    output: Tensor,
    target: Tensor,
    weight: Tensor | None,
    mask: Tensor | None,
    squared_weight: bool,
    reduction: str,
    *options: Any,
) -> tuple[Tensor, Tensor]:
    _check_ndim(output, reduction)
    inputs = output, target, weight, mask, squared_weight, reduction, *options
    loss, scales = _allocate(*inputs)
    _run_into(loss, scales, *inputs)
    return loss, scales


def joints_mse_general_loss(plain: bool, *inputs: Any) -> Tensor:
    """The loss alone. `plain`: whether all tensors are, see `is_plain`."""
    output, target = inputs[:2]
    loss: Tensor
    # A GPU's kernel needs the scales in any case.
    if plain and not wants_gradient(output, target) and has_own_scratch(output):
        _check_ndim(output, inputs[5])
        loss = _allocate_loss(output, target, inputs[5])
        _run_into(loss, None, *inputs)
        return loss
    operation = joints_mse_general
    loss, _ = (operation.eager if plain else operation.operator)(*inputs)
    return loss


def _allocate_gradient(incoming: Tensor, output: Tensor, *others: Any) -> Tensor:
    return torch.empty_like(output)  # channels_last where output is


def _run_backward(
    incoming: Tensor,
    output: Tensor,
    target: Tensor,
    weight: Tensor | None,
    mask: Tensor | None,
    scales: Tensor,
    squared_weight: bool,
    reduction: str,
) -> Tensor:
    gradient = torch.empty_like(output)
    _native.core.joints_mse_general_backward(
        view(incoming),
        view(output),
        view(target),
        optional_view(weight),
        optional_view(mask),
        view(scales),
        view(gradient),
        squared_weight,
        reduction,
        torch.get_num_threads(),
    )
    return gradient


_joints_mse_general_backward = define_op(
    "joints_mse_general_backward(Tensor incoming, Tensor output, Tensor target, Tensor? weight, "
    "Tensor? mask, Tensor scales, bool squared_weight, str reduction) -> Tensor",
    _run_backward,
    _allocate_gradient,
    backward=refuse_double_backward("joints_mse_loss"),  # the hardest joints' is the one below
)
# The same gradient as the plain loss's, under the name that a refusal gives.
_joints_ohkm_mse_backward = define_backward("joints_ohkm_mse_backward", "joints_ohkm_mse_loss")


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*inputs[:4], output[1])
    ctx.squared_weight, ctx.reduction = inputs[4:6]


def _gradient(ctx: Any, incoming: Tensor, output: Tensor, target: Tensor, *saved: Any) -> Tensor:
    weight, mask, scales = saved
    gradient: Tensor
    if mask is not None or (weight is not None and weight.ndim == 4) or incoming.ndim > 0:
        gradient = _joints_mse_general_backward(
            incoming, output, target, weight, mask, scales, ctx.squared_weight, ctx.reduction
        )
    else:  # the scales hold all there is
        hardest = ctx.reduction == "hardest"
        backward = _joints_ohkm_mse_backward if hardest else joints_mse_backward
        gradient = backward(incoming, output, target, scales, False, False, 1.0)
    return gradient


def _backward(ctx: Any, incoming: Tensor | None, _: Tensor | None) -> _Gradients:
    to_output = to_target = None
    if incoming is not None:  # or whoever used the loss stopped the gradient
        output, target, *others = ctx.saved_tensors  # once: checkpointing may compute them here
        if ctx.needs_input_grad[0]:
            to_output = _gradient(ctx, incoming, output, target, *others)
        if ctx.needs_input_grad[1]:  # the loss is symmetric in the two
            to_target = _gradient(ctx, incoming, target, output, *others)
    return to_output, to_target, *(None,) * 8


joints_mse_general = define_op(
    "joints_mse_general(Tensor output, Tensor target, Tensor? weight, Tensor? mask, "
    "bool squared_weight, str reduction, str denominator, bool skip_empty, int topk, "
    "float loss_weight) -> (Tensor, Tensor)",
    _run,
    _allocate,
    setup_context=_save,
    backward=_backward,
)
