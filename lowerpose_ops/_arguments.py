"""Checks of arguments that are not arrays, and what both faces do to arrays before native code.

Shapes, dtypes and devices of arrays are checked by the native front doors.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np


def type_error(operation: str, argument: str, expected: str, got: object) -> TypeError:
    """A refusal that names the type of what was given."""
    return TypeError(f"{operation}: {argument} must be {expected}, got {type(got).__name__}")


def value_error(operation: str, argument: str, expected: str, got: object) -> ValueError:
    """A refusal that shows what was given."""
    return ValueError(f"{operation}: {argument} must be {expected}, got {got!r}")


def number(operation: str, argument: str, value: object) -> float:
    """A finite host number as float."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise type_error(operation, argument, "a number", value)
    if not math.isfinite(value):
        raise value_error(operation, argument, "finite", value)
    return float(value)


def numbers(operation: str, argument: str, values: object) -> list[float]:
    """A sequence of finite host numbers, or a single one, as a list."""
    if isinstance(values, (int, float, np.integer, np.floating)):
        return [number(operation, argument, values)]
    if isinstance(values, np.ndarray) and values.ndim == 1:
        values = values.tolist()
    if not isinstance(values, (list, tuple)):
        raise type_error(operation, argument, "a number or a sequence of numbers", values)
    return [number(operation, argument, value) for value in values]


def heatmap_size(operation: str, value: object) -> tuple[int, int]:
    """(W, H), both positive."""
    if not isinstance(value, Sequence) or len(value) != 2:
        raise value_error(operation, "heatmap_size", "(W, H)", value)
    width, height = value
    for size in (width, height):
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
            raise type_error(operation, "heatmap_size", "two integers (W, H)", size)
        if size < 1:
            raise value_error(operation, "heatmap_size", "two positive integers (W, H)", value)
    return int(width), int(height)


def choice(operation: str, argument: str, value: object, allowed: Collection[str]) -> None:
    """Refuses a value that is not one of the allowed words."""
    if value not in allowed:
        raise value_error(operation, argument, " or ".join(map(repr, sorted(allowed))), value)


def check_ndim(operation: str, argument: str, array: Any, layouts: dict[int, str]) -> None:
    """Refuses an array with other numbers of dimensions than `layouts`, which tells them."""
    if array.ndim not in layouts:
        expected = " or ".join(layouts.values())
        raise value_error(operation, argument, expected, list(array.shape))


def threads() -> int:
    """How many threads torch was told to use; 0, OpenMP's default, where torch is not in use."""
    torch = sys.modules.get("torch")
    return int(torch.get_num_threads()) if torch is not None else 0


def check_no_preset(operation: str, preset: object) -> None:
    """Refuses a preset where there is none to choose."""
    if preset is not None:
        raise value_error(operation, "preset", "None", preset)
