"""kornia's soft-argmax and Gaussians, on native operations where there is one.

Names, argument order and results are those of `kornia.geometry.subpix` before 0.9, where the
temperature was a factor; `fixed=True` divides by it, as kornia does since.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .. import _arguments as arguments
from .._library import check_tensors
from ..ops.soft_argmax import soft_argmax2d
from ._checks import width_height

__all__ = ["render_gaussian2d", "spatial_expectation2d", "spatial_soft_argmax2d"]


def spatial_soft_argmax2d(
    input: Tensor,  # noqa: A002 - kornia's name
    temperature: Tensor | float | None = None,
    normalized_coordinates: bool = True,
    *,
    fixed: bool = False,
) -> Tensor:
    """Finds the mean place of the softmax of each heatmap, with gradients.

    Args:
        input: [B, N, H, W], float32, float16, bfloat16 or float64.
        temperature: What heatmaps are multiplied by before the softmax: a number, or a tensor of
            one. None is 1.
        normalized_coordinates: From -1 to 1, at the centres of the first and the last pixel; else
            in pixels.
        fixed: Heatmaps are divided by the temperature, which must be positive if it is a number.

    Returns:
        [B, N, 2], (x, y), in the dtype of input.

    Raises:
        TypeError: input is of another type or dtype.
        ValueError: It has another number of dimensions; temperature is not finite, or 0 with
            `fixed`.

    Example:
        >>> heatmaps = torch.zeros(1, 1, 3, 3)
        >>> heatmaps[0, 0, 1, 2] = 100
        >>> spatial_soft_argmax2d(heatmaps, normalized_coordinates=False)
        tensor([[[2., 1.]]])
    """
    name = "spatial_soft_argmax2d"
    check_tensors(name, input=input)
    arguments.check_ndim(name, "input", input, {4: "[B, N, H, W]"})
    normalized = arguments.check_flag(name, "normalized_coordinates", normalized_coordinates)
    beta: Tensor | float = 1.0 if temperature is None else temperature
    if not isinstance(beta, Tensor):
        beta = arguments.number(name, "temperature (if no tensor)", beta)
    if arguments.check_flag(name, "fixed", fixed):
        if not isinstance(beta, Tensor) and beta <= 0:
            raise arguments.value_error(name, "temperature", "positive", temperature)
        beta = 1 / beta
    return soft_argmax2d(input, beta, normalized=normalized).to(input.dtype)


def _pixels(size: int, normalized: bool, like: Tensor) -> Tensor:
    """Where the pixels of an axis are."""
    if normalized:
        return torch.linspace(-1, 1, size, dtype=like.dtype, device=like.device)
    return torch.arange(size, dtype=like.dtype, device=like.device)


def _check_floating(name: str, argument: str, tensor: Tensor) -> None:
    if not tensor.is_floating_point():
        raise TypeError(f"{name}: {argument} must be of a floating type, got {tensor.dtype}")


def spatial_expectation2d(
    input: Tensor,  # noqa: A002 - kornia's name
    normalized_coordinates: bool = True,
) -> Tensor:
    """The mean place under maps of probabilities, which are taken as they are.

    Args:
        input: [B, N, H, W]; each map sums to 1.
        normalized_coordinates: As for `spatial_soft_argmax2d`.

    Returns:
        [B, N, 2], (x, y), in the dtype of input; differentiable.

    Raises:
        TypeError: input is no tensor.
        ValueError: It has another number of dimensions.

    Example:
        >>> maps = torch.zeros(1, 1, 3, 3)
        >>> maps[0, 0, 1, 1:] = 0.5
        >>> spatial_expectation2d(maps, normalized_coordinates=False)
        tensor([[[1.5000, 1.0000]]])
    """
    name = "spatial_expectation2d"
    check_tensors(name, input=input)
    _check_floating(name, "input", input)
    arguments.check_ndim(name, "input", input, {4: "[B, N, H, W]"})
    normalized = arguments.check_flag(name, "normalized_coordinates", normalized_coordinates)
    height, width = input.shape[2:]
    # A map is summed along each axis once; no grid of all pixels is made.
    x = input.sum(2) @ _pixels(width, normalized, input)
    y = input.sum(3) @ _pixels(height, normalized, input)
    return torch.stack([x, y], -1)


def render_gaussian2d(
    mean: Tensor, std: Tensor, size: tuple[int, int], normalized_coordinates: bool = True
) -> Tensor:
    """Gaussians over the whole map, each of which sums to 1 whatever part of it the map holds.

    Args:
        mean: [..., 2], (x, y).
        std: [..., 2], along x and y, of a shape that broadcasts with mean's.
        size: (H, W).
        normalized_coordinates: The unit of both: see `spatial_soft_argmax2d`.

    Returns:
        [..., H, W] in the dtype of mean; differentiable.

    Raises:
        TypeError: An argument is no tensor, or their dtypes differ.
        ValueError: A shape does not fit.

    Example:
        >>> maps = render_gaussian2d(torch.zeros(1, 2), torch.full((1, 2), 0.5), (3, 5))
        >>> maps.shape, round(maps.sum().item(), 4)
        (torch.Size([1, 3, 5]), 1.0)
    """
    name = "render_gaussian2d"
    check_tensors(name, mean=mean, std=std)
    normalized = arguments.check_flag(name, "normalized_coordinates", normalized_coordinates)
    if mean.dtype != std.dtype:
        raise TypeError(f"{name}: std must be {mean.dtype} like mean, got {std.dtype}")
    for argument, tensor in (("mean", mean), ("std", std)):
        _check_floating(name, argument, tensor)
        if tensor.ndim == 0 or tensor.shape[-1] != 2:
            raise arguments.value_error(name, argument, "[..., 2]", list(tensor.shape))
    try:
        torch.broadcast_shapes(mean.shape, std.shape)
    except RuntimeError:
        expected = f"of a shape that broadcasts with {list(mean.shape)}"
        raise arguments.value_error(name, "std", expected, list(std.shape)) from None
    height, width = width_height(name, "size", size, "(H, W)")
    along = []
    for axis, count in ((0, width), (1, height)):
        pixels = _pixels(count, normalized, mean)
        distances = (pixels - mean[..., axis, None]) / std[..., axis, None]
        values = torch.exp(-0.5 * distances**2)
        along.append(values / (values.sum(-1, keepdim=True) + 1e-8))
    return along[1][..., :, None] * along[0][..., None, :]
