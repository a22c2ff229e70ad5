"""Distances of joints in space, and Procrustes' alignment by torch's decomposition, in float64."""

from __future__ import annotations

import torch
from torch import Tensor

_LARGEST_COORDINATE = 2.0**30


def _counted(gt: Tensor, mask: Tensor | None) -> Tensor:
    known = (gt.double().abs() <= _LARGEST_COORDINATE).all(-1)
    return known if mask is None else known & (mask >= 0.5)


def procrustes(
    pred: Tensor, gt: Tensor, mask: Tensor | None = None, *, scale: bool = True
) -> Tensor:
    """`lowerpose_ops.procrustes` for poses [B, K, 3] that fix a rotation, by autograd too."""
    counts = _counted(gt, mask)[..., None]
    number = counts.sum(1, keepdim=True)
    source_mean, goal_mean = (
        torch.where(counts, joints.double(), 0.0).sum(1, keepdim=True) / number
        for joints in (pred, gt)
    )
    source, goal = (
        torch.where(counts, joints.double() - mean, 0.0)
        for joints, mean in ((pred, source_mean), (gt, goal_mean))
    )
    left, values, right = torch.linalg.svd(source.mT @ goal)
    signs = torch.ones_like(values)
    signs[:, 2] = torch.sign(torch.linalg.det(left.detach() @ right.detach()))
    matrix = (left * signs[:, None]) @ right
    if scale:
        fit = (values * signs).sum(1) / source.square().sum((1, 2))
        matrix = fit[:, None, None] * matrix
    aligned: Tensor = (pred.double() - source_mean) @ matrix + goal_mean
    double = torch.float64 in (pred.dtype, gt.dtype)
    return aligned if double else aligned.float()


def mpjpe(
    pred: Tensor,
    gt: Tensor,
    mask: Tensor | None = None,
    *,
    align: str = "none",
    reduction: str = "mean",
    root: tuple[int, ...] = (0,),
) -> Tensor:
    """`lowerpose_ops.mpjpe` for poses [B, K, D] that fix a rotation, by autograd too."""
    double = torch.float64 in (pred.dtype, gt.dtype)
    counts = _counted(gt, mask)
    pred, gt = pred.double(), gt.double()
    if align == "procrustes":
        pred = procrustes(pred, gt, mask)
    if align == "root":
        chosen = list(root)
        counts = counts & counts[:, chosen].all(1, keepdim=True)
        pred, gt = (joints - joints[:, chosen].mean(1, keepdim=True) for joints in (pred, gt))
    # Or the gradient of what does not count would be NaN.
    pred, gt = (torch.where(counts[..., None], joints, 0.0) for joints in (pred, gt))
    if align == "scale":
        fit = (pred * gt).sum((1, 2)) / (pred * pred).sum((1, 2))
        pred = fit[:, None, None] * pred
    errors: Tensor = torch.linalg.vector_norm(pred - gt, dim=-1)
    if reduction == "mean":
        errors = errors[counts].mean()
    else:
        errors = torch.where(counts, errors, torch.nan)
    return errors if double else errors.float()
