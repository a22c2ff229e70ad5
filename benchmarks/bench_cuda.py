"""The operations on a GPU, against the floor, eager torch and torch.compile, by two clocks.

The floor is a copy on the device of as many bytes as the operation must move: each input read once,
each output written once. So the ratio to it is the share of the copy's bandwidth that we reach.
At B=64 all maps fit into the second-level cache of a large GPU, where training would find them too.
One case of every operation comes first, with torch.compile; then all others, as far as time goes.
"""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import lowerpose_ops as lp
from benchmarks import peers
from benchmarks.protocol import FLOOR, copy_of_bytes, size_of

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

Run = Callable[[], Any]
SIGMA, NORM, THRESHOLDS = 2.0, 64.0, (0.05, 0.1)
SHAPES = {"B=64 K=6 64x48": (64, 6, 64, 48), "B=256 K=17 96x72": (256, 17, 96, 72)}
LAYOUTS = {"": torch.contiguous_format, ", channels_last": torch.channels_last}

DTYPES = (torch.float32, torch.bfloat16)
CHOICES: dict[str, tuple[Any, ...]] = {
    "shape": tuple(SHAPES.values()),
    "dtype": DTYPES,
    "layout": tuple(LAYOUTS),
}
# The maps that do not fit into the cache, in the type that most training has.
FIRST = {"shape": SHAPES["B=256 K=17 96x72"], "dtype": torch.float32, "layout": ""}


def is_first(**case: Any) -> bool:
    return all(value == FIRST[name] for name, value in case.items())


def every(*names: str) -> pytest.MarkDecorator:
    """All combinations of these choices."""
    cases = []
    for values in itertools.product(*(CHOICES[name] for name in names)):
        case = dict(zip(names, values, strict=True))
        name = describe(**({"dtype": torch.float32} | case))
        marks = [pytest.mark.first] if is_first(**case) else []
        cases.append(pytest.param(*values, marks=marks, id=name))
    return pytest.mark.parametrize(names, cases)


def describe(shape: tuple[int, ...], dtype: torch.dtype, layout: str = "") -> str:
    names = {given: name for name, given in SHAPES.items()}
    return f"{names[shape]} {str(dtype).removeprefix('torch.')}{layout}"


# Clocks ---------------------------------------------------------------------------------------


def eager_clock(run: Run) -> Callable[[int], float]:
    """What a training loop sees: calls one after the other, until the GPU has done them all."""

    def seconds(calls: int) -> float:
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(calls):
            run()
        torch.cuda.synchronize()
        return (time.perf_counter() - start) / calls

    return seconds


CALLS_A_GRAPH = 10  # so that the launch of the graph itself is a small part


def graph_clock(run: Run) -> Callable[[int], float]:
    """What the GPU does: calls that were captured in a graph, between two events."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(CALLS_A_GRAPH):
            run()
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

    def seconds(calls: int) -> float:
        replays = -(-calls // CALLS_A_GRAPH)
        begin.record()
        for _ in range(replays):
            graph.replay()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) * 1e-3 / (replays * CALLS_A_GRAPH)

    return seconds


# A GPU's turns are steadier than a CPU's: they can be shorter, and fewer.
OPTIONS: dict[str, Any] = {
    "device": "cuda",
    "clocks": {"eager": eager_clock, "graph": graph_clock},
    "turn": 2e-3,
    "rounds": 20,
}


# Baselines ------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def compiled_anew():
    """Each shape for itself: dynamo would give up a form after a few of them."""
    torch.compiler.reset()


def forms(form: Run, *arguments: Any, with_compiled: bool) -> dict[str, Run]:
    """A form of torch's, eager, and compiled where inductor can be used.

    It takes many seconds to compile, so this is for the first case alone.
    """
    if not with_compiled:
        return {"eager torch": form}
    compiled = torch.compile(form, fullgraph=True, dynamic=False)
    try:
        compiled(*arguments)
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0]
        warnings.warn(f"without torch.compile: {type(error).__name__}: {reason}", stacklevel=2)
        return {"eager torch": form}
    return {"eager torch": form, "torch.compile": compiled}


def floor(moved: int) -> dict[str, Run]:
    """A copy that reads one half of the bytes and writes the other."""
    return {FLOOR: copy_of_bytes(moved, "cuda")}


def random(*shape: int, seed: int = 0) -> Tensor:
    """The same numbers on every GPU."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)).cuda()


