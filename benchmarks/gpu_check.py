"""Builds the package on a machine with a GPU, tests it there, checks its kernels and times them.

`make gpu-check` runs it with whatever Python and torch are there. It needs no network, installs
nothing into that Python, and writes below build/gpu-check and benchmarks/results alone, and where
it is told to.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

# Beside this file, which is run as a script: so that nothing else of the folder's name is found.
from gpu_steps import (
    PYTEST,
    PYTEST_ENVIRONMENT,
    Judge,
    Step,
    benchmark_rows,
    judge_benchmarks,
    judge_pytest,
    judge_sanitizer,
    run_steps,
    slug,
    table,
    unmet,
    write_report,
)

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "gpu-check"
SITE, TREE, LOGS, ROWS = WORK / "site", WORK / "tree", WORK / "logs", WORK / "benchmarks.json"
BUDGET = 460.0  # seconds, for all steps together

OPERATIONS = (
    *("flip_merge", "gaussian_targets", "gaussian_targets_instances", "heatmap_decode"),
    *("joints_mse", "joints_mse_autograd", "pck"),
    *("soft_argmax", "soft_argmax_autograd", "to_image", "to_image_autograd"),
    *("joints_mse_general", "joints_mse_general_autograd", "joints_mse_presets"),
    *("decode_and_score", "joints_ohkm_mse", "keypoint_errors", "oks"),
    *("mpjpe", "procrustes"),
    "cuda_kernels",
)
SELFTESTS = tuple(
    f"selftest_{name}" for name in ("primitives", "arithmetic", "heatmaps", "correct")
)
ON_GPU = "cuda and not emulat"  # of pytest's names
SANITIZERS = ("memcheck", "racecheck", "synccheck", "initcheck")

FACTS = """
import json, platform, torch
if not torch.cuda.is_available():
    raise SystemExit(f"torch {torch.__version__} sees none")
gpu = torch.cuda.get_device_properties(0)
print(json.dumps({
    "gpu": gpu.name, "capability": f"{gpu.major}{gpu.minor}",
    "multiprocessors": gpu.multi_processor_count, "memory_gib": round(gpu.total_memory / 2**30, 1),
    "python": platform.python_version(), "torch": torch.__version__, "cuda": torch.version.cuda,
}))
"""

# That the tests will run what was built: an editable install would come first.
IMPORT = """
import sys
from pathlib import Path
from lowerpose_ops._native import core
if not (core.cuda_version and Path(core.__file__).is_relative_to(sys.argv[1])):
    sys.exit(f"imported is {core.__file__} (CUDA {core.cuda_version}), not what was built")
