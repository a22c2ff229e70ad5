"""The curves of an analysis over time, with gaps, repetitions and what cannot be relied on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from python_models.analysis.results import Analysis, Curve
from python_models.analysis.signals import runs
from python_models.motion.motion import Floats
from python_models.overlay import LEFT, RIGHT, hex_colour
from python_models.whole_file import whole_file

# Of an exercise of the legs and of one of the arms or the trunk: of most use first; the others
# follow from them, or are parts of them.
_LEGS = (
    "knee_flexion", "hip_flexion", "trunk_lean", "knee_valgus", "knee_separation", "knee_medial",
)  # fmt: skip
_ARMS = (
    "elbow_flexion", "shoulder_elevation", "body_line", "arm_inclination", "hip_flexion",
    "trunk_lean",
)  # fmt: skip
_MOST = 6
_LEAST_RANGE = {"degrees": 20.0, "ratio": 0.2}  # of an axis: a trembling is not made a mountain
_BODY = "#333333"
_GAP = "#f2c14e"
_STYLES = {"left": (hex_colour(LEFT), "-"), "right": (hex_colour(RIGHT), "--"), None: (_BODY, "-")}


def panels(analysis: Analysis) -> list[list[Curve]]:
    """The curves that are shown: with a value, of one kind together, the main one's kind first.

    They are as many as a page holds; the rest is in the JSON.
    """
    kinds: dict[str, list[Curve]] = {}
    for curve in analysis.curves.values():
        if curve.refused is None and np.isfinite(curve.values).any():
            kinds.setdefault(curve.kind, []).append(curve)
    main = analysis.curves.get(analysis.main_curve)
    order = dict.fromkeys(
        [main.kind, *(_ARMS if main.kind in _ARMS[:4] else _LEGS)] if main else kinds
    )
    return [kinds[kind] for kind in order if kind in kinds][:_MOST]


def figure_of(analysis: Analysis) -> Figure | None:
    """A panel a kind of curve; None if no curve has a value."""
    rows = panels(analysis)
    if not rows:
        return None
    figure = Figure(figsize=(9, 2.1 * len(rows) + 0.9), layout="constrained")
    grid = figure.subplots(len(rows), 1, squeeze=False, sharex=True)[:, 0]
    places = place_of_frames(analysis)
    for axis, curves in zip(grid, rows, strict=True):
        _panel(axis, curves, places, analysis)
    _numbers(grid[0], places, analysis)
    in_time = analysis.frame_rate is not None
    grid[-1].set_xlabel("seconds" if in_time else "picture")
    handles, labels = [], []
    for axis in grid:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            if label not in labels:
                handles.append(handle)
                labels.append(label)
    figure.legend(handles, labels, loc="outside upper center", ncols=5, fontsize=9)
    return figure


def save_curves(path: Path, analysis: Analysis) -> bool:
    """The figure as a PNG; False if there is nothing to draw."""
    figure = figure_of(analysis)
    if figure is None:
        return False
    with whole_file(path) as file:
        figure.savefig(file, dpi=110)
    return True


def place_of_frames(analysis: Analysis) -> Floats:
    """[T]: seconds, or 1, 2, ... for single pictures."""
    frames = np.arange(analysis.frames, dtype=np.float64)
    return frames + 1 if analysis.frame_rate is None else frames / analysis.frame_rate


def title_of(curve: Curve) -> str:
    """For people: "knee flexion (in the picture), degrees"."""
    where = " (in the picture)" if curve.projected else ""
    return f"{curve.kind.replace('_', ' ')}{where}, {curve.unit}"


def _panel(axis: Axes, curves: Sequence[Curve], places: Floats, analysis: Analysis) -> None:
    in_time = analysis.frame_rate is not None
    half = 0.5 / analysis.frame_rate if analysis.frame_rate else 0.5
    for first, last in runs(~analysis.reliability.reliable):
        label = "not reliable: not judged"
        axis.axvspan(places[first] - half, places[last] + half, color=_GAP, alpha=0.4, label=label)
    for curve in curves:
        colour, line = _STYLES[curve.side]
        label = curve.side or "body"
        values = curve.values
        if in_time:
            axis.plot(places, values, line, color=colour, label=label, lw=1.6)
            # A value between two gaps has no line.
            known = np.pad(np.isfinite(values), 1)
            alone = known[1:-1] & ~known[:-2] & ~known[2:]
            axis.plot(places[alone], values[alone], ".", color=colour, ms=4)
        else:
            marker = "s" if curve.side == "right" else "o"
            axis.plot(places, values, marker, color=colour, label=label, ms=6)
        if curve.deviation is not None:
            spread = 2 * curve.deviation
            axis.fill_between(places, values - spread, values + spread, color=colour, alpha=0.15)
    for repetition in analysis.repetitions:
        if repetition.kind == "pose":
            continue
        for frame in (repetition.start, repetition.end):
            axis.axvline(places[frame], color=_BODY, lw=0.6, alpha=0.5)
    low, high = axis.get_ylim()
    least = _LEAST_RANGE.get(curves[0].unit, 0.0)
    if high - low < least:
        axis.set_ylim((low + high - least) / 2, (low + high + least) / 2)
    axis.set_title(title_of(curves[0]), fontsize=10, loc="left")
    axis.set_xlim(places[0] - half, places[-1] + half)
    axis.grid(alpha=0.25)


def _numbers(axis: Axes, places: Floats, analysis: Analysis) -> None:
    """The repetitions' numbers above the curves of a panel."""
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.14 * (high - low))
    for repetition in analysis.repetitions:
        if repetition.kind != "pose":
            whole = "" if repetition.complete else " (in part)"
            where = (places[repetition.bottom], 0.98)
            text, at = f"{repetition.number}{whole}", ("data", "axes fraction")
            axis.annotate(text, where, xycoords=at, ha="center", va="top", fontsize=9)
