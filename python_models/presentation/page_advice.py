"""The report's advice: what a rule says, with its threshold, its reason and the measured values."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from python_models.analysis.results import Advice, Analysis
from python_models.presentation.page_parts import table
from python_models.presentation.words import plain, plus_or_minus, quantity, reason_words, sentence

# In the order of the page: the verdict, its heading, its class.
_VERDICTS = (
    ("fault", "To change", "fault"),
    ("not sure", "Not sure", "unsure"),
    ("good", "Good", "good"),
)
_COMPARISONS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


def section(analysis: Analysis) -> str:
    """A card for each rule and verdict, faults first; then what was not judged, and why."""
    if not analysis.advice:
        return ""
    cards = [
        _card(heading, style, same, analysis)
        for verdict, heading, style in _VERDICTS
        for same in _by_rule(analysis, verdict)
    ]
    return f"<section><h2>Advice</h2>{''.join(cards)}{_not_judged(analysis)}</section>"


def _by_rule(analysis: Analysis, verdict: str) -> list[list[Advice]]:
    grouped: dict[str, list[Advice]] = {}
    for advice in analysis.advice:
        if advice.verdict == verdict:
            grouped.setdefault(advice.rule, []).append(advice)
    return list(grouped.values())


def _card(heading: str, style: str, same: Sequence[Advice], analysis: Analysis) -> str:
    first = same[0]
    limit = quantity(first.threshold, first.unit)
    comparison = _COMPARISONS.get(first.comparison, first.comparison)
    measured = ", ".join(f"{_number(advice, analysis)}: {_value(advice)}" for advice in same)
    lines = [
        f"Measured: {measured}.",
        f"The rule: {plain(first.measure)} must be {comparison} {limit}.",
    ]
    if first.reason:
        lines.append(f"Why: {sentence(first.reason)}")
    if first.source:
        lines.append(f"Source: {sentence(first.source)}")
    words = [f"<p>{escape(sentence(text))}</p>" for text in dict.fromkeys(a.words for a in same)]
    texts = "".join(f'<p class="soft">{escape(line)}</p>' for line in lines)
    title = f"{escape(heading)}: {escape(plain(first.rule))}"
    return (
        f'<article class="card {style}"><h3><span class="verdict">{title}</span></h3>'
        f"{''.join(words)}{texts}</article>"
    )


def _not_judged(analysis: Analysis) -> str:
    rows = []
    for same in _by_rule(analysis, "refused"):
        reasons: dict[str, list[str]] = {}
        for advice in same:
            reason = reason_words(_why_not(analysis, advice))
            reasons.setdefault(reason, []).append(_number(advice, analysis))
        why = " ".join(f"{', '.join(which)}: {reason}" for reason, which in reasons.items())
        rows.append((plain(same[0].rule), [why]))
    return f"<h3>Not judged</h3>{table(['Rule', 'Why'], rows)}" if rows else ""


def _number(advice: Advice, analysis: Analysis) -> str:
    return f"{'picture' if analysis.frame_rate is None else 'repetition'} {advice.repetition}"


def _value(advice: Advice) -> str:
    return plus_or_minus(advice.value, advice.uncertainty, advice.unit)


def _why_not(analysis: Analysis, advice: Advice) -> str:
    """Why a refused rule has no value, where the measure says it."""
    found = (r for r in analysis.repetitions if r.number == advice.repetition)
    repetition = next(found, None)
    measure = repetition.measures.get(advice.measure) if repetition else None
    return measure.refused.reason if measure and measure.refused else advice.words
