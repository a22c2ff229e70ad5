"""What a reader of an analysis must know, and when there is nothing to read."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np

from python_models.analysis.angles import shown
from python_models.analysis.definitions import definitions
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.repetitions import LONGEST_GAP, Span
from python_models.analysis.results import Curve, Issue, Refused, Reliability, Repetition, View
from python_models.analysis.rules import RuleFile
from python_models.analysis.signals import runs
from python_models.analysis.swaps import tells_sides
from python_models.motion.motion import Floats

LEFT_AND_RIGHT = (
    "Which leg is the left one is the word of whoever found the joints, for legs do not show it: "
    "were both exchanged, throughout or from where one covers the other, or the picture mirrored, "
    "what is said of the left leg would hold for the right one. Count, depth, tempo, trunk lean "
    "and the knees' distance hold anyway."
)
"""Of poses that do not tell their sides: in a picture, or lifted from one."""

ENOUGH = 0.5
"""Part of the frames that must be reliable; below it nothing is judged."""

_FEWEST = 3  # frames of a movement
_SLOWEST = 8.0  # frames per second that show where a squat turns


def refusal(
    sequence: PoseSequence, rules: RuleFile, reliability: Reliability, main: Curve
) -> Refused | None:
    """Why a sequence cannot be judged; None if it can."""
    if main.refused is not None and main.refused.code != "unreliable":
        return main.refused
    frames, rate = len(sequence), sequence.frame_rate
    if rate is not None and frames < max(_FEWEST, rules.minimum_duration * rate):
        return Refused(
            "too-short",
            f"{frames} frame{'s' if frames > 1 else ''} at {rate:g} per second show no movement of "
            f"{rules.minimum_duration:g} s; single pictures are judged without a frame rate",
        )
    if reliability.fraction == 0 or (rate is not None and reliability.fraction < ENOUGH):
        return Refused(
            "unreliable",
            f"the joints of {main.name} can be relied on in {reliability.fraction:.0%} of the "
            f"frames, and {ENOUGH:.0%} are needed ({_causes(reliability)})",
        )
    return None


def mostly_gaps(curve: Curve, span: Span) -> Refused | None:
    """Why a repetition is not judged whose curve is bridged for the most part."""
    part = float(np.isfinite(curve.values[span.start : span.end + 1]).mean())
    if part >= ENOUGH:
        return None
    return Refused("unreliable", f"{curve.name} is known in {part:.0%} of its frames only")


def turned(
    sequence: PoseSequence, rules: RuleFile, azimuth: Floats | None, joints: tuple[str, ...]
) -> tuple[Issue, ...]:
    """Stretches of a motion in which the picture does not show the exercise's curve.

    None where no stretch shows it: then the curve by itself is refused.
    """
    if azimuth is None or sequence.frame_rate is None:
        return ()
    plane = next(one.plane for one in definitions(sequence.skeleton) if one.kind == rules.curve)
    seen = shown(plane, azimuth)
    return tuple(Issue("view", *ends, joints) for ends in runs(~seen)) if seen.any() else ()


def warnings_of(
    sequence: PoseSequence,
    view: View | None,
    reliability: Reliability,
    repetitions: tuple[Repetition, ...],
    refused: Refused | None,
    said: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """Sentences for whoever reads the numbers."""
    made = []
    if view is not None:
        made.append(_of_view(view))
    if not tells_sides(sequence):
        made.append(LEFT_AND_RIGHT)
    if sequence.frame_rate is None:
        made.append(
            "Single pictures: each is taken as the exercise's turning point, and nothing is known "
            "of time."
        )
    elif sequence.frame_rate < _SLOWEST:
        made.append(
            f"{sequence.frame_rate:g} frames per second may miss the turning points: depths can "
            "be underestimated."
        )
    for issue in reliability.issues:
        if issue.kind == "view" and sequence.frame_rate is not None:
            first, last = issue.first / sequence.frame_rate, issue.last / sequence.frame_rate
            made.append(
                f"From {first:.1f} to {last:.1f} s the picture does not show this exercise: the "
                "person has turned; nothing is judged there."
            )
    alike = sum(i.last - i.first + 1 for i in reliability.issues if i.kind == "sides-alike")
    if alike:
        made.append(
            f"In {alike} frames left and right cannot be told: with knees or ankles exchanged the "
            "legs would look as likely, or likelier, and have quite other angles. Look whether the "
            "joints' sides are right, or film a little more from the front, both legs in sight."
        )
    if reliability.fraction < 1:
        made.append(
            f"{1 - reliability.fraction:.0%} of the frames are left out as gaps "
            f"({_causes(reliability)})."
        )
    elif reliability.issues:
        made.append(f"Some joints of some frames are left out ({_causes(reliability)}).")
    for reason, numbers in _refusals(repetitions).items():
        made.append(f"Not judged, repetition {', '.join(map(str, numbers))}: {reason}.")
    partial = [rep for rep in repetitions if not rep.complete and rep.refused is None]
    if partial:
        which = "1 repetition is" if len(partial) == 1 else f"{len(partial)} repetitions are"
        made.append(f"{which} cut by an edge or a gap and not judged.")
    if refused is None:
        made += _around_gaps(partial, reliability, sequence.frame_rate)
    if refused is None and not repetitions:
        made.append("No repetition was found.")
    made += said
    if sequence.covariance is None:
        made.append(
            "The joints come without covariances: the uncertainty is only the margin of each rule."
        )
    return tuple(made)


def _around_gaps(
    partial: list[Repetition], reliability: Reliability, rate: float | None
) -> list[str]:
    """Sentences about what long gaps hide or cut: repetitions with a gap alone between them."""
    made: list[str] = []
    if rate is None:
        return made
    lost = max((last - first + 1 for first, last in runs(~reliability.reliable)), default=0)
    if lost > LONGEST_GAP * rate:
        made.append(
            f"The longest gap has {lost / rate:.1f} s: repetitions that lie in a gap of more than "
            f"{LONGEST_GAP:g} s are not counted."
        )
    for one, other in itertools.pairwise(partial):
        gaps = runs(~reliability.reliable[one.end : other.start + 1])
        longest = max((last - first + 1 for first, last in gaps), default=0)
        if other.number == one.number + 1 and longest > LONGEST_GAP * rate:
            made.append(
                f"Repetitions {one.number} and {other.number} lie on both sides of a gap: they may "
                "be one that was cut in two, and what happened in the gap is not known."
            )
    return made


def _refusals(repetitions: tuple[Repetition, ...]) -> dict[str, list[int]]:
    numbers: dict[str, list[int]] = {}
    for repetition in repetitions:
        if repetition.refused is not None:
            numbers.setdefault(repetition.refused.reason, []).append(repetition.number)
    return numbers


def _of_view(view: View) -> str:
    text = "Angles are those of the picture, not the body's"
    if view.kind == "unknown":
        return f"{text}; from where it was taken cannot be told."
    text += f"; the camera looks about {view.azimuth:.0f} degrees from the front"
    if view.kind == "oblique":
        return f"{text}, so they can be far from the body's: film from the side or lift to 3D."
    return f"{text}."


def _causes(reliability: Reliability) -> str:
    frames = Counter[str]()
    for issue in reliability.issues:
        frames[issue.kind] += issue.last - issue.first + 1
    return ", ".join(f"{kind} in {count} frames" for kind, count in frames.most_common()) or (
        "bones that point along the view"
    )
