"""Every operation under torch.compile and torch.export."""

from __future__ import annotations

import io
import os

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend
from torch.nn import functional

import lowerpose_ops as lp
from lowerpose_ops import _native
from tests.heatmap_samples import maps, weights
from tests.tensor_programs import check_same_bits, every_program, results_of

BATCHES = (11, 5, 13)  # no other size is one of these


def batched(tensor: torch.Tensor, batch: int) -> bool:
    return tensor.ndim > 0 and tensor.shape[0] == batch


@pytest.fixture(params=["cpu", "cuda"])
def real_device(request):
    """An emulated one is no device of torch: it has the CPU's programs."""
    if request.param == "cuda":
        request.getfixturevalue("cuda")
    return request.param


@every_program
def test_one_graph_for_all_batches(program, real_device, request, monkeypatch):
    """aot_eager calls the same kernels: whatever differs was lost on the way.

    The CPU's program is run by the emulated kernels too, which have to fill all that it returns.
    """
    cores = [_native.core]
    if real_device == "cpu" and os.environ.get("LOWERPOSE_EMULATED"):
        cores.append(request.getfixturevalue("emulated_core"))
    torch._dynamo.reset()
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(program.run, fullgraph=True, backend=counter)
    for batch in BATCHES:

        def run(*inputs, batch=batch):
            for tensor in inputs:
                if batched(tensor, batch):
                    torch._dynamo.mark_dynamic(tensor, 0)
            return compiled(*inputs)

        inputs = program.draw((batch, 4, 9, 8))
        for core in cores:
            monkeypatch.setattr(_native, "core", core)
            check_same_bits(results_of(program, inputs, run), results_of(program, inputs))
    assert counter.frame_count == 1


class Module(torch.nn.Module):
    def __init__(self, run):
        super().__init__()
        self.run = run

    def forward(self, *inputs):
        return self.run(*inputs)


@every_program
def test_an_exported_program_takes_any_batch(program):
    inputs = program.draw((BATCHES[0], 4, 9, 8))
    sizes = tuple(
        {0: torch.export.Dim.DYNAMIC} if batched(tensor, BATCHES[0]) else {} for tensor in inputs
    )
    exported = torch.export.export(Module(program.run), inputs, dynamic_shapes=(sizes,))
    file = io.BytesIO()
    torch.export.save(exported, file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    for batch in BATCHES:
        inputs = program.draw((batch, 4, 9, 8))
        expected, results = program.run(*inputs), loaded(*inputs)
        assert type(results) is type(expected)
        check_same_bits(results, expected)


PAIRS = ((0, 1), (2, 3))


def training_step(kernel, images, joints, visible):
    """A loss and its parts, and the scores of an evaluation, made by all operations together."""
    heatmaps = functional.conv2d(images, kernel, padding=1).sigmoid()
    size = heatmaps.shape[3], heatmaps.shape[2]
    targets, weight = lp.gaussian_targets(joints, visible, size, preset="hrnet")
    box = joints.new_full((1, 2), 20.0).expand(joints.shape[0], 2)
    regressed = lp.to_image(lp.soft_argmax2d(heatmaps, 10.0), box, box, size)
    loss = (
        lp.joints_mse_loss([heatmaps, heatmaps.sqrt()], targets, weight, preset="hrnet")
        + lp.joints_mse_loss(heatmaps, targets, weight, reduction="per_joint").sum()
        + lp.joints_ohkm_mse_loss(heatmaps, targets, weight, topk=2)
        + 1e-4 * (regressed - joints).square().mean()
    )
    plain = heatmaps.detach()
    merged = lp.flip_merge(plain, plain.flip(-1), PAIRS, True)
    found, scores = lp.decode_heatmaps(merged, "dark")
    similarity = lp.oks(found[:, None], joints[:, None], visible[:, None], box[:, :1], [0.1] * 4)
    errors = lp.keypoint_epe(found, joints, visible)
    return loss, found, scores, *lp.pck_counts(found, joints, visible, 9.0, 0.5), similarity, errors


@pytest.mark.usefixtures("real_device")
def test_a_program_of_all_operations():
    """With inductor; reduce-overhead records CUDA graphs, and is like the default on a CPU."""
    torch._dynamo.reset()
    compiled = torch.compile(training_step, fullgraph=True, mode="reduce-overhead", dynamic=True)
    for seed, batch in enumerate((3, 5, 3, 3, 5)):
        kernel = maps((4, 3, 3, 3), seed=seed, grad=True)
        images = maps((batch, 3, 24, 20), seed=seed)
        joints = 10 + 3 * maps((batch, 4, 2), seed=seed)
        results = []
        for step in (training_step, compiled):
            torch.compiler.cudagraph_mark_step_begin()
            loss, *others = step(kernel, images, joints, weights((batch, 4))[..., 0])
            (gradient,) = torch.autograd.grad(loss, kernel)
            results.append([tensor.clone() for tensor in (loss.detach(), gradient, *others)])
        # Inductor's convolution and sigmoid round otherwise; DARK divides by small curvatures.
        torch.testing.assert_close(results[1], results[0], rtol=1e-4, atol=1e-4)
