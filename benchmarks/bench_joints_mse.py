"""The loss, forward and backward with autograd, against the forms in use and better ones."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import lowerpose_ops as lp
from benchmarks.peers import GradientInForward, summed_first, whole_map

SHAPE = (64, 6, 64, 48)


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    output, target = torch.rand(2, *SHAPE, generator=generator)
    weight = torch.randint(0, 2, (*SHAPE[:2], 1), generator=generator).float()
    return output.requires_grad_(), target, weight


def joint_loop(output, target, weight):
    """Joint by joint with nn.MSELoss, both maps times the weight (1 or 0, so w^2 = w)."""
    criterion = nn.MSELoss()
    loss = 0
    for joint in range(output.shape[1]):
        predicted = output[:, joint].reshape(len(output), -1)
        truth = target[:, joint].reshape(len(output), -1)
        loss = loss + criterion(predicted * weight[:, joint], truth * weight[:, joint])
    return loss / output.shape[1]


compiled = torch.compile(summed_first, fullgraph=True)


def test_forward_and_backward(compare, inputs):
    output, target, weight = inputs
    module = lp.JointsMSELoss()

    def step(loss):
        def run():
            output.grad = None
            value = loss(output, target, weight)
            value.backward()
            return value

        return run

    forms = {
        "joint loop with nn.MSELoss": joint_loop,
        "((o - t) ** 2 * w).mean()": whole_map,
        "weighted sums of maps, eager": summed_first,
        "gradient in forward, eager": GradientInForward.apply,
        "torch.compile": compiled,
    }
    expected = step(module)()
    gradient = output.grad
    for name, form in forms.items():
        torch.testing.assert_close(step(form)(), expected, rtol=1e-5, atol=0, msg=name)
        torch.testing.assert_close(output.grad, gradient, rtol=1e-5, atol=0, msg=name)
    compare("JointsMSELoss, forward + backward")(
        step(module), {name: step(form) for name, form in forms.items()}
    )
