"""What torch itself can do for each operation, on any device: the forms in use and better ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def compiled(form: Callable[..., Any]) -> Callable[..., Any]:
    """For one size alone: dynamo would make a slower form for several, and give up after some."""
    torch.compiler.reset()
    return torch.compile(form, fullgraph=True, dynamic=False)


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


def joint_loop(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Joint by joint with nn.MSELoss, both maps times the weight (1 or 0, so w^2 = w)."""
    criterion = nn.MSELoss()
    losses = []
    for joint in range(output.shape[1]):
        predicted = output[:, joint].reshape(len(output), -1)
        truth = target[:, joint].reshape(len(output), -1)
        losses.append(criterion(predicted * weight[:, joint], truth * weight[:, joint]))
    return torch.stack(losses).mean()


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


def blurred_newton(heatmaps: Tensor, kernel: int = 11) -> tuple[Tensor, Tensor]:
    """DARK for all maps at once: a separable blur, then a Newton step on its logarithms."""
    batch, joints, height, width = heatmaps.shape
    coords, scores = argmax_quarter(heatmaps, torch.zeros(4, dtype=torch.int64))
    x, y = coords.long().unbind(-1)
    side = torch.arange(kernel) - kernel // 2
    taps = torch.exp(-0.5 * (side / (0.3 * (kernel // 2 - 1) + 0.8)) ** 2)
    taps = taps / taps.sum()
    maps = heatmaps.reshape(-1, 1, height, width)
    blurred = nn.functional.conv2d(maps, taps[None, None, None], padding=(0, kernel // 2))
    blurred = nn.functional.conv2d(blurred, taps[None, None, :, None], padding=(kernel // 2, 0))
    pixels = blurred.view(batch, joints, -1)

    def at(dx: int, dy: int) -> Tensor:
        places = (x + dx).clamp(0, width - 1) + width * (y + dy).clamp(0, height - 1)
        return pixels.gather(2, places[..., None])[..., 0].clamp(min=1e-10).log()

    dx, dy = 0.5 * (at(1, 0) - at(-1, 0)), 0.5 * (at(0, 1) - at(0, -1))
    here = 2 * at(0, 0)
    dxx, dyy = 0.25 * (at(2, 0) - here + at(-2, 0)), 0.25 * (at(0, 2) - here + at(0, -2))
    dxy = 0.25 * (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1))
    det = dxx * dyy - dxy**2
    inside = (x > 1) & (x < width - 2) & (y > 1) & (y < height - 2) & (det != 0)
    step = torch.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], -1) / det[..., None]
    return coords + torch.where(inside[..., None], step, 0), scores


def marginals(heatmaps: Tensor, beta: float, columns: Tensor, rows: Tensor) -> Tensor:
    """A softmax, its sums along either axis, and two products with the pixels' numbers."""
    p = (beta * heatmaps).flatten(2).softmax(2).view(heatmaps.shape)
    return torch.stack([p.sum(2) @ columns, p.sum(3) @ rows], 2)


def count_within(
    pred: Tensor, truth: Tensor, valid: Tensor, norm: float, thresholds: Tensor
) -> tuple[Tensor, Tensor]:
    """Distances first, then all thresholds at once."""
    distance = torch.linalg.vector_norm(pred - truth, dim=-1) / norm
    counts = valid > 0.5
    correct = (distance < thresholds[:, None, None]) & counts
    return correct.sum(1), counts.sum(0)
