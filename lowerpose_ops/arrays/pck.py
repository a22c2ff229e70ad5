"""Counts of correct keypoints and sums of their distances, on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _arguments as arguments
from .. import _native
from .. import _score_arguments as score_arguments
from ._checks import Array, check_arrays


def measure(
    operation: str,
    pred: Array,
    gt: Array,
    valid: Array,
    norm: float | tuple[int, int] | Array,
    thresholds: list[float],
    norm_layout: str,
    **rules: Any,
) -> tuple[Array, Array, Array, Array]:
    """The counts [T, K] and [K], the sums of distances [K] and the scores [T + 1]."""
    check_arrays(operation, pred=pred, gt=gt, valid=valid)
    arguments.check_ndim(operation, "pred", pred, {3: "[B, K, 2]"})
    array_norm = norm if isinstance(norm, np.ndarray) else None
    plain_norm = (
        (1.0, []) if array_norm is not None else score_arguments.norm_of(operation, norm, "array")
    )
    all_rules = score_arguments.pck_rules(operation, plain_norm, norm_layout, thresholds, **rules)
    num_joints = pred.shape[1]
    correct = np.empty((len(thresholds), num_joints), np.int64)
    counted = np.empty((num_joints,), np.int64)
    errors = np.empty((num_joints,), np.float64)
    scores = np.empty((len(thresholds) + 1,), np.float64)
    scratch = np.empty((1,), np.int64)
    _native.core.pck_counts(
        *(operation, pred, gt, valid, array_norm, all_rules),
        *(correct, counted, errors, scores, scratch),
    )
    return correct, counted, errors, scores


def pck_counts(
    pred: Array,
    gt: Array,
    valid: Array,
    norm: float | tuple[int, int] | Array,
    thresholds: float | Sequence[float],
    *,
    cmp: str = "lt",
    norm_layout: str = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
) -> tuple[Array, Array]:
    """`lowerpose_ops.pck_counts` for arrays."""
    name = "pck_counts"
    limits = arguments.thresholds(name, "thresholds", thresholds)
    correct, counted, *_ = measure(
        name, pred, gt, valid, norm, limits, norm_layout, cmp=cmp, inside=inside, above=above
    )
    return correct, counted


def pck(
    pred: Array,
    gt: Array,
    valid: Array,
    norm: float | tuple[int, int] | Array,
    threshold: float = 0.05,
    *,
    cmp: str = "lt",
    norm_layout: str = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
    joints: Sequence[int] | None = None,
    reduce: str = "pooled",
) -> float:
    """`lowerpose_ops.pck` for arrays."""
    name = "pck"
    limits = arguments.thresholds(
        name, "threshold", [arguments.number(name, "threshold", threshold)]
    )
    rules = {"cmp": cmp, "inside": inside, "above": above, "joints": joints, "reduce": reduce}
    *_, scores = measure(name, pred, gt, valid, norm, limits, norm_layout, **rules)
    return float(scores[0])
