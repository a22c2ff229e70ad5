"""How candidates are timed: in turn, in one process, with the floor among them.

Machines drift and neighbours make noise, so no time is compared with one from another moment: each
round gives its own ratios.
"""

from __future__ import annotations

import contextlib
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

# A turn is as many calls in a row as take this long: what a candidate finds asleep or cold after
# another one's turn (threads, caches) is a small part of its own.
TURN = 5e-3  # seconds
BUDGET = 1.2  # seconds for the rounds of a comparison
LEAST_ROUNDS, MOST_ROUNDS = 5, 60
THREADS = 2

FLOOR = "copy of as many bytes"

Run = Callable[[], object]
Timer = Callable[[int], float]  # the mean seconds of as many calls in a row
Clock = Callable[[Run], Timer]
Row = dict[str, Any]
# The largest relative and absolute difference, or what judges (name, ours, theirs) itself.
Same = tuple[float, float] | Callable[[str, Any, Any], None]


def wall_clock(run: Run) -> Timer:
    def seconds(calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            run()
        return (time.perf_counter() - start) / calls

    return seconds


def size_of(*values: Any) -> int:
    """Bytes of tensors and arrays."""
    return sum(value.nbytes for value in values)


def copy_of_bytes(moved: int, device: str = "cpu") -> Run:
    """A copy that reads one half of the bytes and writes the other."""
    source = torch.ones(max(1, moved // 8), dtype=torch.float32, device=device)
    destination = torch.empty_like(source)
    return lambda: destination.copy_(source)


def set_threads(count: int) -> None:
    """For torch, for ours, which asks torch, and for OpenCV where it is in use.

    hotcoco's threads are counted once, when it is first used; NumPy's loops have one.
    """
    torch.set_num_threads(count)
    if opencv := sys.modules.get("cv2"):
        opencv.setNumThreads(count)


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    set_threads(count)
    try:
        yield
    finally:
        set_threads(before)


def check_same(same: Same, name: str, ours: Any, theirs: Any) -> None:
    """Of one result or of tuples of them."""
    if callable(same):
        same(name, ours, theirs)
        return
    if not isinstance(ours, tuple):
        ours, theirs = (ours,), (theirs,)
    rtol, atol = same
    for own, other in zip(ours, theirs, strict=True):
        for one, another in zip(*map(pieces, (own, other)), strict=True):
            torch.testing.assert_close(
                another,
                one,
                rtol=rtol,
                atol=atol,
                check_dtype=False,
                msg=lambda text: f"{name} computes something else: {text}",
            )


def pieces(value: Any) -> tuple[torch.Tensor, ...]:
    """A large tensor sample by sample, since a comparison needs several times its memory."""
    tensor = torch.as_tensor(value)
    return tensor.unbind() if tensor.ndim else (tensor,)


@dataclass
class Comparison:
    """One operation against its baselines; collects a row a baseline and clock."""

    benchmark: Any
    operation: str
    rows: list[Row]
    title: str = "ours"  # what is compared with the baselines, where it is not ours
    size: str = ""  # which of benchmarks/sizes.py, or in words
    threads: int = THREADS
    moved: int | None = None  # bytes that the operation must read and write: gives the floor
    device: str = "cpu"
    same: Same | None = None  # None: whoever compares has checked already
    clocks: dict[str, Clock] = field(default_factory=lambda: {"": wall_clock})
    turn: float = TURN
    rounds: int | None = None  # instead of as many as the budget allows
    budget: float = BUDGET
    warmup: int = 2  # calls, at least, and as long as a turn
    calls: int = 1  # in a row, at least

    def __call__(self, ours: Run, baselines: dict[str, Run]) -> None:
        """Checks all against ours, then times them in turn; a ratio above 1: ours is faster.

        Without baselines ours has a row with the floor, or alone.
        """
        with threads(self.threads):
            self._check(ours, baselines)
            candidates = {"ours": ours, **baselines}
            if self.moved is not None and FLOOR not in candidates:
                candidates[FLOOR] = copy_of_bytes(self.moved, self.device)
            for name, clock in self.clocks.items():
                timers = {candidate: clock(run) for candidate, run in candidates.items()}
                operation = f"{self.operation}, {name}" if name else self.operation
                self._compare(operation, timers, baselines)
            # For pytest-benchmark's own report; the table is made of the rows.
            self.benchmark.group = " ".join(filter(None, (self.operation, self.size)))
            self.benchmark.pedantic(next(iter(self.clocks.values()))(ours), (1,), rounds=5)

    def _check(self, ours: Run, baselines: dict[str, Run]) -> None:
        if self.same is None:
            return
        expected = ours()
        for name, run in baselines.items():
            check_same(self.same, name, expected, run())

    def _warm(self, seconds: Timer) -> float:
        """Calls for as long as a turn; the seconds of the last."""
        end = time.perf_counter() + self.turn
        calls = 0
        while calls < self.warmup or time.perf_counter() < end:
            took = seconds(1)
            calls += 1
        return took

    def _compare(self, operation: str, timers: dict[str, Timer], baselines: dict[str, Run]) -> None:
        calls = {}
        for name, seconds in timers.items():
            guess = self._warm(seconds)
            # Again over some calls: one alone is found asleep or cold.
            if guess < self.turn:
                guess = seconds(max(1, round(self.turn / guess / 2)))
            calls[name] = max(self.calls, math.ceil(self.turn / guess))
        times: dict[str, list[float]] = {name: [] for name in timers}
        begin = time.perf_counter()
        for done in range(self.rounds or MOST_ROUNDS):
            over = time.perf_counter() - begin >= self.budget
            if self.rounds is None and done >= LEAST_ROUNDS and over:
                break
            for name, seconds in timers.items():
                times[name].append(seconds(calls[name]))
        alone = FLOOR if FLOOR in times else ""
        for name in list(baselines) or [alone]:
            row = self._row(operation, name, times)
            self.rows.append(row)
            self.benchmark.extra_info[f"{operation}, {self.size}: {name}"] = row

    def _row(self, operation: str, baseline: str, times: dict[str, list[float]]) -> Row:
        ours = times["ours"]
        row = {
            "operation": operation,
            "size": self.size,
            "threads": self.threads,
            "device": self.device,
            "title": self.title,
            "baseline": baseline,
            "rounds": len(ours),
            "ours_us": statistics.median(ours) * 1e6,
            "ours_quartiles_us": quartiles([seconds * 1e6 for seconds in ours]),
        }
        if baseline:
            theirs = times[baseline]
            row |= {
                "baseline_us": statistics.median(theirs) * 1e6,
                "baseline_quartiles_us": quartiles([seconds * 1e6 for seconds in theirs]),
                **ratios("ratio", theirs, ours),
            }
        if isinstance(self.same, tuple):
            row["tolerance"] = self.same
        if self.moved is not None:
            floor = times[FLOOR]
            row |= {
                "moved": self.moved,
                "gigabytes_per_second": self.moved / row["ours_us"] / 1e3,
                "floor_us": statistics.median(floor) * 1e6,
                **ratios("floor_ratio", ours, floor),
            }
        return row


def quartiles(values: list[float]) -> tuple[float, float]:
    low, high = np.quantile(values, (0.25, 0.75))
    return float(low), float(high)


def ratios(name: str, above: list[float], below: list[float]) -> Row:
    """The median and the quartiles of the rounds' own ratios."""
    values = [a / b for a, b in zip(above, below, strict=True)]
    return {name: statistics.median(values), f"{name}_quartiles": quartiles(values)}
