"""Mean distances of keypoints and the area under the PCK curve, on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._score_arguments import ERROR_REDUCTIONS, auc_thresholds
from ._checks import Array
from .pck import measure

_Norm = float | tuple[int, int] | Array


def keypoint_error_sums(
    pred: Array,
    gt: Array,
    valid: Array,
    norm: _Norm = 1.0,
    *,
    norm_layout: str = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
) -> tuple[Array, Array]:
    """`lowerpose_ops.keypoint_error_sums` for arrays."""
    rules = {"inside": inside, "above": above}
    name = "keypoint_error_sums"
    _, counted, errors, _ = measure(name, pred, gt, valid, norm, [], norm_layout, **rules)
    return errors, counted


def _mean(
    name: str,
    points: tuple[Array, Array, Array],
    norm: _Norm,
    norm_layout: str,
    rules: dict[str, Any],
) -> float | Array:
    reductions = ERROR_REDUCTIONS
    _, counted, errors, scores = measure(
        name, *points, norm, [], norm_layout, reductions=reductions, **rules
    )
    if rules["reduce"] != "per_joint":
        return float(scores[0])
    with np.errstate(invalid="ignore"):
        means: Array = errors / counted  # 0 / 0 is NaN
    joints = rules["joints"]
    return means if joints is None else means[np.array(joints, np.int64)]


def keypoint_epe(
    pred: Array,
    gt: Array,
    valid: Array,
    *,
    inside: tuple[float, float] | None = None,
    above: float | None = None,
    joints: Sequence[int] | None = None,
    reduce: str = "pooled",
) -> float | Array:
    """`lowerpose_ops.keypoint_epe` for arrays."""
    rules = {"inside": inside, "above": above, "joints": joints, "reduce": reduce}
    return _mean("keypoint_epe", (pred, gt, valid), 1.0, "auto", rules)


def keypoint_nme(
    pred: Array,
    gt: Array,
    valid: Array,
    norm: _Norm,
    *,
    norm_layout: str = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
    joints: Sequence[int] | None = None,
    reduce: str = "pooled",
) -> float | Array:
    """`lowerpose_ops.keypoint_nme` for arrays."""
    rules = {"inside": inside, "above": above, "joints": joints, "reduce": reduce}
    return _mean("keypoint_nme", (pred, gt, valid), norm, norm_layout, rules)


def keypoint_auc(
    pred: Array,
    gt: Array,
    valid: Array,
    norm: _Norm,
    thresholds: Sequence[float] | None = None,
    *,
    cmp: str = "lt",
    norm_layout: str = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
    joints: Sequence[int] | None = None,
    reduce: str = "pooled",
) -> float:
    """`lowerpose_ops.keypoint_auc` for arrays."""
    name = "keypoint_auc"
    limits = auc_thresholds(name, thresholds)
    rules = {"cmp": cmp, "inside": inside, "above": above, "joints": joints, "reduce": reduce}
    *_, scores = measure(name, pred, gt, valid, norm, limits, norm_layout, **rules)
    return float(scores[:-1].mean())
