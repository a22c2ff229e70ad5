"""The report's advice: what a rule says, with its threshold, its reason and the measured values."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from python_models.analysis.results import Advice, Analysis
from python_models.presentation.words import NOTHING, plain, quantity, sentence

# In the order of the page: the verdict, its heading, its class.
_VERDICTS = (
    ("fault", "To change", "fault"),
    ("not sure", "Not sure", "unsure"),
    ("good", "Good", "good"),
    ("refused", "Not judged", "unsure"),
)


def section(analysis: Analysis) -> str:
    """A card for each rule and verdict, faults first."""
    if not analysis.advice:
        return ""
    cards = []
    for verdict, heading, style in _VERDICTS:
        grouped: dict[tuple[str, str], list[Advice]] = {}
        for advice in analysis.advice:
            if advice.verdict == verdict:
                key = (advice.rule, _why_not(analysis, advice) or advice.words)
                grouped.setdefault(key, []).append(advice)
        cards += [
            _card(heading, style, words, same, analysis) for (_, words), same in grouped.items()
        ]
    return f"<section><h2>Advice</h2>{''.join(cards)}</section>"


def _card(heading: str, style: str, words: str, same: Sequence[Advice], analysis: Analysis) -> str:
    first = same[0]
    limit = quantity(first.threshold, first.unit)
    rule = f"{plain(first.measure)} must be {first.comparison} {limit}"
    of = "picture" if analysis.frame_rate is None else "repetition"
    measured = ", ".join(f"{of} {advice.repetition}: {_value(advice)}" for advice in same)
    lines = [f"Measured: {measured}. The rule: {rule}."]
    if first.reason:
        lines.append(f"Why: {first.reason}")
    if first.source:
        lines.append(f"Source: {first.source}")
    texts = "".join(f'<p class="soft">{escape(line)}</p>' for line in lines)
    title = f"{escape(heading)}: {escape(plain(first.rule))}"
    return (
        f'<article class="card {style}"><h3><span class="verdict">{title}</span></h3>'
        f"<p>{escape(sentence(words))}</p>{texts}</article>"
    )


def _value(advice: Advice) -> str:
    value = quantity(advice.value, advice.unit)
    if advice.uncertainty is None or value == NOTHING:
        return value
    return f"{value} ± {quantity(advice.uncertainty, advice.unit)}"


def _why_not(analysis: Analysis, advice: Advice) -> str:
    """Why a refused rule has no value, where the measure says it."""
    if advice.verdict != "refused":
        return ""
    found = (r for r in analysis.repetitions if r.number == advice.repetition)
    repetition = next(found, None)
    measure = repetition.measures.get(advice.measure) if repetition else None
    return measure.refused.reason if measure and measure.refused else ""
