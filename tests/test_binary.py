"""What the native module exports and what it needs from the machine."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess

import pytest

from lowerpose_ops import _native

pytestmark = pytest.mark.skipif(
    shutil.which("nm") is None or shutil.which("readelf") is None, reason="needs binutils"
)


def output_of(*command: str) -> str:
    return subprocess.run(
        [*command, _native.core.__file__], check=True, capture_output=True, text=True
    ).stdout


def test_it_exports_one_symbol():
    symbols = output_of("nm", "--dynamic", "--defined-only").split()[2::3]
    assert symbols == ["PyInit__C"]


def test_it_needs_only_the_system_libraries():
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", output_of("readelf", "--dynamic", "--wide")))
    stems = {library.split(".so")[0] for library in needed}
    assert stems <= {
        "libstdc++",
        "libgcc_s",
        "libc",
        "libm",
        "libgomp",
        "ld-linux-x86-64",
        "ld-linux-aarch64",
    }


def test_it_has_no_search_path_of_the_machine_that_built_it():
    assert "RPATH" not in output_of("readelf", "--dynamic", "--wide")
    assert "RUNPATH" not in output_of("readelf", "--dynamic", "--wide")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 has several SIMD levels")
def test_it_has_code_for_every_simd_level():
    code = output_of("objdump", "--disassemble", "--no-show-raw-insn")
    for registers in ("%zmm", "%ymm", "%xmm"):
        assert registers in code
