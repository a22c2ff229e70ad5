"""The operations on a GPU, against the floor, eager torch and torch.compile, by two clocks.

The floor is a copy on the device of as many bytes as the operation must move: each input read once,
each output written once. So the ratio to it is the share of the copy's bandwidth that we reach.
At B=64 all maps would fit into the second-level cache of a large GPU: there each call takes other
inputs than the one before, until they fill the cache twice, ours, the floor and the others alike.
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

Candidates = dict[str, Run]  # "ours", and the others


def cache_size() -> int:
    return int(torch.cuda.get_device_properties(0).L2_cache_size)


def rotated(build: Callable[[int], Candidates], moved: int) -> Candidates:
    """Candidates that take the next of several inputs each time: no more than a graph has calls.

    `build` makes the candidates for the inputs of a number.
    """
    count = min(CALLS_A_GRAPH, 1 + 2 * cache_size() // moved)
    built = [build(number) for number in range(count)]

    def in_turn(runs: list[Run]) -> Run:
        turns = itertools.cycle(runs)
        return lambda: next(turns)()

    return {name: in_turn([candidates[name] for candidates in built]) for name in built[0]}


def compare_rotated(
    compare: Callable[..., Any], operation: str, build: Callable[[int], Candidates], moved: int
) -> None:
    candidates = rotated(build, moved)
    candidates[FLOOR] = rotated(lambda _: {FLOOR: copy_of_bytes(moved, "cuda")}, moved)[FLOOR]
    compare(operation, moved=moved, **OPTIONS)(candidates.pop("ours"), candidates)


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
    columns = torch.arange(width, device="cuda")
    rows = torch.arange(height, device="cuda")
    size = torch.tensor([width, height], device="cuda")
    form = {"exact": peers.separable_targets, "lower_body": peers.windowed_targets}[preset]

    def inputs(number: int) -> tuple[Tensor, Tensor]:
        return random(batch, num_joints, 2, seed=10 * number) * size, is_visible(batch, num_joints)

    def arguments(number: int) -> tuple[Any, ...]:
        return *inputs(number), columns, rows, SIGMA, dtype

    def ours(joints: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        return lp.gaussian_targets(
            joints, visible, (width, height), SIGMA, preset=preset, dtype=dtype
        )

    with_compiled = is_first(shape=shape, dtype=dtype)
    others = forms(form, *arguments(0), with_compiled=with_compiled)
    targets, weights = ours(*inputs(0))
    for run in others.values():
        close(run(*arguments(0)), targets, dtype)

    def build(number: int) -> Candidates:
        return {"ours": bound(ours, *inputs(number))} | {
            name: bound(run, *arguments(number)) for name, run in others.items()
        }

    moved = size_of(*inputs(0), targets, weights)
    compare_rotated(compare, title(f"gaussian_targets, {preset}", shape, dtype), build, moved)


def bound(run: Callable[..., Any], *arguments: Any) -> Run:
    return lambda: run(*arguments)


def loss_inputs(
    shape: tuple[int, ...], dtype: torch.dtype, layout: str, number: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    output, target = (
        random(*shape, seed=10 * number + seed).to(dtype).contiguous(memory_format=LAYOUTS[layout])
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


def step_of(loss: Callable[..., Tensor], output: Tensor, target: Tensor, weight: Tensor) -> Run:
    def run() -> tuple[Tensor, Tensor]:
        # A leaf for each call: one that had been used before would bind the gradient to the
        # stream of its first use, and a capture would fail.
        leaf = output.detach().requires_grad_()
        value = loss(leaf, target, weight)
        return value.detach(), *torch.autograd.grad(value, leaf)

    return run


@every("shape", "dtype", "layout")
def test_loss_forward_and_backward(compare, shape, dtype, layout):
    output, target, weight = loss_inputs(shape, dtype, layout)
    expected, gradient = step_of(lp.joints_mse_loss, output, target, weight)()
    with_compiled = is_first(shape=shape, dtype=dtype, layout=layout)
    options = {"gradient": True, "with_compiled": with_compiled}
    others = loss_forms(output.detach().requires_grad_(), target, weight, **options)
    for form in others.values():
        value, theirs = step_of(form, output, target, weight)()
        close(value.float(), expected, dtype)
        close(theirs, gradient, dtype)

    def build(number: int) -> Candidates:
        inputs = loss_inputs(shape, dtype, layout, number)
        return {
            name: step_of(form, *inputs)
            for name, form in {"ours": lp.joints_mse_loss, **others}.items()
        }

    moved = size_of(output, target, weight, expected, gradient)
    operation = title("joints_mse_loss, forward + backward", shape, dtype, layout)
    compare_rotated(compare, operation, build, moved)


@every("shape", "dtype", "layout")
@torch.no_grad()
def test_loss_alone(compare, shape, dtype, layout):
    inputs = loss_inputs(shape, dtype, layout)
    expected = lp.joints_mse_loss(*inputs)
    with_compiled = is_first(shape=shape, dtype=dtype, layout=layout)
    others = loss_forms(*inputs, gradient=False, with_compiled=with_compiled)
    for form in others.values():
        close(form(*inputs).float(), expected, dtype)

    def build(number: int) -> Candidates:
        inputs = loss_inputs(shape, dtype, layout, number)
        return {
            name: bound(form, *inputs)
            for name, form in {"ours": lp.joints_mse_loss, **others}.items()
        }

    operation = title("joints_mse_loss, forward alone", shape, dtype, layout)
    compare_rotated(compare, operation, build, size_of(*inputs, expected))


@every("shape", "dtype", "layout")
def test_decode(compare, shape, dtype, layout):
    batch, num_joints, height, width = shape
    steps = torch.tensor([1, width, -1, -width], device="cuda")
    size = torch.tensor([width, height], device="cuda")

    def predicted(number: int) -> Tensor:
        joints = random(batch, num_joints, 2, seed=10 * number) * size
        heatmaps, _ = lp.gaussian_targets(joints, torch.ones_like(joints[..., 0]), (width, height))
        heatmaps = (heatmaps + 0.05 * random(*shape, seed=10 * number + 1)).to(dtype)
        return heatmaps.contiguous(memory_format=LAYOUTS[layout])

    heatmaps = predicted(0)
    coords, scores = lp.decode_heatmaps(heatmaps)
    with_compiled = is_first(shape=shape, dtype=dtype, layout=layout)
    others = forms(peers.argmax_quarter, heatmaps, steps, with_compiled=with_compiled)
    for run in others.values():
        their_coords, their_scores = run(heatmaps, steps)
        assert torch.equal(their_scores, scores)
        if dtype is torch.float32:  # bfloat16 has equal maxima, of which torch takes any
            assert torch.equal(their_coords, coords)

    def build(number: int) -> Candidates:
        heatmaps = predicted(number)
        return {"ours": bound(lp.decode_heatmaps, heatmaps)} | {
            name: bound(run, heatmaps, steps) for name, run in others.items()
        }

    operation = title("decode_heatmaps, quarter", shape, dtype, layout)
    compare_rotated(compare, operation, build, size_of(heatmaps, coords, scores))


@every("shape")
def test_pck(compare, shape):
    """A few kilobytes: inputs that change do not leave the cache, and need not."""
    points = (*shape[:2], 2)
    truth = NORM * random(*points)
    pred = truth + 8 * (random(*points, seed=1) - 0.5)
    valid = is_visible(*shape[:2])
    limits = torch.tensor(THRESHOLDS, device="cuda")
    counts = lp.pck_counts(pred, truth, valid, NORM, THRESHOLDS)
    arguments = (pred, truth, valid, NORM, limits)
    with_compiled = is_first(shape=shape)
    others = forms(peers.count_within, *arguments, with_compiled=with_compiled)
    for run in others.values():
        for theirs, count in zip(run(*arguments), counts, strict=True):
            assert torch.equal(theirs, count)

    def build(_: int) -> Candidates:
        return {"ours": bound(lp.pck_counts, pred, truth, valid, NORM, THRESHOLDS)} | {
            name: bound(run, *arguments) for name, run in others.items()
        }

    moved = size_of(pred, truth, valid, *counts)
    compare_rotated(compare, title("pck_counts", shape, torch.float32), build, moved)
