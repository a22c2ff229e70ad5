"""What a run has found, as JSON and as Markdown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import chart

Row = dict[str, Any]


@dataclass
class Results:
    machine: Row
    comparisons: list[Row] = field(default_factory=list)
    scaling: list[Row] = field(default_factory=list)
    bounds: list[Row] = field(default_factory=list)
    training: list[Row] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)  # test: why


def write(results: Results, folder: Path) -> None:
    """results.json, README.md and the charts; what an earlier run left there is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    (folder / "results.json").write_text(json.dumps(asdict(results), indent=1) + "\n")
    charts = chart.draw(results, folder)
    (folder / "README.md").write_text(page(results, charts))


def page(results: Results, charts: Iterable[str]) -> str:
    lines = [f"# {results.machine['cpu']}", "", *about(results.machine)]
    lines += ["", *(f"![{name}]({name})" for name in charts)]
    return "\n".join((*lines, *tables(results))) + "\n"


def about(facts: Row) -> list[str]:
    """The machine and the run, a fact a line."""
    caches = ", ".join(f"{level} {size / 2**20:.3g} MiB" for level, size in facts["caches"].items())
    versions = ", ".join(f"{name} {of}" for name, of in facts["versions"].items() if of)
    lines = {
        "cores": f"{facts['cores']}, SIMD {facts['simd']}",
        "caches of a core's view": caches,
        "memory": f"{facts['memory'] / 2**30:.1f} GiB",
        "GPU": facts["gpu"],
        "system": facts["system"],
        "versions": versions,
        "commit": facts["commit"],
        "begun": f"{facts['date']}, when the load was {facts['load']:.2f}",
        "took": f"{facts['minutes']} minutes",
    }
    return [f"- {name}: {value}" for name, value in lines.items() if value]


def tables(results: Results) -> Iterator[str]:
    """All tables in Markdown, line by line."""
    yield from _comparisons(results.comparisons)
    yield from _slower(results.comparisons)
    yield from _gaps(results.comparisons)
    yield from _scaling(results.scaling)
    yield from _bounds(results.bounds)
    yield from _training(results.training)
    if results.skipped:
        yield from _heading("Skipped")
        yield from _skipped(results.skipped)


def _skipped(skipped: dict[str, str]) -> Iterator[str]:
    """A line for each reason and function, whatever the sizes."""
    kinds = Counter((test.partition("[")[0], reason) for test, reason in skipped.items())
    for (test, reason), count in kinds.items():
        yield f"- {test}: {reason}" + f" ({count} cases)" * (count > 1)


def _heading(title: str) -> list[str]:
    return ["", f"## {title}", ""]


