"""The protocol of all comparisons, and the table at the end.

Machines drift and neighbours make noise, so no time is compared with one from another moment:
all candidates run in turn, in one process, and each round gives its own ratio.
"""

from __future__ import annotations

import ctypes
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

# Large freed blocks stay with the process. Otherwise glibc gives them back, and whoever comes next
# pays for the page faults of whoever came before.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_libc = ctypes.CDLL(None)
if hasattr(_libc, "mallopt"):
    _libc.mallopt(_M_TRIM_THRESHOLD, 1 << 30)
    _libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)

WARMUP = 10
ROUNDS = 60
# A turn is this many calls in a row and at least this long: what a candidate finds asleep or cold
# after another one's turn (threads, caches) is a small part of its own.
CALLS = 10
TURN = 5e-3  # seconds
THREADS = 2

Run = Callable[[], object]
Timer = Callable[[int], float]  # the mean seconds of as many calls in a row
Clock = Callable[[Run], Timer]


def wall_clock(run: Run) -> Timer:
    def seconds(calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            run()
        return (time.perf_counter() - start) / calls

    return seconds


@dataclass
class Comparison:
    """One operation against its baselines; collects a row a baseline and clock."""

    benchmark: Any
    operation: str
    rows: list[dict[str, Any]]
    clocks: dict[str, Clock] = field(default_factory=lambda: {"": wall_clock})
    turn: float = TURN
    rounds: int = ROUNDS
    moved: int | None = None  # bytes that the operation must read and write
    warmup: int = WARMUP
    calls: int = CALLS  # in a row, at least

    def __call__(self, ours: Run, baselines: dict[str, Run]) -> None:
        """Times ours and the baselines in turn; a ratio above 1 means that ours is faster.

        Without baselines ours has a row alone.
        """
        candidates = {"ours": ours, **baselines}
        for name, clock in self.clocks.items():
            timers = {candidate: clock(run) for candidate, run in candidates.items()}
            self._compare(f"{self.operation}, {name}" if name else self.operation, timers)
        timer = next(iter(self.clocks.values()))(ours)
        self.benchmark.pedantic(timer, (1,), rounds=self.rounds, warmup_rounds=self.warmup)

    def _compare(self, operation: str, timers: dict[str, Timer]) -> None:
        calls = {}
        for name, seconds in timers.items():
            seconds(self.warmup)
            calls[name] = max(self.calls, round(self.turn / seconds(self.warmup)))
        times: dict[str, list[float]] = {name: [] for name in timers}
        for _ in range(self.rounds):
            for name, seconds in timers.items():
                times[name].append(seconds(calls[name]))
        for name in list(timers)[1:] or [""]:
            row = {
                "operation": operation,
                "baseline": name,
                "rounds": self.rounds,
                "ours_us": statistics.median(times["ours"]) * 1e6,
            }
            if name:
                both = zip(times["ours"], times[name], strict=True)
                ratios = [theirs / own for own, theirs in both]
                low, median, high = statistics.quantiles(ratios, n=4)
                row |= {
                    "baseline_us": statistics.median(times[name]) * 1e6,
                    "ratio": median,
                    "ratio_quartiles": (low, high),
                }
            if self.moved is not None:
                row["gigabytes_per_second"] = self.moved / row["ours_us"] / 1e3
            self.rows.append(row)
            self.benchmark.extra_info[f"{operation}: {name}"] = row


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "first: runs before all others, where the time may end")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("first") is None)


_ROWS = pytest.StashKey[list[dict[str, Any]]]()


@pytest.fixture
def compare(benchmark: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Comparison]]:
    """`compare(operation)(ours, {name: baseline, ...})`, on two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    rows = request.config.stash.setdefault(_ROWS, [])
    yield lambda operation, **options: Comparison(benchmark, operation, rows, **options)
    torch.set_num_threads(before)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Prints a Markdown table of medians and ratios for each number of rounds."""
    rows = config.stash.get(_ROWS, [])
    for rounds in sorted({row["rounds"] for row in rows}):
        _write_table(
            terminalreporter.write_line, rounds, [row for row in rows if row["rounds"] == rounds]
        )


def _write_table(write: Callable[[str], None], rounds: int, rows: list[dict[str, Any]]) -> None:
    rates = any("gigabytes_per_second" in row for row in rows)
    write("")
    write(f"Medians of {rounds} interleaved rounds, {THREADS} threads; ratio = baseline / ours")
    write(
        "| operation | baseline | ours, us | baseline, us | ratio | quartiles |"
        + rates * " ours, GB/s |"
    )
    write("|---|---|--:|--:|--:|--:|" + rates * "--:|")
    for row in rows:
        rate = f" {row['gigabytes_per_second']:.0f} |" if "gigabytes_per_second" in row else ""
        start = f"| {row['operation']} | {row['baseline']} | {row['ours_us']:.1f} |"
        if "ratio" not in row:
            write(start + " | | |" + rate)
            continue
        low, high = row["ratio_quartiles"]
        write(
            f"{start} {row['baseline_us']:.1f} | {row['ratio']:.2f} | {low:.2f} - {high:.2f} |"
            + rate
        )
