"""What only a GPU can show: streams, graphs, launches, memory, and the CPU's own numbers.

At the end, what only a machine without one can show.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

import lowerpose_ops as lp
from lowerpose_ops import _library, _native, presets
from tests.heatmap_samples import maps, weights
from tests.tolerances import GRADIENT_RTOL, LOSS_RTOL, TARGET_TOLERANCE

needs_gpu = pytest.mark.skipif(
    not (torch.cuda.is_available() and _native.core.cuda_version),
    reason="needs a GPU, and a build with CUDA",
)

Tensors = tuple[torch.Tensor, ...]
TYPICAL = (64, 6, 64, 48)
SIZE = (48, 64)  # (W, H)
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
SLEEP = 300_000_000  # cycles: a tenth of a second at least
FAR = 2**31 + 64  # elements; as bytes a multiple of 16 still


@dataclass(frozen=True)
class Operation:
    draw: Callable[[int], Tensors]  # its inputs on the CPU, from a seed
    run: Callable[..., Tensors]
    kernels: tuple[str, ...]  # what a run launches
    torch_kernels: int = 0  # what torch may launch besides


def draw_joints(seed: int) -> Tensors:
    generator = torch.Generator().manual_seed(seed)
    joints = torch.rand(*TYPICAL[:2], 2, generator=generator) * torch.tensor(SIZE)
    return joints, torch.randint(0, 3, TYPICAL[:2], generator=generator).float()


def draw_maps(seed: int) -> Tensors:
    return maps(TYPICAL, seed=2 * seed), maps(TYPICAL, seed=2 * seed + 1), weights(TYPICAL, seed)


def draw_channels_last(seed: int) -> Tensors:
    return (maps(TYPICAL, seed=seed).contiguous(memory_format=torch.channels_last),)


def draw_points(seed: int) -> Tensors:
    shape = (*TYPICAL[:2], 2)
    truth = 20 * maps(shape, seed=2 * seed)
    return truth + 4 * maps(shape, seed=2 * seed + 1), truth, weights(TYPICAL, seed)[..., 0]


def loss_alone(*inputs: torch.Tensor) -> Tensors:
    return (lp.joints_mse_loss(*inputs),)


def loss_and_gradient(output: torch.Tensor, *others: torch.Tensor, **options: Any) -> Tensors:
    output = output.detach().requires_grad_()
    loss = lp.joints_mse_loss(output, *others, **options)
    return loss.detach(), *torch.autograd.grad(loss, output)


def count_points(*inputs: torch.Tensor) -> Tensors:
    return lp.pck_counts(*inputs, 64.0, (0.05, 0.1))


OPERATIONS = {
    "gaussian_targets": Operation(
        draw_joints,
        lambda joints, visible: lp.gaussian_targets(joints, visible, SIZE),
        ("gaussian_targets_kernel",),
    ),
    "joints_mse_loss": Operation(draw_maps, loss_alone, ("joints_mse_kernel",)),
    "joints_mse_loss and its gradient": Operation(
        draw_maps,
        loss_and_gradient,
        ("joints_mse_kernel", "joints_mse_kernel"),
        torch_kernels=1,  # the 1 that the gradient begins with
    ),
    "decode_heatmaps": Operation(
        lambda seed: (maps(TYPICAL, seed=seed),), lp.decode_heatmaps, ("decode_map_kernel",)
    ),
    "decode_heatmaps, channels_last": Operation(
        draw_channels_last, lp.decode_heatmaps, ("decode_image_kernel",)
    ),
    "pck_counts": Operation(draw_points, count_points, ("pck_counts_kernel",)),
}
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))


@pytest.fixture(params=["exchange", "description"])
def route(request, monkeypatch):
    """Both ways on which native code learns of a tensor's stream."""
    if request.param == "exchange" and not _library.has_exchange:
        pytest.skip("this torch has no DLPack C exchange API")
    monkeypatch.setattr(_library, "has_exchange", request.param == "exchange")


