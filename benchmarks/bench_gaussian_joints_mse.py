"""The loss against Gaussians that are never drawn, forward and backward with autograd: against
drawing them first, and against what torch.compile fuses by itself."""

from __future__ import annotations

import pytest
import torch

import lowerpose_ops as lp
from benchmarks import loops, sizes
from benchmarks.bench_joints_mse import step_of
from benchmarks.peers import compiled, joint_loop, separable_targets, whole_map
from benchmarks.protocol import size_of

# Theirs add up to 80 million numbers in float32, ours in float64; their exponentials err by a few
# units of a target near 1, ours by half of one.
SAME = (1e-3, 1e-9)
OPERATION = "GaussianJointsMSELoss, forward + backward"


def loss_inputs(size):
    (output,) = sizes.random_stacks(size, 1)
    joints, _ = sizes.random_joints(size)
    generator = torch.Generator().manual_seed(1)
    visible = torch.randint(0, 2, (size.batch, size.joints), generator=generator).float()
    return output.requires_grad_(), joints, visible


def forms_of(size):
    """Other forms of the same loss, with `exact` targets."""
    columns, rows = torch.arange(size.width), torch.arange(size.height)

    def drawn_first(output, joints, visible):
        targets, weights = lp.gaussian_targets(joints, visible, size.heatmap_size, size.sigma)
        return lp.joints_mse_loss(output, targets, weights)

    def whole_maps(output, joints, visible):
        x, y = columns - joints[..., :1], rows - joints[..., 1:]
        squares = x[..., None, :] ** 2 + y[..., None] ** 2
        target = torch.exp(-squares / (2 * size.sigma**2)) * visible[..., None, None]
        return whole_map(output, target, visible[..., None])

    def separable(output, joints, visible):
        target = separable_targets(joints, visible, columns, rows, size.sigma)
        return whole_map(output, target, visible[..., None])

    forms = {"gaussian_targets, then joints_mse_loss": drawn_first}
    if size is not sizes.SAPIENS:  # they write several stacks of maps in between
        forms["separable torch, eager"] = separable
    if size in (*SIX_JOINTS, sizes.COCO_LARGE, sizes.WHOLE_BODY):
        forms["whole-map torch, torch.compile"] = compiled(whole_maps)
        forms["separable torch, torch.compile"] = compiled(separable)
    return forms


SIX_JOINTS = (sizes.LOWER_BODY_8, sizes.LOWER_BODY, sizes.LOWER_BODY_256)


@sizes.sizes_and_threads()
def test_forward_and_backward(compare, size, threads):
    inputs = loss_inputs(size)
    ours = step_of(lp.GaussianJointsMSELoss(size.sigma), *inputs)
    forms = {name: step_of(form, *inputs) for name, form in forms_of(size).items()}
    moved = size_of(*inputs, *ours())
    compare(OPERATION, size=size, threads=threads, moved=moved, same=SAME)(ours, forms)


@pytest.mark.parametrize("size", SIX_JOINTS, ids=str)
def test_against_loops(compare, size):
    """As the lower-body project trains: targets by NumPy in the loader, then a loop over joints."""
    inputs = loss_inputs(size)[0], *sizes.random_joints(size)

    def by_loops(output, joints, visible):
        targets, weights = loops.stacked_targets(
            joints.numpy(), visible.numpy(), size.heatmap_size, size.sigma
        )
        return joint_loop(output, torch.from_numpy(targets), torch.from_numpy(weights))

    ours = step_of(lp.GaussianJointsMSELoss(size.sigma, preset="lower_body"), *inputs)
    moved = size_of(*inputs, *ours())
    compare(OPERATION + ", lower_body", size=size, moved=moved, same=SAME)(
        ours, {"NumPy targets, joint loop": step_of(by_loops, *inputs)}
    )


@pytest.mark.parametrize("size", SIX_JOINTS, ids=str)
def test_against_a_clone(compare, size):
    """It allocates and moves the same bytes, and computes nothing."""
    inputs = loss_inputs(size)
    heatmaps = inputs[0].detach()
    compare(OPERATION, size=size, title="the step, which computes")(
        step_of(lp.GaussianJointsMSELoss(size.sigma), *inputs), {"heatmaps.clone()": heatmaps.clone}
    )
