"""What only a GPU can show: streams, graphs, launches and memory."""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from lowerpose_ops import _library, _native
from tests.gpu_operations import check_same_bits, every_operation, needs_gpu, on_gpu
from tests.heatmap_samples import maps
from tests.tensor_programs import every_trained, one_number

SLEEP = 300_000_000  # cycles: a tenth of a second at least


@pytest.fixture(params=["exchange", "description"])
def route(request, monkeypatch):
    """Both ways on which native code learns of a tensor's stream."""
    if request.param == "exchange" and not _library.has_exchange:
        pytest.skip("this torch has no DLPack C exchange API")
    monkeypatch.setattr(_library, "has_exchange", request.param == "exchange")


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
@every_trained
def test_a_training_step_in_a_graph(program):
    """Recorded with its backward pass and the optimizer's step, it trains as without a graph."""
    torch.manual_seed(0)
    model = torch.nn.Conv2d(3, 4, 3, padding=1, bias=False).cuda()
    twin = copy.deepcopy(model)
    others = on_gpu(program.draw((16, 4, 64, 48)))[1:]
    batches = [maps((16, 3, 64, 48), seed=seed).cuda() for seed in range(4)]
    images = batches[0].clone()

    def step(model, images):
        model.zero_grad(set_to_none=True)
        value = one_number(program, model(images), others)
        value.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.sub_(1e-3 * parameter.grad / parameter.grad.norm())
        return value.detach()

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step(model, images)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        value = step(model, images)
    model.load_state_dict(twin.state_dict())
    for batch in (*batches, *batches):
        images.copy_(batch)
        graph.replay()
        # cuDNN may choose another way to convolve, and rounds to TensorFloat-32.
        torch.testing.assert_close(value, step(twin, batch), rtol=1e-2, atol=1e-6)
    for parameter, expected in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(parameter, expected, rtol=1e-2, atol=1e-3)


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
            gc.collect()  # or the memory of earlier tests could be given back meanwhile
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
