"""What torch does to a model in training, with each operation that has a gradient behind it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.utils.checkpoint import checkpoint

import lowerpose_ops as lp
from tests.heatmap_samples import maps, weights
from tests.tensor_programs import (
    check_same_bits,
    every_program,
    every_trained,
    one_number,
    results_of,
)

SHAPE = (3, 4, 12, 10)
IMAGES = (3, 3, 12, 10)


def network():
    """Images [B, 3, H, W] to heatmaps [B, 4, H, W].

    Without a bias at the end: a soft argmax does not depend on it, so its gradient is but rounding.
    """
    torch.manual_seed(0)
    last = torch.nn.Conv2d(8, 4, 1, bias=False)
    layers = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), last
    return torch.nn.Sequential(*layers)


def gradients(module):
    return tuple(parameter.grad for parameter in module.parameters())


def trained(program):
    """The loss and the gradients of a plain step."""
    model = network()
    value = one_number(program, model(maps(IMAGES)), program.draw(SHAPE)[1:])
    value.backward()
    return value.detach(), *gradients(model)


# Types and layouts ----------------------------------------------------------------------------


@every_trained
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast(program, dtype):
    """It changes what comes in, and nothing about what is computed from it."""
    model, others = network(), program.draw(SHAPE)[1:]
    with torch.autocast("cpu", dtype):
        output = model(maps(IMAGES))
        result = program.run(output, *others)
    assert output.dtype == dtype
    assert result.dtype == torch.float32
    (gradient,) = torch.autograd.grad(result.sum(), output, retain_graph=True)
    alone = output.detach().requires_grad_()
    expected = program.run(alone, *others)
    check_same_bits((result.detach(),), (expected.detach(),))
    check_same_bits((gradient,), torch.autograd.grad(expected.sum(), alone))
    result.sum().backward()
    assert all(each.isfinite().all() and each.any() for each in gradients(model))


@every_trained
def test_grad_scaler(program):
    """Gradients too small for float16 arrive nevertheless; an overflow skips the step."""
    model, others = network(), program.draw(SHAPE)[1:]
    _, *expected = trained(program)
    optimizer = torch.optim.SGD(model.parameters(), 1e3)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)

    def step(factor):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.float16):
            output = model(maps(IMAGES))
            value = factor * one_number(program, output, others)
        scaler.scale(value).backward()
        scaler.unscale_(optimizer)
        return gradients(model)

    small = 1e-6
    for gradient, full in zip(step(small), expected, strict=True):
        # Eleven bits a number, and sums of hundreds of them.
        torch.testing.assert_close(gradient / small, full, rtol=0.05, atol=0.02 * full.abs().max())
    before = copy.deepcopy(model.state_dict())
    scaler.step(optimizer)
    scaler.update()
    assert any(not torch.equal(before[name], new) for name, new in model.state_dict().items())
    before = copy.deepcopy(model.state_dict())
    assert not all(gradient.isfinite().all() for gradient in step(1e30))
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 2.0**15
    check_same_bits(tuple(model.state_dict().values()), tuple(before.values()))


@every_trained
def test_channels_last_models(program):
    """Their maps stay channels_last, and so do the gradients of these."""
    model = network().to(memory_format=torch.channels_last)
    output = model(maps(IMAGES).contiguous(memory_format=torch.channels_last))
    assert not output.is_contiguous()
    incoming = []
    output.register_hook(incoming.append)
    value = one_number(program, output, program.draw(SHAPE)[1:])
    value.backward()
    assert incoming[0].is_contiguous(memory_format=torch.channels_last)
    # Convolutions add up in another order there.
    for result, expected in zip((value.detach(), *gradients(model)), trained(program), strict=True):
        torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-4 * expected.abs().max())


# Ways to call a model -------------------------------------------------------------------------


@every_trained
def test_functional_call(program):
    model, others = network(), program.draw(SHAPE)[1:]
    parameters = {
        name: parameter.detach().clone().requires_grad_()
        for name, parameter in model.named_parameters()
    }
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    output = torch.func.functional_call(model, parameters, (maps(IMAGES),))
    value = one_number(program, output, others)
    results = torch.autograd.grad(value, tuple(parameters.values()))
    check_same_bits((value.detach(), *results), trained(program))


def test_functional_call_of_a_module_with_a_parameter():
    decode = lp.SoftArgmax2d(5.0, learnable=True)
    beta = torch.tensor(2.0, requires_grad=True)
    coords = torch.func.functional_call(decode, {"beta": beta}, (maps(SHAPE),))
    check_same_bits((coords,), (lp.soft_argmax2d(maps(SHAPE), 2.0),))
    coords.sum().backward()
    assert beta.grad.isfinite()
    assert decode.beta.grad is None


@every_trained
@pytest.mark.parametrize("reentrant", [False, True], ids=["", "reentrant"])
def test_activation_checkpointing(program, reentrant):
    """The maps are computed again in the backward pass."""
    model, others, calls = network(), program.draw(SHAPE)[1:], []

    def loss(images):
        calls.append(images)
        return one_number(program, model(images), others)

    value = checkpoint(loss, maps(IMAGES, grad=True), use_reentrant=reentrant)
    value.backward()
    assert len(calls) == 2
    check_same_bits((value.detach(), *gradients(model)), trained(program))


# Memory that was never written ----------------------------------------------------------------


@pytest.fixture
def strictly():
    """Torch refuses what is not deterministic, and fills what it allocates with NaN."""
    assert torch.utils.deterministic.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    assert torch.empty(1).isnan()
    yield
    torch.use_deterministic_algorithms(False)


@every_program
def test_deterministic_algorithms(program, strictly):
    inputs = program.draw((3, 5, 9, 8))
    results = results_of(program, inputs)
    torch.use_deterministic_algorithms(False)
    check_same_bits(results, results_of(program, inputs))


# All together ---------------------------------------------------------------------------------


def test_a_step_of_everything_reduces_the_loss():
    """channels_last, bfloat16, checkpointed, deterministic, and scaled."""
    model = network().to(memory_format=torch.channels_last)
    images = maps(IMAGES).contiguous(memory_format=torch.channels_last)
    criterion = lp.JointsMSELoss()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scaler, losses = torch.amp.GradScaler("cpu"), []
    for _ in range(10):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            output = checkpoint(model, images, use_reentrant=False)
            loss = criterion(output, maps(SHAPE, seed=1).sigmoid(), 1 + weights(SHAPE))
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
