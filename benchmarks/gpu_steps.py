"""The steps of a check: commands with a time limit, what their end means, and the report."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GRACE = 10.0  # seconds for a step that is told to stop, to write down what it has
LEAST = 5.0  # a step is not begun for fewer

# Whatever the terminal and the user's settings are, the last line has to be read.
PYTEST = ("-m", "pytest", "-q", "-ra", "--color=no", "-p", "no:cacheprovider")
PYTEST_ENVIRONMENT = {"PYTEST_ADDOPTS": ""}


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


REFUSAL = re.compile(
    r"Device not supported|Internal Sanitizer Error|Unable to find injection library|"
    r"LibraryNotLoaded|(?:Target application )?terminated before first instrumented API call|"
    r"Target application terminated"
)
# How the process ended, which the exit status and the time tell too.
ENDING = re.compile(r"process didn't terminate successfully")
FINDING = re.compile(
    r"^={9} +((?:Invalid|Uninitialized|Error: |Barrier error|(?!\w+ SUMMARY).*hazard).*)",
    re.MULTILINE,
)
SUMMARY = re.compile(r"^=+ ((?:ERROR|RACECHECK) SUMMARY: (\d+) .*)", re.MULTILINE)


def judge_sanitizer(status: int | None, log: str) -> Outcome:
    """What it has found counts, however it ended afterwards.

    Without that, a tool that is slow or does not work with this device says nothing about our
    kernels.
    """
    counts = pytest_counts(log)
    summaries = SUMMARY.findall(log)
    summary = "; ".join(line for line, _ in summaries)
    if any(int(number) for _, number in summaries):
        return Outcome("failed", summary, counts)
    for line in FINDING.findall(log):
        if not (REFUSAL.search(line) or ENDING.search(line)):
            return Outcome("failed", line, counts)
    refusal = REFUSAL.search(log)
    if status is None or refusal:
        return Outcome("not run", refusal[0] if refusal else "out of time", counts)
    if counts and not counts.get("passed"):
        return Outcome("failed", "no test ran", counts)
    if not summaries:
        return Outcome("failed", f"no summary, exit status {status}", counts)
    return Outcome("passed" if status == 0 else "failed", summary, counts)


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
    makes: Path | None = None  # what is left of an earlier run is deleted
    required: bool = True  # the check has not passed without it


def end_of(process: subprocess.Popen[bytes], patience: float) -> int | None:
    """Its exit status, or None if it still runs after so many seconds."""
    try:
        return process.wait(patience)
    except subprocess.TimeoutExpired:
        return None


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
        status = end_of(process, min(step.limit, left))
        if status is None:
            # As Ctrl-C does at first: pytest then still writes what it has found.
            os.killpg(process.pid, signal.SIGINT)
            if end_of(process, grace) is None:
                os.killpg(process.pid, signal.SIGKILL)
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


def unmet(steps: list[Step], outcomes: dict[str, Outcome]) -> list[str]:
    """The steps for which the check has not passed: what is required must have run."""
    allowed = {True: ("passed",), False: ("passed", "not run")}
    return [step.name for step in steps if outcomes[step.name].status not in allowed[step.required]]


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
        rounds = " and ".join(str(number) for number in sorted({row["rounds"] for row in rows}))
        lines += ["", f"Medians of {rounds} interleaved rounds:"]
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


def write_report(
    report: dict[str, Any], text: str, name: str, logs: Path, results: Path, output: Path | None
) -> None:
    """The report and its tables; beside a copy of both also all the logs in one."""
    results.mkdir(parents=True, exist_ok=True)
    files = [results / f"{name}.json", results / f"{name}.md"]
    files[0].write_text(json.dumps(report, indent=1) + "\n")
    files[1].write_text(text)
    if output is None:
        return
    for file in files:
        if output.resolve() != results.resolve():
            shutil.copy(file, output)
    with (output / f"{name}.log").open("w") as joined:
        for log in sorted(logs.iterdir()):
            joined.write(f"===== {log.name}\n{log.read_text(errors='replace')}\n")
