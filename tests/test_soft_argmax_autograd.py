"""Gradients of the soft argmax, kornia's and the formula's, and what torch does to it."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import soft_argmax as reference
from tests.heatmap_samples import maps


def gradients(function, heatmaps, beta, **options):
    """The coordinates, and the gradients of a weighted sum of them, in the types of the inputs."""
    heatmaps, beta = heatmaps.detach().requires_grad_(), beta.detach().requires_grad_()
    coords = function(heatmaps, beta, **options)
    weights = maps(coords.shape, seed=7).to(coords.dtype)
    return coords.detach(), *torch.autograd.grad(coords, (heatmaps, beta), weights)


# kornia ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("normalized", [False, True])
def test_kornia(dtype, normalized):
    """Since 0.9 its temperature is 1 / beta. Its sums are float32, of coordinates up to W."""
    kornia = pytest.importorskip("kornia", minversion="0.9")

    def theirs(heatmaps, beta):
        subpix = kornia.geometry.subpix
        return subpix.spatial_soft_argmax2d(heatmaps, 1 / beta, normalized)

    heatmaps, beta = maps((3, 4, 16, 12), dtype), torch.tensor(2.5, dtype=dtype)
    ours = gradients(lp.soft_argmax2d, heatmaps, beta, normalized=normalized)
    results = zip(ours, gradients(theirs, heatmaps, beta), (1, 1, 12), strict=True)
    for own, other, maps_in_sum in results:
        size = 1 if normalized or dtype is torch.float64 else 16
        torch.testing.assert_close(own, other, rtol=1e-6, atol=1e-6 * size * maps_in_sum)


# The formula ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("per_joint", [False, True])
def test_gradcheck(per_joint):
    heatmaps = maps((2, 3, 2, 3), torch.float64, 0, True)
    beta = torch.tensor([1.5, -0.5, 3.0] if per_joint else 1.5, dtype=torch.float64)
    beta.requires_grad_()
    for normalized in (False, True):
        assert torch.autograd.gradcheck(
            partial(lp.soft_argmax2d, normalized=normalized), (heatmaps, beta)
        )
    last = heatmaps.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    assert torch.autograd.gradcheck(lambda h: lp.soft_argmax2d(h, beta.detach()), (last,))
    assert torch.autograd.gradcheck(lambda b: lp.soft_argmax2d(heatmaps.detach(), b), (beta,))


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("beta", [100.0, -3.0])
def test_gradients_of_any_type_and_layout(beta, dtype):
    plain = maps((2, 3, 9, 21)).to(dtype)
    betas = beta * torch.tensor([1.0, 0.1, 0.0])
    exact = gradients(reference.soft_argmax2d, plain.double(), betas.double())
    for heatmaps in (
        plain,
        plain.contiguous(memory_format=torch.channels_last),
        plain.transpose(2, 3).contiguous().transpose(2, 3),
        torch.cat([plain, plain], 3)[..., :21],
    ):
        _, gradient, to_beta = gradients(lp.soft_argmax2d, heatmaps, betas)
        assert gradient.dtype == dtype
        assert gradient.stride() == torch.empty_like(heatmaps).stride()
        # Of the largest gradient: exponents of up to 500 are rounded, which is a relative error of
        # the exponentials, and the result once to its type.
        scale = exact[1].abs().max().item()
        unit = max(torch.finfo(dtype).eps, 1e-13 if dtype is torch.float64 else 1e-6)
        torch.testing.assert_close(gradient.double(), exact[1], rtol=unit, atol=unit * scale)
        # beta's is float32 like beta; sums of the same in another order.
        scale = exact[2].abs().max().item()
        torch.testing.assert_close(to_beta.double(), exact[2], rtol=1e-5, atol=1e-6 * scale)


@pytest.mark.usefixtures("device")
def test_minus_infinity_has_no_gradient_and_spoils_none():
    heatmaps = maps((1, 2, 5, 7))
    heatmaps[0, 0, 1:3, 2:6] = -math.inf
    heatmaps[0, 1, 0] = -math.inf
    coords, gradient, to_beta = gradients(lp.soft_argmax2d, heatmaps, torch.tensor(2.0))
    hidden = heatmaps == -math.inf
    assert not gradient[hidden].any()
    finite = torch.where(hidden, -1e4, heatmaps)  # probability 0 as well, and a formula for beta
    expected = gradients(reference.soft_argmax2d, finite.double(), torch.tensor(2.0).double())
    for own, other in zip((coords, gradient, to_beta), expected, strict=True):
        torch.testing.assert_close(own.double(), other, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_broken_map_gives_nan_gradients_and_the_others_theirs(value):
    heatmaps = maps((2, 2, 5, 7))
    heatmaps[1, 0, 2, 3] = value
    coords, gradient, to_beta = gradients(lp.soft_argmax2d, heatmaps, torch.tensor([1.0, 2.0]))
    assert coords.isnan().any(-1).tolist() == [[False, False], [True, False]]
    assert gradient[1, 0].isnan().all()
    assert gradient.isnan().sum() == 35
    assert to_beta.isnan().tolist() == [True, False]
    empty = torch.full((1, 1, 3, 3), -math.inf)
    _, gradient, to_beta = gradients(lp.soft_argmax2d, empty, torch.tensor(1.0))
    assert gradient.isnan().all()
    assert to_beta.isnan()


@pytest.mark.usefixtures("device")
def test_no_subnormal_gradients():
    """Just above where exponentials end: 2^-126 is exp(-87.3)."""
    heatmaps = torch.linspace(-100.0, 0.0, 4096).reshape(1, 1, 64, 64).requires_grad_()
    (gradient,) = torch.autograd.grad(lp.soft_argmax2d(heatmaps, 1.0).sum(), heatmaps)
    assert ((gradient == 0) | (gradient.abs() >= torch.finfo(torch.float32).tiny)).all()
    assert (gradient == 0).any()
    assert gradient.count_nonzero() > 3000


@pytest.mark.usefixtures("device")
def test_any_incoming_gradient():
    heatmaps, beta = maps((2, 3, 4, 5), grad=True), torch.tensor(2.0, requires_grad=True)
    coords = lp.soft_argmax2d(heatmaps, beta)
    expected = reference.soft_argmax2d(heatmaps, beta)
    for incoming in (torch.ones(1, 1, 1).expand(2, 3, 2), maps((2, 2, 3)).transpose(1, 2)):
        ours = torch.autograd.grad(coords, (heatmaps, beta), incoming, retain_graph=True)
        plain = torch.autograd.grad(expected, (heatmaps, beta), incoming, retain_graph=True)
        for own, other in zip(ours, plain, strict=True):
            # The reference's own float32 sums of coordinates up to 4.
            torch.testing.assert_close(own, other, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 0, 4, 4)])
@pytest.mark.parametrize("per_joint", [False, True])
def test_empty(shape, per_joint):
    beta = torch.full((shape[1],) if per_joint else (), 2.0)
    heatmaps = torch.zeros(shape)
    _, gradient, to_beta = gradients(lp.soft_argmax2d, heatmaps, beta)
    assert gradient.shape == shape
    assert to_beta.shape == beta.shape
    assert not to_beta.any()


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("shape", [(), (1,), (3,)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_beta_keeps_its_shape_and_type(shape, dtype):
    heatmaps, beta = maps((2, 3, 4, 5)), torch.full(shape, 2.0, dtype=dtype)
    _, _, to_beta = gradients(lp.soft_argmax2d, heatmaps, beta)
    assert (to_beta.shape, to_beta.dtype) == (beta.shape, beta.dtype)
    exact = gradients(reference.soft_argmax2d, heatmaps.double(), beta.double())[2]
    unit = max(1e-5, torch.finfo(dtype).eps)
    torch.testing.assert_close(to_beta.double(), exact, rtol=unit, atol=unit)


@pytest.mark.usefixtures("device")
def test_many_joints_and_images_for_beta():
    """More maps than a block has threads, more joints than it has warps."""
    heatmaps = maps((9, 33, 2, 2))
    for beta in (torch.tensor(2.0), torch.full((33,), 2.0)):
        to_beta = gradients(lp.soft_argmax2d, heatmaps, beta)[2]
        exact = gradients(reference.soft_argmax2d, heatmaps.double(), beta.double())[2]
        torch.testing.assert_close(to_beta.double(), exact, rtol=1e-5, atol=1e-5)


# What torch does to it ------------------------------------------------------------------------


def test_opcheck():
    for dtype in (torch.float32, torch.float64):
        heatmaps = maps((2, 3, 6, 5), dtype, 0, True)
        beta = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        operation = torch.ops.lowerpose_ops.soft_argmax.default
        for given_beta in (None, beta, torch.tensor(2.0, dtype=torch.float64)):
            torch.library.opcheck(operation, (heatmaps, given_beta, 1.5, True))
        last = heatmaps.detach().contiguous(memory_format=torch.channels_last)
        _, state = operation(last, beta.detach(), 1.0, False)
        for wanted in ((True, True), (True, False), (False, True)):
            torch.library.opcheck(
                torch.ops.lowerpose_ops.soft_argmax_backward.default,
                (maps((2, 3, 2), dtype), last, beta.detach(), 1.0, False, state, *wanted),
            )


def test_compile_with_varying_sizes_and_beta():
    compiled = torch.compile(lp.soft_argmax2d, fullgraph=True, dynamic=True)
    for batch, beta in ((2, 1.0), (3, 2.5), (5, 0.5)):
        heatmaps = maps((batch, 3, 8, 6))
        torch.testing.assert_close(compiled(heatmaps, beta), lp.soft_argmax2d(heatmaps, beta))


@pytest.mark.usefixtures("device")
def test_double_backward_is_refused():
    heatmaps = maps((1, 2, 4, 4), grad=True)
    coords = lp.soft_argmax2d(heatmaps, 1.0)
    (gradient,) = torch.autograd.grad(coords.sum(), heatmaps, create_graph=True)
    with pytest.raises(ValueError, match="soft_argmax2d: the gradient of its gradient is not"):
        gradient.sum().backward()


def test_forward_mode_is_refused():
    with pytest.raises(ValueError, match="soft_argmax2d: forward-mode differentiation is not"):
        torch.func.jvp(
            lambda h: lp.soft_argmax2d(h, 1.0), (maps((1, 2, 4, 4)),), (torch.ones(1, 2, 4, 4),)
        )


def test_a_gradient_that_is_stopped_behind_the_coordinates():
    class Stop(torch.autograd.Function):
        @staticmethod
        def forward(ctx, value):
            return value * 1

        @staticmethod
        def backward(ctx, incoming):
            return None

    heatmaps = maps((1, 2, 4, 4), grad=True)
    Stop.apply(lp.soft_argmax2d(heatmaps, 1.0)).sum().backward()
    assert heatmaps.grad is None


# The module -----------------------------------------------------------------------------------


def test_the_module_keeps_beta():
    heatmaps = maps((2, 3, 8, 6))
    fixed, learnt = lp.SoftArgmax2d(25.0), lp.SoftArgmax2d(25.0, learnable=True, normalized=True)
    assert torch.equal(fixed(heatmaps), lp.soft_argmax2d(heatmaps, 25.0))
    assert torch.equal(learnt(heatmaps), lp.soft_argmax2d(heatmaps, 25.0, normalized=True))
    assert list(fixed.state_dict()) == list(learnt.state_dict()) == ["beta"]
    assert not list(fixed.parameters())
    learnt(heatmaps).sum().backward()
    assert learnt.beta.grad.shape == ()
    assert repr(fixed) == "SoftArgmax2d(beta=25.0, learnable=False, normalized=False)"
    assert repr(learnt.to("meta")).startswith("SoftArgmax2d(beta=meta, learnable=True")


def test_the_module_learns_beta_per_joint():
    joints = torch.tensor([[[10.3, 20.6], [30.7, 40.2], [12.1, 50.8]]])
    heatmaps, _ = lp.gaussian_targets(joints, torch.ones(1, 3), (48, 64))
    decode = lp.SoftArgmax2d(torch.full((3,), 8.0), learnable=True)
    optimizer = torch.optim.Adam(decode.parameters(), lr=1.0)
    errors = []
    for _ in range(30):
        optimizer.zero_grad()
        error = ((decode(heatmaps) - joints) ** 2).mean()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < 0.01 * errors[0]
    assert (decode.beta > 15).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"beta": "1"}, TypeError, "beta must be a number or a tensor, got str"),
        ({"beta": math.nan}, ValueError, "beta must be finite, got nan"),
        ({"beta": 1.0, "learnable": 1}, TypeError, "learnable must be True or False, got int"),
    ],
)
def test_the_module_refuses(arguments, error, message):
    with pytest.raises(error, match=f"SoftArgmax2d: {message}"):
        lp.SoftArgmax2d(**arguments)
