"""The native module whose CUDA kernels run on the CPU, and what watches over its calls."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import numpy as np
import pytest
import torch

# The places of the arguments that an operation fills, or uses as scratch.
FILLED = {
    "decode_and_score": (8, 9, 10),
    "flip_merge": (2,),
    "gaussian_joints_mse": (6, 7, 8, 9),
    "gaussian_joints_mse_joints_backward": (8, 9),
    "gaussian_targets": (2, 3),
    "joints_mse": (3, 4, 5),
    "joints_mse_general": (4, 5, 6, 7),
    "joints_mse_general_backward": (6,),
    "decode_heatmaps": (1, 2, 3),
    "mpjpe": (7, 8, 9, 10),
    "mpjpe_backward": (9, 10),
    "oks": (12,),
    "pck_counts": (6, 7, 8, 9, 10),
    "soft_argmax": (4, 5),
    "soft_argmax_backward": (6, 7, 8),
    "to_image": (4,),
}

# The places of a gradient, which may be there already, and of the flag that says so.
FILLED_UNLESS = {"joints_mse_backward": (4, 5), "gaussian_joints_mse_backward": (8, 9)}

# What no kernel is launched for.
UNWATCHED = {
    *("gaussian_joints_mse_scratch", "joints_mse_scratch", "simd_level", "usable_threads"),
    *("cpu_kernels", "cuda_version"),
}

byte_bounds = getattr(np.lib, "array_utils", np).byte_bounds  # numpy.lib's since NumPy 2


def not_here(reason: str) -> NoReturn:
    """Skips a test; fails it where LOWERPOSE_REQUIRE_EMULATED says that nothing may be missing."""
    if os.environ.get("LOWERPOSE_REQUIRE_EMULATED"):
        pytest.fail(reason)
    pytest.skip(reason)


def memory_of(value: Any) -> tuple[int, int] | None:
    """The address and the bytes from the first to the last element of a tensor or array.

    None for what has no elements, and for what is neither.
    """
    if isinstance(value, np.ndarray):
        low, high = byte_bounds(value)
        return (low, high - low) if value.size > 0 else None
    if isinstance(value, torch.Tensor):
        address, shape, strides = value.data_ptr(), value.shape, value.stride()
        element_size = value.element_size()
    elif isinstance(value, tuple) and isinstance(value[1], tuple):  # _library.view of a tensor
        address, shape, strides, dtype = value[:4]
        element_size = getattr(torch, dtype).itemsize
    else:
        return None
    if 0 in shape:
        return None
    last = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    return address, (last + 1) * element_size


class EmulatedCore:
    """Stands in for lowerpose_ops._native.core.

    For the length of a call the emulator knows the memory of the arguments and nothing else, so
    that any other access is an error; and all outputs are filled with NaN (integers with -1), so
    that an element which is not written shows.
    """

    def __init__(self, path: Path) -> None:
        spec = importlib.util.spec_from_file_location("_C_emulated", path)
        assert spec is not None
        assert spec.loader is not None
        self.module: ModuleType = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.path = path
        self._library = ctypes.CDLL(str(path))
        self._library.lowerpose_emulator_launches.restype = ctypes.c_char_p
        self._library.lowerpose_emulator_configure.argtypes = [ctypes.c_uint64, ctypes.c_int]
        self._library.lowerpose_emulator_add_region.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self._library.lowerpose_emulator_remove_region.argtypes = [ctypes.c_void_p]
        self.launched: list[str] = []  # kernels by name and template arguments, in order
        self.checks_accesses = bool(self._library.lowerpose_emulator_checks_accesses())

    @contextmanager
    def seeded(self, seed: int, replays: int) -> Iterator[None]:
        """Another schedule of the threads, each launch repeated under as many seeds."""
        self._library.lowerpose_emulator_configure(seed, replays)
        try:
            yield
        finally:
            self._library.lowerpose_emulator_configure(0, 1)

    @contextmanager
    def knowing(self, regions: list[tuple[int, int]]) -> Iterator[None]:
        """Memory that kernels may use, and nothing else; by address and bytes."""
        for region in regions:
            self._library.lowerpose_emulator_add_region(*region)
        try:
            yield
        finally:
            for start, _ in regions:
                self._library.lowerpose_emulator_remove_region(start)

    def __getattr__(self, name: str) -> Any:
        function = getattr(self.module, name)
        if name in UNWATCHED:
            return function

        def watched(*arguments: Any) -> Any:
            regions = [memory_of(argument) for argument in arguments]
            if name in FILLED_UNLESS:
                place, flag = FILLED_UNLESS[name]
                filled: tuple[int, ...] = () if arguments[flag] else (place,)
            else:
                filled = FILLED[name]  # a new operation must say what it fills
            for place in filled:
                fill_with_nan(arguments[place], regions[place])
            self._library.lowerpose_emulator_clear_launches()
            try:
                with self.knowing([region for region in regions if region is not None]):
                    return function(*arguments)
            finally:
                log = self._library.lowerpose_emulator_launches().decode()
                self.launched += [line.split(" grid ")[0] for line in log.splitlines()]

        return watched

    def kernels(self) -> set[str]:
        """All kernels of the module, named as in `launched`, from its symbols."""
        symbols = subprocess.run(
            ["nm", "--demangle", "--defined-only", str(self.path)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        namespace = "lowerpose::cuda::(anonymous namespace)::"
        names = re.findall(re.escape(namespace) + r"(\w+_kernel(?:<.*?>)?)\(lowerpose", symbols)
        for value, layout in enumerate(("kMaps", "kPixels", "kStrided")):
            names = [
                name.replace(
                    f"(lowerpose::cuda::Layout){value}", f"lowerpose::cuda::Layout::{layout}"
                )
                for name in names
            ]
        return set(names)


def fill_with_nan(value: Any, region: tuple[int, int] | None) -> None:
    """All bits 1: NaN in every floating type, -1 in every integer type."""
    if region is None:
        return
    start, size = region
    if isinstance(value, tuple) or value.nbytes == size:  # descriptions of outputs are contiguous
        ctypes.memset(start, 0xFF, size)
    else:  # elements of somebody else lie between
        value[...] = float("nan")
