"""Advice: rules held against what was measured."""

from __future__ import annotations

import numpy as np

from python_models.analysis.results import Advice, Measure, Repetition, Verdict, View
from python_models.analysis.rules import COMPARISONS, Rule

_SIGNS = {"degrees": "°", "seconds": " s"}
_SURE = 1.96  # standard deviations: 95 %

PROJECTED = {"side": 15.0, "oblique": 40.0, "unknown": 40.0, "front": 15.0}
"""Degrees, about 95 %: how far an angle in a picture is from the body's, by view. That of a knee
in squats (`view_error`); of a frontal view, which shows arms and knee valgus, it is a guess."""


def amount(value: float, unit: str) -> str:
    """A number with its unit, as people read it: everywhere to the same place."""
    places = 1 if unit == "degrees" else 2
    return f"{value:.{places}f}{_SIGNS.get(unit, '')}"


def uncertainty(measure: Measure, margin: float, view: View | None) -> float | None:
    """What a measured value is good for, plus or minus, about 95 %; None: nothing is known.

    1.96 standard deviations of the value; a margin for what they do not hold, joints that are off
    by the same in every frame; and of an angle in a picture, `PROJECTED`. They are independent, so
    their squares add up. What exchanged sides would change is not random and comes on top.

    Args:
        measure: With its standard deviation, if it is known.
        margin: Of the rule that judges it, in the measure's unit; 0 without one.
        view: From where the picture is taken; None of a pose in space.
    """
    projected = PROJECTED[view.kind] if view and measure.unit == "degrees" else 0.0
    spread = float(np.hypot(margin, projected))
    if measure.deviation is None:
        return spread + measure.sides or None
    return float(np.hypot(_SURE * measure.deviation, spread)) + measure.sides


def advise(rule: Rule, repetition: Repetition, view: View | None = None) -> Advice:
    """What one rule says of one repetition that has the rule's measure."""
    measure = repetition.measures[rule.measure]
    spread = uncertainty(measure, rule.margin, view)
    verdict: Verdict = "refused"
    if repetition.refused is not None:
        words = f"Not judged: {repetition.refused.reason}."
    elif repetition.complete:
        verdict, words = _judge(rule, measure, spread)
    else:
        words = "Not judged: the repetition is cut by an edge or a gap."
    return Advice(
        rule=rule.name,
        repetition=repetition.number,
        verdict=verdict,
        words=words,
        measure=rule.measure,
        value=measure.value,
        uncertainty=spread,
        comparison=rule.comparison,
        threshold=rule.threshold,
        unit=rule.unit,
        reason=rule.reason,
        source=rule.source,
        frame=measure.frame,
    )


def _judge(rule: Rule, measure: Measure, spread: float | None) -> tuple[Verdict, str]:
    if measure.refused is not None:
        return "refused", f"Not judged: {measure.refused.reason}."
    if spread is not None and abs(measure.value - rule.threshold) <= spread:
        if not np.isfinite(spread):
            return "not sure", "Not sure: how far these joints may be off is not known."
        value, give, limit = (
            amount(number, rule.unit) for number in (measure.value, spread, rule.threshold)
        )
        return "not sure", (
            f"Not sure: measured {value}, good for plus or minus {give}, and the limit is {limit}."
        )
    if COMPARISONS[rule.comparison](measure.value, rule.threshold):
        return "good", rule.good
    return "fault", rule.fault
