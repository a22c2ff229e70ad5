"""The first maximum of each heatmap, and where between the pixels it lies, joint by joint."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def decode_heatmaps(
    heatmaps: Tensor, refine: str = "quarter", *, blur_kernel: int = 11
) -> tuple[Tensor, Tensor]:
    """`lowerpose_ops.decode_heatmaps` for heatmaps [B, K, H, W] without a preset."""
    batch, num_joints, _, width = heatmaps.shape
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
            dx, dy = _offset(pixels.double(), x, y, refine, blur_kernel)
            coords[b, k] = torch.tensor([x + dx, y + dy])
    return coords, scores


def _offset(pixels: Tensor, x: int, y: int, refine: str, blur_kernel: int) -> tuple[float, float]:
    height, width = pixels.shape
    if refine == "none":
        return 0, 0
    if refine == "dark":
        inside = 1 < x < width - 2 and 1 < y < height - 2
        return _newton_step(_blurred(pixels, blur_kernel), x, y, 2) if inside else (0, 0)
    if refine == "dark_udp":
        return _newton_step(_blurred(pixels, blur_kernel), x, y, 1)
    if refine == "quarter":
        if not (1 < x < width - 1 and 1 < y < height - 1):
            return 0, 0
        return _quarter(pixels[y, x - 1 : x + 2]), _quarter(pixels[y - 1 : y + 2, x])
    along_x = pixels[y, x - 1 : x + 2] if 0 < x < width - 1 else None
    along_y = pixels[y - 1 : y + 2, x] if 0 < y < height - 1 else None
    if refine == "gradient":
        dx, dy = _slope(along_x), _slope(along_y)
        size = math.sqrt(dx**2 + dy**2)
        return (0.25 * dx / size, 0.25 * dy / size) if 0 < size < math.inf else (0, 0)
    return _parabola(along_x, refine), _parabola(along_y, refine)


def _quarter(three: Tensor) -> float:
    return 0.25 * (float(three[2] > three[0]) - float(three[2] < three[0]))


def _slope(three: Tensor | None) -> float:
    return 0.0 if three is None else float(three[2] - three[0])


def _parabola(three: Tensor | None, refine: str) -> float:
    if three is None:
        return 0.0
    if refine == "log_parabola":
        if not bool((three > 0).all()):
            return 0.0
        three = three.log()
    before, center, after = three.tolist()
    curvature = 2 * center - before - after
    return 0.5 * (after - before) / curvature if 0 < curvature < math.inf else 0.0


def _blurred(pixels: Tensor, kernel: int) -> Tensor:
    """OpenCV's Gaussian blur of 11 pixels and more, with zeros around the map."""
    radius = (kernel - 1) // 2
    sigma = 0.3 * (radius - 1) + 0.8
    places = torch.arange(-radius, radius + 1, dtype=torch.float64)
    taps = torch.exp(-0.5 * (places / sigma) ** 2)
    taps /= taps.sum()
    window = taps[:, None] * taps
    return torch.conv2d(pixels[None, None], window[None, None], padding=radius)[0, 0]


def _newton_step(blurred: Tensor, x: int, y: int, step: int) -> tuple[float, float]:
    height, width = blurred.shape
    logs = blurred.clamp(min=1e-10).log()

    def at(dx: int, dy: int) -> float:
        row, column = min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)
        return float(logs[row, column])

    dx, dy = (at(1, 0) - at(-1, 0)) / 2, (at(0, 1) - at(0, -1)) / 2
    dxx = (at(step, 0) - 2 * at(0, 0) + at(-step, 0)) / step**2
    dyy = (at(0, step) - 2 * at(0, 0) + at(0, -step)) / step**2
    if step == 2:
        dxy = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4
    else:
        dxy = (at(1, 1) - at(1, 0) - at(0, 1) + 2 * at(0, 0)) / 2
        dxy += (at(-1, -1) - at(-1, 0) - at(0, -1)) / 2
    det = dxx * dyy - dxy**2
    if not (dxx < 0 and 0 < det < math.inf):
        return 0, 0
    move_x, move_y = (dxy * dy - dyy * dx) / det, (dxy * dx - dxx * dy) / det
    shrink = min(1, 2 / max(abs(move_x), abs(move_y), 2))
    return shrink * move_x, shrink * move_y
