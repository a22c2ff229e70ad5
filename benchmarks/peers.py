"""What torch itself can do for each operation, on any device: the forms in use and better ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# Targets --------------------------------------------------------------------------------------


def separable_targets(
    joints: Tensor,
    visible: Tensor,
    columns: Tensor,
    rows: Tensor,
    sigma: float,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """One factor a column and one a row, and a single pass over the maps."""
    x = torch.exp(-((columns - joints[..., :1]) ** 2) / (2 * sigma**2))
    y = torch.exp(-((rows - joints[..., 1:]) ** 2) / (2 * sigma**2)) * visible[..., None]
    return y.to(dtype)[..., :, None] * x.to(dtype)[..., None, :]


def windowed_targets(
    joints: Tensor,
    visible: Tensor,
    columns: Tensor,
    rows: Tensor,
    sigma: float,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """The same with the peak on a pixel, and nothing beyond three sigma."""
    peaks = (joints + 0.5).trunc()
    x, y = columns - peaks[..., :1], rows - peaks[..., 1:]
    x = torch.exp(-(x**2) / (2 * sigma**2)) * (x.abs() <= 3 * sigma)
    y = torch.exp(-(y**2) / (2 * sigma**2)) * (y.abs() <= 3 * sigma) * visible[..., None]
    return y.to(dtype)[..., :, None] * x.to(dtype)[..., None, :]


# The loss -------------------------------------------------------------------------------------


def whole_map(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    return ((output - target) ** 2 * weight[..., None]).mean()


def summed_first(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weights the sum of a map instead of each pixel."""
    squared = (output - target).pow(2).sum((2, 3))
    return (squared * weight[..., 0]).sum() / output.numel()


class GradientInForward(torch.autograd.Function):
    """The fewest passes that eager torch allows: difference, gradient, dot product.

    For contiguous maps.
    """

    @staticmethod
    def forward(ctx: Any, output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        difference = output - target
        gradient = difference * (weight[..., None] * (2 / output.numel()))
        ctx.gradient = gradient
        return torch.dot(gradient.view(-1), difference.view(-1)) / 2

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor, None, None]:
        # A GPU would have to be waited for before its number could be looked at.
        is_one = incoming.is_cpu and incoming == 1
        return (ctx.gradient if is_one else ctx.gradient * incoming), None, None


# Decoding and scores --------------------------------------------------------------------------


def argmax_quarter(heatmaps: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
    """The maximum of all maps at once, then a quarter pixel towards the larger neighbours.

    `steps` leads to them in a flat map: 1, W, -1, -W.
    """
    height, width = heatmaps.shape[2:]
    pixels = heatmaps.flatten(2)
    scores, index = pixels.max(2)
    x, y = index % width, index // width
    inside = (x > 1) & (x < width - 1) & (y > 1) & (y < height - 1)
    around = (index[..., None] + steps).clamp(0, height * width - 1)
    after, before = pixels.gather(2, around).float().chunk(2, 2)
    offset = (after - before).sign() * (0.25 * inside[..., None])
    return torch.stack([x, y], -1) + offset, scores.float()


def count_within(
    pred: Tensor, truth: Tensor, valid: Tensor, norm: float, thresholds: Tensor
) -> tuple[Tensor, Tensor]:
    """Distances first, then all thresholds at once."""
    distance = torch.linalg.vector_norm(pred - truth, dim=-1) / norm
    counts = valid > 0.5
    correct = (distance < thresholds[:, None, None]) & counts
    return correct.sum(1), counts.sum(0)
