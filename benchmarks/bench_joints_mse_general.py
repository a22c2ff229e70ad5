"""The losses beyond the plain mean, forward and backward, against eager torch and its compiler."""

from __future__ import annotations

import pytest
import torch

import lowerpose_ops as lp

SHAPE = (64, 6, 64, 48)


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    output, target, pixels = torch.rand(3, *SHAPE, generator=generator)
    weight = torch.randint(0, 2, (*SHAPE[:2], 1), generator=generator).float()
    return output.requires_grad_(), target, weight, pixels


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


@pytest.mark.parametrize("name", CASES)
def test_forward_and_backward(compare, inputs, name):
    ours, eager = CASES[name]
    output = inputs[0]

    def step(loss):
        def run():
            output.grad = None
            value = loss(*inputs)
            value.backward()
            return value

        return run

    forms = {"eager": eager, "torch.compile": torch.compile(eager, fullgraph=True)}
    expected = step(ours)()
    gradient = output.grad
    for form in forms.values():
        torch.testing.assert_close(step(form)(), expected, rtol=1e-5, atol=0)
        torch.testing.assert_close(output.grad, gradient, rtol=1e-5, atol=0)
    compare(f"{name}, forward + backward")(
        step(ours), {title: step(form) for title, form in forms.items()}
    )
