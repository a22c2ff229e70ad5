"""Distances of joints in space after an alignment of each pose, and the aligned poses."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import _arguments as arguments
from .. import _native
from .._library import define_op, has_tangent, optional_view, view

_POSES_PER_SUM = 128  # kPosesPerSum in csrc/ops/mpjpe.h


def _dtype(pred: Tensor, gt: Tensor) -> torch.dtype:
    is_double = pred.dtype is torch.float64 or gt.dtype is torch.float64
    return torch.float64 if is_double else torch.float32


def _allocate(
    operation: str,
    pred: Tensor,
    gt: Tensor,
    mask: Tensor | None,
    align: str,
    roots: list[int],
    output: str,
) -> tuple[Tensor, Tensor]:
    shapes = {"mean": (), "errors": pred.shape[:2], "aligned": pred.shape}
    result = pred.new_empty(shapes[output], dtype=_dtype(pred, gt))
    return result, pred.new_empty((2,), dtype=torch.float64)


def _run(
    operation: str,
    pred: Tensor,
    gt: Tensor,
    mask: Tensor | None,
    align: str,
    roots: list[int],
    output: str,
) -> tuple[Tensor, Tensor]:
    result, totals = _allocate(operation, pred, gt, mask, align, roots, output)
    groups = max(1, -(-pred.shape[0] // _POSES_PER_SUM))
    sums = totals.new_empty((groups, 2))
    ticket = totals.new_empty((1,), dtype=torch.int64)
    _native.core.mpjpe(
        *(operation, view(pred), view(gt), optional_view(mask), align, roots, output),
        *(view(result), view(totals), view(sums), view(ticket), arguments.threads()),
    )
    return result, totals


def _allocate_gradients(
    operation: str,
    incoming: Tensor,
    pred: Tensor,
    gt: Tensor,
    mask: Tensor | None,
    align: str,
    roots: list[int],
    output: str,
    totals: Tensor,
) -> tuple[Tensor, Tensor]:
    dtype = _dtype(pred, gt)
    return pred.new_empty(pred.shape, dtype=dtype), pred.new_empty(pred.shape, dtype=dtype)


def _run_backward(
    operation: str,
    incoming: Tensor,
    pred: Tensor,
    gt: Tensor,
    mask: Tensor | None,
    align: str,
    roots: list[int],
    output: str,
    totals: Tensor,
) -> tuple[Tensor, Tensor]:
    to_pred, to_gt = _allocate_gradients(
        operation, incoming, pred, gt, mask, align, roots, output, totals
    )
    _native.core.mpjpe_backward(
        *(operation, view(incoming), view(pred), view(gt), optional_view(mask), align, roots),
        *(output, view(totals), view(to_pred), view(to_gt), arguments.threads()),
    )
    return to_pred, to_gt


def _refuse_double_backward(ctx: Any, *grads: Tensor) -> Any:
    raise ValueError("mpjpe: the gradient of its gradient is not available")


_mpjpe_backward = define_op(
    "mpjpe_backward(str operation, Tensor incoming, Tensor pred, Tensor gt, Tensor? mask, "
    "str align, int[] roots, str output, Tensor totals) -> (Tensor, Tensor)",
    _run_backward,
    _allocate_gradients,
    backward=_refuse_double_backward,
)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.operation, pred, gt, mask, *ctx.options = inputs
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(pred, gt, mask, output[1])


def _backward(ctx: Any, incoming: Tensor | None, _: Tensor | None) -> tuple[Tensor | None, ...]:
    if incoming is None:  # whoever used the result stopped the gradient
        return (None,) * 7
    pred, gt, mask, totals = ctx.saved_tensors
    to_pred, to_gt = _mpjpe_backward(ctx.operation, incoming, pred, gt, mask, *ctx.options, totals)
    _, pred_wanted, gt_wanted, *_ = ctx.needs_input_grad
    return (
        None,
        to_pred.to(pred.dtype) if pred_wanted else None,
        to_gt.to(gt.dtype) if gt_wanted else None,
        *[None] * 4,
    )


# The mean distance, the distances or the aligned poses; and the sum of the distances with their
# number, in float64.
_mpjpe = define_op(
    "mpjpe(str operation, Tensor pred, Tensor gt, Tensor? mask, str align, int[] roots, "
    "str output) -> (Tensor, Tensor)",
    _run,
    _allocate,
    setup_context=_save,
    backward=_backward,
)


def measure(
    operation: str,
    pred: Tensor,
    gt: Tensor,
    mask: Tensor | None,
    align: str,
    roots: list[int],
    output: str,
) -> tuple[Tensor, Tensor]:
    """Of poses [..., K, D] that have been checked: a result of their shape, and the totals [2]."""
    if has_tangent(pred) or has_tangent(gt):
        raise ValueError(f"{operation}: forward-mode differentiation is not available")
    before = pred.shape
    if len(before) != 3:
        pred, gt = _three_dimensional(pred), _three_dimensional(gt)
        mask = None if mask is None else _three_dimensional(mask[..., None])[..., 0]
    mask = None if mask is None else mask.detach()
    result, totals = _mpjpe(operation, pred, gt, mask, align, roots, output)
    if len(before) != 3 and output != "mean":
        result = result.reshape(before if output == "aligned" else before[:-1])
    return result, totals


def _three_dimensional(poses: Tensor) -> Tensor:
    return poses[None] if poses.ndim == 2 else poses.flatten(0, -3)
