"""The charts of a report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.protocol import FLOOR

Row = dict[str, Any]
FLOORS = (FLOOR, "empty_like + copy_")
HEADLINE = "lower body, B=64 K=6 64x48"


def draw(results: Any, folder: Path) -> list[str]:
    """Writes the SVGs; their names. Without matplotlib there are none."""
    try:
        import matplotlib as mpl
    except ImportError:
        return []
    mpl.use("Agg")
    mpl.rcParams["svg.fonttype"] = "none"  # text stays text: a quarter of the size
    mpl.rcParams["svg.hashsalt"] = "lowerpose_ops"  # the same data, the same file
    names = []
    for name, figure in _figures(results):
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        names.append(f"{name}.svg")
        _pyplot().close(figure)
    return names


def is_peer(row: Row) -> bool:
    """Whether it compares ours with something that does the same."""
    return row["title"] == "ours" and "ratio" in row and row["baseline"] not in FLOORS


def _pyplot() -> Any:
    from matplotlib import pyplot

    return pyplot


def _figures(results: Any) -> Iterator[tuple[str, Any]]:
    rows = [row for row in results.comparisons if row["device"] == "cpu"]
    headline = [
        row for row in rows if row["size"] == HEADLINE and row["threads"] == 2 and is_peer(row)
    ]
    if headline:
        yield "overview", _overview(headline)
    grown = _of_many_sizes([row for row in rows if row["threads"] == 2 and "moved" in row])
    if grown:
        yield "sizes", _by_size(grown)
    if results.scaling:
        yield "scaling", _scaling(results.scaling)
    if results.training:
        yield "training", _training(results.training)


def _overview(rows: list[Row]) -> Any:
    """How many times as long each peer takes at one size: bars from 1 to the right, or red ones."""
    order = list(dict.fromkeys(row["operation"] for row in rows))
    rows = sorted(rows, key=lambda row: order.index(row["operation"]))[::-1]
    figure, axes = _pyplot().subplots(figsize=(9, 1 + 0.2 * len(rows)), layout="constrained")
    names = [f"{row['operation']} | {row['baseline']}" for row in rows]
    colors = ["tab:blue" if row["ratio"] >= 1 else "tab:red" for row in rows]
    values = [row["ratio"] for row in rows]
    axes.barh(range(len(rows)), [value - 1 for value in values], left=1, color=colors, log=True)
    for place, value in enumerate(values):
        axes.text(1.04 * max(value, 1), place, f"{value:.2g}", va="center", fontsize=7)
    axes.set_yticks(range(len(rows)), names, fontsize=7)
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xlabel="their time / ours (log)", title=f"{HEADLINE}, float32, 2 threads")
    axes.margins(x=0.1, y=0.01)
    return figure


LEAST_SIZES = 3  # of an operation in the chart of sizes


def _of_many_sizes(rows: list[Row]) -> dict[str, list[Row]]:
    """The rows of each operation that was timed at several sizes."""
    operations: dict[str, list[Row]] = {}
    for row in rows:
        operations.setdefault(row["operation"], []).append(row)
    return {
        operation: many
        for operation, many in operations.items()
        if len({row["moved"] for row in many}) >= LEAST_SIZES
    }


def _by_size(operations: dict[str, list[Row]]) -> Any:
    """Every operation's time against the bytes that it must move."""
    columns = 3
    lines = -(-len(operations) // columns)
    figure, grid = _pyplot().subplots(
        *(lines, columns), figsize=(13, 3.6 * lines), layout="constrained", squeeze=False
    )
    for axes, (operation, chosen) in zip(grid.flat, operations.items(), strict=False):
        lines_of: dict[str, dict[float, float]] = {"ours": {}, "floor": {}}
        for row in chosen:
            megabytes = row["moved"] / 1e6
            lines_of["ours"][megabytes] = row["ours_us"]
            lines_of["floor"][megabytes] = row["floor_us"]
            if row["baseline"] not in FLOORS:
                lines_of.setdefault(row["baseline"], {})[megabytes] = row["baseline_us"]
        for name, points in lines_of.items():
            style = {"ours": "k-o", "floor": "k:"}.get(name, "-x")
            axes.loglog(*zip(*sorted(points.items()), strict=True), style, label=name, markersize=3)
        axes.set_title(operation, fontsize=9)
        axes.set(xlabel="must move, MB", ylabel="us")
        axes.legend(fontsize=6)
    for axes in grid.flat[len(operations) :]:
        axes.set_axis_off()
    return figure


def _scaling(rows: list[Row]) -> Any:
    """A panel for what grows, a line for each operation."""
    kinds = list(dict.fromkeys(row["axis"] for row in rows))
    figure, grid = _pyplot().subplots(
        *(1, len(kinds)), figsize=(4.5 * len(kinds), 4), layout="constrained", squeeze=False
    )
    for axes, kind in zip(grid.flat, kinds, strict=True):
        for row in rows:
            if row["axis"] == kind:
                label = f"{row['operation']}: {row['exponent']:.2f}"
                axes.loglog(row["values"], row["us"], "-o", label=label, markersize=3)
        axes.set(xlabel=kind, ylabel="us")
        axes.legend(fontsize=7)
    return figure


def _training(rows: list[Row]) -> Any:
    """Where the time of a step goes."""
    figure, axes = _pyplot().subplots(figsize=(9, 1 + 0.35 * len(rows)), layout="constrained")
    names = [f"{row['device']}, {row['workers']} workers | {row['loop']}" for row in rows]
    left = [0.0] * len(rows)
    for part in rows[0]["parts_ms"]:
        widths = [row["parts_ms"][part] for row in rows]
        axes.barh(range(len(rows)), widths, left=left, label=part)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.set_yticks(range(len(rows)), names, fontsize=7)
    axes.invert_yaxis()
    axes.set(xlabel="ms a step")
    axes.legend(fontsize=7)
    return figure
