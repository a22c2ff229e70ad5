"""Counts of correct keypoints and sums of their distances, on tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import _arguments as arguments
from .. import _native
from .. import _score_arguments as score_arguments
from .._library import check_tensors, define_op, optional_view, view

_Results = tuple[Tensor, Tensor, Tensor, Tensor]


def _allocate(
    operation: str,
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: Tensor | None,
    norm_value: float,
    norm_joints: list[int],
    norm_layout: str,
    thresholds: list[float],
    inclusive: bool,
    inside: list[float],
    above: float | None,
    joints: list[int] | None,
    reduce: str,
) -> _Results:
    num_joints, num_thresholds = pred.shape[1], len(thresholds)
    correct = pred.new_empty((num_thresholds, num_joints), dtype=torch.int64)
    counted = pred.new_empty((num_joints,), dtype=torch.int64)
    errors = pred.new_empty((num_joints,), dtype=torch.float64)
    scores = pred.new_empty((num_thresholds + 1,), dtype=torch.float64)
    return correct, counted, errors, scores


def _run(
    operation: str,
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: Tensor | None,
    norm_value: float,
    norm_joints: list[int],
    norm_layout: str,
    thresholds: list[float],
    inclusive: bool,
    inside: list[float],
    above: float | None,
    joints: list[int] | None,
    reduce: str,
) -> _Results:
    rules = (
        *(norm_value, norm_joints, norm_layout, thresholds, inclusive, inside, above),
        *(joints, reduce),
    )
    results = _allocate(operation, pred, gt, valid, norm, *rules)
    scratch = results[1].new_empty((1,))
    _native.core.pck_counts(
        *(operation, view(pred), view(gt), view(valid), optional_view(norm), rules),
        *(*map(view, results), view(scratch)),
    )
    return results


_pck_counts = define_op(
    "pck_counts(str operation, Tensor pred, Tensor gt, Tensor valid, Tensor? norm, "
    "float norm_value, int[] norm_joints, str norm_layout, float[] thresholds, bool inclusive, "
    "float[] inside, float? above, int[]? joints, str reduce) "
    "-> (Tensor, Tensor, Tensor, Tensor)",
    _run,
    _allocate,
)


def measure(
    operation: str,
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: float | tuple[int, int] | Tensor,
    thresholds: list[float],
    norm_layout: str,
    **rules: Any,
) -> _Results:
    """The counts [T, K] and [K], the sums of distances [K] and the scores [T + 1].

    They have no gradient.
    """
    tensors = {"pred": pred, "gt": gt, "valid": valid}
    tensor_norm = norm if isinstance(norm, Tensor) else None
    check_tensors(operation, **tensors, **({} if tensor_norm is None else {"norm": tensor_norm}))
    arguments.check_ndim(operation, "pred", pred, {3: "[B, K, 2]"})
    plain_norm = (
        (1.0, []) if tensor_norm is not None else score_arguments.norm_of(operation, norm, "tensor")
    )
    results: _Results = _pck_counts(
        operation,
        *(tensor.detach() for tensor in tensors.values()),
        None if tensor_norm is None else tensor_norm.detach(),
        *score_arguments.pck_rules(operation, plain_norm, norm_layout, thresholds, **rules),
    )
    return results


def pck_counts(
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: float | tuple[int, int] | Tensor,
    thresholds: float | Sequence[float],
    *,
    cmp: str = "lt",
    norm_layout: str = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
) -> tuple[Tensor, Tensor]:
    """`lowerpose_ops.pck_counts` for tensors."""
    name = "pck_counts"
    limits = arguments.thresholds(name, "thresholds", thresholds)
    correct, counted, *_ = measure(
        name, pred, gt, valid, norm, limits, norm_layout, cmp=cmp, inside=inside, above=above
    )
    return correct, counted


def pck(
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: float | tuple[int, int] | Tensor,
    threshold: float = 0.05,
    *,
    cmp: str = "lt",
    norm_layout: str = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
    joints: Sequence[int] | None = None,
    reduce: str = "pooled",
) -> Tensor:
    """`lowerpose_ops.pck` for tensors."""
    name = "pck"
    limits = arguments.thresholds(
        name, "threshold", [arguments.number(name, "threshold", threshold)]
    )
    rules = {"cmp": cmp, "inside": inside, "above": above, "joints": joints, "reduce": reduce}
    *_, scores = measure(name, pred, gt, valid, norm, limits, norm_layout, **rules)
    return scores[0]
