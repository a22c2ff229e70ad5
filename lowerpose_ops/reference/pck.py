"""Counts of correct keypoints, in float64."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_LARGEST_COORDINATE = 2.0**30


def pck_counts(
    pred: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: float | Tensor,
    thresholds: Sequence[float],
    *,
    cmp: str = "lt",
    norm_layout: str = "auto",
) -> tuple[Tensor, Tensor]:
    """`lowerpose_ops.pck_counts` for arguments that it accepts."""
    batch, num_joints, _ = pred.shape
    norms = torch.as_tensor(norm, dtype=torch.float64)
    per_axis = norms.ndim == 2 and norms.shape[1] == 2 and norm_layout != "joint"
    delta = pred.double() - gt.double()
    if per_axis:
        distance = (delta / norms[:, None]).pow(2).sum(-1).sqrt()
        norms = norms[:, None].expand(batch, num_joints, 2)
    else:
        if norms.ndim == 1:
            norms = norms[:, None]
        distance = delta.pow(2).sum(-1).sqrt() / norms
        norms = norms.expand(batch, num_joints)[..., None]
    counts = valid.reshape(batch, num_joints) >= 0.5
    counts = counts & (gt.double().abs() <= _LARGEST_COORDINATE).all(-1)
    counts = counts & ((norms > 0) & norms.isfinite()).all(-1)
    limits = torch.tensor(thresholds, dtype=torch.float64)[:, None, None]
    hit = distance <= limits if cmp == "le" else distance < limits
    return (hit & counts).sum(1), counts.sum(0)