"""


def answer(*command: str | None) -> str:
    """What a command prints, or nothing if it cannot be run."""
    if None in command:
        return ""
    try:
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, cwd=ROOT, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def machine_facts() -> dict[str, Any]:
    """What this machine is. Another process asks: this one shall hold nothing on the GPU."""
    done = subprocess.run([sys.executable, "-c", FACTS], capture_output=True, text=True)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        raise SystemExit(f"gpu-check needs a GPU that torch sees; {sys.executable} says: {reason}")
    release = re.search(r"V([\d.]+)", answer(find_program("nvcc"), "--version"))
    changed = answer("git", "status", "--porcelain", "--untracked-files=no")
    return json.loads(done.stdout.splitlines()[-1]) | {
        "driver": answer("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
        "nvcc": release[1] if release else "",
        "commit": answer("git", "rev-parse", "HEAD") + (" with changes" if changed else ""),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def find_program(name: str) -> str | None:
    """Where one of CUDA's programs is."""
    homes = (os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda")
    folders = os.pathsep.join(f"{home}/bin" for home in homes if home)
    return shutil.which(name) or shutil.which(name, path=folders)


def compiler_for_cmake(nvcc: str | None) -> dict[str, str]:
    """CMake looks for nvcc on PATH; what was found elsewhere it has to be told."""
    if nvcc is None or shutil.which("nvcc"):
        return {}
    home = Path(nvcc).parent.parent
    told = {"CUDACXX": nvcc, "CUDAToolkit_ROOT": str(home)}
    return {name: value for name, value in told.items() if name not in os.environ}


def all_steps(capability: str) -> list[Step]:
    """In order of importance. What the time does not suffice for is named, and left out."""
    python = sys.executable
    nvcc, sanitizer = find_program("nvcc"), find_program("compute-sanitizer")
    # The package lies in a folder of its own, and the tests in a copy of theirs: beside the source
    # folder they would import that, which has no native module.
    path = os.pathsep.join(filter(None, (str(SITE), os.environ.get("PYTHONPATH"))))
    environment = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **PYTEST_ENVIRONMENT}
    package = SITE / "lowerpose_ops"
    pytest = [python, *PYTEST]

    def tests(
        name: str, limit: float, *arguments: str, judge: Judge = judge_pytest, **options: Any
    ) -> Step:
        command = [*pytest, *arguments]
        return Step(name, command, limit, TREE, judge, package, environment, **options)

    def sanitized(tool: str, what: str, command: list[str], needs: Path) -> Step:
        options = ["--tool", tool, "--error-exitcode", "1", "--target-processes", "all"]
        # What torch asks of CUDA and is refused is its own affair.
        options += ["--report-api-errors", "no"] if tool == "memcheck" else []
        # Without its cache, each of torch's tensors is an allocation whose ends are watched.
        uncached = environment | {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
        name, command = f"{tool} of {what}", [sanitizer, *options, *command]
        return Step(name, command, 75, TREE, judge_sanitizer, needs, uncached, required=False)

    build = [python, "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--no-index"]
    build += ["--disable-pip-version-check", "--target", str(SITE)]
    build += [f"--config-settings=build-dir={WORK / 'build'}", "."]
    architecture = os.environ.get("CUDAARCHS", f"{capability}-real")
    native = {"LOWERPOSE_CUDA": "ON", "CUDAARCHS": architecture, **compiler_for_cmake(nvcc)}
    operations = [f"tests/test_{name}.py" for name in OPERATIONS]
    timing = ["benchmarks/bench_cuda.py", "--benchmark-only", f"--benchmark-json={ROWS}"]

    selftests, checks, slow_checks = [], [], []
    for name in SELFTESTS:
        source, binary = ROOT / "tests" / "cuda_emulator" / f"{name}.cu", WORK / name
        compiler = [nvcc, "-std=c++17", f"-arch=sm_{capability}", "-lineinfo"]
        paths = ["-I", "csrc", "-I", "tests", str(source), "-o", str(binary)]
        command = [*compiler, *paths]
        selftests.append(Step(f"compile {name}", command, 90, ROOT, needs=source, makes=binary))
        selftests.append(Step(name, [str(binary)], 30, ROOT, needs=binary))
    for tool in SANITIZERS:
        binary = WORK / SELFTESTS[-1]
        checks.append(sanitized(tool, SELFTESTS[-1], [str(binary)], binary))
        small = [*pytest, "tests/test_cuda_numbers.py", "-k", "cpu and small"]
        slow_checks.append(sanitized(tool, "the operations", small, package))
    return [
        Step("build", [*build], 240, ROOT, environment=native, makes=SITE),
        Step("import", [python, "-c", IMPORT, str(SITE)], 60, TREE, environment=environment),
        tests("operations", 150, *operations, "-k", ON_GPU),
        tests("device", 120, "tests/test_cuda_device.py", "tests/test_cuda_numbers.py"),
        tests("boundary", 60, "tests/test_boundary.py"),
        *selftests,
        *checks,
        *slow_checks[:2],
        tests("compile", 120, "tests/test_torch_compile.py", "-k", ON_GPU, required=False),
        tests("benchmarks", 200, *timing, judge=judge_benchmarks, makes=ROWS, required=False),
        *slow_checks[2:],
    ]


def prepare(steps: list[Step]) -> None:
    """Deletes what these steps make anew; other steps' results may be what they need.

    The build's own folder is kept for the next time.
    """
    for made in (TREE, LOGS, *(step.makes for step in steps if step.makes)):
        if made.is_dir():
            shutil.rmtree(made)
        else:
            made.unlink(missing_ok=True)
    TREE.mkdir(parents=True)
    LOGS.mkdir(parents=True)
    for folder in ("tests", "benchmarks"):
        ignored = shutil.ignore_patterns("__pycache__", "results")
        shutil.copytree(ROOT / folder, TREE / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", TREE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="STEP", help="some of the steps, by name")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds for all together")
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="also copy the results and the logs here"
    )
    options = parser.parse_args()
    if options.output and not options.output.is_dir():
        parser.error(f"--output: there is no folder {options.output}")
    facts = machine_facts()
    steps = all_steps(facts["capability"])
    if unknown := set(options.only or ()) - {step.name for step in steps}:
        parser.error(f"no such step: {', '.join(sorted(unknown))}")
    steps = [step for step in steps if not options.only or step.name in options.only]
    prepare(steps)
    outcomes = run_steps(steps, options.budget, LOGS)
    rows = benchmark_rows(ROWS) if any(step.makes == ROWS for step in steps) else []
    text = table(outcomes, rows)
    print(f"\n{facts}\n\n{text}")
    steps_done = {name: asdict(outcome) for name, outcome in outcomes.items()}
    report = {"machine": facts, "steps": steps_done, "benchmarks": rows}
    name = slug(facts["gpu"]) + ("-part" if options.only else "")
    write_report(report, text, name, LOGS, ROOT / "benchmarks" / "results", options.output)
    if names := unmet(steps, outcomes):
        sys.exit(f"gpu-check: failed, or not run though required: {', '.join(names)}")


if __name__ == "__main__":
    main()
