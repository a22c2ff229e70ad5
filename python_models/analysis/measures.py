"""The numbers of one repetition.

A measure's name is a curve's and a statistic's: "trunk_lean.maximum", "left_knee_flexion.bottom".
Of both sides together: "knee_flexion.asymmetry", "knee_flexion.timing". Of the main curve: "depth",
"tempo.descent", "tempo.bottom", "tempo.ascent", "tempo.duration", "smoothness".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from python_models.analysis.definitions import KINDS, SIDED, SIDES
from python_models.analysis.proportions import nan_quantile
from python_models.analysis.repetitions import FILTER, Span
from python_models.analysis.results import Curve, Measure, Refused
from python_models.analysis.signals import bridged, median_filtered, runs, smoothed
from python_models.analysis.smoothness import spectral_arc_length
from python_models.motion.motion import Floats

STATISTICS = ("maximum", "minimum", "magnitude", "range", "mean", "bottom")
"""Of a curve over the repetition; magnitude: the largest without its sign; bottom: there."""

OF_BOTH_SIDES = ("asymmetry", "timing")
OF_MAIN = {
    "depth": "",  # the main curve's unit
    "tempo.descent": "seconds",
    "tempo.bottom": "seconds",
    "tempo.ascent": "seconds",
    "tempo.duration": "seconds",
    "smoothness": "none",
}

_KNOWN = 0.7  # part of a repetition's frames that must have a value
_HIDDEN = 0.1  # seconds of a gap that may hide an extreme
_SMOOTH = 0.3  # seconds: noise by itself would make each peak higher
_NEAR = 0.1  # of the height: "at the bottom"


@dataclass(frozen=True)
class Subject:
    """What measures are taken of.

    Attributes:
        curves: By name.
        main: The curve in which the repetition was found.
        span: Its frames.
        frame_rate: None: a single picture.
    """

    curves: Mapping[str, Curve]
    main: Curve
    span: Span
    frame_rate: float | None


def is_measure(name: str) -> bool:
    """Whether there is a measure of this name."""
    return name in OF_MAIN or _curve_part(name) is not None


def unit_of(name: str, main_kind: str) -> str:
    """The unit of a measure that there is."""
    if name in OF_MAIN:
        return OF_MAIN[name] or KINDS[main_kind]
    kind, statistic = name.split(".")
    return "seconds" if statistic == "timing" else KINDS[_without_side(kind)]


def measure(name: str, subject: Subject) -> Measure:
    """One measure of a repetition, or why there is none.

    It is refused where its curve is, where less than 70 % of the frames have a value, and where a
    gap of more than 0.1 s may hide an extreme.

    Raises:
        ValueError: There is no measure of this name.
    """
    if not is_measure(name):
        raise ValueError(f"measure: expected a curve and one of {STATISTICS}, got {name!r}")
    unit = unit_of(name, subject.main.kind)
    try:
        value, deviation, frame, sides = _value(name, subject)
    except _RefusedError as refusal:
        return Measure(name, float("nan"), unit, refused=refusal.why)
    if np.isnan(value):
        why = Refused("undefined", f"{name} has no value in this repetition")
        return Measure(name, value, unit, refused=why)
    return Measure(name, value, unit, deviation, frame, sides=sides)


class _RefusedError(Exception):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.why = Refused(code, reason)


_Found = tuple[float, float | None, int | None, float]


def _value(name: str, subject: Subject) -> _Found:
    if name == "depth":
        return _statistic("maximum", subject.main, subject)
    if name == "smoothness":
        return _smoothness(subject), None, None, 0.0
    curve, statistic = name.split(".")
    if curve == "tempo":
        return _tempo(statistic, subject), None, None, 0.0
    if statistic == "asymmetry":
        return _asymmetry(curve, subject)
    if statistic == "timing":
        return _timing(curve, subject), None, None, 0.0
    return _statistic(statistic, subject.curves[curve], subject)


def _statistic(statistic: str, curve: Curve, subject: Subject) -> _Found:
    span = subject.span
    values = _known(curve, subject)
    if statistic == "bottom":
        return _at(curve, values, span.bottom - span.start, span)
    if statistic == "mean":
        sides = _sides(curve, span)[np.isfinite(values)]
        return float(np.nanmean(values)), None, None, float(sides.mean())
    if statistic == "range":
        most = 2 * float(_sides(curve, span).max())
        return float(np.nanmax(values) - np.nanmin(values)), None, None, most
    ranked = {"maximum": values, "minimum": -values, "magnitude": np.abs(values)}[statistic]
    place = int(np.nanargmax(ranked))
    found = _at(curve, ranked if statistic == "magnitude" else values, place, span)
    if curve.sides is None:
        return found
    highest = np.nanmax(ranked + curve.sides[span.start : span.end + 1])
    return (*found[:3], float(highest - ranked[place]))


def _at(curve: Curve, values: Floats, place: int, span: Span) -> _Found:
    if np.isnan(values[place]):
        raise _RefusedError("unreliable", f"{curve.name} is not known in that frame")
    frame = span.start + place
    deviation = None
    if curve.deviation is not None:  # a joint's covariance is not known: it may be off by anything
        deviation = float(curve.deviation[frame])
        deviation = deviation if np.isfinite(deviation) else np.inf
    sides = 0.0 if curve.sides is None else float(curve.sides[frame])
    return float(values[place]), deviation, frame, sides


def _sides(curve: Curve, span: Span) -> Floats:
    """What exchanged sides would change in a repetition's frames; 0 in gaps."""
    sides = np.zeros(len(curve.values)) if curve.sides is None else curve.sides
    return sides[span.start : span.end + 1]