def is_visible(batch: int, num_joints: int) -> Tensor:
    return (random(batch, num_joints, seed=9) < 0.8).float()


def title(operation: str, shape: tuple[int, ...], dtype: torch.dtype, layout: str = "") -> str:
    return f"{operation}, {describe(shape, dtype, layout)}"


def close(ours: Tensor, theirs: Tensor, dtype: torch.dtype) -> None:
    """Eager torch rounds each step of its own to the maps' type."""
    rtol = 1e-4 if dtype is torch.float32 else 5e-2
    torch.testing.assert_close(ours, theirs, rtol=rtol, atol=1e-30)


# Comparisons ----------------------------------------------------------------------------------


@every("shape", "dtype")
@pytest.mark.parametrize("preset", ["exact", "lower_body"])
def test_targets(compare, shape, dtype, preset):
    batch, num_joints, height, width = shape
    joints = random(batch, num_joints, 2) * torch.tensor([width, height], device="cuda")
    visible = is_visible(batch, num_joints)
    columns = torch.arange(width, device="cuda")
    rows = torch.arange(height, device="cuda")
    form = {"exact": peers.separable_targets, "lower_body": peers.windowed_targets}[preset]
    arguments = (joints, visible, columns, rows, SIGMA, dtype)

    def ours() -> tuple[Tensor, Tensor]:
        return lp.gaussian_targets(
            joints, visible, (width, height), SIGMA, preset=preset, dtype=dtype
        )

    targets, weights = ours()
    moved = size_of(joints, visible, targets, weights)
    baselines = floor(moved)
    with_compiled = is_first(shape=shape, dtype=dtype)
    for name, run in forms(form, *arguments, with_compiled=with_compiled).items():
        close(run(*arguments), targets, dtype)
        baselines[name] = lambda run=run: run(*arguments)
    compare(title(f"gaussian_targets, {preset}", shape, dtype), moved=moved, **OPTIONS)(
        ours, baselines
    )


def loss_inputs(
    shape: tuple[int, ...], dtype: torch.dtype, layout: str
) -> tuple[Tensor, Tensor, Tensor]:
    output, target = (
        random(*shape, seed=seed).to(dtype).contiguous(memory_format=LAYOUTS[layout])
        for seed in (0, 1)
    )
    return output, target, is_visible(*shape[:2])[..., None]


def loss_forms(
    output: Tensor, target: Tensor, weight: Tensor, *, gradient: bool, with_compiled: bool
) -> dict[str, Callable[..., Tensor]]:
    found: dict[str, Callable[..., Tensor]] = {
        "((o - t) ** 2 * w).mean()": peers.whole_map,
        "weighted sums of maps, eager": peers.summed_first,
    }
    if gradient and output.dtype is torch.float32 and output.is_contiguous():
        found["gradient in forward, eager"] = peers.GradientInForward.apply
    compiled = forms(peers.summed_first, output, target, weight, with_compiled=with_compiled)
    return found | {name: run for name, run in compiled.items() if name == "torch.compile"}


