"""Repetitions in a curve that rises and falls once in each."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from python_models.analysis.signals import bridged, median_filtered, runs
from python_models.motion.motion import Floats

LONGEST_GAP = 0.5
"""Seconds of a gap that is bridged; a longer one cuts the sequence."""

FILTER = 0.1
"""Seconds of the median filter that takes outliers away before anything is looked for."""

_EDGE = 0.1  # of the height: where a repetition starts and ends
_BACK = 0.5  # of the height above rest: between two repetitions the curve falls below it
_WHOLE = 0.35  # of the height above rest: a sequence's end this low ends its repetition


@dataclass(frozen=True)
class Span:
    """Frames of a repetition; `end` is included; not complete: cut by an edge or a long gap.

    `height` is its rise above the higher one of its ends, of one that is cut the lower one; NaN of
    holds and pictures.
    """

    start: int
    bottom: int
    end: int
    complete: bool
    height: float = math.nan


def check_frame_rate(frame_rate: float | None) -> float:
    """The frame rate.

    Raises:
        ValueError: It is not positive and finite, or None.
    """
    if frame_rate is None or not 0 < frame_rate < math.inf:
        raise ValueError(f"frame_rate must be positive to tell repetitions, got {frame_rate}")
    return frame_rate


def find_repetitions(
    curve: Floats,
    frame_rate: float,
    *,
    minimum_depth: float,
    minimum_duration: float = 0.5,
) -> list[Span]:
    """Rises and falls of a curve, in time's order.

    A repetition rises by `minimum_depth` or more from the lowest value before it and falls by as
    much after it: smaller waves are none (hysteresis). Between two of them the curve comes down to
    half of the lower one's height above rest, the 5th percentile of the curve; else they are one.
    It starts and ends where the curve is a tenth of its height above the lowest value before
    and after it. One cut by the sequence's edge, or by a gap of more than LONGEST_GAP, is not
    complete, unless the curve is back within 35 % of rest there.

    Args:
        curve: [T]; NaN is a gap.
        frame_rate: Per second.
        minimum_depth: In the curve's unit.
        minimum_duration: Seconds; what is whole and shorter is no repetition.

    Raises:
        ValueError: The frame rate, the depth or the duration is not positive.
    """
    rate = check_frame_rate(frame_rate)
    if not minimum_depth > 0 or not minimum_duration > 0:
        raise ValueError(
            "find_repetitions: minimum_depth and minimum_duration must be positive, "
            f"got {minimum_depth} and {minimum_duration}"
        )
    curve = np.asarray(curve, np.float64)
    known = curve[np.isfinite(curve)]
    if known.size == 0:
        return []
    rest = float(np.quantile(known, 0.05))
    filled = bridged(median_filtered(curve, round(FILTER * rate)), max(1.0, LONGEST_GAP * rate))
    found = []
    for first, last in runs(np.isfinite(filled)):
        for span in _in_segment(filled[first : last + 1], rest, minimum_depth):
            if not span.complete or span.end - span.start >= minimum_duration * rate:
                found.append(
                    replace(
                        span,
                        start=span.start + first,
                        bottom=span.bottom + first,
                        end=span.end + first,
                    )
                )
    return found


def noise_of(curve: Floats) -> float:
    """Standard deviation of what is not alike from frame to frame in a curve [T]; 0 of no curve.

    By the median of second differences, in which a smooth movement nearly cancels.
    """
    curve = np.asarray(curve, np.float64)
    bends = np.abs(curve[2:] - 2 * curve[1:-1] + curve[:-2])
    bends = bends[np.isfinite(bends)]
    return float(np.median(bends)) * 1.4826 / math.sqrt(6) if bends.size else 0.0


def find_holds(
    curve: Floats, frame_rate: float, *, lowest: float, highest: float, minimum_duration: float
) -> list[Span]:
    """Runs of frames in which a curve stays between two values; short gaps are bridged.

    `bottom` is the first frame of a hold; one that touches an edge of the sequence is complete too.

    Raises:
        ValueError: The frame rate is not positive.
    """
    rate = check_frame_rate(frame_rate)
    filled = bridged(median_filtered(curve, round(FILTER * rate)), max(1.0, LONGEST_GAP * rate))
    inside = np.greater_equal(filled, lowest) & np.less_equal(filled, highest)  # NaN: neither
    return [
        Span(first, first, last, complete=True)
        for first, last in runs(inside)
        if last - first >= minimum_duration * rate
    ]


def _in_segment(values: Floats, rest: float, depth: float) -> list[Span]:
    peaks = _merged(values, _peaks(values, depth), rest)
    spans = []
    for number, peak in enumerate(peaks):
        before = peaks[number - 1] if number else 0
        after = peaks[number + 1] if number + 1 < len(peaks) else len(values) - 1
        left = before + int(np.argmin(values[before : peak + 1]))
        right = peak + int(np.argmin(values[peak : after + 1]))
        complete = all(
            values[peak] - values[valley] >= depth
            and (inner or values[valley] - rest <= _WHOLE * (values[peak] - rest))
            for valley, inner in ((left, number > 0), (right, number + 1 < len(peaks)))
        )
        start, end = _low(values, peak, left), _low(values, peak, right)
        ends = values[left], values[right]
        height = float(values[peak] - (max(ends) if complete else min(ends)))
        spans.append(Span(start, peak, end, complete, height))
    return spans


def _low(values: Floats, peak: int, valley: int) -> int:
    """The frame nearest to the peak, on the valley's side, that is nearly as low as the valley."""
    step = 1 if valley > peak else -1
    level = values[valley] + _EDGE * (values[peak] - values[valley])
    frame = peak
    while frame != valley and values[frame] > level:
        frame += step
    return frame


def _peaks(values: Floats, depth: float) -> list[int]:
    """Highest points between which, or an edge, the curve falls and rises by the depth.

    At an edge a rise or a fall by itself is enough.
    """
    peaks = []
    low = high = 0
    rising: bool | None = None  # not known until the curve has moved by the depth
    for frame, value in enumerate(values):
        if value > values[high]:
            high = frame
        if value < values[low]:
            low = frame
        if rising is not False and values[high] - value >= depth:
            peaks.append(high)
            rising, low = False, frame
        elif rising is not True and value - values[low] >= depth:
            rising, high = True, frame
    if rising:
        peaks.append(high)
    return peaks


def _merged(values: Floats, peaks: list[int], rest: float) -> list[int]:
    """The peaks between which the curve comes down far enough; of others the highest."""
    kept: list[int] = []
    for peak in peaks:
        if kept:
            lower = min(values[kept[-1]], values[peak])
            if values[kept[-1] : peak].min() - rest > _BACK * (lower - rest):
                if values[peak] > values[kept[-1]]:
                    kept[-1] = peak
                continue
        kept.append(peak)
    return kept
