"""Mean distances of keypoints and the area under the PCK curve, on tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .._score_arguments import ERROR_REDUCTIONS, auc_thresholds
from .pck import measure

_Norm = float | tuple[int, int] | Tensor


def keypoint_error_sums(
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: _Norm = 1.0,
    *,
    norm_layout: str = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
) -> tuple[Tensor, Tensor]:
    """`lowerpose_ops.keypoint_error_sums` for tensors."""
    rules = {"inside": inside, "above": above}
    name = "keypoint_error_sums"
    _, counted, errors, _ = measure(name, pred, gt, valid, norm, [], norm_layout, **rules)
    return errors, counted


def _mean(
    name: str,
    points: tuple[Tensor, Tensor, Tensor],
    norm: _Norm,
    norm_layout: str,
    rules: dict[str, Any],
) -> Tensor:
    reductions = ERROR_REDUCTIONS
    _, counted, errors, scores = measure(
        name, *points, norm, [], norm_layout, reductions=reductions, **rules
    )
    if rules["reduce"] != "per_joint":
        return scores[0]
    means, joints = errors / counted, rules["joints"]  # 0 / 0 is NaN
    if joints is None:
        return means
    return torch.cat([means[:0], *(means[joint : joint + 1] for joint in joints)])


def keypoint_epe(
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    *,
    inside: tuple[float, float] | None = None,
    above: float | None = None,
    joints: Sequence[int] | None = None,
    reduce: str = "pooled",
) -> Tensor:
    """`lowerpose_ops.keypoint_epe` for tensors."""
    rules = {"inside": inside, "above": above, "joints": joints, "reduce": reduce}
    return _mean("keypoint_epe", (pred, gt, valid), 1.0, "auto", rules)


def keypoint_nme(
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: _Norm,
    *,
    norm_layout: str = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
    joints: Sequence[int] | None = None,
    reduce: str = "pooled",
) -> Tensor:
    """`lowerpose_ops.keypoint_nme` for tensors."""
    rules = {"inside": inside, "above": above, "joints": joints, "reduce": reduce}
    return _mean("keypoint_nme", (pred, gt, valid), norm, norm_layout, rules)


def keypoint_auc(
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: _Norm,
    thresholds: Sequence[float] | None = None,
    *,
    cmp: str = "lt",
    norm_layout: str = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
    joints: Sequence[int] | None = None,
    reduce: str = "pooled",
) -> Tensor:
    """`lowerpose_ops.keypoint_auc` for tensors."""
    name = "keypoint_auc"
    limits = auc_thresholds(name, thresholds)
    rules = {"cmp": cmp, "inside": inside, "above": above, "joints": joints, "reduce": reduce}
    *_, scores = measure(name, pred, gt, valid, norm, limits, norm_layout, **rules)
    return scores[:-1].mean()
