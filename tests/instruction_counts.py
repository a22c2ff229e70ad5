"""How many instructions the CPU kernels take, as callgrind counts them.

    python -m tests.instruction_counts    # writes benchmarks/instructions.json anew

Counted is what runs in our own library and in libm, which is the same on every machine that has
the same compiler and SIMD level. valgrind knows no AVX-512, so it is the level below.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "benchmarks" / "instructions.json"
MARKS = ROOT / "tests" / "callgrind_marks.c"


class NotPossible(Exception):  # noqa: N818  # nothing is wrong: something is missing here
    """What a count needs and this machine does not have."""


def compiler_of(library: str) -> str:
    """Of our own library; another one makes other instructions."""
    found = re.search(rb"GCC: \([^)]*\) [\d.]+|clang version [\d.]+", Path(library).read_bytes())
    return found[0].decode() if found else "unknown"


def compile_marks(folder: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        raise NotPossible("needs a C compiler")
    library = folder / "marks.so"
    command = [compiler, "-O1", "-shared", "-fPIC", str(MARKS), "-o", str(library)]
    if subprocess.run(command, capture_output=True).returncode != 0:
        raise NotPossible("needs valgrind's header callgrind.h")
    return library


def counts_of(dump: str) -> tuple[str, Counter[str]]:
    """The name of one dump, and the instructions of each shared object itself."""
    name = re.search(r"^desc: Trigger: Client Request: (.+)$", dump, re.M)
    objects: dict[str, str] = {}
    counts: Counter[str] = Counter()
    current, is_call = "", False
    for line in dump.splitlines():
        if line.startswith("ob="):
            number, _, path = line.removeprefix("ob=").partition(" ")
            current = objects.setdefault(number, path)
        elif line.startswith("cob="):
            number, _, path = line.removeprefix("cob=").partition(" ")
            objects.setdefault(number, path)
        elif line.startswith("calls="):
            is_call = True  # the next line is what the callee cost
        elif re.fullmatch(r"\S+ \d+", line) and line[0] in "0123456789+-*":
            if not is_call:
                counts[current] += int(line.split()[1])
            is_call = False
    return (name[1] if name else ""), counts


def count() -> dict[str, Any]:
    """The counts by kernel, with the compiler and the SIMD level that they hold for."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise NotPossible("needs valgrind")
    from lowerpose_ops._native import core

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        command = [valgrind, "--tool=callgrind", "--instr-atstart=no"]
        command += [f"--callgrind-out-file={folder}/out", sys.executable]
        command += ["-m", "tests.instruction_cases", str(compile_marks(folder))]
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"},
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        kernels = {}
        for file in folder.glob("out.*"):
            name, counts = counts_of(file.read_text())
            if name:
                kernels[name] = sum(
                    instructions
                    for path, instructions in counts.items()
                    if Path(path).name == Path(core.__file__).name or "/libm" in path
                )
    return {
        "compiler": compiler_of(core.__file__),
        "simd": done.stdout.split()[-1],
        "instructions": dict(sorted(kernels.items())),
    }


def main() -> None:
    KEPT.write_text(json.dumps(count(), indent=1) + "\n")
    print(f"written to {KEPT}")


if __name__ == "__main__":
    main()
