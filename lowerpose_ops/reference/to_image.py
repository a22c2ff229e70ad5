"""From heatmap pixels to image pixels, the closed forms, in float64."""

from __future__ import annotations

import torch
from torch import Tensor


def to_image(
    coords: Tensor,
    center: Tensor | None = None,
    scale: Tensor | None = None,
    heatmap_size: tuple[int, int] | None = None,
    convention: str = "corner",
    *,
    matrix: Tensor | None = None,
    pixel_std: float = 1.0,
    scale_axes: str = "xy",
) -> Tensor:
    """`lowerpose_ops.to_image` for coords [B, K, 2]; autograd differentiates it."""
    points = coords.double()
    if matrix is not None:
        ones = torch.ones_like(points[..., :1])
        image = torch.cat([points, ones], -1) @ matrix.double().transpose(-1, -2)
    else:
        if center is None or scale is None or heatmap_size is None:
            raise ValueError("center, scale and heatmap_size, or matrix")
        box = pixel_std * (scale.double() if scale.ndim == 2 else scale.double()[:, None])
        size = torch.tensor(heatmap_size, dtype=torch.float64)
        steps = size - 1 if convention == "udp" else size
        first = 0.5 if convention == "half_pixel" else 0.0
        step = box / steps
        if scale_axes == "x_only":  # the box is as high as that makes it
            step = step[:, :1].expand(-1, 2)
            box = step * steps
        image = (points + first) * step[:, None] + (center.double() - box / 2)[:, None]
    return image if coords.dtype is torch.float64 else image.float()
