"""The same bits from run to run, for any number of threads, wherever tensors lie, after a fork."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

import lowerpose_ops as lp
from tests.tensor_programs import check_same_bits, every_program, results_of

THREADS = (1, 2, 3, 7)
TASKS = Path("/proc/self/task")  # the threads that there are

# Classes, and what is computed on the CPU from any tensors: test_keypoint_ap.py.
NO_PROGRAMS = {"keypoint_ap"}


def test_every_public_function_has_a_program():
    text = (Path(__file__).parent / "tensor_programs.py").read_text()
    names = {name for name in lp.__all__ if callable(getattr(lp, name))} - NO_PROGRAMS
    assert {name for name in names if f"lp.{name}" not in text} == set()


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def with_threads(program, inputs, count):
    """The results, and how many threads were started for them.

    In a thread of its own, which has no team of OpenMP yet.
    """
    kept = []

    def run():
        torch.set_num_threads(count)
        before = set(TASKS.iterdir())
        results = results_of(program, inputs)
        kept.extend((results, len(set(TASKS.iterdir()) - before)))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert kept, "it raised an error"
    return kept


@every_program
def test_any_number_of_threads(program):
    for shape in program.large:
        inputs = program.draw(shape)
        expected, _ = with_threads(program, inputs, 1)
        for count in THREADS:
            wanted = count - 1 if program.threads else 0
            for _ in range(3):  # something else in this process may start a thread meanwhile
                results, started = with_threads(program, inputs, count)
                check_same_bits(results, expected)
                if started == wanted:
                    break
            assert started == wanted, "not what is to be tested"


def placed(tensor, offset):
    """The same values in the middle of a storage, at an address that no vector begins at."""
    storage = tensor.new_empty(tensor.numel() + 2 * offset)
    inner = storage[offset : offset + tensor.numel()].view(tensor.shape)
    return inner.copy_(tensor)


@every_program
@pytest.mark.parametrize("offset", [1, 3])
def test_tensors_that_begin_in_the_middle_of_a_storage(program, offset):
    for shape in ((3, 5, 19, 13), (7, 17, 9, 8)):
        inputs = program.draw(shape)
        moved = tuple(placed(tensor, offset) for tensor in inputs)
        assert moved[0].data_ptr() % 16
        check_same_bits(results_of(program, moved), results_of(program, inputs))


def test_a_forked_child():
    """It has none of its parent's threads: who waits for them hangs, as torch's own operations do.

    So torch gets one thread there, and ours are told that it has seven.
    """
    code = """
import os, signal, torch
from tests.tensor_programs import PROGRAMS, check_same_bits, results_of

torch.set_num_threads(7)
given = {name: program.draw(program.large[0]) for name, program in PROGRAMS.items()}
before = {name: results_of(program, given[name]) for name, program in PROGRAMS.items()}
child = os.fork()
if child == 0:
    status = 1
    try:
        signal.alarm(60)
        torch.set_num_threads(1)
        torch.get_num_threads = lambda: 7
        for name, program in PROGRAMS.items():
            check_same_bits(results_of(program, given[name]), before[name])
        status = 0
    finally:
        os._exit(status)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent.parent,
        timeout=300,
    )
    assert done.stdout.split() == ["0"], done.stderr
