"""Every CUDA kernel for every type, layout and option: the one that is meant is launched, once, and
computes what the reference does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import lowerpose_ops as lp
from lowerpose_ops import _native
from lowerpose_ops.reference import heatmap_decode as decode_reference
from tests.cuda_cases import CASES
from tests.emulated_cuda import memory_of
from tests.heatmap_samples import PLAIN_DECODING, maps


def launched_by(check: Callable[[], None]) -> tuple[str, ...]:
    before = len(_native.core.launched)
    check()
    return tuple(_native.core.launched[before:])


def description(tensor, device=("cpu", 0)):
    """A tensor as native code gets it where torch has no DLPack exchange, on any device."""
    return (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), "float32", *device, 0)


@pytest.fixture
def emulated(emulated_core, monkeypatch):
    monkeypatch.setattr(_native, "core", emulated_core)
    return emulated_core


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_on_the_emulator(case, emulated):
    assert launched_by(case.check) == case.kernels


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_on_a_gpu(case, cuda):
    case.check()


def test_no_kernel_is_left_out(emulated_core):
    expected = {kernel for case in CASES for kernel in case.kernels}
    assert emulated_core.kernels() == expected


@pytest.mark.parametrize("part", range(4))
def test_under_other_schedules(part, emulated):
    """Each launch under the seeds 1 to 4: the bits must not depend on the threads' order."""
    with emulated.seeded(1, replays=4):
        for case in [case for case in CASES if case.small][part::4]:
            case.check()


@pytest.mark.parametrize("described", [True, False])
def test_the_memory_of_every_argument_is_known(described, emulated):
    """Both ways of a tensor into native code: what lies outside is an error, whatever is there."""
    storage = torch.zeros(2 * 3 * 8 * 16)
    heatmaps, coords, scores = storage.view(2, 3, 8, 16), torch.zeros(2, 3, 2), torch.zeros(2, 3)

    outputs = [description(coords), description(scores)] if described else [coords, scores]
    given = description(heatmaps) if described else heatmaps
    emulated.decode_heatmaps(given, *outputs, *PLAIN_DECODING)
    assert not coords.isnan().any()
    # Behind the emulator's back: it is told of half the maps.
    half = memory_of(heatmaps)[1] // 2
    known = [(heatmaps.data_ptr(), half), memory_of(coords), memory_of(scores)]
    with emulated.knowing(known), pytest.raises(RuntimeError, match="out-of-bounds read"):
        emulated.module.decode_heatmaps(given, *outputs, *PLAIN_DECODING)


def test_no_joints_at_all(emulated):
    """Nothing is launched, and the scores are written all the same."""
    empty = torch.zeros(2, 0, 2), torch.zeros(2, 0, 2), torch.ones(2, 0)
    assert launched_by(lambda: lp.pck(*empty, 1.0)) == ()
    # Not filled with NaN before, which is what it must become.
    scores, scratch = torch.zeros(2, dtype=torch.float64), torch.zeros(1, dtype=torch.int64)
    counts = torch.zeros(1, 0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    sums = torch.zeros(0, dtype=torch.float64)
    rules = (1.0, [], "auto", [0.05], False, [], None, None, "pooled")
    emulated.module.pck_counts("pck", *empty, None, rules, *counts, sums, scores, scratch)
    assert scores.isnan().all()


def test_the_device_of_the_tensors_is_made_current(emulated):
    """The emulator has device 0 and no other."""
    tensors = maps((1, 2, 8, 8)), torch.zeros(1, 2, 2), torch.zeros(1, 2)
    for index in (0, 1):
        views = [description(tensor, ("cuda", index)) for tensor in tensors]
        if index == 0:
            emulated.decode_heatmaps(*views, *PLAIN_DECODING)
            expected = decode_reference.decode_heatmaps(tensors[0], "none")
            torch.testing.assert_close(tensors[1:], expected, rtol=0, atol=0)
        else:
            with pytest.raises(RuntimeError, match=r"decode_heatmaps: cuda:1 .*invalid device"):
                emulated.decode_heatmaps(*views, *PLAIN_DECODING)


def test_a_launch_that_cuda_refuses_is_told(emulated):
    """More maps than a grid can have blocks. Nothing is read: the memory is not there."""
    count = 2**31
    pixel = torch.zeros(1)
    sizes = (count, 1, 1, 1), (count, 1, 2), (count, 1)
    promised = [torch.empty(size, device="meta") for size in sizes]
    views = [(pixel.data_ptr(), *description(tensor, ("cpu", 0))[1:]) for tensor in promised]
    with pytest.raises(RuntimeError, match=r"decode_heatmaps: .* did not take the work: invalid"):
        emulated.module.decode_heatmaps(*views, *PLAIN_DECODING)
    assert launched_by(CASES[0].check) == CASES[0].kernels  # and the next call works
