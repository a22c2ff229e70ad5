"""Gradients of the losses that are written in forward, for tensors that are not as their memory is.

Lazily negated ones, batches of incoming gradients, numbers without memory, those of a compiler.
"""

from __future__ import annotations

import pytest
import torch

import lowerpose_ops as lp
from tests.heatmap_samples import maps
from tests.test_gaussian_joints_mse import people

SHAPE = (2, 3, 6, 5)


def two_losses():
    """The loss, and the pair's: each a function of the output."""
    joints, visible = people(SHAPE)
    target, weight = lp.gaussian_targets(joints, visible, SHAPE[:1:-1])
    return {
        "fused": lambda output: lp.gaussian_joints_mse_loss(output, joints, visible),
        "pair": lambda output: lp.joints_mse_loss(output, target, weight),
    }


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("name", ["fused", "pair"])
@pytest.mark.parametrize("value", [1.0, -3.0])
def test_an_incoming_gradient_that_is_lazily_negated(name, value):
    """Its memory holds the number with the other sign."""
    output, loss = maps(SHAPE, grad=True), two_losses()[name]
    lazily = torch._neg_view(torch.tensor(value))
    (ours,) = torch.autograd.grad(loss(output), output, lazily)
    (expected,) = torch.autograd.grad(loss(output), output, torch.tensor(-value))
    torch.testing.assert_close(ours, expected, rtol=2e-7, atol=0)  # rounded before it is multiplied


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("name", ["fused", "pair"])
def test_an_output_that_is_lazily_negated(name):
    """The imaginary part of a conjugate is such a view; a saved one is read again in backward."""
    numbers, loss = torch.complex(maps(SHAPE), maps(SHAPE, seed=1)).requires_grad_(), two_losses()
    gradients = []
    for output in (numbers.conj().imag, numbers.conj().resolve_conj().imag):
        gradients += torch.autograd.grad(2 * loss[name](output), numbers)
    assert numbers.conj().imag.is_neg()
    torch.testing.assert_close(*gradients, rtol=2e-7, atol=0)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("name", ["fused", "pair"])
def test_saved_tensors_that_come_back_lazily_negated(name):
    def negated(tensor):  # not the weight: two signs would cancel
        return torch._neg_view(-tensor) if tensor.ndim == 4 else tensor

    gradients = []
    for unpack in (negated, lambda tensor: tensor):
        with torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor.detach(), unpack):
            output = maps(SHAPE, grad=True)
            loss = two_losses()[name](output)
        gradients += torch.autograd.grad(loss, output, torch.tensor(3.0))
    torch.testing.assert_close(*gradients, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["fused", "pair"])
def test_a_batch_of_incoming_gradients(name):
    """As torch.autograd.functional.jacobian(vectorize=True) has them."""
    output, loss = maps(SHAPE, grad=True), two_losses()[name]
    incoming = torch.tensor([1.0, -2.0, 4.0])
    many = torch.autograd.grad(loss(output), output, incoming, is_grads_batched=True)[0]
    (one,) = torch.autograd.grad(loss(output), output)
    torch.testing.assert_close(many, incoming[:, None, None, None, None] * one, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["fused", "pair"])
def test_an_incoming_gradient_without_memory(name):
    output, loss = maps(SHAPE, grad=True), two_losses()[name]
    (gradient,) = torch.autograd.grad(loss(output), output, torch._efficientzerotensor(()))
    assert not gradient.any()


@pytest.mark.parametrize("name", ["fused", "pair"])
@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_a_backward_pass_that_is_compiled(name, factor):
    output, loss = maps(SHAPE, grad=True), two_losses()[name]
    (expected,) = torch.autograd.grad(factor * loss(output), output)
    compiler = torch.compile(backend="eager", fullgraph=True)
    total = factor * loss(output)
    with torch._dynamo.compiled_autograd._enable(compiler):
        total.backward()
    torch.testing.assert_close(output.grad, expected, rtol=0, atol=0)
