"""Tells NumPy arrays from tensors."""

from __future__ import annotations

import sys

import numpy as np

from .. import _arguments as arguments


def is_numpy(operation: str, argument: str, value: object) -> bool:
    """Whether it is an array; refuses what is no tensor either."""
    if isinstance(value, np.ndarray):
        return True
    # Whoever holds a tensor has imported torch, whole.
    if isinstance(value, getattr(sys.modules.get("torch"), "Tensor", ())):
        return False
    raise arguments.type_error(operation, argument, "a NumPy array or a torch tensor", value)
