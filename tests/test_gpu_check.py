"""The script of `make gpu-check`, as far as it needs no GPU: its steps, files and exit status."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.gpu_steps import Outcome

ROOT = Path(__file__).parent.parent


@pytest.fixture
def gpu_check(tmp_path, monkeypatch):
    """The script as a module, whose folder for what it makes is another one."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    for name in ("gpu_check", "gpu_steps"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module("gpu_check")
    for name in ("SITE", "TREE", "LOGS", "ROWS", "WORK"):
        place = tmp_path / getattr(module, name).relative_to(module.ROOT)
        monkeypatch.setattr(module, name, place)
    yield module
    for name in ("gpu_check", "gpu_steps"):
        del sys.modules[name]


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


def test_the_steps_that_may_be_left_out(gpu_check):
    """All others must have run."""
    steps = gpu_check.all_steps("90")
    names = [step.name for step in steps if step.required]
    selftests = [step for name in gpu_check.SELFTESTS for step in (f"compile {name}", name)]
    assert names == ["build", "import", "operations", "device", "boundary", *selftests]
    optional = {step.name.partition(" of ")[0] for step in steps if not step.required}
    assert optional == {*gpu_check.SANITIZERS, "benchmarks", "compile"}


def test_what_the_steps_run_is_there(gpu_check):
    for step in gpu_check.all_steps("90"):
        words = [str(word) for word in step.command]
        for word in words:
            if word.startswith(("tests/", "benchmarks/")):
                assert (ROOT / word).is_file(), word
        if "pytest" in words:
            assert "--color=no" in words
            assert step.environment["PYTEST_ADDOPTS"] == ""


def test_only_what_a_chosen_step_makes_is_deleted(gpu_check):
    steps = {step.name: step for step in gpu_check.all_steps("90")}
    binaries = [gpu_check.WORK / name for name in gpu_check.SELFTESTS]
    gpu_check.SITE.mkdir(parents=True)
    for file in (gpu_check.ROWS, *binaries):
        file.write_text("of an earlier run")
    gpu_check.prepare([steps[gpu_check.SELFTESTS[0]], steps["device"]])
    assert all(place.exists() for place in (gpu_check.SITE, gpu_check.ROWS, *binaries))
    assert (gpu_check.TREE / "tests" / "test_gpu_check.py").is_file()
    gpu_check.prepare([steps["build"], steps[f"compile {gpu_check.SELFTESTS[1]}"]])
    assert not gpu_check.SITE.exists()
    assert [binary.exists() for binary in binaries] == [True, False, True, True]
    gpu_check.prepare([steps["benchmarks"]])
    assert not gpu_check.ROWS.exists()


def test_cmake_is_told_of_a_compiler_that_is_not_on_path(gpu_check, tmp_path, monkeypatch):
    for name in ("CUDACXX", "CUDAToolkit_ROOT", "CUDA_PATH"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "cuda"
    nvcc = home / "bin" / "nvcc"
    nvcc.parent.mkdir(parents=True)
    nvcc.write_text("#!/bin/sh\n")
    nvcc.chmod(0o755)
    monkeypatch.setenv("CUDA_HOME", str(home))
    monkeypatch.setenv("PATH", str(tmp_path))
    told = {"CUDACXX": str(nvcc), "CUDAToolkit_ROOT": str(home)}
    build = gpu_check.all_steps("90")[0]
    assert told.items() <= build.environment.items()
    monkeypatch.setenv("CUDACXX", "another")  # of the user's choice
    assert "CUDACXX" not in gpu_check.all_steps("90")[0].environment
    monkeypatch.delenv("CUDACXX")
    monkeypatch.setenv("PATH", str(nvcc.parent))
    assert not told.keys() & gpu_check.all_steps("90")[0].environment.keys()
    assert gpu_check.compiler_for_cmake(None) == {}


def test_a_folder_for_the_results_must_be_there(gpu_check, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "nowhere"
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", "--output", str(folder)])
    with pytest.raises(SystemExit) as ended:
        gpu_check.main()
    assert ended.value.code == 2
    assert f"--output: there is no folder {folder}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("statuses", "chosen", "code"),
    [
        ({}, [], 0),
        ({"benchmarks": "not run", "memcheck of the operations": "not run"}, [], 0),
        ({"selftest_correct": "not run"}, [], 1),
        ({"device": "not run"}, [], 1),
        ({"memcheck of the operations": "failed"}, [], 1),
        ({"device": "not run"}, ["--only", "build"], 0),
    ],
)
def test_the_exit_status(statuses, chosen, code, gpu_check, tmp_path, monkeypatch, capsys):
    """In main itself, with steps that only seem to run."""
    facts = {"gpu": "NVIDIA H200", "capability": "90"}
    monkeypatch.setattr(gpu_check, "machine_facts", lambda: facts)
    monkeypatch.setattr(gpu_check, "prepare", lambda _: None)
    written = []
    monkeypatch.setattr(gpu_check, "write_report", lambda *given: written.append(given))

    def run_steps(steps, budget, logs):
        return {step.name: Outcome(statuses.get(step.name, "passed")) for step in steps}

    monkeypatch.setattr(gpu_check, "run_steps", run_steps)
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", *chosen, "--output", str(tmp_path)])
    if code:
        with pytest.raises(SystemExit, match=next(iter(statuses))):
            gpu_check.main()
    else:
        gpu_check.main()
    ((_, _, name, *_, output),) = written
    assert name == ("nvidia-h200-part" if chosen else "nvidia-h200")
    assert output == tmp_path
