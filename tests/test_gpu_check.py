"""The parts of `make gpu-check` that need no GPU: its steps, what their end means, its report."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from benchmarks import gpu_steps
from benchmarks.gpu_steps import (
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
)

ROOT = Path(__file__).parent.parent


def python(folder: Path, code: str, name: str = "step", limit: float = 60, **options) -> Step:
    return Step(name, [sys.executable, "-c", code], limit, folder, **options)


def ends(pid: int) -> bool:
    """Whether the process is gone, or soon will be; a dead one may wait for its parent."""
    for _ in range(500):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        time.sleep(0.02)
    return False


@pytest.mark.skipif(torch.cuda.is_available(), reason="would begin where a GPU is")
def test_without_a_gpu_it_ends_with_one_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "gpu_check.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("gpu-check needs a GPU that torch sees;")


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
def test_a_step_that_exceeds_its_time_ends_with_all_its_children(stubborn, tmp_path):
    """Told to stop it may still write something; who does not listen is killed."""
    code = (
        "import signal, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],\n"
        "    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))\n"
        "print(child.pid, flush=True)\n"
        f"if {stubborn}: signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "try: time.sleep(600)\n"
        "except KeyboardInterrupt: print('last words', flush=True)\n"
    )
    log = tmp_path / "log"
    outcome = run_step(python(tmp_path, code, limit=3), 60, log, grace=1)
    assert (outcome.status, outcome.note) == ("failed", "out of time")
    child, *rest = log.read_text().splitlines()
    assert rest == ([] if stubborn else ["last words"])
    assert ends(int(child))


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
    monkeypatch.setattr(gpu_steps, "LEAST", 2.0)
    steps = [
        python(tmp_path, "print('why'); raise SystemExit(1)", "first"),
        python(tmp_path, "import time; time.sleep(600)", "second"),
        python(tmp_path, "pass", "third"),
    ]
    outcomes = run_steps(steps, 4, tmp_path)
    assert [outcome.note for outcome in outcomes.values()] == [
        "exit status 1",
        "out of time",
        "no time left",
    ]
    first, shown, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("first: failed exit status 1")
    assert shown == "why"
    assert {file.name for file in tmp_path.glob("*.log")} == {"00-first.log", "01-second.log"}


@pytest.mark.parametrize(
    ("body", "status", "counts"),
    [
        ("def test_a(): pass\ndef test_b(): pass", "passed", {"passed": 2}),
        ("def test_a(): pass\ndef test_b(): assert 0", "failed", {"failed": 1, "passed": 1}),
        ("import pytest\ndef test_a(): pytest.skip('no')", "failed", {"skipped": 1}),
        ("nonsense", "failed", {"error": 1}),
    ],
)
def test_the_end_of_a_run_of_pytest(body, status, counts, tmp_path):
    """As pytest itself prints it; a run in which no test ran shows nothing."""
    (tmp_path / "test_it.py").write_text(body)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    step = Step("tests", command, 60, tmp_path, judge_pytest)
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
