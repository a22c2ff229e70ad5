"""The first maximum of each heatmap, and HRNet's quarter offset, joint by joint."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def decode_heatmaps(heatmaps: Tensor, refine: str = "quarter") -> tuple[Tensor, Tensor]:
    """`lowerpose_ops.decode_heatmaps` for heatmaps [B, K, H, W]."""
    batch, num_joints, height, width = heatmaps.shape
    coords = torch.empty(batch, num_joints, 2)
    scores = torch.empty(batch, num_joints)
    for b in range(batch):
        for k in range(num_joints):
            pixels = heatmaps[b, k]
            if bool(pixels.isnan().any()):
                coords[b, k] = scores[b, k] = math.nan
                continue
            index = int(pixels.flatten().argmax())
            x, y = index % width, index // width
            scores[b, k] = pixels[y, x]
            coords[b, k] = torch.tensor([x, y])
            if refine == "quarter" and 1 < x < width - 1 and 1 < y < height - 1:
                coords[b, k, 0] += _quarter(pixels[y, x - 1], pixels[y, x + 1])
                coords[b, k, 1] += _quarter(pixels[y - 1, x], pixels[y + 1, x])
    return coords, scores


def _quarter(before: Tensor, after: Tensor) -> float:
    return 0.25 * (float(after > before) - float(after < before))
