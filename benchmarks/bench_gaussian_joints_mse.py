"""The loss against Gaussians that are never drawn, forward and backward with autograd: against
drawing them first, against torch.compile's own fusion, and against the floor: one read and one
write of the output."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lowerpose_ops as lp
from benchmarks.bench_joints_mse import joint_loop
from benchmarks.peers import separable_targets, whole_map

SIGMA = 2.0
# (B, K, H, W): the lower-body model at three batch sizes, COCO's joints, whole bodies.
SIX_JOINTS = [(8, 6, 64, 48), (64, 6, 64, 48), (256, 6, 64, 48)]
MANY_JOINTS = [(64, 17, 96, 72), (8, 133, 96, 72)]


def numpy_targets(joints, visible, size):
    """A batch as training scripts draw it in the loader: joint by joint, kernel and all."""
    width, height = size
    targets = np.zeros((*joints.shape[:2], height, width), np.float32)
    weights = np.zeros((*joints.shape[:2], 1), np.float32)
    radius = 3 * SIGMA
    for sample in range(len(joints)):
        for joint in range(joints.shape[1]):
            if visible[sample, joint] < 0.5:
                continue
            weights[sample, joint] = 1
            center = (joints[sample, joint] + 0.5).astype(int)
            low, high = (center - radius).astype(int), (center + radius + 1).astype(int)
            if (low >= size).any() or (high < 0).any():
                continue
            side = np.arange(0, 2 * radius + 1, 1, np.float32)
            squares = (side - radius) ** 2 + (side[:, None] - radius) ** 2
            kernel = np.exp(-squares / (2 * SIGMA**2))
            left, top = np.maximum(low, 0)
            right, bottom = np.minimum(high, size)
            targets[sample, joint, top:bottom, left:right] = kernel[
                top - low[1] : bottom - low[1], left - low[0] : right - low[0]
            ]
    return targets, weights


def whole_map_loss(output, joints, visible, columns, rows):
    """One exponential a pixel, as the formula is written."""
    x, y = columns - joints[..., :1], rows - joints[..., 1:]
    squares = x[..., None, :] ** 2 + y[..., None] ** 2
    target = torch.exp(-squares / (2 * SIGMA**2)) * visible[..., None, None]
    return whole_map(output, target, visible[..., None])


def separable_loss(output, joints, visible, columns, rows):
    """One exponential a row and column."""
    target = separable_targets(joints, visible, columns, rows, SIGMA)
    return whole_map(output, target, visible[..., None])


@pytest.fixture
def draw_inputs():
    def draw(shape):
        generator = torch.Generator().manual_seed(0)
        output = torch.rand(shape, generator=generator).requires_grad_()
        size = torch.tensor([shape[3], shape[2]])
        joints = torch.rand(*shape[:2], 2, generator=generator) * size
        return output, joints, torch.randint(0, 2, shape[:2], generator=generator).float()

    return draw


def step(output, loss):
    def run():
        output.grad = None
        value = loss()
        value.backward()
        return value

    return run


@pytest.mark.parametrize("shape", SIX_JOINTS + MANY_JOINTS, ids=str)
def test_forward_and_backward(compare, draw_inputs, shape):
    output, joints, visible = draw_inputs(shape)
    size = (shape[3], shape[2])
    grid = torch.arange(size[0]), torch.arange(size[1])
    arrays = joints.numpy(), visible.numpy()
    criterion = lp.JointsMSELoss()
    compiled = {
        "torch.compile of whole maps": torch.compile(whole_map_loss, fullgraph=True),
        "torch.compile, separable": torch.compile(separable_loss, fullgraph=True),
    }

    def drawn_first():
        return criterion(output, *lp.gaussian_targets(joints, visible, size, SIGMA))

    def by_numpy():
        targets, weights = numpy_targets(*arrays, size)
        return joint_loop(output, torch.from_numpy(targets), torch.from_numpy(weights))

    fused = lp.GaussianJointsMSELoss(SIGMA)
    ours = step(output, lambda: fused(output, joints, visible))
    forms = {"gaussian_targets, then JointsMSELoss": step(output, drawn_first)}
    for name, loss in compiled.items():
        forms[name] = step(output, lambda loss=loss: loss(output, joints, visible, *grid))
    expected, gradient = ours(), output.grad
    for name, form in forms.items():
        torch.testing.assert_close(form(), expected, rtol=1e-5, atol=0, msg=name)
        # Their exponentials err by a few units of a target near 1.
        atol = 1e-6 * gradient.abs().max().item()
        torch.testing.assert_close(output.grad, gradient, rtol=1e-5, atol=atol, msg=name)
    if shape in SIX_JOINTS:  # elsewhere it takes seconds, and tells nothing more
        own = lp.gaussian_joints_mse_loss(output, joints, visible, preset="lower_body")
        torch.testing.assert_close(by_numpy(), own, rtol=1e-5, atol=0)
        forms["NumPy targets, joint loop"] = step(output, by_numpy)
    compare(f"GaussianJointsMSELoss, forward + backward, {shape}")(ours, forms)


@pytest.mark.parametrize("shape", SIX_JOINTS + MANY_JOINTS, ids=str)
def test_against_the_floor(compare, draw_inputs, shape):
    """Alone with the copy, so that no other candidate empties the caches for one of the two."""
    output, joints, visible = draw_inputs(shape)
    heatmaps = output.detach()
    fused = lp.GaussianJointsMSELoss(SIGMA)
    compare(f"GaussianJointsMSELoss, forward + backward, {shape}")(
        step(output, lambda: fused(output, joints, visible)), {"heatmaps.clone()": heatmaps.clone}
    )
