"""Whether a rise and fall of the exercise's curve is the exercise at all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from python_models.analysis import proportions
from python_models.analysis.definitions import ANKLES, HIPS, SIDES
from python_models.analysis.geometry import dot, left_axis, length
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.repetitions import FILTER, Span
from python_models.analysis.results import Curve, Refused, View
from python_models.analysis.rules import RuleFile
from python_models.analysis.signals import median_filtered
from python_models.motion.motion import Floats

_KNOWN = 0.8  # part of a repetition's frames in which both sides must be seen to compare them
_ENDS = 0.2  # part of a repetition's frames at its start, and at its end, in which feet stand


def not_the_exercise(
    sequence: PoseSequence,
    rules: RuleFile,
    points: Floats,
    curves: Mapping[str, Curve],
    span: Span,
    view: View | None,
) -> Refused | None:
    """Which of the rule file's conditions a repetition does not meet; None: none is known.

    What is not seen is not held against it.

    Args:
        sequence: The poses.
        rules: With `both_sides`, `lowered`, `travel` and `stride`, NaN where there is no such
            condition.
        points: [T, K, D], what is believed of the joints.
        curves: The exercise's own of each side, by name.
        span: The repetition's frames.
        view: From where a picture shows them; None in 3D.
    """
    rate = sequence.frame_rate
    if rate is None:
        return None
    frames = slice(span.start, span.end + 1)
    width = round(FILTER * rate)
    part = _of_the_other_side(rules.curve, curves, frames, width)
    if part < rules.both_sides:
        side = f"one side's {rules.curve.replace('_', ' ')} changes by {part:.0%} of the other's"
        return _refused(rules, f"{side}, and both sides must move")
    leg = float(proportions.leg_length(sequence, points)[0])
    lowered = _lowered(sequence, points, frames, width) / leg
    if lowered < rules.lowered:
        return _refused(
            rules, f"the hips come down by {max(lowered, 0):.0%} of the leg's length only"
        )
    travel = _travel(sequence, points, frames) / leg
    if travel > rules.travel:
        return _refused(rules, f"the feet end {travel:.0%} of a leg's length from where they began")
    stride = _stride(sequence, points, frames, view) / leg
    if stride > rules.stride:
        return _refused(rules, f"one foot is {stride:.0%} of a leg's length before the other")
    return None


def _refused(rules: RuleFile, reason: str) -> Refused:
    return Refused("not-the-exercise", f"this is no {rules.exercise.replace('_', ' ')}: {reason}")


def _of_the_other_side(kind: str, curves: Mapping[str, Curve], frames: slice, width: int) -> float:
    """The smaller rise of the two sides over the larger one, where both are known."""
    sides = [curves[f"{side}_{kind}"] for side in SIDES if f"{side}_{kind}" in curves]
    if len(sides) < 2:
        return float("nan")
    values = np.stack([curve.values[frames] for curve in sides])
    both = np.isfinite(values).all(0)
    if both.mean() < _KNOWN:  # in a picture the deepest frames of one side are gaps first
        return float("nan")
    values = np.stack([median_filtered(np.where(both, one, np.nan), width) for one in values])
    rises = np.nanmax(values, axis=1) - np.nanmin(values, axis=1)
    return float(rises.min() / rises.max()) if rises.max() > 0 else float("nan")


def _lowered(sequence: PoseSequence, points: Floats, frames: slice, width: int) -> float:
    """How far the hips come down above the lower foot, from the higher end of the repetition."""
    hips, ankles = (
        np.stack([dot(proportions.joint(sequence, points, name), sequence.up) for name in names])
        for names in (HIPS, ANKLES)
    )
    height = median_filtered((hips.mean(0) - ankles.min(0))[frames], width)
    known = height[np.isfinite(height)]
    return float(max(known[0], known[-1]) - known.min()) if known.size else float("nan")


def _travel(sequence: PoseSequence, points: Floats, frames: slice) -> float:
    """From where the feet stand at the repetition's start to where they stand at its end."""
    feet = sum(proportions.joint(sequence, points, ankle)[frames] for ankle in ANKLES) / 2
    feet = np.asarray(feet)
    some = max(1, round(_ENDS * len(feet)))
    places = []
    for end in (feet[:some], feet[-some:]):
        seen = end[np.isfinite(end).all(-1)]
        if not len(seen):
            return float("nan")
        places.append(np.median(seen, axis=0))
    return float(length(places[1] - places[0]))


def _stride(sequence: PoseSequence, points: Floats, frames: slice, view: View | None) -> float:
    """How far one foot is before the other, as the hips look: the median.

    In a picture what lies to its sides, as far as that is before and behind: only from the side.
    """
    left, right = (proportions.joint(sequence, points, name)[frames] for name in ANKLES)
    if view is None:
        hips = [proportions.joint(sequence, points, name)[frames] for name in HIPS]
        ahead = np.cross(left_axis(hips[0], hips[1], sequence.up), sequence.up)
    elif view.kind == "side":
        ahead = np.array([sequence.up[1], -sequence.up[0]])
    else:
        return float("nan")
    return proportions.nan_quantile(np.abs(dot(left - right, ahead)), 0.5)
