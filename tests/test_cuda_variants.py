"""The kernels under the emulator's other variants: AddressSanitizer, and line coverage."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.emulated_cuda import not_here

ROOT = Path(__file__).parent.parent
KERNELS = ROOT / "csrc" / "cuda"


def run_kernel_tests(module: Path, **environment: str) -> None:
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"),
            *("-k", "test_on_the_emulator", str(ROOT / "tests" / "test_cuda_kernels.py")),
        ],
        cwd=ROOT,
        env=os.environ | {"LOWERPOSE_EMULATED": str(module)} | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stdout[-3000:] + finished.stderr[-3000:]
    assert " passed" in finished.stdout
    assert " skipped" not in finished.stdout


def variant(emulated_core, name: str) -> Path:
    module: Path = emulated_core.path.parent.parent / name / emulated_core.path.name
    if not module.is_file():
        not_here(f"needs the emulated kernels in the variant {name}")
    return module


def test_the_hooks_watch_every_access(emulated_core):
    assert emulated_core.checks_accesses


def test_under_address_sanitizer(emulated_core):
    module = variant(emulated_core, "asan")
    libraries = [
        subprocess.run(
            ["g++", f"-print-file-name={name}"], check=True, capture_output=True, text=True
        ).stdout.strip()
        for name in ("libasan.so", "libstdc++.so")
    ]
    run_kernel_tests(
        module,
        LD_PRELOAD=" ".join(libraries),
        PYTHONMALLOC="malloc",  # otherwise Python's own pools hide its arrays from the sanitizer
        ASAN_OPTIONS="detect_leaks=0",
    )


def test_every_line_runs(emulated_core, tmp_path):
    module = variant(emulated_core, "coverage")
    if shutil.which("gcov") is None:
        not_here("needs gcov")
    build = module.parent.parent
    objects = [path for path in build.rglob("*.gcno") if "coverage_kernels" in str(path)]
    for count in build.rglob("*.gcda"):
        count.unlink()
    run_kernel_tests(module)
    gcov = ["gcov", "--json-format", *map(str, objects)]
    subprocess.run(gcov, cwd=tmp_path, check=True, capture_output=True)
    lines: dict[str, dict[int, int]] = {}
    for report in tmp_path.glob("*.gcov.json.gz"):
        for file in json.loads(gzip.decompress(report.read_bytes()))["files"]:
            path = Path(file["file"])
            if path.parent == KERNELS:
                counts = lines.setdefault(path.name, {})
                for line in file["lines"]:
                    number = line["line_number"]
                    counts[number] = counts.get(number, 0) + line["count"]
    assert {path.name for path in KERNELS.glob("*.cu")} <= set(lines)
    missed = {
        name: sorted(number for number, count in counts.items() if count == 0)
        for name, counts in lines.items()
    }
    covered = 1 - sum(map(len, missed.values())) / sum(map(len, lines.values()))
    print(f"line coverage of csrc/cuda: {covered:.1%}; missed {missed}")
    assert covered >= 0.95, missed
