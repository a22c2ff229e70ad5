"""The losses beyond the plain mean, forward and backward, against eager torch and its compiler."""

from __future__ import annotations

import pytest
import torch

import lowerpose_ops as lp
from benchmarks import sizes
from benchmarks.bench_joints_mse import SAME, loss_inputs, step_of
from benchmarks.packages import needs
from benchmarks.peers import compiled
from benchmarks.protocol import size_of


def hard_joints(output, target, weight, _):
    losses = 0.5 * ((output - target) ** 2 * weight[..., None] ** 2).mean((2, 3))
    return losses.topk(3, dim=1).values.sum(1).mean() / 3


def pixel_weights(output, target, _, pixels):
    return ((output - target) ** 2 * pixels).mean()


def visible(output, target, weight, _):
    factors = weight[..., None].expand_as(output)
    return ((output - target) ** 2 * factors).sum() / (factors != 0).sum()


CASES = {
    "joints_ohkm_mse_loss": (
        lambda o, t, w, _: lp.joints_ohkm_mse_loss(o, t, w, topk=3),
        hard_joints,
    ),
    "joints_mse_loss, weights a pixel": (
        lambda o, t, _, p: lp.joints_mse_loss(o, t, p),
        pixel_weights,
    ),
    "joints_mse_loss, denominator visible": (
        lambda o, t, w, _: lp.joints_mse_loss(o, t, w, denominator="visible"),
        visible,
    ),
}


@pytest.mark.parametrize("size", [sizes.LOWER_BODY, sizes.COCO_LARGE], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_forward_and_backward(compare, name, size):
    form, eager = CASES[name]
    output, target, weight = loss_inputs(size)
    pixels = torch.rand(size.shape, generator=torch.Generator().manual_seed(2))
    inputs = output, target, weight, pixels
    ours = step_of(form, *inputs)
    read = (output, target, pixels if eager is pixel_weights else weight)
    baselines = {"eager": step_of(eager, *inputs)}
    if size is sizes.LOWER_BODY:
        baselines["torch.compile"] = step_of(compiled(eager), *inputs)
    moved = size_of(*read, *ours())
    compare(f"{name}, forward + backward", size=size, moved=moved, same=SAME)(ours, baselines)


@pytest.mark.parametrize("size", [sizes.LOWER_BODY], ids=str)
def test_mmpose(compare, size):
    """MMPose's formula of KeypointMSELoss, by the test's transcription."""
    needs("cv2", "opencv-python-headless")
    from tests.compat_mmpose_transcriptions import keypoint_mse

    output, target, weight = loss_inputs(size)
    inputs = output, target, weight[..., 0]

    def theirs(output, target, weight):
        return keypoint_mse(output, target, weight, None, False, 1.0)

    ours = step_of(lambda *given: lp.joints_mse_loss(*given, preset="mmpose"), *inputs)
    moved = size_of(*inputs, *ours())
    compare("joints_mse_loss, mmpose", size=size, moved=moved, same=SAME)(
        ours, {"MMPose's formula": step_of(theirs, *inputs)}
    )
