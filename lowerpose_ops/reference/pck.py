"""Counts of correct keypoints and sums of their distances, in float64."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_LARGEST_COORDINATE = 2.0**30


def _distances(
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: float | tuple[int, int] | Tensor,
    norm_layout: str,
    inside: tuple[float, float] | None,
    above: float | None,
) -> tuple[Tensor, Tensor]:
    """[B, K]: the distances over their norms, and whether they count."""
    batch, num_joints, _ = pred.shape
    gt = gt.double()
    delta = pred.double() - gt
    usable = valid.reshape(batch, num_joints) >= 0.5
    usable = usable & (gt.abs() <= _LARGEST_COORDINATE).all(-1)
    if isinstance(norm, tuple):
        one, other = norm
        measured = (gt[:, one] - gt[:, other]).pow(2).sum(-1).sqrt()
        norm = torch.where(usable[:, one] & usable[:, other], measured, torch.nan)
    norms = torch.as_tensor(norm, dtype=torch.float64)
    if norms.ndim == 2 and norms.shape[1] == 2 and norm_layout != "joint":
        distance = (delta / norms[:, None]).pow(2).sum(-1).sqrt()
        norms = norms[:, None].expand(batch, num_joints, 2)
    else:
        if norms.ndim == 1:
            norms = norms[:, None]
        distance = delta.pow(2).sum(-1).sqrt() / norms
        norms = norms.expand(batch, num_joints)[..., None]
    counts = usable & ((norms > 0) & norms.isfinite()).all(-1)
    if inside is not None:
        size = torch.tensor(inside, dtype=torch.float64)
        counts = counts & ((gt >= 0) & (gt < size)).all(-1)
    if above is not None:
        counts = counts & (gt > above).all(-1)
    return distance, counts


def pck_counts(
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: float | tuple[int, int] | Tensor,
    thresholds: Sequence[float],
    *,
    cmp: str = "lt",
    norm_layout: str = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
) -> tuple[Tensor, Tensor]:
    """`lowerpose_ops.pck_counts` for arguments that it accepts."""
    distance, counts = _distances(pred, gt, valid, norm, norm_layout, inside, above)
    limits = torch.tensor(thresholds, dtype=torch.float64)[:, None, None]
    hit = distance <= limits if cmp == "le" else distance < limits
    return (hit & counts).sum(1), counts.sum(0)


def keypoint_error_sums(
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: float | tuple[int, int] | Tensor = 1.0,
    *,
    norm_layout: str = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
) -> tuple[Tensor, Tensor]:
    """`lowerpose_ops.keypoint_error_sums` for arguments that it accepts."""
    distance, counts = _distances(pred, gt, valid, norm, norm_layout, inside, above)
    distance = torch.where(distance.isfinite(), distance, torch.nan)
    return torch.where(counts, distance, 0.0).sum(0), counts.sum(0)


def mean_over_joints(
    sums: Tensor, counted: Tensor, joints: Sequence[int] | None = None, reduce: str = "pooled"
) -> Tensor:
    """Of sums [..., K] and counts [K] of the joints, one mean: NaN if none counts."""
    chosen = torch.zeros(counted.shape, dtype=torch.bool)
    chosen[list(range(len(counted)) if joints is None else joints)] = True
    chosen &= counted > 0
    if reduce == "joint_mean":
        return (sums[..., chosen].double() / counted[chosen]).mean(-1)
    return sums[..., chosen].double().sum(-1) / counted[chosen].sum()
