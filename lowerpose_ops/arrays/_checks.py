"""What every operation on arrays asks of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _arguments as arguments

Array = np.ndarray[Any, Any]


def check_arrays(operation: str, **arrays: object) -> None:
    """Refuses what is no NumPy array."""
    for argument, array in arrays.items():
        # What is masked would count.
        if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray):
            raise arguments.type_error(operation, argument, "a NumPy array", array)


def heatmap_dtype(operation: str, given: object) -> np.dtype[Any]:
    """The floating type that heatmaps are asked for in."""
    if isinstance(given, (str, type, np.dtype)):
        for dtype in (np.float32, np.float64, np.float16):
            if given in (dtype, np.dtype(dtype), dtype.__name__):
                return np.dtype(dtype)
    raise TypeError(f"{operation}: dtype must be float32, float64 or float16, got {given!r}")