def _known(curve: Curve, subject: Subject) -> Floats:
    """A curve over the repetition, without outliers and with less noise."""
    if curve.refused is not None:
        raise _RefusedError(curve.refused.code, curve.refused.reason)
    span, rate = subject.span, subject.frame_rate
    values = curve.values[span.start : span.end + 1]
    part = float(np.isfinite(values).mean())
    if part < _KNOWN:
        raise _RefusedError(
            "unreliable", f"{curve.name} is known in {part:.0%} of the frames, below {_KNOWN:.0%}"
        )
    if rate is None:
        return values
    longest = max((last - first + 1 for first, last in runs(np.isnan(values))), default=0)
    if longest > max(1, _HIDDEN * rate):
        raise _RefusedError(
            "unreliable", f"{curve.name} has a gap of {longest / rate:.2f} s that may hide a peak"
        )
    return smoothed(median_filtered(values, round(FILTER * rate)), round(_SMOOTH * rate))


def _whole(curve: Curve, subject: Subject) -> tuple[Floats, float]:
    """A curve over the repetition without gaps, and the frame rate."""
    if subject.frame_rate is None:
        raise _RefusedError("no-time", "single pictures have no time")
    values = _known(curve, subject)
    values = bridged(values, len(values))
    frames = np.flatnonzero(np.isfinite(values))
    return np.interp(np.arange(len(values)), frames, values[frames]), subject.frame_rate


def _tempo(part: str, subject: Subject) -> float:
    values, rate = _whole(subject.main, subject)
    if part == "duration":
        return (len(values) - 1) / rate
    bottom = subject.span.bottom - subject.span.start
    low = max(values[0], values[-1])
    near = np.flatnonzero(values >= values[bottom] - _NEAR * (values[bottom] - low))
    first, last = min(int(near[0]), bottom), max(int(near[-1]), bottom)
    frames = {"descent": first, "bottom": last - first, "ascent": len(values) - 1 - last}
    return frames[part] / rate


def _smoothness(subject: Subject) -> float:
    """The rougher of the way down and the way up."""
    values, rate = _whole(subject.main, subject)
    bottom = subject.span.bottom - subject.span.start
    ways = [way for way in (values[: bottom + 1], values[bottom:]) if len(way) >= 4]
    if not ways:
        raise _RefusedError("too-short", "fewer than 4 frames a way")
    return min(spectral_arc_length(np.diff(way) * rate, rate) for way in ways)


def _asymmetry(kind: str, subject: Subject) -> _Found:
    left, right = (
        _statistic("maximum", subject.curves[f"{side}_{kind}"], subject) for side in SIDES
    )
    known = left[1] is not None and right[1] is not None
    deviation = float(np.hypot(left[1] or 0, right[1] or 0)) if known else None
    return left[0] - right[0], deviation, left[2], left[3] + right[3]


def _timing(kind: str, subject: Subject) -> float:
    """How much later the left side passes half its height than the right one; larger of 2 ways."""
    times = []
    for side in SIDES:
        values, rate = _whole(subject.curves[f"{side}_{kind}"], subject)
        top = int(values.argmax())
        rest = nan_quantile(subject.curves[f"{side}_{kind}"].values, 0.05)
        halves = []
        for way in (values[: top + 1], values[top:][::-1]):
            rising = np.maximum.accumulate(way)
            half = (rest + rising[-1]) / 2
            after = int(np.argmax(rising >= half))
            before = max(after - 1, 0)
            step = rising[after] - rising[before]
            part = (half - rising[before]) / step if step > 0 else 0.0
            halves.append((before + part) / rate)
        times.append((halves[0], (len(values) - 1) / rate - halves[1]))
    lags = np.array(times[0]) - np.array(times[1])
    return float(lags[np.abs(lags).argmax()])


def _curve_part(name: str) -> str | None:
    """The kind of curve that a measure is of, or None if there is no such measure."""
    parts = name.split(".")
    if len(parts) != 2:
        return None
    kind = _without_side(parts[0])
    sided = kind != parts[0]
    if kind not in KINDS or (sided and kind not in SIDED):
        return None
    if parts[1] in OF_BOTH_SIDES:
        return kind if kind in SIDED and not sided else None
    if parts[1] not in STATISTICS:
        return None
    return kind if sided or kind not in SIDED else None


def _without_side(curve: str) -> str:
    for side in SIDES:
        if curve.startswith(f"{side}_"):
            return curve.removeprefix(f"{side}_")
    return curve
