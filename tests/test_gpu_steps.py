"""How `make gpu-check` runs a step, what its end means, and the report."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import gpu_steps
from benchmarks.gpu_steps import (
    PYTEST,
    PYTEST_ENVIRONMENT,
    Outcome,
    Step,
    benchmark_rows,
    judge_benchmarks,
    judge_exit,
    judge_pytest,
    judge_sanitizer,
    run_step,
    run_steps,
    slug,
    table,
    unmet,
    write_report,
)


def python(folder: Path, code: str, name: str = "step", limit: float = 60, **options) -> Step:
    return Step(name, [sys.executable, "-c", code], limit, folder, **options)


def wait_until(condition) -> bool:
    for _ in range(3000):
        if condition():
            return True
        time.sleep(0.02)
    return False


def ends(pid: int) -> bool:
    """Whether the process is gone, or soon will be; a dead one may wait for its parent."""

    def has_ended() -> bool:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        return state in "ZX"

    return wait_until(has_ended)


def test_a_step_leaves_its_log_and_its_exit_status(tmp_path):
    log = tmp_path / "log"
    good = python(
        tmp_path, "import os; print(os.environ['GREETING'])", environment={"GREETING": "hi"}
    )
    assert run_step(good, 60, log).status == "passed"
    assert log.read_text() == "hi\n"
    bad = run_step(python(tmp_path, "raise SystemExit(3)"), 60, log)
    assert (bad.status, bad.note) == ("failed", "exit status 3")


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_step_that_exceeds_its_time_ends_with_all_its_children(stubborn, tmp_path, monkeypatch):
    """Told to stop it may still write something; who goes on is killed."""
    code = (
        "import signal, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],\n"
        "    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))\n"
        "def go_on(*_): print('goes on', flush=True)\n"
        f"if {stubborn}: signal.signal(signal.SIGINT, go_on)\n"
        "try:\n"
        "    print(child.pid, flush=True)\n"
        "    time.sleep(600)\n"
        "except KeyboardInterrupt: print('last words', flush=True)\n"
    )
    log = tmp_path / "log"
    patiences = []

    def end_of(process, patience):
        """The time is over when it has said what it says."""
        patiences.append(patience)
        if len(patiences) == 2 and not stubborn:
            return process.wait(60)
        wait_until(lambda: log.read_text().count("\n") == len(patiences))
        return None

    monkeypatch.setattr(gpu_steps, "end_of", end_of)
    outcome = run_step(python(tmp_path, code, limit=50), 60, log, grace=40)
    assert (outcome.status, outcome.note) == ("failed", "out of time")
    assert patiences == [50, 40]
    child, last = log.read_text().splitlines()
    assert last == ("goes on" if stubborn else "last words")
    assert ends(int(child))


def test_time_does_run_out(tmp_path):
    """Nothing is expected of this step, so it may end before it has begun."""
    step = Step("step", ["sleep", "600"], 0.1, tmp_path)
    assert run_step(step, 60, tmp_path / "log").note == "out of time"


def test_steps_that_cannot_run_are_named_and_not_begun(tmp_path):
    mark = f"open({str(tmp_path / 'begun')!r}, 'w')"
    log = tmp_path / "log"
    missing = run_step(python(tmp_path, mark, needs=tmp_path / "binary"), 60, log)
    assert (missing.status, missing.note) == ("not run", "binary is missing")
    late = run_step(python(tmp_path, mark), 1, log)
    assert (late.status, late.note) == ("not run", "no time left")
    absent = run_step(Step("step", [None, "--version"], 60, tmp_path), 60, log)
    assert (absent.status, absent.note) == ("not run", "its program is not installed")
    assert not (tmp_path / "begun").exists()


def test_a_budget_is_shared_and_a_failed_step_shows_its_end(tmp_path, capsys, monkeypatch):
    now = 0.0

    def end_of(process, patience):
        """The first step takes 30 seconds of this clock, the second all that it gets."""
        nonlocal now
        if "sleep" in process.args[-1] and now == 30:
            now += patience
            return None
        now += 30 if now == 0 else 0
        return process.wait(60)

    monkeypatch.setattr(gpu_steps, "end_of", end_of)
    monkeypatch.setattr(gpu_steps, "time", SimpleNamespace(monotonic=lambda: now))
    steps = [
        python(tmp_path, "print('why'); raise SystemExit(1)", "first"),
        python(tmp_path, "import time; time.sleep(600)", "second", limit=600),
        python(tmp_path, "pass", "third"),
    ]
    outcomes = run_steps(steps, 100, tmp_path)
    assert [(outcome.note, outcome.seconds) for outcome in outcomes.values()] == [
        ("exit status 1", 30),
        ("out of time", 70),
        ("no time left", 0),
    ]
    first, shown, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("first: failed exit status 1")
    assert shown == "why"
    assert {file.name for file in tmp_path.glob("*.log")} == {"00-first.log", "01-second.log"}


@pytest.mark.parametrize(
    ("required", "status", "is_unmet"),
    [
        (True, "passed", False),
        (True, "failed", True),
        (True, "not run", True),
        (False, "passed", False),
        (False, "failed", True),
        (False, "not run", False),
    ],
)
def test_what_is_required_must_have_run(required, status, is_unmet, tmp_path):
    steps = [
        python(tmp_path, "pass", "first"),
        python(tmp_path, "pass", "step", required=required),
    ]
    outcomes = {"first": Outcome("passed"), "step": Outcome(status)}
    assert unmet(steps, outcomes) == (["step"] if is_unmet else [])


@pytest.mark.parametrize(
    ("body", "status", "counts"),
    [
        ("def test_a(): pass\ndef test_b(): pass", "passed", {"passed": 2}),
        ("def test_a(): pass\ndef test_b(): assert 0", "failed", {"failed": 1, "passed": 1}),
        ("import pytest\ndef test_a(): pytest.skip('no')", "failed", {"skipped": 1}),
        ("nonsense", "failed", {"error": 1}),
    ],
)
def test_the_end_of_a_run_of_pytest(body, status, counts, tmp_path, monkeypatch):
    """As pytest itself prints it, whatever is set; a run in which no test ran shows nothing."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--color=yes -k nothing -q")
    (tmp_path / "test_it.py").write_text(body)
    command = [sys.executable, *PYTEST, "test_it.py"]
    step = Step("tests", command, 60, tmp_path, judge_pytest, environment=PYTEST_ENVIRONMENT)
    outcome = run_step(step, 60, tmp_path / "log")
    assert (outcome.status, outcome.counts) == (status, counts)


