"""What the functions on poses share: their checks, which joints count, and means over them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .. import _arguments as arguments
from .._library import check_tensors

# Beyond it a coordinate is no place, as in the other scores.
_LARGEST_COORDINATE = 2.0**30
_CHUNK = 1024


def check_floating(operation: str, **tensors: Tensor) -> None:
    """Refuses what is no dense floating tensor, and tensors on several devices."""
    check_tensors(operation, **tensors)
    for argument, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise TypeError(
                f"{operation}: {argument} must be of a floating type, got {tensor.dtype}"
            )


def check_poses(
    operation: str,
    pred: Tensor,
    gt: Tensor,
    mask: Tensor | None,
    sizes: Collection[int] = (3,),
    least: int = 2,
    layout: str = "[..., K, D]",
) -> None:
    """Refuses anything but two tensors of poses of one shape, and a mask that fits."""
    check_floating(operation, pred=pred, gt=gt)
    if mask is not None:
        check_tensors(operation, pred=pred, mask=mask)
        if mask.is_complex():
            raise TypeError(f"{operation}: mask must be bool or real, got {mask.dtype}")
    if pred.ndim < least or pred.shape[-1] not in sizes:
        expected = " or ".join(layout.replace("D", str(size)) for size in sizes)
        raise arguments.value_error(operation, "pred", expected, list(pred.shape))
    if gt.shape != pred.shape:
        raise arguments.value_error(
            operation, "gt", f"of pred's shape {list(pred.shape)}", list(gt.shape)
        )
    if mask is not None and mask.shape != pred.shape[:-1]:
        expected = f"[..., K] = {list(pred.shape[:-1])}"
        raise arguments.value_error(operation, "mask", expected, list(mask.shape))


def result_dtype(*tensors: Tensor) -> torch.dtype:
    """float32, or float64 if one of them is that."""
    return torch.float64 if any(t.dtype == torch.float64 for t in tensors) else torch.float32


def counted_joints(gt: Tensor, mask: Tensor | None) -> Tensor:
    """[..., K]: which joints are in the mask and have a known place."""
    known = (gt.detach().abs() <= _LARGEST_COORDINATE).all(-1)
    return known if mask is None else known & (mask >= 0.5)


def only(counts: Tensor, values: Tensor) -> Tensor:
    """Values [..., K, D] in float64, with 0 where a joint does not count.

    Neither a NaN nor a gradient comes out of what does not count.
    """
    return torch.where(counts[..., None], values.double(), 0.0)


def distances(pred: Tensor, gt: Tensor) -> Tensor:
    """[..., K]; NaN where they are not finite, and the gradient of no distance is zero."""
    found = torch.linalg.vector_norm(pred - gt, dim=-1)
    return torch.where(found.isfinite(), found, torch.nan)


def reduced(errors: Tensor, counts: Tensor, reduction: str, dtype: torch.dtype) -> Tensor:
    """The mean over counted joints, or the errors with NaN elsewhere."""
    if reduction == "none":
        return torch.where(counts, errors, torch.nan).to(dtype)
    return (ordered_sum(torch.where(counts, errors, 0.0)) / counts.sum()).to(dtype)


def ordered_sum(values: Tensor) -> Tensor:
    """The sum of values [..., K], which is the same for any number of threads.

    Torch cuts the sum of a large tensor into one number at its threads; rows it gives to them
    whole.
    """
    rows = values.sum(-1).flatten()
    rows = functional.pad(rows, (0, -rows.shape[0] % _CHUNK))
    return rows.reshape(-1, _CHUNK).sum(-1).sum()


def indices(operation: str, argument: str, value: Any, num_joints: int) -> list[int]:
    """One index of a joint, or a sequence of different ones, as a list."""
    expected = f"one of the {num_joints} joints or a sequence of different ones"
    values = value if isinstance(value, (list, tuple)) else [value]
    found = [arguments.integer(operation, argument, index, expected) for index in values]
    for index in found:
        if not 0 <= index < num_joints:
            raise arguments.value_error(operation, argument, expected, value)
    if not found or len(set(found)) < len(found):
        raise arguments.value_error(operation, argument, expected, value)
    return found
