"""Curves with gaps: runs of frames, short gaps bridged, outliers filtered."""

from __future__ import annotations

import numpy as np

from python_models.analysis.results import Bools
from python_models.motion.motion import Floats


def runs(flags: Bools) -> list[tuple[int, int]]:
    """First and last (included) of each run of true flags [T]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [
        (int(first), int(last) - 1) for first, last in zip(edges[::2], edges[1::2], strict=True)
    ]


def bridged(values: Floats, longest: float) -> Floats:
    """Values [T] with inner gaps of up to `longest` frames filled by a straight line."""
    filled = values.copy()
    frames = np.arange(len(values))
    for first, last in runs(np.isnan(values)):
        if first > 0 and last < len(values) - 1 and last - first < longest:
            inside = frames[first : last + 1]
            filled[inside] = np.interp(
                inside, (first - 1, last + 1), (values[first - 1], values[last + 1])
            )
    return filled


def median_filtered(values: Floats, width: int) -> Floats:
    """The median of the known values [T] around each known one; a gap stays.

    Args:
        values: NaN is a gap.
        width: Frames; made odd by one more. At the ends the window is narrower, on both sides
            alike, so that a slope stays a slope.
    """
    half = width // 2
    if half == 0:
        return values
    padded = np.concatenate([np.full(half, np.nan), values, np.full(half, np.nan)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1).copy()
    frames = np.arange(len(values))
    reach = np.minimum(half, np.minimum(frames, len(values) - 1 - frames))
    windows[np.abs(np.arange(-half, half + 1)) > reach[:, None]] = np.nan
    middle = values.copy()
    finite = np.isfinite(values)
    middle[finite] = np.nanmedian(windows[finite], axis=1)
    return middle


def smoothed(values: Floats, width: int) -> Floats:
    """The parabola of least squares through the known values [T] around each known one.

    A parabola keeps the height of a peak, which a mean would cut; a gap stays.

    Args:
        values: NaN is a gap.
        width: Frames; made odd by one more. Below 5 there is nothing to smooth.
    """
    half = width // 2
    if half < 2:
        return values
    offsets = np.arange(-half, half + 1) / half
    padded = np.concatenate([np.full(half, np.nan), values, np.full(half, np.nan)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    weights = np.isfinite(windows).astype(np.float64)
    powers = offsets[:, None] ** np.arange(3)  # [N, 3]
    left = np.einsum("tn,ni,nj->tij", weights, powers, powers)
    right = np.einsum("tn,ni->ti", np.where(weights > 0, windows, 0.0), powers)
    enough = (weights.sum(1) >= 5) & np.isfinite(values)
    made = values.copy()
    made[enough] = np.linalg.solve(left[enough], right[enough][..., None])[:, 0, 0]
    return made