def on_gpu(tensors: Tensors) -> Tensors:
    return tuple(tensor.cuda() for tensor in tensors)


def check_same_bits(results: Tensors, expected: Tensors) -> None:
    for result, wanted in zip(results, expected, strict=True):
        torch.testing.assert_close(result.cpu(), wanted.cpu(), rtol=0, atol=0)


def need_free_memory(gigabytes: int) -> None:
    torch.cuda.empty_cache()
    if torch.cuda.mem_get_info()[0] < gigabytes << 30:
        pytest.skip(f"needs {gigabytes} GiB of free memory on the GPU")


# Streams and graphs ---------------------------------------------------------------------------


@needs_gpu
@every_operation
def test_work_waits_on_the_callers_stream_and_the_caller_does_not(operation, route):
    """The inputs change on that stream after a long sleep: who does not wait reads the old ones."""
    fresh, stale = on_gpu(operation.draw(1)), on_gpu(operation.draw(2))
    expected = operation.run(*fresh)
    stream = torch.cuda.Stream()
    # The first round loads what is loaded when it is first used, and fills the stream's memory
    # pool: either may wait for the GPU.
    for cycles in (1, SLEEP):
        given = tuple(tensor.clone() for tensor in stale)
        torch.cuda.synchronize()
        with torch.cuda.stream(stream):
            torch.cuda._sleep(cycles)
            slept = stream.record_event()
            for old, new in zip(given, fresh, strict=True):
                old.copy_(new)
            results = operation.run(*given)
            still_asleep = not slept.query()
        stream.synchronize()
        check_same_bits(results, expected)
        del results  # its memory is the next round's
    assert still_asleep, "the call returned only when the GPU had come to it"


@needs_gpu
@every_operation
def test_a_graph_computes_again_from_what_its_inputs_hold(operation, route):
    given = on_gpu(operation.draw(1))
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            operation.run(*given)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = operation.run(*given)
    for seed in (2, 3, 1, 1):
        fresh = on_gpu(operation.draw(seed))
        for old, new in zip(given, fresh, strict=True):
            old.copy_(new)
        graph.replay()
        check_same_bits(results, operation.run(*fresh))


@needs_gpu
@every_operation
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_the_same_bits_every_time(operation, busy):
    """Whatever order the blocks run in: beside other work it is another one."""
    given = on_gpu(operation.draw(1))
    first = operation.run(*given)
    other, load = torch.cuda.Stream(), torch.zeros(1 << 26, device="cuda")
    torch.cuda.synchronize()
    for _ in range(20):
        if busy:
            with torch.cuda.stream(other):
                for _ in range(4):
                    load.add_(1)
        check_same_bits(operation.run(*given), first)
    torch.cuda.synchronize()


@needs_gpu
@every_operation
def test_tensors_of_another_gpu_than_the_current_one(operation, route):
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    given = tuple(tensor.to("cuda:1") for tensor in operation.draw(1))
    results = operation.run(*given)
    assert torch.cuda.current_device() == 0
    assert {result.device for result in results} == {torch.device("cuda:1")}
    check_same_bits(results, operation.run(*on_gpu(operation.draw(1))))


# What native code asks of the GPU -------------------------------------------------------------


class Measured:
    """Stands in for the native module, and measures the GPU's memory around each call.

    It makes each call a hundred times, because the driver counts in pages of 2 MiB.
    """

    def __init__(self, core: Any) -> None:
        self.core = core
        self.growth: dict[str, tuple[int, int]] = {}  # of torch's memory and of the GPU's in use

    def __getattr__(self, name: str) -> Any:
        function = getattr(self.core, name)

        def measured(*arguments: Any) -> Any:
            before = self.in_use()
            for _ in range(100):
                result = function(*arguments)
            after = self.in_use()
            self.growth[name] = (after[0] - before[0], after[1] - before[1])
            return result

        return measured

    @staticmethod
    def in_use() -> tuple[int, int]:
        torch.cuda.synchronize()
        free, total = torch.cuda.mem_get_info()
        return torch.cuda.memory_allocated(), total - free


