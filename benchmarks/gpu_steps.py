"""The steps of a check: commands with a time limit, what their end means, and the report."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GRACE = 10.0  # seconds for a step that is told to stop, to write down what it has
LEAST = 5.0  # a step is not begun for fewer


@dataclass
class Outcome:
    status: str  # "passed", "failed", or "not run": the tool or the time was missing
    note: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


Judge = Callable[[int | None, str], Outcome]  # of the exit status (None: out of time) and the log


# What a step's end means ----------------------------------------------------------------------


def judge_exit(status: int | None, _: str) -> Outcome:
    if status is None:
        return Outcome("failed", "out of time")
    return Outcome("passed") if status == 0 else Outcome("failed", f"exit status {status}")


def pytest_counts(log: str) -> dict[str, int]:
    """The numbers of the last line, as in "2 failed, 10 passed, 3 skipped in 1.25s"."""
    lines = re.findall(r"^=* ?(\d+ [a-z]+(?:, \d+ [a-z]+)*) in [\d.]+s", log, re.MULTILINE)
    found = re.findall(r"(\d+) ([a-z]+)", lines[-1]) if lines else []
    return {word: int(number) for number, word in found}


def judge_pytest(status: int | None, log: str) -> Outcome:
    outcome = judge_exit(status, log)
    outcome.counts = pytest_counts(log)
    if outcome.status == "passed" and not outcome.counts.get("passed"):
        return Outcome("failed", "no test ran", outcome.counts)
    return outcome


def judge_sanitizer(status: int | None, log: str) -> Outcome:
    """A tool that is slow, or does not work with this device, says nothing about our kernels."""
    counts = pytest_counts(log)
    refusals = (
        r"Device not supported|Internal Sanitizer Error|Unable to find injection library|"
        r"LibraryNotLoaded|terminated before first instrumented API call"
    )
    refusal = re.search(refusals, log)
    if status is None or refusal:
        return Outcome("not run", refusal[0] if refusal else "out of time", counts)
    summaries = re.findall(r"=+ ((?:ERROR|RACECHECK) SUMMARY: .*)", log)
    if counts and not counts.get("passed"):
        return Outcome("failed", "no test ran", counts)
    clean = bool(summaries) and all(re.search(r": 0 (errors|hazards)", line) for line in summaries)
    note = "; ".join(summaries) or f"no summary, exit status {status}"
    return Outcome("passed" if clean and status == 0 else "failed", note, counts)


def judge_benchmarks(status: int | None, log: str) -> Outcome:
    if status is None:
        return Outcome("not run", "out of time: only some of them", pytest_counts(log))
    return judge_pytest(status, log)


# Running them ---------------------------------------------------------------------------------


@dataclass
class Step:
    name: str
    command: list[str | None]  # None: a program that is not installed
    limit: float  # seconds
    folder: Path
    judge: Judge = judge_exit
    needs: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)


def run_step(step: Step, left: float, log: Path, grace: float = GRACE) -> Outcome:
    """Runs a step for as long as it may, and what is left. Its children end with it."""
    if None in step.command:
        return Outcome("not run", "its program is not installed")
    if step.needs is not None and not step.needs.exists():
        return Outcome("not run", f"{step.needs.name} is missing")
    if left < LEAST:
        return Outcome("not run", "no time left")
    start = time.monotonic()
    with log.open("w") as file:
        process = subprocess.Popen(
            [str(word) for word in step.command],
            cwd=step.folder,
            env=os.environ | step.environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        status: int | None = None
        # As Ctrl-C does at first: pytest then still writes what it has found.
        for sign, patience in ((signal.SIGINT, min(step.limit, left)), (signal.SIGKILL, grace)):
            try:
                finished = process.wait(patience)
                status = finished if sign is signal.SIGINT else None
                break
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, sign)
        process.wait()
    with contextlib.suppress(ProcessLookupError):  # there may be nothing that it has left running
        os.killpg(process.pid, signal.SIGKILL)
    outcome = step.judge(status, log.read_text(errors="replace"))
    outcome.seconds = round(time.monotonic() - start, 1)
    return outcome


def run_steps(steps: list[Step], budget: float, logs: Path) -> dict[str, Outcome]:
    """In order, within a budget of seconds; prints how each went."""
    end = time.monotonic() + budget
    outcomes: dict[str, Outcome] = {}
    for number, step in enumerate(steps):
        log = logs / f"{number:02}-{slug(step.name)}.log"
        outcome = outcomes[step.name] = run_step(step, end - time.monotonic(), log)
        print(f"{step.name}: {outcome.status} {outcome.note} ({outcome.seconds} s)", flush=True)
        if outcome.status == "failed":
            print("\n".join(log.read_text(errors="replace").splitlines()[-60:]), flush=True)
    return outcomes


# The report ----------------------------------------------------------------------------------


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def benchmark_rows(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    benchmarks = json.loads(file.read_text())["benchmarks"]
    return [row for benchmark in benchmarks for row in benchmark["extra_info"].values()]


def table(outcomes: dict[str, Outcome], rows: list[dict[str, Any]]) -> str:
    """Both tables in Markdown."""
    lines = ["| step | outcome | | s |", "|---|---|---|--:|"]
    for name, outcome in outcomes.items():
        counts = ", ".join(f"{number} {word}" for word, number in outcome.counts.items())
        remarks = "; ".join(filter(None, (outcome.note, counts)))
        lines.append(f"| {name} | {outcome.status} | {remarks} | {outcome.seconds:.1f} |")
    if rows:
        lines += ["", "| operation | baseline | ours, us | theirs, us | theirs / ours | GB/s |"]
        lines += ["|---|---|--:|--:|--:|--:|"]
    for row in rows:
        low, high = row["ratio_quartiles"]
        lines.append(
            f"| {row['operation']} | {row['baseline']} | {row['ours_us']:.1f} "
            f"| {row['baseline_us']:.1f} | {row['ratio']:.2f} ({low:.2f} - {high:.2f}) "
            f"| {row['gigabytes_per_second']:.0f} |"
        )
    return "\n".join(lines) + "\n"
