"""report.html: one file with everything in it. All text that comes from data is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from python_models.analysis.advice import uncertainty
from python_models.analysis.results import Analysis, Measure, Repetition
from python_models.presentation import page_advice
from python_models.presentation.curves import title_of
from python_models.presentation.page_parts import Picture, figures, table, text_list
from python_models.presentation.words import (
    NOTHING,
    issue_words,
    plain,
    plus_or_minus,
    reason_words,
    span_words,
)
from python_models.whole_file import whole_file

_TEMPLATE = Path(__file__).with_name("page.html")
_MOST_ISSUES = 100  # rows; the JSON has all

_PLUS_OR_MINUS = (
    "± is what a number is good for, about 95 %: what the joints' noise does to it; of an angle in "
    "a picture also how far it may be from the body's, and where left and right look alike, what "
    "their exchange would change; and where a rule judges it, as in the advice, the rule's margin "
    "for joints that are off by the same in every frame. Where there is none, nothing is known."
)


def page(
    analysis: Analysis,
    *,
    names: Sequence[str],
    notes: Sequence[str],
    curves: Picture | None,
    views: Picture | None,
    frames: Sequence[Picture],
) -> str:
    """The page's HTML.

    Args:
        analysis: What is reported.
        names: Of the frames.
        notes: Besides the analysis's warnings.
        curves: The angle curves, if any.
        views: The 3D pose from three sides, if there is one.
        frames: Pictures with the skeleton drawn in.
    """
    parts = [
        _refusal(analysis),
        text_list(
            "What to know about these numbers", [*notes, *map(reason_words, analysis.warnings)]
        ),
        page_advice.section(analysis),
        _repetitions(analysis, names),
        figures("Angles over time" if analysis.frame_rate else "Angles", [curves]),
        figures("The pose in space", [views]),
        figures("Pictures", frames, grid=True),
        _issues(analysis, names),
        _not_measured(analysis),
    ]
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(_title(analysis)),
        summary=escape(summary(analysis)),
        main="\n".join(part for part in parts if part),
        disclaimer=escape(analysis.disclaimer),
    )


def write_page(path: Path, html: str) -> None:
    """Writes the file, whole or not at all."""
    with whole_file(path) as file:
        file.write_text(html, encoding="utf-8")


def summary(analysis: Analysis) -> str:
    """Two or three sentences: what was seen, in how many dimensions, how much of it counts."""
    whole = [r for r in analysis.repetitions if r.complete]
    kinds = {r.kind for r in analysis.repetitions}
    kind = kinds.pop() if len(kinds) == 1 else "repetition"
    count = len(whole)
    found = _count(count, f"whole {kind}")
    part = len(analysis.repetitions) - count
    found += f" and {part} in part" if part else ""
    if analysis.frame_rate is None:
        length = _count(analysis.frames, "picture")
    else:
        seconds = analysis.frames / analysis.frame_rate
        length = _count(analysis.frames, "frame")
        length += f" ({seconds:.1f} s at {analysis.frame_rate:g} a second)"
    how = (
        "Angles are the body's, from a 3D pose."
        if analysis.dimensions == 3
        else "Angles are those of the picture (2D): a body that is not seen from the side, or from "
        "the front, has other ones."
    )
    share = analysis.reliability.fraction
    return f"{length}: {found}. {how} {share:.0%} of the frames could be judged."


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _title(analysis: Analysis) -> str:
    return f"{plain(analysis.exercise).capitalize()}: {analysis.name}"


def _refusal(analysis: Analysis) -> str:
    if analysis.refused is None:
        return ""
    reason = escape(reason_words(analysis.refused.reason))
    return (
        '<section class="card unsure" role="alert"><h3 class="verdict">Not judged</h3>'
        f"<p>{reason}</p></section>"
    )


def _repetitions(analysis: Analysis, names: Sequence[str]) -> str:
    if not analysis.repetitions:
        return ""
    names_of = dict.fromkeys(name for rep in analysis.repetitions for name in rep.measures)
    head = [""]
    when = []
    for rep in analysis.repetitions:
        head.append(f"{rep.kind} {rep.number}" + ("" if rep.complete else " (in part)"))
        when.append(span_words(rep.start, rep.end, analysis.frame_rate, names))
    rows = [("when" if analysis.frame_rate else "picture", when)]
    for name in names_of:
        cells = [_measured(name, rep, analysis) for rep in analysis.repetitions]
        rows.append((plain(name), cells))
    inner = table(head, rows)
    if any("±" in cell for _, cells in rows for cell in cells):
        inner += f'<p class="soft">{escape(_PLUS_OR_MINUS)}</p>'
    return f"<section><h2>Measured</h2>{inner}</section>"


def _measured(name: str, repetition: Repetition, analysis: Analysis) -> str:
    measure = repetition.measures.get(name)
    if measure is None:
        return NOTHING
    return plus_or_minus(measure.value, _uncertainty(measure, repetition, analysis), measure.unit)


def _uncertainty(measure: Measure, repetition: Repetition, analysis: Analysis) -> float | None:
    """What the advice says of the measure; of one that no rule judges, what is known of it."""
    said = (
        advice.uncertainty
        for advice in analysis.advice
        if (advice.measure, advice.repetition) == (measure.name, repetition.number)
        and advice.uncertainty is not None
    )
    return max(said, default=uncertainty(measure, 0.0, repetition.view or analysis.view))


def _issues(analysis: Analysis, names: Sequence[str]) -> str:
    issues = analysis.reliability.issues
    if not issues:
        return ""
    rows = [
        (span_words(issue.first, issue.last, analysis.frame_rate, names), [issue_words(issue)])
        for issue in issues[:_MOST_ISSUES]
    ]
    more = len(issues) - len(rows)
    rest = f"<p>and {more} more: analysis.json has all.</p>" if more else ""
    return f"<section><h2>Not relied on</h2>{table(['When', 'Why'], rows)}{rest}</section>"


def _not_measured(analysis: Analysis) -> str:
    refused = [curve for curve in analysis.curves.values() if curve.refused is not None]
    if not refused:
        return ""
    rows = [
        (f"{curve.side or ''} {title_of(curve)}".strip(), [reason_words(curve.refused.reason)])
        for curve in refused
        if curve.refused is not None
    ]
    inner = table(["Curve", "Why"], rows)
    details = f"<details><summary>{len(rows)} curves</summary>{inner}</details>"
    return f"<section><h2>Not measured</h2>{details}</section>"