@every("shape", "dtype", "layout")
def test_loss_forward_and_backward(compare, shape, dtype, layout):
    output, target, weight = loss_inputs(shape, dtype, layout)

    def step(loss: Callable[..., Tensor]) -> Run:
        def run() -> tuple[Tensor, Tensor]:
            # A leaf for each call: one that had been used before would bind the gradient to the
            # stream of its first use, and a capture would fail.
            leaf = output.detach().requires_grad_()
            value = loss(leaf, target, weight)
            return value.detach(), *torch.autograd.grad(value, leaf)

        return run

    ours = step(lp.joints_mse_loss)
    expected, gradient = ours()
    moved = size_of(output, target, weight, expected, gradient)
    baselines = floor(moved)
    leaf = output.detach().requires_grad_()
    with_compiled = is_first(shape=shape, dtype=dtype, layout=layout)
    options = {"gradient": True, "with_compiled": with_compiled}
    for name, form in loss_forms(leaf, target, weight, **options).items():
        value, theirs = step(form)()
        close(value.float(), expected, dtype)
        close(theirs, gradient, dtype)
        baselines[name] = step(form)
    operation = title("joints_mse_loss, forward + backward", shape, dtype, layout)
    compare(operation, moved=moved, **OPTIONS)(ours, baselines)


@every("shape", "dtype", "layout")
@torch.no_grad()
def test_loss_alone(compare, shape, dtype, layout):
    inputs = loss_inputs(shape, dtype, layout)

    def ours() -> Tensor:
        return lp.joints_mse_loss(*inputs)

    moved = size_of(*inputs, ours())
    baselines = floor(moved)
    with_compiled = is_first(shape=shape, dtype=dtype, layout=layout)
    options = {"gradient": False, "with_compiled": with_compiled}
    for name, form in loss_forms(*inputs, **options).items():
        close(form(*inputs).float(), ours(), dtype)
        baselines[name] = lambda form=form: form(*inputs)
    operation = title("joints_mse_loss, forward alone", shape, dtype, layout)
    compare(operation, moved=moved, **OPTIONS)(ours, baselines)


@every("shape", "dtype", "layout")
def test_decode(compare, shape, dtype, layout):
    batch, num_joints, height, width = shape
    joints = random(batch, num_joints, 2) * torch.tensor([width, height], device="cuda")
    heatmaps, _ = lp.gaussian_targets(joints, torch.ones_like(joints[..., 0]), (width, height))
    heatmaps = (heatmaps + 0.05 * random(*shape, seed=1)).to(dtype)
    heatmaps = heatmaps.contiguous(memory_format=LAYOUTS[layout])
    steps = torch.tensor([1, width, -1, -width], device="cuda")
    coords, scores = lp.decode_heatmaps(heatmaps)
    moved = size_of(heatmaps, coords, scores)
    baselines = floor(moved)
    with_compiled = is_first(shape=shape, dtype=dtype, layout=layout)
    arguments = (heatmaps, steps)
    for name, run in forms(peers.argmax_quarter, *arguments, with_compiled=with_compiled).items():
        their_coords, their_scores = run(heatmaps, steps)
        assert torch.equal(their_scores, scores)
        if dtype is torch.float32:  # bfloat16 has equal maxima, of which torch takes any
            assert torch.equal(their_coords, coords)
        baselines[name] = lambda run=run: run(heatmaps, steps)
    operation = title("decode_heatmaps, quarter", shape, dtype, layout)
    compare(operation, moved=moved, **OPTIONS)(lambda: lp.decode_heatmaps(heatmaps), baselines)


@every("shape")
def test_pck(compare, shape):
    points = (*shape[:2], 2)
    truth = NORM * random(*points)
    pred = truth + 8 * (random(*points, seed=1) - 0.5)
    valid = is_visible(*shape[:2])
    limits = torch.tensor(THRESHOLDS, device="cuda")
    counts = lp.pck_counts(pred, truth, valid, NORM, THRESHOLDS)
    moved = size_of(pred, truth, valid, *counts)
    baselines = floor(moved)
    arguments = (pred, truth, valid, NORM, limits)
    with_compiled = is_first(shape=shape)
    for name, run in forms(peers.count_within, *arguments, with_compiled=with_compiled).items():
        for theirs, count in zip(run(*arguments), counts, strict=True):
            assert torch.equal(theirs, count)
        baselines[name] = lambda run=run: run(*arguments)
    compare(title("pck_counts", shape, torch.float32), moved=moved, **OPTIONS)(
        lambda: lp.pck_counts(pred, truth, valid, NORM, THRESHOLDS), baselines
    )
