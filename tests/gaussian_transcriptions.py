"""What other projects draw, from ops.md 1.1, one joint at a time in NumPy; written apart from ours.

Each draws a joint [x, y] with visibility v into a map [H, W], where the larger value stays, and
returns its weight. `exponents` is the type that the original computes its kernel in; float64 gives
what that stands for. Coordinates and visibilities are finite.
"""

from __future__ import annotations

import numpy as np


def paste(target, kernel, low, high):
    """The part of a kernel that lies on the map; the window is [low, high), as (x, y)."""
    height, width = target.shape
    left, right = max(0, low[0]), min(width, high[0])
    top, bottom = max(0, low[1]), min(height, high[1])
    part = kernel[top - low[1] : bottom - low[1], left - low[0] : right - low[0]]
    target[top:bottom, left:right] = np.maximum(target[top:bottom, left:right], part)


def kernel_of(side, peak, sigma, exponents):
    """A square Gaussian of pixels 0, 1 ... below `side`, with its peak at (x, y)."""
    pixels = np.arange(0, side, 1, exponents)
    squares = (pixels - peak[0]) ** 2 + (pixels[:, None] - peak[1]) ** 2
    return np.exp(-squares / (2 * sigma**2)).astype(np.float32)


def misses(target, low, high):
    """The test of the T0 form: an end of exactly 0 is still inside."""
    height, width = target.shape
    return low[0] >= width or low[1] >= height or high[0] < 0 or high[1] < 0


def lower_body(target, joint, v, sigma, exponents=np.float32):
    """Row LB."""
    if v < 0.5:
        return 0.0
    height, width = target.shape
    center = [int(c + joint.dtype.type(0.5)) for c in joint]
    low = [int(c - 3 * sigma) for c in center]
    high = [int(c + 3 * sigma + 1) for c in center]
    if misses(target, low, high):
        return 1.0
    xs = np.arange(max(0, low[0]), min(width, high[0]), dtype=exponents)
    for y in range(max(0, low[1]), min(height, high[1])):
        squares = (xs - center[0]) ** 2 + exponents((y - center[1]) ** 2)
        row = np.exp(-squares / exponents(2 * sigma**2)).astype(np.float32)
        part = target[y, max(0, low[0]) : min(width, high[0])]
        part[:] = np.maximum(part, row)
    return 1.0


def hrnet(target, joint, v, sigma, exponents=np.float32):
    """Row HR/SB, in heatmap pixels."""
    radius = 3 * sigma
    center = [int(float(c) + 0.5) for c in joint]
    low = [int(c - radius) for c in center]
    high = [int(c + radius + 1) for c in center]
    if misses(target, low, high):
        return 0.0
    if v > 0.5:
        side = 2 * radius + 1
        paste(target, kernel_of(side, (side // 2, side // 2), sigma, exponents), low, high)
    return v


def _mmpose(target, joint, v, sigma, exponents, subpixel):
    if v < 0.5:
        return v
    radius = 3 * sigma
    center = (joint + joint.dtype.type(0.5)).astype(np.int64)
    low = (center - radius).astype(np.int64)
    high = (center + radius + 1).astype(np.int64)
    if misses(target, low, high):
        return 0.0
    side = 2 * radius + 1
    peak = [side // 2, side // 2]
    if subpixel:
        peak = [
            middle + float(x) - int(c) for middle, x, c in zip(peak, joint, center, strict=True)
        ]
    paste(target, kernel_of(side, peak, sigma, exponents), low, high)
    return v


def mmpose_msra(target, joint, v, sigma, exponents=np.float32):
    """Row MM msra, in heatmap pixels."""
    return _mmpose(target, joint, v, sigma, exponents, subpixel=False)


def mmpose_udp(target, joint, v, sigma, exponents=np.float64):
    """Row MM udp, in heatmap pixels; its kernel is float64 since NumPy 2."""
    return _mmpose(target, joint, v, sigma, exponents, subpixel=True)


def hourglass(target, joint, v, sigma, exponents=np.float64):
    """Row HG; it has no weights, so 1 is where it draws."""
    height, width = target.shape
    if not joint[0] > 0:
        return 0.0
    x, y = int(joint[0]), int(joint[1])
    if not (0 <= x < width and 0 <= y < height):
        return 0.0
    low = [int(c - 3 * sigma - 1) for c in (x, y)]
    high = [int(c + 3 * sigma + 2) for c in (x, y)]
    middle = 3 * sigma + 1
    paste(target, kernel_of(6 * sigma + 3, (middle, middle), sigma, exponents), low, high)
    return 1.0


def meant(preset, target, joint, v, sigma):
    """What the authors of a preset's project meant: `fixed=True`, pixel by pixel."""
    height, width = target.shape
    seen = v > 0.5 if preset == "hrnet" else v >= 0.5
    weight = float(seen) if preset in {"lower_body", "hourglass"} else v
    if preset.startswith("mmpose") and not seen:
        return weight
    exact = joint.astype(np.float64)
    center = np.floor(exact) if preset == "hourglass" else np.floor(exact + 0.5)
    if preset == "hourglass" and not ((center >= 0) & (center < [width, height])).all():
        return 0.0
    radius = 3 * sigma + (preset == "hourglass")
    columns = np.flatnonzero(abs(np.arange(width) - center[0]) <= radius)
    rows = np.flatnonzero(abs(np.arange(height) - center[1]) <= radius)
    if len(columns) == 0 or len(rows) == 0:
        return 0.0
    peak = exact if preset == "mmpose_udp" else center
    if seen:
        for y in rows:
            values = np.exp(-((columns - peak[0]) ** 2 + (y - peak[1]) ** 2) / (2 * sigma**2))
            target[y, columns] = np.maximum(target[y, columns], values.astype(np.float32))
    return weight


TRANSCRIPTIONS = {
    "lower_body": lower_body,
    "hrnet": hrnet,
    "mmpose_msra": mmpose_msra,
    "mmpose_udp": mmpose_udp,
    "hourglass": hourglass,
}
