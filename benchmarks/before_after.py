"""What changed between two results files, as a table:

    git show COMMIT:benchmarks/results/MACHINE/results.json > before.json
    python -m benchmarks.before_after before.json benchmarks/results/MACHINE/results.json oks pck

Times of two runs differ by the hour as well. The distance from the floor is taken in each run's own
rounds, so that is what counts.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

HEAD = (
    "| operation | size; threads | before, us | after, us | before / floor | after / floor |\n"
    "|---|---|--:|--:|--:|--:|"
)


def table(before: dict[str, Any], after: dict[str, Any], operations: list[str]) -> str:
    """A row for each size that both runs have of operations whose names begin so.

    Raises:
        ValueError: They share none.
    """
    old, new = (by_size(results["comparisons"], operations) for results in (before, after))
    rows = [
        f"| {name} | {size}; {threads} thread{'s' if threads > 1 else ''} "
        f"| {old[key]['ours_us']:.0f} | {new[key]['ours_us']:.0f} "
        f"| {old[key]['floor_ratio']:.1f} | {new[key]['floor_ratio']:.1f} |"
        for key in new
        if key in old
        for name, size, threads in [key]
    ]
    if not rows:
        raise ValueError(f"before_after: the runs share no operation of {operations}")
    return "\n".join([HEAD, *rows])


def by_size(
    comparisons: list[dict[str, Any]], operations: list[str]
) -> dict[tuple[str, str, int], dict[str, Any]]:
    """The first comparison of each operation, size and number of threads that has a floor."""
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    for row in comparisons:
        key = row["operation"], row["size"], row["threads"]
        if row["operation"].startswith(tuple(operations)) and "floor_ratio" in row:
            found.setdefault(key, row)
    return found


def main(arguments: list[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("operations", nargs="+", help="how their names begin")
    args = parser.parse_args(arguments)
    before, after = (json.loads(path.read_text()) for path in (args.before, args.after))
    print(table(before, after, args.operations))


if __name__ == "__main__":
    main()
