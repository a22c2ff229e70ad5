"""From a pose sequence to angles, repetitions and advice."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from python_models.analysis import proportions
from python_models.analysis.advice import PROJECTED, advise
from python_models.analysis.angles import combined, curves_of
from python_models.analysis.conditions import not_the_exercise
from python_models.analysis.counting import Count, count
from python_models.analysis.definitions import definitions
from python_models.analysis.facing import disagreements
from python_models.analysis.likeness import doubted, told, unchecked
from python_models.analysis.measures import Subject, measure
from python_models.analysis.notes import mostly_gaps, refusal, turned, warnings_of
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.reliability import Limits, check
from python_models.analysis.repetitions import Span
from python_models.analysis.results import (
    Analysis,
    Curve,
    Refused,
    Reliability,
    Repetition,
    View,
)
from python_models.analysis.rules import RuleFile, load_rules
from python_models.motion.motion import Floats


def analyse(
    sequence: PoseSequence,
    exercise: str = "squat",
    *,
    rules: RuleFile | Path | None = None,
    limits: Limits | None = None,
) -> Analysis:
    """Everything that can be said of a sequence, and of what cannot be said, why.

    Args:
        sequence: One person's poses. Without a frame rate each picture is judged by itself.
        exercise: Name of a rule file.
        rules: A rule file as loaded, or a folder of one's own rule files. None: ours.
        limits: Of what joints are believed.

    Raises:
        ValueError: There is no such exercise, or its rule file does not hold what it should.

    Example:
        >>> import numpy as np
        >>> from python_models.analysis.analysis import analyse
        >>> from python_models.analysis.pose_sequence import PoseSequence
        >>> from python_models.motion.skeletons import LOWER_BODY_6
        >>> nothing = np.full((40, 6, 3), np.nan)
        >>> up = np.array([0, 0, 1])
        >>> analyse(PoseSequence(nothing, LOWER_BODY_6, 30, up)).refused.code
        'unreliable'
    """
    if not isinstance(rules, RuleFile):
        rules = load_rules(exercise, rules)
    checked = check(sequence, limits)
    azimuth = near = None
    if sequence.dimensions == 2:
        azimuth = proportions.azimuths(sequence, checked.mended)
        near = proportions.near_azimuths(sequence, checked.mended)
    curves = curves_of(sequence, checked.points, azimuth=azimuth)
    main = combined(rules.curve, curves, rules.sides)
    # What only changed sides counts: the mean and the larger of both sides do not know sides.
    mended = curves_of(sequence, checked.mended, kind=rules.curve, azimuth=azimuth)
    whole = combined(rules.curve, mended, rules.sides)
    curves, whole = doubted(curves, whole, sequence, checked.mended, checked.likely, rules)
    reliable = np.isfinite(main.values)
    joints = _needed(sequence, rules)
    issues = (*checked.issues(sequence, joints), *turned(sequence, rules, azimuth, joints))
    issues = tuple(sorted(issues, key=lambda issue: (issue.first, issue.last)))
    reliability = Reliability(reliable, float(reliable.mean()), issues)
    refused = refusal(sequence, rules, reliability, main)
    found = count(rules, whole, sequence.frame_rate) if refused is None else Count(())
    refused = refused or found.refused
    shown = {**curves, main.name: told(main, whole.sides)}
    views = [
        None if azimuth is None or near is None else _seen(azimuth, near, span)
        for span in found.spans
    ]
    repetitions = tuple(
        _repetition(
            sequence,
            rules,
            shown,
            whole,
            span,
            number,
            mostly_gaps(whole, span)
            or not_the_exercise(sequence, rules, checked.mended, mended, span, seen),
            seen,
        )
        for number, (span, seen) in enumerate(zip(found.spans, views, strict=True), 1)
    )
    view = None if azimuth is None else proportions.view_of(azimuth)
    return Analysis(
        exercise=rules.exercise,
        name=sequence.name,
        dimensions=sequence.dimensions,
        frames=len(sequence),
        frame_rate=sequence.frame_rate,
        curves=shown,
        main_curve=main.name,
        view=view,
        reliability=reliability,
        repetitions=repetitions,
        advice=tuple(advise(rule, rep, rep.view) for rep in repetitions for rule in rules.rules),
        warnings=warnings_of(
            sequence,
            view,
            reliability,
            repetitions,
            refused,
            (
                *found.ignored,
                *disagreements(sequence, checked.mended),
                *unchecked(sequence, checked.mended, joints),
            ),
        ),
        refused=refused,
    )


def _seen(azimuth: Floats, near: Floats, span: Span) -> View:
    """From where a repetition is seen: the least sure of the views that a part of it says.

    A turn by less than an azimuth is good for is no other view, but angles are off by it.
    """
    there = near[span.start : span.end + 1]
    ends = (np.array([proportions.nan_quantile(there, end)]) for end in (0.0, 1.0))
    views = map(proportions.view_of, (azimuth[span.start : span.end + 1], *ends))
    return max(views, key=lambda view: PROJECTED[view.kind])


def _needed(sequence: PoseSequence, rules: RuleFile) -> tuple[str, ...]:
    """Joints of the exercise's own curve that the skeleton has."""
    joints = [
        joint
        for definition in definitions(sequence.skeleton)
        if definition.kind == rules.curve
        for joint in definition.joints
        if joint in sequence.skeleton.joints
    ]
    return tuple(dict.fromkeys(joints))


def _repetition(
    sequence: PoseSequence,
    rules: RuleFile,
    curves: dict[str, Curve],
    main: Curve,
    span: Span,
    number: int,
    refused: Refused | None,
    view: View | None,
) -> Repetition:
    subject = Subject(curves, main, span, sequence.frame_rate)
    names = dict.fromkeys(
        ["depth", "tempo.duration", *rules.measures, *(rule.measure for rule in rules.rules)]
    )
    times = sequence.times
    start, bottom, end = (
        None if times is None else float(times[frame])
        for frame in (span.start, span.bottom, span.end)
    )
    return Repetition(
        kind="pose" if times is None else "hold" if rules.kind == "hold" else "repetition",
        number=number,
        start=span.start,
        bottom=span.bottom,
        end=span.end,
        start_time=start,
        bottom_time=bottom,
        end_time=end,
        complete=span.complete and refused is None,
        measures={name: measure(name, subject) for name in names},
        refused=refused,
        view=view,
    )
