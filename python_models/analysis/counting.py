"""The repetitions of a sequence, what was left out of their count, and when there is no count."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from python_models.analysis.repetitions import Span, find_holds, find_repetitions, noise_of
from python_models.analysis.results import Curve, Refused
from python_models.analysis.rules import RuleFile

NOISE = 6.0
"""Standard deviations of a curve's noise; a lower wave may be noise. Those of a person who stands
still, as far as joints are believed, are up to 5.3; squats with the same noise are from 11 on."""

_RESOLVED = 8.0  # frames per second; below it a movement looks like noise
_SHALLOW = 0.5  # of the least depth: from there on a wave that is not counted is mentioned


@dataclass(frozen=True)
class Count:
    """What was found.

    Attributes:
        spans: In time's order.
        ignored: Sentences about waves that are not counted.
        refused: Why there is no count.
    """

    spans: tuple[Span, ...]
    ignored: tuple[str, ...] = ()
    refused: Refused | None = None


def count(rules: RuleFile, main: Curve, rate: float | None) -> Count:
    """The exercise's repetitions, holds or, without a frame rate, each picture by itself."""
    if rate is None:
        return Count(tuple(Span(at, at, at, complete=True) for at in range(len(main.values))))
    if rules.kind == "hold":
        return Count(_holds(rules, main, rate))
    limits = {"minimum_depth": rules.minimum_depth, "minimum_duration": rules.minimum_duration}
    spans = find_repetitions(main.values, rate, **limits)
    noise = noise_of(main.values) if rate >= _RESOLVED else 0.0
    clear = tuple(span for span in spans if not span.height < NOISE * noise)
    if spans and 2 * len(clear) <= len(spans):
        reason = (
            f"{main.name} is off by about {noise:.0f} {main.unit} from frame to frame, and "
            f"{len(spans) - len(clear)} of {len(spans)} waves in it cannot be told from that"
        )
        return Count((), refused=Refused("unreliable", reason))
    ignored = []
    if len(clear) < len(spans):
        ignored.append(_sentence(len(spans) - len(clear), "no higher than the curve's noise"))
    short = find_repetitions(main.values, rate, **limits | {"minimum_duration": 1 / rate})
    if len(short) > len(spans):
        words = f"shorter than the {rules.minimum_duration:g} s of this exercise"
        ignored.append(_sentence(len(short) - len(spans), words))
    least = max(_SHALLOW * rules.minimum_depth, NOISE * noise)
    if least < rules.minimum_depth:
        lower = find_repetitions(main.values, rate, **limits | {"minimum_depth": least})
        counted = {frame for span in spans for frame in range(span.start, span.end + 1)}
        shallow = sum(one.complete and one.bottom not in counted for one in lower)
        if shallow:
            words = f"lower than the {rules.minimum_depth:g} {main.unit} of this exercise"
            ignored.append(_sentence(shallow, words))
    return Count(clear, tuple(ignored))


def _sentence(number: int, words: str) -> str:
    waves = "1 rise and fall is" if number == 1 else f"{number} rises and falls are"
    return f"{waves} not counted: {words}."


def _holds(rules: RuleFile, main: Curve, rate: float) -> tuple[Span, ...]:
    """Each with its worst frame as the bottom."""
    holds = find_holds(
        main.values,
        rate,
        lowest=rules.lowest,
        highest=rules.highest,
        minimum_duration=rules.minimum_duration,
    )
    worst = [int(np.nanargmax(np.abs(main.values[hold.start : hold.end + 1]))) for hold in holds]
    return tuple(
        replace(hold, bottom=hold.start + frame) for hold, frame in zip(holds, worst, strict=True)
    )
