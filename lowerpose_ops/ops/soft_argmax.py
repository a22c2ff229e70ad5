"""The mean place of the softmax of each heatmap, on tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import _arguments as arguments
from .. import _native
from .._library import check_tensors, define_op, has_tangent, optional_view, view

_NAME = "soft_argmax2d"


def _allocate(
    heatmaps: Tensor, beta: Tensor | None, beta_value: float, normalized: bool
) -> tuple[Tensor, Tensor]:
    batch, num_joints = heatmaps.shape[:2]
    is_double = heatmaps.dtype is torch.float64
    coords = heatmaps.new_empty(
        (batch, num_joints, 2), dtype=torch.float64 if is_double else torch.float32
    )
    return coords, heatmaps.new_empty((batch, num_joints, 4), dtype=torch.float64)


def _run(
    heatmaps: Tensor, beta: Tensor | None, beta_value: float, normalized: bool
) -> tuple[Tensor, Tensor]:
    coords, state = _allocate(heatmaps, beta, beta_value, normalized)
    _native.core.soft_argmax(
        *(view(heatmaps), optional_view(beta), beta_value, normalized),
        *(view(coords), view(state), arguments.threads()),
    )
    return coords, state


def _allocate_gradients(
    incoming: Tensor,
    heatmaps: Tensor,
    beta: Tensor | None,
    beta_value: float,
    normalized: bool,
    state: Tensor,
    to_heatmaps: bool,
    to_beta: bool,
) -> tuple[Tensor, Tensor]:
    """What is not wanted has no elements."""
    gradient = torch.empty_like(heatmaps) if to_heatmaps else heatmaps.new_empty((0,))
    count = beta.numel() if to_beta and beta is not None else 0
    is_double = beta is not None and beta.dtype is torch.float64
    beta_gradient = heatmaps.new_empty(
        (count,), dtype=torch.float64 if is_double else torch.float32
    )
    return gradient, beta_gradient


def _run_backward(
    incoming: Tensor,
    heatmaps: Tensor,
    beta: Tensor | None,
    beta_value: float,
    normalized: bool,
    state: Tensor,
    to_heatmaps: bool,
    to_beta: bool,
) -> tuple[Tensor, Tensor]:
    gradient, beta_gradient = _allocate_gradients(
        incoming, heatmaps, beta, beta_value, normalized, state, to_heatmaps, to_beta
    )
    batch, num_joints = heatmaps.shape[:2]
    scratch = state.new_empty((1 + batch * num_joints,)) if to_beta else None
    _native.core.soft_argmax_backward(
        *(view(incoming), view(heatmaps), optional_view(beta), beta_value, normalized, view(state)),
        view(gradient) if to_heatmaps else None,
        view(beta_gradient) if to_beta else None,
        optional_view(scratch),
        arguments.threads(),
    )
    return gradient, beta_gradient


def _refuse_double_backward(ctx: Any, *grads: Tensor) -> Any:
    raise ValueError(f"{_NAME}: the gradient of its gradient is not available")


_soft_argmax_backward = define_op(
    "soft_argmax_backward(Tensor incoming, Tensor heatmaps, Tensor? beta, float beta_value, "
    "bool normalized, Tensor state, bool to_heatmaps, bool to_beta) -> (Tensor, Tensor)",
    _run_backward,
    _allocate_gradients,
    backward=_refuse_double_backward,
)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    heatmaps, beta, ctx.beta_value, ctx.normalized = inputs
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(heatmaps, beta, output[1])


def _backward(
    ctx: Any, incoming: Tensor | None, _: Tensor | None
) -> tuple[Tensor | None, Tensor | None, None, None]:
    if incoming is None:  # whoever used the coordinates stopped the gradient
        return None, None, None, None
    heatmaps, beta, state = ctx.saved_tensors
    to_heatmaps, to_beta = ctx.needs_input_grad[:2]
    gradient, beta_gradient = _soft_argmax_backward(
        *(incoming, heatmaps, beta, ctx.beta_value, ctx.normalized, state, to_heatmaps, to_beta)
    )
    if to_beta:
        beta_gradient = beta_gradient.reshape(beta.shape).to(beta.dtype)
    return gradient if to_heatmaps else None, beta_gradient if to_beta else None, None, None


# The coordinates, and what the backward pass needs to know of each map.
_soft_argmax = define_op(
    "soft_argmax(Tensor heatmaps, Tensor? beta, float beta_value, bool normalized) "
    "-> (Tensor, Tensor)",
    _run,
    _allocate,
    setup_context=_save,
    backward=_backward,
)


def soft_argmax2d(heatmaps: Tensor, beta: float | Tensor, *, normalized: bool = False) -> Tensor:
    """`lowerpose_ops.soft_argmax2d` for tensors."""
    tensor_beta = beta if isinstance(beta, Tensor) else None
    if tensor_beta is None:
        check_tensors(_NAME, heatmaps=heatmaps)
        beta_value = arguments.number(_NAME, "beta (if no tensor)", beta)
    else:
        check_tensors(_NAME, heatmaps=heatmaps, beta=tensor_beta)
        beta_value = 1.0  # not read
    if has_tangent(heatmaps) or (tensor_beta is not None and has_tangent(tensor_beta)):
        raise ValueError(f"{_NAME}: forward-mode differentiation is not available")
    arguments.check_flag(_NAME, "normalized", normalized)
    arguments.check_ndim(_NAME, "heatmaps", heatmaps, arguments.HEATMAP_LAYOUTS)
    single = heatmaps.ndim == 3
    maps = heatmaps.unsqueeze(0) if single else heatmaps
    coords: Tensor = _soft_argmax(maps, tensor_beta, beta_value, normalized)[0]
    return coords[0] if single else coords
