"""Counts of correct keypoints, on tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .. import _arguments as arguments
from .. import _native
from .._library import check_tensors, define_op, optional_view, view


def _allocate(
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: Tensor | None,
    norm_value: float,
    norm_layout: str,
    thresholds: list[float],
    inclusive: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    num_joints, num_thresholds = pred.shape[1], len(thresholds)
    correct = pred.new_empty((num_thresholds, num_joints), dtype=torch.int64)
    counted = pred.new_empty((num_joints,), dtype=torch.int64)
    ratio = pred.new_empty((num_thresholds,), dtype=torch.float64)
    return correct, counted, ratio


def _run(
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: Tensor | None,
    norm_value: float,
    norm_layout: str,
    thresholds: list[float],
    inclusive: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    correct, counted, ratio = _allocate(
        pred, gt, valid, norm, norm_value, norm_layout, thresholds, inclusive
    )
    scratch = counted.new_empty((1,))
    _native.core.pck_counts(
        view(pred),
        view(gt),
        view(valid),
        optional_view(norm),
        norm_value,
        norm_layout,
        thresholds,
        inclusive,
        view(correct),
        view(counted),
        view(ratio),
        view(scratch),
    )
    return correct, counted, ratio


_pck_counts = define_op(
    "pck_counts(Tensor pred, Tensor gt, Tensor valid, Tensor? norm, float norm_value, "
    "str norm_layout, float[] thresholds, bool inclusive) -> (Tensor, Tensor, Tensor)",
    _run,
    _allocate,
)


def _count(
    name: str,
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: float | Tensor,
    thresholds: list[float],
    cmp: str,
    norm_layout: str,
) -> tuple[Tensor, Tensor, Tensor]:
    tensor_norm = norm if isinstance(norm, Tensor) else None
    if tensor_norm is None:
        check_tensors(name, pred=pred, gt=gt, valid=valid)
    else:
        check_tensors(name, pred=pred, gt=gt, valid=valid, norm=tensor_norm)
    arguments.choice(name, "cmp", cmp, ("lt", "le"))
    arguments.choice(name, "norm_layout", norm_layout, ("auto", "axis", "joint"))
    arguments.check_ndim(name, "pred", pred, {3: "[B, K, 2]"})
    norm_value = (
        1.0 if tensor_norm is not None else arguments.number(name, "norm (if no tensor)", norm)
    )
    if tensor_norm is not None:
        tensor_norm = tensor_norm.detach()
    counts: tuple[Tensor, Tensor, Tensor] = _pck_counts(  # counts have no gradient
        *(pred.detach(), gt.detach(), valid.detach(), tensor_norm, norm_value, norm_layout),
        *(thresholds, cmp == "le"),
    )
    return counts


def pck_counts(
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: float | Tensor,
    thresholds: float | Sequence[float],
    *,
    cmp: str = "lt",
    norm_layout: str = "auto",
) -> tuple[Tensor, Tensor]:
    """`lowerpose_ops.pck_counts` for tensors."""
    name = "pck_counts"
    limits = arguments.thresholds(name, "thresholds", thresholds)
    correct, counted, _ = _count(name, pred, gt, valid, norm, limits, cmp, norm_layout)
    return correct, counted


def pck(
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: float | Tensor,
    threshold: float = 0.05,
    *,
    cmp: str = "lt",
    norm_layout: str = "auto",
) -> Tensor:
    """`lowerpose_ops.pck` for tensors."""
    limits = arguments.thresholds(
        "pck", "threshold", [arguments.number("pck", "threshold", threshold)]
    )
    *_, ratio = _count("pck", pred, gt, valid, norm, limits, cmp, norm_layout)
    return ratio[0]
