"""The README's table of speed, made anew from a results file:

    python -m benchmarks.readme_table benchmarks/results/MACHINE/results.json

The rows are those that the README has; their numbers are replaced, and the commit below them. Of
several sizes of the same comparison it takes the one that the README names, at the most threads.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

README = Path(__file__).parent.parent / "README.md"
HEAD = "| operation | against | ours, us | theirs, us | theirs / ours |"
SIZE = "B=64 K=6 64x48"


def refreshed(readme: str, results: dict[str, Any]) -> str:
    """The text with the rows' numbers and the commit of the results replaced.

    Raises:
        ValueError: The README has no such table, or a row that the results have not.
    """
    before, head, after = readme.partition(HEAD)
    if not head:
        raise ValueError(f"readme_table: the README must have a table with the head {HEAD!r}")
    table, blank, after = after.partition("\n\n")
    rule, *rows = table.strip("\n").splitlines()
    rows = [row_of(row, results["comparisons"]) for row in rows]
    commit = results["machine"]["commit"][:7]
    after = re.sub(r"(?<=, commit )[0-9a-f]{7}", commit, after, count=1)
    return before + head + "\n" + "\n".join([rule, *rows]) + blank + after


def row_of(row: str, comparisons: list[dict[str, Any]]) -> str:
    """A row of the table with the numbers of its comparison."""
    operation, against = (cell.strip() for cell in row.strip("|").split("|")[:2])
    found = [c for c in comparisons if (c["operation"], c["baseline"]) == (operation, against)]
    if not found:
        raise ValueError(f"readme_table: the results have no {operation!r} against {against!r}")
    # README's size first, then the most threads.
    best = max(found, key=lambda c: (SIZE in c["size"], c["threads"]))
    numbers = f"{best['ours_us']:.0f} | {best['baseline_us']:.0f} | {best['ratio']:.2f}"
    return f"| {operation} | {against} | {numbers} |"


def main() -> None:
    parser = argparse.ArgumentParser(description="README's table of speed")
    parser.add_argument("results", type=Path)
    results = json.loads(parser.parse_args().results.read_text())
    README.write_text(refreshed(README.read_text(), results))


if __name__ == "__main__":
    main()