@needs_gpu
@every_operation
def test_native_code_allocates_nothing(operation, monkeypatch):
    given = on_gpu(operation.draw(1))
    expected = operation.run(*given)  # loads the kernels, which takes memory once
    measured = Measured(_native.core)
    monkeypatch.setattr(_native, "core", measured)
    check_same_bits(operation.run(*given), expected)
    assert measured.growth
    assert set(measured.growth.values()) == {(0, 0)}, measured.growth


def work_on_the_gpu(run: Callable[[], object]) -> list[str]:
    """The names of the kernels, copies and memsets that a call leads to."""
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        run()
        torch.cuda.synchronize()
    return [event.name for event in profiler.events() if event.device_type == DeviceType.CUDA]


@needs_gpu
@every_operation
def test_one_launch_an_operation(operation):
    given = on_gpu(operation.draw(1))
    operation.run(*given)
    if not work_on_the_gpu(lambda: given[0].sum()):
        pytest.skip("torch's profiler sees nothing of this GPU")
    work = work_on_the_gpu(lambda: operation.run(*given))
    ours = [name for name in work if "lowerpose" in name]
    assert len(ours) == len(operation.kernels), work
    for name, kernel in zip(ours, operation.kernels, strict=True):
        assert kernel in name
    assert sum("at::native" in name for name in work) <= operation.torch_kernels, work
    assert sum("Memset" in name for name in work) <= 1, work
    assert not any("Memcpy" in name for name in work), work


# Beyond 32 bits -------------------------------------------------------------------------------


@needs_gpu
@pytest.mark.parametrize(
    "strides",
    [(64, 8, 1), (1, 16, 2), (128, 16, 2)],
    ids=["contiguous maps", "channels_last", "every second column"],
)
def test_images_further_apart_than_32_bits_count(strides):
    """Of a layout and its twin with the images side by side, which the same kernels read."""
    need_free_memory(6)
    shape = (2, 2, 8, 8)
    far = torch.empty(FAR + 256, dtype=torch.float16, device="cuda")
    near = torch.empty(512, dtype=torch.float16, device="cuda")
    far = far.as_strided(shape, (FAR, *strides)).copy_(maps(shape))
    near = near.as_strided(shape, (256, *strides)).copy_(maps(shape))
    other = torch.empty_like(near).copy_(maps(shape, seed=1))
    check_same_bits(lp.decode_heatmaps(far), lp.decode_heatmaps(near))
    check_same_bits(loss_and_gradient(far, other), loss_and_gradient(near, other))
    check_same_bits(loss_and_gradient(other, far), loss_and_gradient(other, near))


@needs_gpu
def test_more_pixels_than_32_bits_count():
    need_free_memory(8)
    side = 2**15
    joints = torch.tensor([[[100.0, 200.0], [side - 1.0, 0.0], [20000.0, side - 1.0]]]).cuda()
    visible = torch.ones(1, 3).cuda()
    targets, _ = lp.gaussian_targets(joints, visible, (side, side), dtype=torch.float16)
    assert targets.numel() > 2**31
    coords, scores = lp.decode_heatmaps(targets, "none")
    check_same_bits((coords, scores), (joints, visible))


# The CPU's own numbers ------------------------------------------------------------------------

SHAPES = {
    "small": (2, 3, 8, 16),
    "small and odd": (2, 3, 7, 9),
    "typical": TYPICAL,
    "17 joints": (16, 17, 96, 72),
}
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)
every_layout = pytest.mark.parametrize(
    "memory_format", [torch.contiguous_format, torch.channels_last], ids=str
)


