"""Gaussian target heatmaps, one pixel formula for all, in float64."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import presets

_LARGEST_COORDINATE = 2.0**30


def gaussian_targets(
    joints: Tensor,
    visible: Tensor,
    heatmap_size: tuple[int, int],
    sigma: float | Tensor = 2.0,
    *,
    preset: str = "exact",
    fixed: bool = False,
    instance_weights: bool = False,
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor]:
    """`lowerpose_ops.gaussian_targets` for joints [B, K, 2] or [B, N, K, 2]."""
    rule = presets.targets("gaussian_targets", preset, fixed)
    if joints.ndim == 3:
        joints = joints[:, None]
    counts = joints.shape[:3]
    visibility = visible.reshape(counts).double()
    sigmas = torch.as_tensor(sigma, dtype=torch.float64)
    sigmas = (sigmas[..., None] if sigmas.ndim == 2 else sigmas).expand(counts)
    good_sigma = (sigmas > 0) & (3 * sigmas).isfinite()
    if preset == "lower_body" and not fixed:
        fraction = 3 * sigmas - torch.floor(3 * sigmas)
        good_sigma = good_sigma & ((fraction == 0) | (fraction >= 0.5))
    valid = visibility.isfinite() & good_sigma
    visibility = torch.where(valid, visibility, 0.0)
    sigmas = torch.where(valid, sigmas, 1.0)

    good_joint = (joints.double().abs() <= _LARGEST_COORDINATE).all(-1)  # False for NaN
    points = torch.where(good_joint[..., None], joints, torch.zeros_like(joints))
    seen = visibility > 0.5 if rule.visible == ">" else visibility >= 0.5
    if rule.visible == "x > 0":
        seen = points[..., 0] > 0
    placed, maps = valid & good_joint, torch.ones(*counts, 1, 1, dtype=torch.float64)
    for axis, size in enumerate(heatmap_size):
        values, inside = _along_axis(rule, points[..., axis], sigmas, size)
        placed = placed & inside
        maps = maps * (values[..., None, :] if axis == 0 else values[..., :, None])
    drawn = placed & seen

    weights = drawn.double()
    if rule.weight != "binary":
        kept = placed | (valid & ~seen) if rule.weight == "copy_unseen" else placed
        weights = torch.where(kept, visibility, 0.0)
    if not instance_weights:
        weights = _maximum(weights)
    targets = _maximum(maps * drawn[..., None, None])
    arithmetic = dtype if dtype is torch.float64 else torch.float32
    targets = torch.where(targets < torch.finfo(arithmetic).tiny, 0.0, targets)
    return targets.to(dtype), weights[..., None].float()


def _maximum(values: Tensor) -> Tensor:
    """Over the instances, dimension 1; 0 where there are none."""
    if values.shape[1] == 0:
        return values.new_zeros(values.shape[:1] + values.shape[2:])
    return values.amax(1)


def _along_axis(
    rule: presets.TargetPreset, given: Tensor, sigmas: Tensor, size: int
) -> tuple[Tensor, Tensor]:
    """The Gaussian over the pixels of an axis [..., size], and whether the joint is in range."""
    x, narrow = given.double(), given.dtype is torch.float32
    center = {
        "exact": x,
        "round": torch.trunc(given + 0.5).double() if narrow else torch.trunc(x + 0.5),
        "round_float64": torch.trunc(x + 0.5),
        "nearest": torch.floor(x + 0.5),
        "trunc": torch.trunc(x),
        "floor": torch.floor(x),
    }[rule.center]
    radius = 3 * sigmas + {"3 sigma": 0, "3 sigma + 1": 1}[rule.radius]
    low, high = torch.trunc(center - radius), torch.trunc(center + radius + 1)
    if rule.window == "symmetric":
        low, high = center - torch.floor(radius), center + torch.floor(radius) + 1
    peak = {
        "center": center,
        "joint": x,
        "edge": low + (2 * radius + 1) // 2,
        "edge_joint": low + (2 * radius + 1) // 2 + (x - center),
        "edge_exact": low + radius,
    }[rule.peak]
    inside = {
        "keep": torch.ones_like(low, dtype=torch.bool),
        "negative_end": (low < size) & (high >= 0),
        "missed": (low < size) & (high > 0),
        "center": (center >= 0) & (center < size),
    }[rule.outside]
    pixels = torch.arange(size, dtype=torch.float64)
    values = torch.exp(-((pixels - peak[..., None]) ** 2) / (2 * sigmas[..., None] ** 2))
    if rule.window != "full":
        values = values * ((pixels >= low[..., None]) & (pixels < high[..., None]))
    return values, inside
