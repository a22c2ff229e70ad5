"""From heatmap pixels to image pixels, on tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import _arguments as arguments
from .. import _native
from .._library import check_no_gradient, check_tensors, define_op, has_tangent, optional_view, view

_NAME = "to_image"


def _allocate(
    coords: Tensor,
    center: Tensor | None,
    scale: Tensor | None,
    matrix: Tensor | None,
    width: int,
    height: int,
    convention: str,
    pixel_std: float,
    scale_axes: str,
    mode: str,
) -> Tensor:
    is_double = coords.dtype is torch.float64
    return coords.new_empty(coords.shape, dtype=torch.float64 if is_double else torch.float32)


def _run(
    coords: Tensor,
    center: Tensor | None,
    scale: Tensor | None,
    matrix: Tensor | None,
    width: int,
    height: int,
    convention: str,
    pixel_std: float,
    scale_axes: str,
    mode: str,
) -> Tensor:
    out = _allocate(
        coords, center, scale, matrix, width, height, convention, pixel_std, scale_axes, mode
    )
    _native.core.to_image(
        *(view(coords), optional_view(center), optional_view(scale), optional_view(matrix)),
        view(out),
        width,
        height,
        convention,
        pixel_std,
        scale_axes,
        mode,
        arguments.threads(),
    )
    return out


# What the gradient of each mode is made by: A x + t and A x by A^T, and A^T x by A.
_GRADIENT = {"affine": "transposed", "linear": "transposed", "transposed": "linear"}


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    coords, center, scale, matrix, *ctx.options, ctx.mode = inputs
    ctx.dtype = coords.dtype
    ctx.save_for_backward(center, scale, matrix)


def _backward(ctx: Any, incoming: Tensor) -> tuple[Tensor | None, ...]:
    gradient = _to_image(incoming, *ctx.saved_tensors, *ctx.options, _GRADIENT[ctx.mode])
    return gradient.to(ctx.dtype), *[None] * 9


_to_image = define_op(
    "to_image(Tensor coords, Tensor? center, Tensor? scale, Tensor? matrix, SymInt width, "
    "SymInt height, str convention, float pixel_std, str scale_axes, str mode) -> Tensor",
    _run,
    _allocate,
    setup_context=_save,
    backward=_backward,
)


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
    """`lowerpose_ops.to_image` for tensors."""
    options = arguments.box_or_matrix(
        *(_NAME, center, scale, heatmap_size, convention, matrix, pixel_std, scale_axes)
    )
    given = {"center": center, "scale": scale, "matrix": matrix}
    tensors = {name: tensor for name, tensor in given.items() if tensor is not None}
    check_tensors(_NAME, coords=coords, **tensors)
    for name, tensor in tensors.items():
        check_no_gradient(_NAME, name, tensor)
    if has_tangent(coords):
        raise ValueError(f"{_NAME}: forward-mode differentiation is not available")
    arguments.check_ndim(_NAME, "coords", coords, {2: "[K, 2]", 3: "[B, K, 2]"})
    single = coords.ndim == 2
    if single:
        for name, tensor in tensors.items():
            arguments.check_ndim(_NAME, name, tensor, arguments.ONE_BOX[name])
        coords = coords.unsqueeze(0)
        center, scale = (
            None if tensor is None else tensor.unsqueeze(0) for tensor in (center, scale)
        )
    image: Tensor = _to_image(coords, center, scale, matrix, *options, "affine")
    return image[0] if single else image