@needs_gpu
@every_shape
@every_dtype
@pytest.mark.parametrize("preset", presets.TARGETS)
def test_targets_are_those_of_the_cpu(shape, dtype, preset):
    batch, num_joints, height, width = shape
    generator = torch.Generator().manual_seed(0)
    everywhere = torch.rand(batch, num_joints, 2, generator=generator) * 1.5 - 0.25
    joints = everywhere * torch.tensor([width, height])
    visible = torch.randint(0, 3, (batch, num_joints), generator=generator)
    options = {"preset": preset, "dtype": dtype}
    targets, weight = lp.gaussian_targets(joints.cuda(), visible.cuda(), (width, height), **options)
    expected, plain_weight = lp.gaussian_targets(joints, visible, (width, height), **options)
    check_same_bits((weight,), (plain_weight,))
    torch.testing.assert_close(targets.cpu(), expected, **TARGET_TOLERANCE[dtype])


@needs_gpu
@every_shape
@every_dtype
@every_layout
@pytest.mark.parametrize("refine", ["none", "quarter"])
def test_coordinates_are_those_of_the_cpu(shape, dtype, memory_format, refine):
    """Many pixels of the 16-bit types are equal, and the first of them is meant."""
    heatmaps = maps(shape).to(dtype).contiguous(memory_format=memory_format)
    ours = lp.decode_heatmaps(heatmaps.cuda(), refine)
    check_same_bits(ours, lp.decode_heatmaps(heatmaps, refine))


@needs_gpu
@every_shape
@every_dtype
@every_layout
@pytest.mark.parametrize("preset", presets.LOSSES)
def test_loss_and_gradient_are_those_of_the_cpu(shape, dtype, memory_format, preset):
    output, target = (
        maps(shape, seed=seed).to(dtype).contiguous(memory_format=memory_format) for seed in (0, 1)
    )
    given = (output, target, weights(shape))
    options = {"preset": preset, "loss_weight": 1000.0}  # few 16-bit gradients are subnormal
    loss, gradient = loss_and_gradient(*on_gpu(given), **options)
    plain_loss, plain_gradient = loss_and_gradient(*given, **options)
    # Two sums of the same numbers in two orders, each with its own error.
    torch.testing.assert_close(loss.cpu(), plain_loss, rtol=2 * LOSS_RTOL[loss.dtype], atol=0)
    assert gradient.is_contiguous(memory_format=memory_format)
    torch.testing.assert_close(
        gradient.cpu(),
        plain_gradient,
        rtol=GRADIENT_RTOL.get(dtype, 2 * torch.finfo(dtype).eps),
        atol=6e-8 if dtype is torch.float16 else 0,
    )


@needs_gpu
@pytest.mark.parametrize("cmp", ["lt", "le"])
@pytest.mark.parametrize("batch", [2, 64, 1000], ids=["small", "typical", "large"])
def test_counts_are_those_of_the_cpu(batch, cmp):
    truth = 20 * maps((batch, 6, 2))
    pred = truth + 4 * maps((batch, 6, 2), seed=1)
    valid = weights((batch, 6))[..., 0]
    thresholds = [0.01 * i for i in range(20)]
    for norm in (64.0, 64 + maps((batch,), seed=2)):
        norm_there = norm.cuda() if isinstance(norm, torch.Tensor) else norm
        on_cpu, there = (pred, truth, valid), on_gpu((pred, truth, valid))
        check_same_bits(
            lp.pck_counts(*there, norm_there, thresholds, cmp=cmp),
            lp.pck_counts(*on_cpu, norm, thresholds, cmp=cmp),
        )
        check_same_bits(
            (lp.pck(*there, norm_there, 0.05, cmp=cmp),), (lp.pck(*on_cpu, norm, 0.05, cmp=cmp),)
        )


@needs_gpu
def test_arrays_stay_on_the_cpu():
    """In the same process, also where torch makes its tensors on the GPU."""
    joints, visible = draw_joints(1)
    heatmaps = maps(TYPICAL)
    points = draw_points(1)
    expected = (
        *lp.gaussian_targets(joints, visible, SIZE),
        *lp.decode_heatmaps(heatmaps),
        *count_points(*points),
    )
    with torch.device("cuda"):
        lp.decode_heatmaps(heatmaps.cuda())
        arrays = (
            *lp.gaussian_targets(joints.numpy(), visible.numpy(), SIZE),
            *lp.decode_heatmaps(heatmaps.numpy()),
            *lp.pck_counts(*(tensor.numpy() for tensor in points), 64.0, (0.05, 0.1)),
        )
    check_same_bits(tuple(torch.from_numpy(array) for array in arrays), expected)


