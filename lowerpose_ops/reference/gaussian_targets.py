"""Gaussian target heatmaps, one pixel formula for all."""

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
    usable = (joints.double().abs() <= _LARGEST_COORDINATE).all(-1)  # False for NaN
    drawn = usable & (visible.reshape(batch, num_joints) >= 0.5)
    centers = torch.where(drawn[..., None], joints, torch.zeros_like(joints))
    if preset == "lower_body":
        centers = torch.trunc(centers + 0.5)
    centers = centers.double()[..., None, None]
    columns = torch.arange(width, dtype=torch.float64)
    rows = torch.arange(height, dtype=torch.float64)[:, None]
    x, y = centers[:, :, 0], centers[:, :, 1]
    targets = torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    if preset == "lower_body":
        radius = 3 * sigma
        inside_x = (columns >= torch.trunc(x - radius)) & (columns < torch.trunc(x + radius + 1))
        inside_y = (rows >= torch.trunc(y - radius)) & (rows < torch.trunc(y + radius + 1))
        targets = targets * (inside_x & inside_y)
    targets = targets * drawn[..., None, None]
    targets = torch.where(targets < torch.finfo(dtype).tiny, 0.0, targets)
    return targets.to(dtype), drawn[..., None].float()
