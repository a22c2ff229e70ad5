"""Plants one error at a time in the CUDA kernels, and tells which of them no test notices.

Not part of the tests: it takes half an hour. Each barrier and fence is removed, each comparison is
moved by one (`<` becomes `<=`) or reversed (`==` becomes `!=`), `min` and `max`, `&&` and `||` are
exchanged. Each time the emulated kernels are built again and the tests run on them. A survivor is
code that is not needed, a test that is missing, or a change that changes nothing: docs/kernels.md
lists those of the last kind.

    python tests/mutate_kernels.py --build build/mutants [--only pck.cu] [--jobs 2]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parent.parent
KERNELS = Path("csrc/cuda")
# The seam is not ours to get wrong here: under the emulator it is another text.
NOT_MUTATED = {"seam.h"}
TESTS = [
    "test_cuda_kernels.py",
    "test_pck.py",
    "test_decode_and_score.py",
    "test_mpjpe.py",
    "test_oks.py",
    "test_procrustes.py",
    "test_keypoint_errors.py",
    "test_heatmap_decode.py",
    "test_decode_presets.py",
    "test_decode_accuracy.py",
    "test_joints_mse.py",
    "test_joints_mse_general.py",
    "test_joints_ohkm_mse.py",
    "test_gaussian_targets.py",
    "test_flip_merge.py",
    "test_soft_argmax.py",
    "test_soft_argmax_autograd.py",
    "test_to_image.py",
    "test_to_image_autograd.py",
    "test_gaussian_targets_bugs.py",
    "test_gaussian_targets_conformance.py",
    "test_gaussian_targets_instances.py",
    "test_gaussian_targets_sigmas.py",
]
TEST_SECONDS = 300  # more means that the kernel does not come to an end

# What is found, and what takes its place. clang-format puts spaces around comparisons and none into
# the brackets of templates.
MUTATIONS = [
    (r"__syncthreads\(\);", ";"),
    (r"__syncwarp\(\);", ";"),
    (r"__threadfence\(\);", ";"),
    (r" < ", " <= "),
    (r" <= ", " < "),
    (r" > ", " >= "),
    (r" >= ", " > "),
    (r" == ", " != "),
    (r" != ", " == "),
    (r" &&(?=\s)", " ||"),
    (r" \|\|(?=\s)", " &&"),
    (r"\bmin\(", "max("),
    (r"\bmax\(", "min("),
]


@dataclass(frozen=True)
class Mutant:
    file: Path  # relative to the root
    line: int
    text: str  # the line that it changes
    found: str
    replacement: str
    source: str  # the whole file, changed

    def __str__(self) -> str:
        place = f"{self.file.name}:{self.line}"
        return f"{place}: {self.found.strip()} -> {self.replacement.strip()} in: {self.text}"


def without_comments(source: str) -> str:
    """The same text with blanks in place of comments, so that places stay the same."""
    return re.sub(r"//[^\n]*", lambda comment: " " * len(comment[0]), source)


def mutants_of(file: Path) -> Iterator[Mutant]:
    source = (ROOT / file).read_text()
    code = without_comments(source)
    for pattern, replacement in MUTATIONS:
        for found in re.finditer(pattern, code):
            line = code.count("\n", 0, found.start()) + 1
            text = source.splitlines()[line - 1].strip()
            if text.startswith(("template", "#")):
                continue
            changed = source[: found.start()] + replacement + source[found.end() :]
            yield Mutant(file, line, text, found[0], replacement, changed)


class Workplace:
    """A copy of what the emulated module is built from, and its build folder."""

    def __init__(self, folder: Path) -> None:
        self.tree, self.build = folder / "tree", folder / "build"
        shutil.rmtree(self.tree, ignore_errors=True)
        for name in ("csrc", "tests/cuda_emulator"):
            shutil.copytree(ROOT / name, self.tree / name)
        shutil.copy(ROOT / "CMakeLists.txt", self.tree)
        for file in (self.tree / KERNELS).iterdir():
            file.touch()  # newer than what an earlier run has left in the build folder
        configure = ["cmake", "-G", "Ninja", "-S", str(self.tree), "-B", str(self.build)]
        pybind11 = run([sys.executable, "-m", "pybind11", "--cmakedir"], check=True).stdout.strip()
        options = [
            "-DLOWERPOSE_CUDA=OFF",
            "-DLOWERPOSE_EMULATED=ON",
            f"-DPython_EXECUTABLE={sys.executable}",
            f"-Dpybind11_DIR={pybind11}",
        ]
        run([*configure, *options], check=True)
        if not self.compiles():
            raise SystemExit("the emulated module does not build, unchanged")

    def compiles(self) -> bool:
        target = ["--target", "_C_emulated_hooks", "--parallel", "1"]
        return run(["cmake", "--build", str(self.build), *target]).returncode == 0

    def survives(self) -> bool:
        module = next(self.build.rglob("hooks/_C_emulated*.so"))
        tests = [str(ROOT / "tests" / name) for name in TESTS]
        selected = ["-k", "emulated or (test_cuda_kernels and not on_a_gpu)"]
        command = [sys.executable, "-m", "pytest", "-x", "-q", *selected, *tests]
        try:
            finished = run(command, {"LOWERPOSE_EMULATED": str(module)}, TEST_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return finished.returncode == 0

    def outcome(self, mutant: Mutant) -> str:
        file = self.tree / mutant.file
        original = file.read_text()
        file.write_text(mutant.source)
        try:
            if not self.compiles():
                return "does not compile"
            return "SURVIVED" if self.survives() else "noticed"
        finally:
            file.write_text(original)


def run(
    command: list[str],
    environment: dict[str, str] | None = None,
    seconds: float | None = None,
    *,
    check: bool = False,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=check,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True, help="a folder to build in")
    parser.add_argument("--only", default="", help="a file of csrc/cuda")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument("--list", action="store_true", help="only tell the mutants")
    options = parser.parse_args()
    files = [
        path.relative_to(ROOT)
        for path in sorted((ROOT / KERNELS).iterdir())
        if path.name not in NOT_MUTATED and options.only in ("", path.name)
    ]
    mutants = [mutant for file in files for mutant in mutants_of(file)]
    if options.list:
        print(*mutants, sep="\n")
        return 0
    places: Queue[Workplace] = Queue()
    for job in range(options.jobs):
        places.put(Workplace(options.build.resolve() / str(job)))
    if not (unchanged := places.get()).survives():
        raise SystemExit("the tests fail on unchanged kernels")
    places.put(unchanged)

    def judge(mutant: Mutant) -> str:
        place = places.get()
        try:
            return place.outcome(mutant)
        finally:
            places.put(place)

    survivors = 0
    with ThreadPoolExecutor(options.jobs) as workers:
        for mutant, outcome in zip(mutants, workers.map(judge, mutants), strict=True):
            survivors += outcome == "SURVIVED"
            print(f"{outcome:16} {mutant}", flush=True)
    print(f"{len(mutants)} mutants, {survivors} survivors")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