# Where there is no GPU ------------------------------------------------------------------------


@pytest.fixture
def no_gpu():
    """CUDA is asked, because a torch that is built without it would not know."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return
    count = ctypes.c_int()
    if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value:
        pytest.skip("a GPU is here, which must never be handed memory that is not its own")


SHAPE = (2, 3, 8, 6)
WEIGHTING = (False, False, 1.0)  # half, squared_weight, loss_weight
EXACT = presets.TARGETS["exact"]
WORDS = (EXACT.center, EXACT.window, EXACT.visible, EXACT.weight, EXACT.outside)

# name: (operation in words, native function, arguments, places of its outputs)
NATIVE_CALLS = {
    "gaussian_targets": (
        "gaussian_targets",
        [
            torch.ones(2, 3, 2),
            torch.ones(2, 3),
            torch.empty(SHAPE),
            torch.empty(2, 3, 1),
            2.0,
            *WORDS,
            1,
        ],
        (2, 3),
    ),
    "joints_mse": (
        "joints_mse_loss",
        [maps(SHAPE), maps(SHAPE, seed=1), None, torch.empty(()), None, None, *WEIGHTING, 1],
        (3,),
    ),
    "joints_mse_backward": (
        "joints_mse_loss",
        [torch.ones(()), maps(SHAPE), maps(SHAPE, seed=1), None, torch.empty(SHAPE), *WEIGHTING, 1],
        (4,),
    ),
    "decode_heatmaps": (
        "decode_heatmaps",
        [maps(SHAPE), torch.empty(2, 3, 2), torch.empty(2, 3), "quarter", 1],
        (1, 2),
    ),
    "pck_counts": (
        "pck_counts",
        [
            *(torch.ones(2, 3, 2), torch.ones(2, 3, 2), torch.ones(2, 3), None),
            *(1.0, "auto", [0.5], False),
            *(torch.empty(1, 3, dtype=torch.int64), torch.empty(3, dtype=torch.int64)),
            *(torch.empty(1, dtype=torch.float64), torch.empty(1, dtype=torch.int64)),
        ],
        (8, 9, 10),
    ),
}


def call_as_if_on(device: str, function: str, arguments: list[Any]) -> None:
    """Calls with descriptions that name this device, wherever the memory is."""

    def described(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        dtype = str(value.dtype).removeprefix("torch.")
        shape, strides = tuple(value.shape), value.stride()
        return (value.data_ptr(), shape, strides, dtype, device, 0, 0)

    if function == "joints_mse":
        size = _native.core.joints_mse_scratch(described(arguments[0]))
        arguments = arguments.copy()
        arguments[4] = torch.empty(size, dtype=torch.float64)
    getattr(_native.core, function)(*(described(value) for value in arguments))


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("function", NATIVE_CALLS)
def test_without_a_gpu_the_refusal_says_what_to_do(function):
    operation, arguments, places = NATIVE_CALLS[function]
    outputs = [arguments[place].fill_(-1) for place in places]
    if _native.core.cuda_version:
        refusal = pytest.raises(RuntimeError, match=rf"^{operation}: cuda:0 .*: .*nvidia-smi")
    else:
        words = rf"^{operation}: \w+ must be on the CPU, .*LOWERPOSE_CUDA=ON.*, got cuda:0"
        refusal = pytest.raises(ValueError, match=words)
    for _ in range(2):  # the second finds no error that the first has left behind
        with refusal:
            call_as_if_on("cuda", function, arguments)
    assert all((output == -1).all() for output in outputs)
    call_as_if_on("cpu", function, arguments)
    assert all((output != -1).any() for output in outputs)
