"""The loss, forward and backward with autograd, against the forms in use and better ones."""

from __future__ import annotations

import pytest
import torch

import lowerpose_ops as lp
from benchmarks import sizes
from benchmarks.peers import GradientInForward, compiled, joint_loop, summed_first, whole_map
from benchmarks.protocol import size_of

# Theirs add up to 150 million numbers in float32, ours in float64.
SAME = (1e-3, 1e-12)


def loss_inputs(size):
    output, target = sizes.random_stacks(size, 2)
    generator = torch.Generator().manual_seed(1)
    weight = torch.randint(0, 2, (size.batch, size.joints, 1), generator=generator).float()
    return output.requires_grad_(), target, weight


def step_of(loss, *inputs):
    """The loss and the gradient of its first input, which it gets anew."""

    def run():
        inputs[0].grad = None
        value = loss(*inputs)
        value.backward()
        return value.detach(), inputs[0].grad

    return run


@sizes.sizes_and_threads()
def test_forward_and_backward(compare, size, threads):
    inputs = loss_inputs(size)
    forms = {
        "weighted sums of maps, eager": summed_first,
        "gradient in forward, eager": GradientInForward.apply,
    }
    if size is not sizes.SAPIENS:  # it writes four stacks of maps in between
        forms["((o - t) ** 2 * w).mean()"] = whole_map
    if size.loops:
        forms["joint loop with nn.MSELoss"] = joint_loop
    if size.compiled:
        forms["weighted sums of maps, torch.compile"] = compiled(summed_first)
    ours = step_of(lp.JointsMSELoss(), *inputs)
    moved = size_of(*inputs, *ours())
    options = {"size": size, "threads": threads, "moved": moved, "same": SAME}
    compare("JointsMSELoss, forward + backward", **options)(
        ours, {name: step_of(form, *inputs) for name, form in forms.items()}
    )


@pytest.mark.parametrize("size", [sizes.LOWER_BODY, sizes.COCO_LARGE], ids=str)
@torch.no_grad()
def test_alone(compare, size):
    """As in validation."""
    inputs = loss_inputs(size)
    module = lp.JointsMSELoss()
    form = compiled(summed_first)
    moved = size_of(*inputs, module(*inputs))
    compare("JointsMSELoss, forward alone", size=size, moved=moved, same=SAME)(
        lambda: module(*inputs),
        {
            "weighted sums of maps, eager": lambda: summed_first(*inputs),
            "weighted sums of maps, torch.compile": lambda: form(*inputs),
        },
    )