def _table(head: str, rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """`head`: its columns with | between them; those with a colon behind are numbers."""
    names = head.split("|")
    yield "| " + " | ".join(name.strip(": ") for name in names) + " |"
    yield "|" + "|".join("--:" if name.endswith(":") else "---" for name in names) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def spread(value: float, quartiles: tuple[float, float], digits: int) -> str:
    """A median with the quartiles around it."""
    low, high = quartiles
    return f"{value:.{digits}f} ({low:.{digits}f} - {high:.{digits}f})"


def of_row(row: Row, name: str, quartiles: str, digits: int) -> str:
    """A median that a row may lack."""
    return spread(row[name], row[quartiles], digits) if name in row else "-"


def floor_ratio(row: Row) -> str:
    return of_row(row, "floor_ratio", "floor_ratio_quartiles", 2)


def where(row: Row) -> str:
    """Size and threads, or the GPU."""
    on = f"{row['threads']} thread{'s' * (row['threads'] > 1)}"
    return f"{row['size'] or '-'}; {on if row['device'] == 'cpu' else row['device']}"


def _comparisons(rows: list[Row]) -> Iterator[str]:
    if not rows:
        return
    yield from _heading("Comparisons")
    yield "Medians of interleaved rounds, in brackets the quartiles, in microseconds. theirs / ours"
    yield "above 1: ours is faster. The floor is a copy that moves as many bytes as the operation"
    yield "must, timed in the same rounds."
    for operation in dict.fromkeys(row["operation"] for row in rows):
        yield from ("", f"### {operation}", "")
        yield from _table(
            "size; threads|against|rounds:|ours, us:|theirs, us:|theirs / ours:|ours / floor:",
            (
                [
                    where(row),
                    row["baseline"] or "-",
                    str(row["rounds"]),
                    spread(row["ours_us"], row["ours_quartiles_us"], 1),
                    of_row(row, "baseline_us", "baseline_quartiles_us", 1),
                    of_row(row, "ratio", "ratio_quartiles", 2),
                    floor_ratio(row),
                ]
                for row in rows
                if row["operation"] == operation
            ),
        )


def _slower(rows: list[Row]) -> Iterator[str]:
    lost = [row for row in rows if chart.is_peer(row) and row["ratio"] < 1]
    if not rows:
        return
    yield from _heading("Where ours is slower")
    if not lost:
        yield "Nowhere in this run."
    for row in sorted(lost, key=lambda row: row["ratio"]):
        yield (
            f"- {row['operation']}, {where(row)}: {row['baseline']} takes "
            f"{spread(row['ratio'], row['ratio_quartiles'], 2)} of our time"
        )


def _gaps(rows: list[Row]) -> Iterator[str]:
    """Each operation where it is furthest from its floor."""
    worst: dict[str, Row] = {}
    for row in rows:
        known = worst.get(row["operation"], {"floor_ratio": 0})
        if row.get("floor_ratio", 0) > known["floor_ratio"]:
            worst[row["operation"]] = row
    if not worst:
        return
    yield from _heading("The largest gaps to the floor")
    yield from _table(
        "operation|size; threads|moved, MB:|ours, us:|floor, us:|ours / floor:",
        (
            [
                *(row["operation"], where(row), f"{row['moved'] / 1e6:.3g}"),
                *(f"{row['ours_us']:.1f}", f"{row['floor_us']:.1f}", floor_ratio(row)),
            ]
            for row in sorted(worst.values(), key=lambda row: -row["floor_ratio"])
        ),
    )


def _scaling(rows: list[Row]) -> Iterator[str]:
    if not rows:
        return
    yield from _heading("Scaling")
    yield "The exponent of the time against one number, the others kept, fitted on log axes to the"
    yield "sizes of four second-level caches and more; and the exponent of copies of as many bytes."
    yield "One thread, the fastest rounds."
    yield ""
    yield from _table(
        "operation|against|exponent:|the copy's:|sizes:",
        (
            [
                *(row["operation"], row["axis"]),
                *(f"{row['exponent']:.3f}", f"{row['copy_exponent']:.3f}"),
                str(len(row["fitted"])),
            ]
            for row in rows
        ),
    )


def _bounds(rows: list[Row]) -> Iterator[str]:
    if not rows:
        return
    yield from _heading("Bounds")
    yield from _table(
        "operation|what|is:|bound:",
        (
            [row["operation"], row["what"], f"{row['value']:.2f}", f"{row['sign']} {row['bound']}"]
            for row in rows
        ),
    )


def _training(rows: list[Row]) -> Iterator[str]:
    if not rows:
        return
    parts = list(rows[0]["parts_ms"])
    yield from _heading("A training loop, end to end")
    yield "Medians of the turns, so the parts add up to the step only about; in brackets extremes."
    yield ""
    yield from _table(
        "device|workers:|loop|steps/s:|images/s:|original / this:|"
        + "|".join(f"{part}, ms:" for part in parts),
        (
            [
                *(row["device"], str(row["workers"]), row["loop"]),
                *(f"{row['steps_per_second']:.2f}", f"{row['images_per_second']:.1f}"),
                spread(row["ratio"], row["ratio_range"], 2),
                *(f"{row['parts_ms'][part]:.2f}" for part in parts),
            ]
            for row in rows
        ),
    )
    yield ""
    yield from _where_it_ends(rows)


def _where_it_ends(rows: list[Row]) -> Iterator[str]:
    """Each of our loops with the most workers, against the original and the upper bound."""
    most = max(row["workers"] for row in rows)
    bounds = {row["device"]: row for row in rows if row["loop"] == "constant tensors"}
    for row in rows:
        bound = bounds.get(row["device"])
        if bound is None or row["workers"] != most or not row["loop"].startswith("ours"):
            continue
        times = spread(row["ratio"], row["ratio_range"], 2)
        share = 1 - row["steps_per_second"] / bound["steps_per_second"]
        yield (
            f"- On {row['device']} with {most} workers, the whole loop with {row['loop']} is "
            f"{times} times as fast as the original. "
            + (
                f"What is left below the upper bound is {share:.0%} of it."
                if share > 0
                else "It is as fast as the upper bound."
            )
        )
