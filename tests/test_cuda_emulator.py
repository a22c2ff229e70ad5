"""The emulator of CUDA that the other tests rely on: what it must catch, and what it must not."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.emulated_cuda import not_here

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "tests" / "cuda_emulator"
BUILD = ROOT / "build" / "emulator-selftests"
TOOLS = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])

# selftest_bugs.cu: what its numbers stand for, what the hooks say of it, and what AddressSanitizer
# or the checks that it shares with the hooks say, if anything.
UNINITIALISED = "uninitialised shared memory read"
OUT_OF_BOUNDS = "out-of-bounds"
RACE = "race on"
BEYOND = "AddressSanitizer: "
NOT_THERE = "which does not take part"
WRONG = "wrong result"
NOTHING = "nothing was noticed"
BUGS = [
    ("no bug", NOTHING, NOTHING),
    ("no barrier before a read", UNINITIALISED, WRONG),
    ("no barrier before a buffer is used again", RACE, NOTHING),
    ("no barrier after dynamic shared memory is filled", UNINITIALISED, NOTHING),
    ("read past a buffer", OUT_OF_BOUNDS + " read of 4 bytes", BEYOND + "heap-buffer-overflow"),
    ("write past a buffer", OUT_OF_BOUNDS + " write of 4 bytes", BEYOND + "heap-buffer-overflow"),
    ("shared memory past its end, by pointer", UNINITIALISED, BEYOND + "global-buffer-overflow"),
    (
        "dynamic shared memory too small",
        "4 bytes, 156 bytes into dynamic shared memory of 156",
        BEYOND + "use-after-poison",
    ),
    ("misaligned vector", "misaligned address", "misaligned address"),
    ("no fence before the ticket", RACE + " global memory", NOTHING),
    ("no fence after the ticket", RACE + " global memory", NOTHING),
    ("a ticket that is not atomic", RACE + " global memory", NOTHING),
    ("a flag read without a barrier", RACE + " shared memory", NOTHING),
    ("no __syncwarp", UNINITIALISED, NOTHING),
    ("divergent barrier", "divergent barrier", "divergent barrier"),
    ("divergent shuffle", NOT_THERE, NOT_THERE),
    ("uninitialised shared memory", UNINITIALISED, WRONG),
    ("shift by 32", "shift exponent 32 is too large", "shift exponent 32 is too large"),
    ("float atomicAdd", NOTHING, NOTHING),  # replays see it
    ("two writers of one element", RACE + " global memory", NOTHING),
    ("local array past its end", "index 4 out of bounds", "index 4 out of bounds"),
    ("float beyond int", "outside the range of repres", "outside the range of repres"),
    ("shared memory past its end, by index", "index 256 out of bounds", "index 256 out of bounds"),
    ("shuffle in a partial warp", NOT_THERE, NOT_THERE),
    ("ticket not reset", WRONG, WRONG),
    ("last block off by one", RACE + " global memory", WRONG),
    ("early exit", "barrier after some threads have returned", "barrier after some threads"),
]
IDS = [name.replace(" ", "-") for name, _, _ in BUGS]


def run_tool(*command: str | Path) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PATH": TOOLS}, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder of the self-tests, which is kept for the next time."""
    cmake = shutil.which("cmake", path=TOOLS)
    if cmake is None or shutil.which("ninja", path=TOOLS) is None:
        not_here("needs cmake and ninja")
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes, which share the folder
        configured = run_tool(cmake, "-S", SOURCES, "-B", BUILD, "-G", "Ninja")
        if "there are no CUDA headers" in configured:
            not_here("needs the headers of CUDA")
        run_tool(cmake, "--build", BUILD, "--parallel", "2")
    return BUILD


