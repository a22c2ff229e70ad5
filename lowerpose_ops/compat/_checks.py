"""What all drop-in modules ask of arrays and sizes, which the originals take as they come."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _arguments as arguments

Array = np.ndarray[Any, Any]


def check_array(operation: str, argument: str, array: object, layouts: dict[int, str]) -> None:
    """Refuses what is no array of real numbers with these numbers of dimensions."""
    if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray):
        raise arguments.type_error(operation, argument, "a NumPy array", array)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{operation}: {argument} must be of a number type, got {array.dtype}")
    arguments.check_ndim(operation, argument, array, layouts)


def as_array(operation: str, argument: str, value: object, layouts: dict[int, str]) -> Array:
    """The same for what may be a list or a number too."""
    if isinstance(value, (list, tuple, int, float, np.generic)):
        try:
            value = np.asarray(value)
        except (ValueError, TypeError, RuntimeError) as error:  # ragged, or of tensors
            raise arguments.value_error(operation, argument, "an array", value) from error
    check_array(operation, argument, value, layouts)
    array: Array = value  # type: ignore[assignment]
    return array


def check_writable(operation: str, argument: str, array: Array) -> None:
    """Refuses what cannot be changed in place, as the original changes it."""
    if not array.flags.writeable:
        raise ValueError(f"{operation}: {argument} must be writable, got a read-only array")


def check_has(operation: str, argument: str, value: object, *names: str) -> None:
    """Refuses an object without these attributes."""
    for name in names:
        if not hasattr(value, name):
            raise arguments.type_error(operation, argument, f"an object with .{name}", value)


def width_height(
    operation: str, argument: str, size: object, order: str = "(W, H)"
) -> tuple[int, int]:
    """Both positive, of a list or an array too; in the order of `argument`, which `order` names."""
    if isinstance(size, np.ndarray):
        size = size.tolist()
    try:
        return arguments.heatmap_size(operation, size)
    except (TypeError, ValueError) as error:
        told = str(error).replace("heatmap_size", argument).replace("(W, H)", order)
        raise type(error)(told) from None


def own_dtype(heatmaps: Array, scores: Array) -> Array:
    """The maxima of the maps, which are float32, in the maps' dtype."""
    if heatmaps.dtype == np.float64:
        scores = heatmaps.max((-2, -1))
    return scores.astype(heatmaps.dtype)
