"""The first maximum of each heatmap, and where between the pixels it lies, joint by joint."""

from __future__ import annotations

import math
from functools import partial

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


def dark_covariance(heatmaps: Tensor, *, blur_kernel: int = 11) -> Tensor:
    """The covariance [B, K, 2, 2] of `lowerpose_ops.decode_heatmaps(heatmaps, "dark")`."""
    coords, _ = decode_heatmaps(heatmaps, "dark", blur_kernel=blur_kernel)
    batch, num_joints, height, width = heatmaps.shape
    result = torch.full((batch, num_joints, 2, 2), math.nan)
    y, x = torch.meshgrid(*map(torch.arange, (height, width)), indexing="ij")
    for b in range(batch):
        for k in range(num_joints):
            pixels = heatmaps[b, k].double()
            shape = _gaussian_shape(pixels, blur_kernel)
            if shape is None:
                continue
            away = torch.stack([x - coords[b, k, 0], y - coords[b, k, 1]], -1).double()
            model = torch.exp(-0.5 * torch.einsum("yxi,ij,yxj->yx", away, shape.inverse(), away))
            amplitude = (pixels * model).sum() / (model * model).sum()
            noise = ((pixels - amplitude * model) ** 2).sum() / (height * width - 6)
            index = int(pixels.flatten().argmax())
            place = index % width, index // width
            step = partial(_dark_step, x=place[0], y=place[1], blur_kernel=blur_kernel)
            slopes = torch.autograd.functional.jacobian(step, pixels)
            result[b, k] = noise * torch.einsum("iyx,jyx->ij", slopes, slopes)
    return result


def _gaussian_shape(pixels: Tensor, blur_kernel: int) -> Tensor | None:
    """The covariance matrix of the Gaussian that a map has at its maximum; None without one."""
    height, width = pixels.shape
    if bool(pixels.isnan().any()):
        return None
    index = int(pixels.flatten().argmax())
    x, y = index % width, index // width
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return None
    _, hessian = _dark_derivatives(pixels, x, y, blur_kernel)
    if not bool((torch.linalg.eigvalsh(hessian) < 0).all()):
        return None
    own = _blur_sigma(blur_kernel) ** 2
    shape = -hessian.inverse() - own * torch.eye(2).double()
    return shape if bool((torch.linalg.eigvalsh(shape) > 1e-9 * own).all()) else None


def _dark_derivatives(pixels: Tensor, x: int, y: int, blur_kernel: int) -> tuple[Tensor, Tensor]:
    logs = _blurred(pixels, blur_kernel).clamp(min=1e-10).log()
    slope = torch.stack([logs[y, x + 1] - logs[y, x - 1], logs[y + 1, x] - logs[y - 1, x]]) / 2
    dxx = logs[y, x + 2] - 2 * logs[y, x] + logs[y, x - 2]
    dyy = logs[y + 2, x] - 2 * logs[y, x] + logs[y - 2, x]
    dxy = logs[y + 1, x + 1] - logs[y - 1, x + 1] - logs[y + 1, x - 1] + logs[y - 1, x - 1]
    return slope, torch.stack([dxx, dxy, dxy, dyy]).view(2, 2) / 4


def _dark_step(pixels: Tensor, x: int, y: int, blur_kernel: int) -> Tensor:
    slope, hessian = _dark_derivatives(pixels, x, y, blur_kernel)
    step: Tensor = torch.linalg.solve(-hessian, slope)
    return step


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


def _blur_sigma(kernel: int) -> float:
    """OpenCV's for 11 pixels and more."""
    return 0.3 * ((kernel - 1) / 2 - 1) + 0.8


def _taps(kernel: int) -> Tensor:
    radius = (kernel - 1) // 2
    places = torch.arange(-radius, radius + 1, dtype=torch.float64)
    taps = torch.exp(-0.5 * (places / _blur_sigma(kernel)) ** 2)
    return taps / taps.sum()


def _blurred(pixels: Tensor, kernel: int) -> Tensor:
    """With zeros around the map."""
    taps = _taps(kernel)
    return torch.conv2d(pixels[None, None], (taps[:, None] * taps)[None, None], padding="same")[
        0, 0
    ]


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