def run(
    program: Path, *arguments: str, seed: int = 0, replays: int = 1
) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "LOWERPOSE_EMULATOR_SEED": str(seed),
        "LOWERPOSE_EMULATOR_REPLAYS": str(replays),
        "ASAN_OPTIONS": "detect_leaks=0",
    }
    return subprocess.run(
        [program, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )


def assert_passes(done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 failures\n", "")


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("variant", ["hooks", "asan"])
def test_primitives(built, variant, seed):
    assert_passes(run(built / f"selftest_primitives_{variant}", seed=seed))


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_primitives_where_stacks_are_switched_by_ucontext(built, seed):
    assert_passes(run(built / "selftest_primitives_ucontext", seed=seed))


def test_arithmetic(built):
    assert_passes(run(built / "selftest_arithmetic_hooks"))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("program", ["correct", "heatmaps"])
def test_nothing_is_said_of_correct_kernels(built, program, seed):
    assert_passes(run(built / f"selftest_{program}_hooks", seed=seed))


@pytest.mark.parametrize("program", ["correct", "heatmaps"])
def test_nothing_is_said_of_correct_kernels_by_address_sanitizer(built, program):
    assert_passes(run(built / f"selftest_{program}_asan"))


def test_correct_kernels_give_the_same_bits_under_every_schedule(built):
    assert_passes(run(built / "selftest_heatmaps_hooks", replays=4))


def test_maps_of_the_usual_size(built):
    assert_passes(run(built / "selftest_heatmaps_hooks", "usual size", seed=2))


@pytest.mark.parametrize("number", range(len(BUGS)), ids=IDS)
def test_the_hooks_catch(built, number):
    done = run(built / "selftest_bugs_hooks", str(number))
    assert BUGS[number][1] in done.stdout + done.stderr
    assert (done.returncode == 0) == (BUGS[number][1] == NOTHING)


@pytest.mark.parametrize("number", range(len(BUGS)), ids=IDS)
def test_address_sanitizer_catches(built, number):
    done = run(built / "selftest_bugs_asan", str(number))
    assert BUGS[number][2] in done.stdout + done.stderr


def test_what_only_another_schedule_shows(built):
    """AddressSanitizer's build sees no races, but what comes of them."""
    number = str(IDS.index("no-barrier-before-a-buffer-is-used-again"))
    outcomes = {
        run(built / "selftest_bugs_asan", number, seed=seed).returncode for seed in range(8)
    }
    assert outcomes == {0, 2}


@pytest.mark.parametrize("variant", ["hooks", "asan"])
def test_replays_catch_a_sum_in_any_order(built, variant):
    number = str(IDS.index("float-atomicAdd"))
    program = built / f"selftest_bugs_{variant}"
    assert run(program, number).returncode == 0
    done = run(program, number, replays=4)
    assert done.returncode == 1
    assert "the result depends on the schedule: seed 0 and seed" in done.stdout


def test_reports_name_the_lines(built):
    lines = (SOURCES / "selftest_bugs.cu").read_text().splitlines()
    done = run(built / "selftest_bugs_hooks", str(IDS.index("two-writers-of-one-element")))
    line = 1 + next(i for i, text in enumerate(lines) if "out[t / 2] = values[t];" in text)
    assert done.stdout.count(f"(selftest_bugs.cu:{line})") == 2


class Library:
    """A shared library with kernels and other code, and the C functions of the emulator."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.functions = ctypes.CDLL(str(path))
        for name in ("fill", "add", "wait_for_block", "deadlock", "lowerpose_emulator_launches"):
            getattr(self.functions, name).restype = ctypes.c_char_p
        self.functions.host_memory.restype = ctypes.c_void_p

    def configure(self, seed: int, replays: int) -> None:
        self.functions.lowerpose_emulator_configure(ctypes.c_uint64(seed), replays)

    def add_region(self, address: int, size: int) -> None:
        self.functions.lowerpose_emulator_add_region(
            ctypes.c_void_p(address), ctypes.c_size_t(size)
        )

    def remove_region(self, address: int) -> None:
        self.functions.lowerpose_emulator_remove_region(ctypes.c_void_p(address))

    def launches(self) -> str:
        return self.functions.lowerpose_emulator_launches().decode()

    def call(self, function: str, *arguments: int) -> str:
        """Numbers below 2^31 go as int, addresses as pointers."""
        passed = [ctypes.c_void_p(a) if a >= 1 << 31 else ctypes.c_int(a) for a in arguments]
        return getattr(self.functions, function)(*passed).decode()


@pytest.fixture
def library(built):
    library = Library(built / "libselftest_library_hooks.so")
    library.functions.lowerpose_emulator_clear_launches()
    yield library
    library.configure(0, 1)


def test_the_log_of_launches(library):
    out = np.zeros(100, np.float32)
    assert library.launches() == ""
    assert library.call("fill", out.ctypes.data, 100, 5) == ""
    assert library.call("fill", out.ctypes.data, 0, 5) == "cudaErrorInvalidConfiguration"
    assert library.call("deadlock") != ""
    assert library.launches().splitlines() == [
        "fill_kernel<float, lowerpose::cuda::Order::kUp> grid 2 1 1 block 64 1 1",
        "deadlock_kernel grid 1 1 1 block 32 1 1",
    ]
    library.functions.lowerpose_emulator_clear_launches()
    assert library.launches() == ""


def test_after_an_error_the_next_launch_works(library):
    out = np.zeros(100, np.float32)
    library.add_region(out.ctypes.data, 396)
    assert "396 bytes into a buffer of 396" in library.call("fill", out.ctypes.data, 100, 5)
    assert UNINITIALISED in library.call("fill", out.ctypes.data, 99, -1)
    assert "deadlock" in library.call("deadlock")
    assert library.call("fill", out.ctypes.data, 99, 5) == ""
    library.remove_region(out.ctypes.data)
    np.testing.assert_array_equal(out[:99], 5 + np.arange(99) % 64)
    assert out[99] == 0


def test_a_deadlock_says_who_waits_where(library):
    message = library.call("deadlock")
    assert "block 0 thread 0 at __syncwarp" in message
    assert "block 0 thread 16 at __syncthreads" in message


def test_a_block_that_waits_for_another_is_stopped(library):
    flag = np.zeros(1, np.uint32)
    assert "does one wait for another?" in library.call("wait_for_block", flag.ctypes.data)
    library.configure(1, 1)  # the second block comes first
    assert library.call("wait_for_block", flag.ctypes.data) == ""


def test_regions_overlap_and_are_counted(library):
    out = np.zeros(64, np.float32)
    start = out.ctypes.data
    outcome = {
        count: lambda count=count: library.call("fill", start, count, 0) == ""
        for count in (32, 40, 64)
    }
    library.add_region(start, 160)  # 40 elements
    library.add_region(start, 128)  # from the same address on, 32
    assert outcome[40]()
    assert not outcome[64]()
    library.add_region(start + 32, 224)  # elements 8 to 63
    assert outcome[64]()
    library.remove_region(start + 32)
    assert not outcome[64]()
    library.remove_region(start)
    assert outcome[40]()
    library.remove_region(start)
    library.remove_region(start)  # nothing is left, which is no error
    assert outcome[64](), "without any region there is no bounds check"


def test_an_access_must_lie_in_one_region(library):
    out = np.zeros(64, np.float32)
    library.add_region(out.ctypes.data, 6)
    library.add_region(out.ctypes.data + 6, 250)
    assert OUT_OF_BOUNDS in library.call("fill", out.ctypes.data, 64, 0)
    library.remove_region(out.ctypes.data)
    library.remove_region(out.ctypes.data + 6)


def test_replays_restore_what_a_kernel_changes(library):
    values = np.ones(64, np.float32)
    total = np.zeros(1, np.float32)
    regions = [(a.ctypes.data, a.nbytes) for a in (values, total)]
    for region in regions:
        library.add_region(*region)
    library.configure(0, 5)
    exact = library.call("add", values.ctypes.data, 64, total.ctypes.data)
    total_of_exact = total[0]
    values[:] = 10.0 ** np.linspace(-6, 6, 64)
    inexact = library.call("add", values.ctypes.data, 64, total.ctypes.data)
    for start, _ in regions:
        library.remove_region(start)
    assert exact == ""
    assert total_of_exact == 64
    assert "the result depends on the schedule" in inexact


def test_other_variables_of_the_library_can_be_device_memory(library):
    """They lie beside the shared memory of the kernels."""
    memory = library.functions.host_memory()
    library.add_region(memory, 400)
    assert library.call("fill", memory, 100, 7) == ""
    assert OUT_OF_BOUNDS not in library.call("fill", memory, 100, 7)
    library.remove_region(memory)
    assert np.ctypeslib.as_array((ctypes.c_float * 100).from_address(memory))[99] == 7 + 35


def test_only_the_control_functions_are_visible(library):
    assert library.functions.lowerpose_emulator_checks_accesses() == 1
    names = run_tool("nm", "--dynamic", "--defined-only", "--extern-only", library.path)
    visible = {line.split()[-1] for line in names.splitlines()}
    control = {name for name in visible if name.startswith("lowerpose_emulator_")}
    assert control == {
        f"lowerpose_emulator_{name}"
        for name in (
            "add_region",
            "checks_accesses",
            "clear_launches",
            "configure",
            "launches",
            "remove_region",
        )
    }
    hidden = ("cuda", "__tsan", "threadIdx", "blockIdx", "blockDim", "gridDim")
    assert not {name for name in visible if name.startswith(hidden)}


@pytest.mark.parametrize("program", ["primitives", "arithmetic", "correct", "heatmaps"])
def test_a_gpu_agrees(program, tmp_path):
    nvcc = shutil.which("nvcc")
    smi = shutil.which("nvidia-smi")
    if nvcc is None or smi is None or subprocess.run([smi], check=False).returncode != 0:
        pytest.skip("needs nvcc and a GPU")
    binary = tmp_path / program
    includes = [f"-I{ROOT / 'csrc'}", f"-I{ROOT / 'tests'}"]
    source = SOURCES / f"selftest_{program}.cu"
    run_tool(nvcc, "-std=c++17", "-arch=native", *includes, source, "-o", binary)
    assert_passes(run(binary))
