"""What a case is, and the kernels' names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

CPP_NAMES = {
    torch.float32: "float",
    torch.float64: "double",
    torch.float16: "lowerpose::Float16",
    torch.bfloat16: "lowerpose::BFloat16",
}
DTYPES = list(CPP_NAMES)


@dataclass(frozen=True)
class Case:
    name: str
    kernels: tuple[str, ...]  # in the order of their launches
    check: Callable[[], None]
    small: bool = True


def pack(*dtypes: torch.dtype) -> int:
    """Elements in the 16 bytes that a thread reads or writes at a time."""
    return 16 // max(dtype.itemsize for dtype in dtypes)
