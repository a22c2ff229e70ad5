"""Tells NumPy arrays from tensors, and makes arrays of these."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .. import _arguments as arguments


def torch_is_imported() -> bool:
    """Whether somebody has imported torch, whole."""
    return hasattr(sys.modules.get("torch"), "compile")


def is_numpy(operation: str, argument: str, value: object) -> bool:
    """Whether it is an array; refuses what is no tensor either."""
    if isinstance(value, np.ndarray):
        return True
    # Whoever holds a tensor has imported torch, whole.
    if isinstance(value, getattr(sys.modules.get("torch"), "Tensor", ())):
        return False
    raise arguments.type_error(operation, argument, "a NumPy array or a torch tensor", value)


def host_array(value: Any) -> Any:
    """A tensor as a NumPy array; anything else as it is."""
    kind: Any = getattr(sys.modules.get("torch"), "Tensor", ())
    # What is sparse, or without memory, stays a tensor and is refused by name.
    if isinstance(value, kind) and str(value.layout) == "torch.strided" and not value.is_meta:
        tensor = value.detach().cpu().resolve_conj().resolve_neg()
        return (tensor.double() if tensor.is_floating_point() else tensor).numpy()
    return value
