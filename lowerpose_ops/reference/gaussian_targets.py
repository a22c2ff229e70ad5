"""Gaussian target heatmaps, one pixel formula for all, in float64."""

from __future__ import annotations

import torch
from torch import Tensor

_LARGEST_COORDINATE = 2.0**30


def gaussian_targets(
    joints: Tensor,
    visible: Tensor,
    heatmap_size: tuple[int, int],
    sigma: float = 2.0,
    *,
    preset: str = "exact",
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor]:
    """`lowerpose_ops.gaussian_targets` for joints [B, K, 2] and visible [B, K] or [B, K, 1]."""
    batch, num_joints, _ = joints.shape
    width, height = heatmap_size
    visibility = visible.reshape(batch, num_joints).double()
    usable = (joints.double().abs() <= _LARGEST_COORDINATE).all(-1)  # False for NaN
    usable = usable & visibility.isfinite()
    drawn = usable & (visibility > 0.5 if preset == "hrnet" else visibility >= 0.5)
    centers = torch.where(usable[..., None], joints, torch.zeros_like(joints))
    if preset == "hrnet" or joints.dtype is not torch.float32:
        centers = centers.double()
    if preset != "exact":
        centers = torch.trunc(centers + 0.5)
    centers = centers.double()

    radius = 3 * sigma
    low, high = torch.trunc(centers - radius), torch.trunc(centers + radius + 1)
    weights = drawn.double()
    if preset == "hrnet":
        missed = (low >= torch.tensor([width, height])) | (high < 0)
        drawn = drawn & ~missed.any(-1)
        weights = torch.where(usable & ~missed.any(-1), visibility, 0.0)
        centers = low + (2 * radius + 1) // 2

    columns = torch.arange(width, dtype=torch.float64)
    rows = torch.arange(height, dtype=torch.float64)[:, None]
    x, y = centers[..., 0, None, None], centers[..., 1, None, None]
    targets = torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    if preset != "exact":
        first, last = low[..., None, None], high[..., None, None]
        inside_x = (columns >= first[:, :, 0]) & (columns < last[:, :, 0])
        inside_y = (rows >= first[:, :, 1]) & (rows < last[:, :, 1])
        targets = targets * (inside_x & inside_y)
    targets = targets * drawn[..., None, None]
    arithmetic = dtype if dtype is torch.float64 else torch.float32
    targets = torch.where(targets < torch.finfo(arithmetic).tiny, 0.0, targets)
    return targets.to(dtype), weights[..., None].float()
