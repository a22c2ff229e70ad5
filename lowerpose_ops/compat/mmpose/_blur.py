"""OpenCV's Gaussian blur with its own choice of sigma, in NumPy."""

from __future__ import annotations

import numpy as np

from ... import _arguments as arguments
from .._checks import Array, check_writable

# Half of the kernels that OpenCV keeps in tables; larger ones have a formula.
_SMALL = {
    1: (1.0,),
    3: (0.25, 0.5),
    5: (0.0625, 0.25, 0.375),
    7: (0.03125, 0.109375, 0.21875, 0.28125),
    9: (0.015625, 0.05078125, 0.1171875, 0.19921875, 0.234375),
}


def _kernel(size: int) -> Array:
    if size in _SMALL:
        half = _SMALL[size]
        return np.array([*half, *half[-2::-1]])
    sigma = 0.3 * ((size - 1) / 2 - 1) + 0.8
    values = np.exp(-((np.arange(size) - (size - 1) / 2) ** 2) / (2 * sigma**2))
    kernel: Array = values / values.sum()
    return kernel


def smooth(maps: Array, size: int, border: str) -> Array:
    """Maps [K, H, W] after the blur, in float64; zeros around them, or their mirror image."""
    margin = (size - 1) // 2
    around = ((0, 0), (margin, margin), (margin, margin))
    mode = {"mode": "constant"} if border == "zero" else {"mode": "reflect"}
    padded = np.pad(maps.astype(np.float64), around, **mode)  # type: ignore[call-overload]
    _, height, width = maps.shape
    weights = _kernel(size)
    rows = sum(w * padded[:, i : i + height] for i, w in enumerate(weights))
    blurred: Array = sum(w * rows[:, :, i : i + width] for i, w in enumerate(weights))
    return blurred


_LARGEST = 999  # pixels of a kernel; no heatmap is as large


def check_kernel(name: str, size: object) -> int:
    """An odd number of pixels."""
    number = arguments.integer(name, "blur_kernel_size", size)
    if not 3 <= number <= _LARGEST or number % 2 == 0:
        raise arguments.value_error(name, "blur_kernel_size", f"odd, from 3 to {_LARGEST}", size)
    return number


def blur(name: str, heatmaps: Array, kernel_size: int) -> None:
    """Blurs maps [K, H, W] in place, with zeros around them, and keeps each map's maximum."""
    size = check_kernel(name, kernel_size)
    check_writable(name, "heatmaps", heatmaps)
    if 0 in heatmaps.shape:
        raise arguments.value_error(name, "heatmaps", "maps with pixels", list(heatmaps.shape))
    blurred = smooth(heatmaps, size, "zero").astype(np.float32)
    with np.errstate(all="ignore"):  # an empty map becomes NaN
        factor = heatmaps.max((1, 2)) / blurred.max((1, 2))
        heatmaps[:] = blurred * factor[:, None, None]