@pytest.mark.parametrize(
    ("exit_status", "log", "status", "note"),
    [
        (0, "========= ERROR SUMMARY: 0 errors", "passed", "ERROR SUMMARY: 0 errors"),
        (1, "========= ERROR SUMMARY: 2 errors", "failed", "ERROR SUMMARY: 2 errors"),
        (
            0,
            "========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)",
            "passed",
            "RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)",
        ),
        (
            1,
            "========= ERROR SUMMARY: 0 errors\n========= ERROR SUMMARY: 10 errors",
            "failed",
            "ERROR SUMMARY: 0 errors; ERROR SUMMARY: 10 errors",
        ),
        (0, "5 skipped in 0.1s\n========= ERROR SUMMARY: 0 errors", "failed", "no test ran"),
        (1, "========= Error: Device not supported", "not run", "Device not supported"),
        (0, "", "failed", "no summary, exit status 0"),
        (None, "========= COMPUTE-SANITIZER", "not run", "out of time"),
        (None, "========= ERROR SUMMARY: 0 errors", "not run", "out of time"),
        (3, "========= ERROR SUMMARY: 0 errors", "failed", "ERROR SUMMARY: 0 errors"),
        (
            None,
            "========= Invalid __global__ read of size 4 bytes",
            "failed",
            "Invalid __global__ read of size 4 bytes",
        ),
        (
            1,
            "========= ERROR SUMMARY: 1 error\n"
            "========= Error: Target application terminated before first instrumented API call",
            "failed",
            "ERROR SUMMARY: 1 error",
        ),
        (
            1,
            "========= Error: Target application terminated before first instrumented API call\n"
            "========= ERROR SUMMARY: 0 errors",
            "not run",
            "Target application terminated before first instrumented API call",
        ),
        (
            1,
            "========= RACECHECK SUMMARY: 1 hazard displayed (0 errors, 1 warning)",
            "failed",
            "RACECHECK SUMMARY: 1 hazard displayed (0 errors, 1 warning)",
        ),
        (
            None,
            "========= Error: Race reported between Write access at f() and Read access at f()",
            "failed",
            "Error: Race reported between Write access at f() and Read access at f()",
        ),
        (
            None,
            "========= WARN: Potential WAW hazard detected at __shared__ 0x0",
            "failed",
            "WARN: Potential WAW hazard detected at __shared__ 0x0",
        ),
        (
            None,
            "========= Uninitialized __global__ memory read of size 4 bytes\n"
            "========= Error: Device not supported",
            "failed",
            "Uninitialized __global__ memory read of size 4 bytes",
        ),
        (
            None,
            "========= Barrier error detected. Divergent thread(s) in block.",
            "failed",
            "Barrier error detected. Divergent thread(s) in block.",
        ),
        (
            None,
            "========= Error: process didn't terminate successfully",
            "not run",
            "out of time",
        ),
    ],
)
def test_what_a_sanitizer_says(exit_status, log, status, note):
    outcome = judge_sanitizer(exit_status, log)
    assert (outcome.status, outcome.note) == (status, note)


