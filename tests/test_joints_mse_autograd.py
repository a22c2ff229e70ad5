"""The loss among autograd, torch.compile, autocast and the other things that torch does to it."""

from __future__ import annotations

import math

import pytest
import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import joints_mse as reference
from tests.heatmap_samples import maps, weights

DTYPES = [torch.float32, torch.float64]


@pytest.mark.usefixtures("device")
def test_a_scaled_loss_keeps_small_float16_gradients():
    """As GradScaler does it: unscaled, these gradients would all round to zero."""
    output = (1e-3 * maps((2, 6, 64, 48))).half().requires_grad_()
    loss = lp.joints_mse_loss(output, torch.zeros(2, 6, 64, 48), torch.ones(2, 6))
    (65536 * loss).backward()
    exact = 65536 * 2 * output.detach().double() / output.numel()
    torch.testing.assert_close(output.grad.double(), exact, rtol=1e-3, atol=6e-8)
    assert output.grad.count_nonzero() > 0.9 * output.numel()


@pytest.mark.usefixtures("device")
def test_the_graph_can_be_kept_and_used_twice():
    output = maps((1, 2, 4, 4), grad=True)
    loss = lp.joints_mse_loss(output, maps((1, 2, 4, 4), seed=1))
    (first,) = torch.autograd.grad(loss, output, retain_graph=True)
    kept = first.clone()
    (second,) = torch.autograd.grad(3 * loss, output, retain_graph=True)
    first.add_(1)  # whoever owns a gradient may write to it
    (third,) = torch.autograd.grad(loss, output)
    torch.testing.assert_close(second, 3 * kept)
    torch.testing.assert_close(third, kept)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("value", [0.0, -2.0, math.nan, math.inf])
def test_any_incoming_gradient(value):
    output = maps((1, 2, 4, 4), grad=True)
    loss = lp.joints_mse_loss(output, maps((1, 2, 4, 4), seed=1))
    (unit,) = torch.autograd.grad(loss, output, retain_graph=True)
    (scaled,) = torch.autograd.grad(loss, output, torch.tensor(value))
    torch.testing.assert_close(scaled, unit * value, rtol=1e-6, atol=0, equal_nan=True)


def test_nothing_is_kept_without_a_gradient():
    output = maps((1, 2, 4, 4), grad=True)
    with torch.no_grad():
        assert not lp.joints_mse_loss(output, maps((1, 2, 4, 4))).requires_grad
    with torch.inference_mode():
        assert lp.joints_mse_loss(output, output).item() == 0


@pytest.mark.usefixtures("device")
def test_gradcheck():
    shape = (2, 3, 4, 5)
    output, target = maps(shape, torch.float64, 0, True), maps(shape, torch.float64, 1, True)
    weight = weights(shape)
    assert torch.autograd.gradcheck(
        lambda o, t: lp.joints_mse_loss(o, t, weight, loss_weight=0.7), (output, target)
    )
    last = output.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    assert torch.autograd.gradcheck(lambda o: lp.joints_mse_loss(o, target, weight), (last,))


@pytest.mark.usefixtures("device")
def test_one_tensor_as_output_and_target():
    both = maps((1, 2, 4, 4), grad=True)
    loss = lp.joints_mse_loss(both, both)
    loss.backward()
    assert loss.item() == 0
    assert not both.grad.any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weighted", [True, False])
def test_opcheck(dtype, weighted):
    shape = (2, 3, 8, 6)
    weight = weights(shape) if weighted else None
    options = (weight, True, True, 1.0)  # squared_weight, mean, loss_weight
    arguments = (maps(shape, dtype, 0, True), maps(shape, dtype, 1, True), *options)
    torch.library.opcheck(torch.ops.lowerpose_ops.joints_mse.default, arguments)
    torch.library.opcheck(
        torch.ops.lowerpose_ops.joints_mse_and_gradient.default,
        (arguments[0], arguments[1].detach(), *arguments[2:]),
    )
    channels_last = maps(shape, dtype).contiguous(memory_format=torch.channels_last)
    torch.library.opcheck(
        torch.ops.lowerpose_ops.joints_mse_backward.default,
        (torch.ones((), dtype=dtype), channels_last, maps(shape, dtype, 1), *options),
    )


def test_compile_with_varying_sizes_and_weights():
    compiled = torch.compile(
        lambda o, t, scale: lp.joints_mse_loss(o, t, loss_weight=scale),
        fullgraph=True,
        dynamic=True,
    )
    for batch, scale in ((2, 1.0), (3, 2.5), (5, 0.5)):
        arguments = maps((batch, 3, 8, 6)), maps((batch, 3, 8, 6), seed=1)
        expected = lp.joints_mse_loss(*arguments, loss_weight=scale)
        torch.testing.assert_close(compiled(*arguments, scale), expected)


def test_a_gradient_that_is_stopped_behind_the_loss():
    class Stop(torch.autograd.Function):
        @staticmethod
        def forward(ctx, value):
            return value * 1

        @staticmethod
        def backward(ctx, incoming):
            return None

    output = maps((1, 2, 4, 4), grad=True)
    Stop.apply(lp.joints_mse_loss(output, maps((1, 2, 4, 4), seed=1))).backward()
    assert output.grad is None


