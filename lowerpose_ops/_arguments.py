"""Checks of arguments that are not arrays, and what both faces do to arrays before native code.

Shapes, dtypes and devices of arrays are checked by the native front doors.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

_LARGEST_FLOAT = sys.float_info.max
LARGEST_SIZE = 2**20  # of a side of a heatmap; no model has a thousandth of it


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
    # Comparisons, which torch.compile can trace where the number varies; math.isfinite it cannot.
    if not -_LARGEST_FLOAT <= value <= _LARGEST_FLOAT:
        raise value_error(operation, argument, "finite", value)
    return float(value)


def thresholds(operation: str, argument: str, values: object) -> list[float]:
    """One finite number of at least 0, or a sequence of them, as a list."""
    if isinstance(values, (int, float, np.integer, np.floating)):
        values = [values]
    elif isinstance(values, np.ndarray) and values.ndim == 1:
        values = values.tolist()
    if not isinstance(values, (list, tuple)):
        raise type_error(operation, argument, "a number or a sequence of numbers", values)
    limits = [number(operation, argument, value) for value in values]
    for limit in limits:
        if limit < 0:
            raise value_error(operation, argument, "not negative", limit)
    return limits


def heatmap_size(operation: str, value: object) -> tuple[int, int]:
    """(W, H), both positive."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise value_error(operation, "heatmap_size", "(W, H)", value)
    for size in value:
        # While torch traces a function, a size of a tensor may be a SymInt.
        if isinstance(size, bool) or not (
            isinstance(size, (int, np.integer)) or type(size).__name__ == "SymInt"
        ):
            raise type_error(operation, "heatmap_size", "two integers (W, H)", size)
        if not 1 <= size <= LARGEST_SIZE:
            raise value_error(
                operation, "heatmap_size", f"two integers (W, H) from 1 to {LARGEST_SIZE}", value
            )
    width, height = (int(size) if isinstance(size, np.integer) else size for size in value)
    return width, height


def choice(operation: str, argument: str, value: object, allowed: Collection[str]) -> None:
    """Refuses a value that is not one of the allowed words."""
    if not isinstance(value, str) or value not in allowed:
        raise value_error(operation, argument, " or ".join(map(repr, sorted(allowed))), value)


def check_ndim(operation: str, argument: str, array: Any, layouts: dict[int, str]) -> None:
    """Refuses an array with other numbers of dimensions than `layouts`, which tells them."""
    if array.ndim not in layouts:
        expected = " or ".join(layouts.values())
        raise value_error(operation, argument, expected, list(array.shape))


def threads() -> int:
    """How many threads torch was told to use; 0, OpenMP's default, where torch is not in use."""
    # Another thread may be importing torch at this moment: then it has not said anything yet.
    told = getattr(sys.modules.get("torch"), "get_num_threads", None)
    return int(told()) if told is not None else 0


def check_no_preset(operation: str, preset: object) -> None:
    """Refuses a preset where there is none to choose."""
    if preset is not None:
        raise value_error(operation, "preset", "None", preset)


def flag(operation: str, argument: str, value: object) -> bool:
    """True or False itself, and no number that could be meant as one."""
    if not isinstance(value, bool):
        raise type_error(operation, argument, "True or False", value)
    return value


def weight_power(operation: str, value: object) -> int:
    """1 or 2."""
    if isinstance(value, bool) or value not in (1, 2):
        raise value_error(operation, "weight_power", "1 or 2", value)
    return 1 if value == 1 else 2


def topk(operation: str, value: object) -> int:
    """How many are taken, at least one; native code knows how many there are."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise type_error(operation, "topk", "an integer", value)
    if not 1 <= value <= 2**31:
        raise value_error(operation, "topk", "from 1 to the number of joints", value)
    return int(value)


def stages(operation: str, outputs: Sequence[Any]) -> Sequence[Any]:
    """The outputs of stacked networks: at least one, and not stacked again."""
    if not outputs:
        kind = type(outputs).__name__
        raise ValueError(f"{operation}: output must be at least one torch tensor, got {kind} of 0")
    for output in outputs:
        if isinstance(output, (list, tuple)):
            raise type_error(operation, "output", "a torch tensor", output)
    return outputs
