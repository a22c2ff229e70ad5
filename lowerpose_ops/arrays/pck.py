"""Counts of correct keypoints, on arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import _arguments as arguments
from .. import _native
from ._checks import Array, check_arrays


def _count(
    name: str,
    pred: Array,
    gt: Array,
    valid: Array,
    norm: float | Array,
    thresholds: list[float],
    cmp: str,
    norm_layout: str,
) -> tuple[Array, Array, Array]:
    check_arrays(name, pred=pred, gt=gt, valid=valid)
    arguments.choice(name, "cmp", cmp, ("lt", "le"))
    arguments.choice(name, "norm_layout", norm_layout, ("auto", "axis", "joint"))
    arguments.check_ndim(name, "pred", pred, {3: "[B, K, 2]"})
    array_norm = norm if isinstance(norm, np.ndarray) else None
    norm_value = (
        1.0 if array_norm is not None else arguments.number(name, "norm (if no array)", norm)
    )
    correct = np.empty((len(thresholds), pred.shape[1]), np.int64)
    counted = np.empty((pred.shape[1],), np.int64)
    ratio = np.empty((len(thresholds),), np.float64)
    scratch = np.empty((1,), np.int64)
    _native.core.pck_counts(
        *(pred, gt, valid, array_norm, norm_value, norm_layout, thresholds, cmp == "le"),
        *(correct, counted, ratio, scratch),
    )
    return correct, counted, ratio


def pck_counts(
    pred: Array,
    gt: Array,
    valid: Array,
    norm: float | Array,
    thresholds: float | Sequence[float],
    *,
    cmp: str = "lt",
    norm_layout: str = "auto",
) -> tuple[Array, Array]:
    """`lowerpose_ops.pck_counts` for arrays."""
    name = "pck_counts"
    limits = arguments.thresholds(name, "thresholds", thresholds)
    correct, counted, _ = _count(name, pred, gt, valid, norm, limits, cmp, norm_layout)
    return correct, counted


def pck(
    pred: Array,
    gt: Array,
    valid: Array,
    norm: float | Array,
    threshold: float = 0.05,
    *,
    cmp: str = "lt",
    norm_layout: str = "auto",
) -> float:
    """`lowerpose_ops.pck` for arrays."""
    limits = arguments.thresholds(
        "pck", "threshold", [arguments.number("pck", "threshold", threshold)]
    )
    *_, ratio = _count("pck", pred, gt, valid, norm, limits, cmp, norm_layout)
    return float(ratio[0])