def test_the_registered_operation_gives_target_its_gradient_too():
    output, target = maps((1, 2, 4, 4), grad=True), maps((1, 2, 4, 4), seed=1, grad=True)
    operation = torch.ops.lowerpose_ops.joints_mse_and_gradient
    operation(output, target, None, False, True, 1.0)[0].backward()
    assert torch.equal(output.grad, -target.grad)
    assert output.grad.any()


def test_tracing_with_make_fx():
    from torch.fx.experimental.proxy_tensor import make_fx

    def gradient(output, target):
        loss = lp.joints_mse_loss(output.requires_grad_(), target)
        return torch.autograd.grad(loss, output)[0]

    arguments = maps((1, 2, 4, 4)), maps((1, 2, 4, 4), seed=1)
    expected = gradient(*arguments)
    torch.testing.assert_close(make_fx(gradient)(*arguments)(*arguments), expected)


def test_batched_gradients():
    output = maps((1, 2, 4, 4), grad=True)
    loss = lp.joints_mse_loss(output, maps((1, 2, 4, 4), seed=1))
    (unit,) = torch.autograd.grad(loss, output, retain_graph=True)
    factors = torch.tensor([1.0, 2.0, -3.0])
    (batched,) = torch.autograd.grad(loss, output, factors, is_grads_batched=True)
    torch.testing.assert_close(batched, factors.reshape(3, 1, 1, 1, 1) * unit)


class Renamed(torch.Tensor):
    pass


LISTENERS = {
    "profiler": lambda: torch.autograd.profiler.profile(),
    "device context": lambda: torch.device("cpu"),
    "dispatch mode": lambda: torch.utils.flop_counter.FlopCounterMode(display=False),
}


@pytest.mark.parametrize("listener", LISTENERS)
def test_whoever_listens_sees_the_operation(listener, monkeypatch):
    """Plain calls leave torch's dispatcher out; no other call may, and both give the same."""
    from lowerpose_ops.ops import joints_mse

    registered = joints_mse.joints_mse_and_gradient
    seen = []

    def spy(*arguments):
        seen.append(arguments)
        return registered(*arguments)

    monkeypatch.setattr(joints_mse, "joints_mse_and_gradient", spy)
    output, target = maps((1, 2, 4, 4), grad=True), maps((1, 2, 4, 4), seed=1)
    plain = lp.joints_mse_loss(output, target)
    (plain_gradient,) = torch.autograd.grad(plain, output)
    assert not seen
    with LISTENERS[listener]():
        loss = lp.joints_mse_loss(output, target)
    (gradient,) = torch.autograd.grad(loss, output)
    assert len(seen) == 1
    assert torch.equal(loss, plain)
    assert torch.equal(gradient, plain_gradient)


def test_tensors_that_are_more_than_their_memory_take_the_dispatcher(monkeypatch):
    from lowerpose_ops.ops import joints_mse

    def unreachable(*_):
        raise AssertionError("taken for plain")

    monkeypatch.setattr(joints_mse, "apply_eagerly", unreachable)
    output, target = maps((1, 2, 4, 4), grad=True), maps((1, 2, 4, 4), seed=1)
    expected = reference.joints_mse_loss(output, target)
    negated = torch.complex(target, -target).conj().imag  # lazily: its memory holds -target
    assert negated.is_neg()
    subclass = target.as_subclass(Renamed)
    for other in (negated, subclass):
        torch.testing.assert_close(
            torch.Tensor(lp.joints_mse_loss(output, other)), expected, rtol=1e-6, atol=0
        )


def test_the_profiler_names_the_operation():
    output, target = maps((1, 2, 4, 4), grad=True), maps((1, 2, 4, 4), seed=1)
    with torch.autograd.profiler.profile() as profile:
        lp.joints_mse_loss(output, target)
    assert "lowerpose_ops::joints_mse_and_gradient" in {
        event.name for event in profile.function_events
    }


def test_forward_mode_is_refused():
    def loss(output):
        return lp.joints_mse_loss(output, torch.zeros(1, 2, 4, 4))

    with pytest.raises(ValueError, match="forward-mode differentiation is not available"):
        torch.func.jvp(loss, (maps((1, 2, 4, 4)),), (torch.ones(1, 2, 4, 4),))


def test_no_gradient_is_computed_where_none_is_wanted(monkeypatch):
    from lowerpose_ops.ops import joints_mse_fast

    def both(*_):
        raise AssertionError("a gradient was computed")

    monkeypatch.setattr(joints_mse_fast, "_run_both", both)
    with torch.no_grad():
        lp.joints_mse_loss(maps((1, 2, 4, 4), grad=True), maps((1, 2, 4, 4)))
    lp.joints_mse_loss(maps((1, 2, 4, 4)), maps((1, 2, 4, 4)))
    with pytest.raises(AssertionError, match="a gradient was computed"):
        lp.joints_mse_loss(maps((1, 2, 4, 4), grad=True), maps((1, 2, 4, 4)))


@pytest.mark.usefixtures("device")
def test_double_backward_is_refused():
    output = maps((1, 2, 4, 4), grad=True)
    loss = lp.joints_mse_loss(output, maps((1, 2, 4, 4), seed=1))
    (gradient,) = torch.autograd.grad(loss, output, create_graph=True)
    with pytest.raises(ValueError, match="gradient of its gradient is not available"):
        gradient.sum().backward()