def test_benchmarks_out_of_time_keep_what_they_have():
    outcome = judge_benchmarks(
        None, "!!! KeyboardInterrupt !!!\n4 passed, 1 warning in 200.04s (0:03:20)"
    )
    assert outcome.status == "not run"
    assert outcome.counts == {"passed": 4, "warning": 1}
    assert judge_benchmarks(1, "1 failed in 2.00s").status == "failed"
    assert judge_exit(None, "").status == "failed"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NVIDIA H200", "nvidia-h200"),
        ("NVIDIA GeForce RTX 4090 D (24 GB)", "nvidia-geforce-rtx-4090-d-24-gb"),
        ("../../etc", "etc"),
    ],
)
def test_names_of_files(name, expected):
    assert slug(name) == expected


def test_the_report(tmp_path):
    row = {
        "operation": "decode_heatmaps",
        "baseline": "copy",
        "rounds": 20,
        "ours_us": 2.0,
        "baseline_us": 3.0,
        "ratio": 1.5,
        "ratio_quartiles": [1.4, 1.6],
        "gigabytes_per_second": 2500.4,
    }
    file = tmp_path / "benchmarks.json"
    assert benchmark_rows(file) == []
    file.write_text(json.dumps({"benchmarks": [{"extra_info": {"copy": row}}] * 2}))
    rows = benchmark_rows(file)
    assert rows == [row, row]
    outcomes = {
        "build": Outcome("passed", seconds=12.34),
        "memcheck": Outcome("not run", "Device not supported", {"passed": 1, "skipped": 2}, 3),
    }
    assert table(outcomes, rows[:1]).splitlines() == [
        "| step | outcome | | s |",
        "|---|---|---|--:|",
        "| build | passed |  | 12.3 |",
        "| memcheck | not run | Device not supported; 1 passed, 2 skipped | 3.0 |",
        "",
        "Medians of 20 interleaved rounds:",
        "",
        "| operation | baseline | ours, us | theirs, us | theirs / ours | GB/s |",
        "|---|---|--:|--:|--:|--:|",
        "| decode_heatmaps | copy | 2.0 | 3.0 | 1.50 (1.40 - 1.60) | 2500 |",
    ]
    assert table(outcomes, []).count("\n") == 4


def test_what_a_step_leaves_running_ends_too(tmp_path):
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid)\n"
    )
    log = tmp_path / "log"
    assert run_step(python(tmp_path, code), 60, log).status == "passed"
    assert ends(int(log.read_text()))


def test_the_files_of_a_report(tmp_path):
    logs, results, output = (tmp_path / name for name in ("logs", "results", "output"))
    logs.mkdir()
    (logs / "01-import.log").write_text("second")
    (logs / "00-build.log").write_text("first")
    write_report({"steps": {}}, "| table |\n", "nvidia-h200", logs, results, None)
    assert {file.name for file in results.iterdir()} == {"nvidia-h200.json", "nvidia-h200.md"}
    assert json.loads((results / "nvidia-h200.json").read_text()) == {"steps": {}}
    output.mkdir()
    write_report({"steps": {}}, "| table |\n", "nvidia-h200", logs, results, output)
    assert (output / "nvidia-h200.json").is_file()
    assert (output / "nvidia-h200.md").read_text() == "| table |\n"
    joined = (output / "nvidia-h200.log").read_text()
    assert joined == "===== 00-build.log\nfirst\n===== 01-import.log\nsecond\n"
