"""Gradients of the loss against Gaussians that are never drawn, and what torch does to it."""

from __future__ import annotations

import pytest
import torch

import lowerpose_ops as lp
from lowerpose_ops.ops import gaussian_joints_mse_autograd as gaussian_autograd
from lowerpose_ops.ops import joints_mse_fast
from tests.heatmap_samples import maps
from tests.test_gaussian_joints_mse import people

SHAPE = (2, 3, 6, 5)


def drawn_from(joints, sigma, shape):
    """Whole-map Gaussians that autograd can differentiate, in float64."""
    height, width = shape[2:]
    columns, rows = torch.arange(width), torch.arange(height)
    x = (columns - joints[..., :1].double())[..., None, :]
    y = (rows - joints[..., 1:].double())[..., None]
    return torch.exp(-(x**2 + y**2) / (2 * sigma.double()[..., None, None] ** 2))


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("topk", [None, 2])
@pytest.mark.parametrize("per", ["joint", "sample"])
def test_gradcheck(topk, per):
    output, (joints, visible) = maps(SHAPE, torch.float64, 0, True), people(SHAPE)
    visible = 1.0 * (visible > 0.3)
    size = SHAPE[1:2] if per == "joint" else (SHAPE[0], 1)
    sigma = torch.linspace(1, 2, 6, dtype=torch.float64)[: size[0]].reshape(size).requires_grad_()
    joints = joints.double()[:, None] if per == "sample" else joints.double()
    visible = visible[:, None] if per == "sample" else visible
    joints.requires_grad_()

    def loss(output, joints, sigma):
        return lp.gaussian_joints_mse_loss(
            *(output, joints, visible), sigma=sigma, topk=topk, loss_weight=1.5
        )

    assert torch.autograd.gradcheck(loss, (output, joints, sigma))
    assert torch.autograd.gradcheck(lambda *some: loss(output.detach(), *some), (joints, sigma))


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(2, 3, 70, 90), (1, 2, 3, 1030), (1, 1, 1026, 2)])
def test_gradients_of_joints_and_sigma_in_other_types(dtype, shape):
    """Against autograd through drawn maps in float64: only the last step is rounded."""
    output, joints = maps(shape).to(dtype), people(shape)[0]
    joints = torch.minimum(joints.clamp(min=0), torch.tensor([shape[3] - 1.0, shape[2] - 1.0]))
    visible = torch.ones(shape[:2])
    results = []
    for drawn in (False, True):
        joint, sigma = joints.clone().requires_grad_(), torch.full(shape[1:2], 2.5)
        sigma.requires_grad_()
        if drawn:
            squares = (output.double() - drawn_from(joint, sigma, shape)) ** 2
            loss = (squares * visible[..., None, None]).mean()
        else:
            loss = lp.gaussian_joints_mse_loss(output, joint, visible, sigma=sigma)
        results.append(torch.autograd.grad(3 * loss, (joint, sigma)))
    for ours, expected in zip(*results, strict=True):
        assert ours.abs().max() > 0
        # float64 sums of up to 6300 terms of both signs, then one rounding to float32.
        atol = 1e-6 * expected.abs().max().item()
        torch.testing.assert_close(ours, expected, rtol=1e-6, atol=atol)


@pytest.mark.usefixtures("device")
def test_a_sigma_that_all_joints_share_gets_the_sum():
    output, (joints, visible) = maps(SHAPE), people(SHAPE)
    shared = torch.tensor(1.5, requires_grad=True)
    each = torch.full(SHAPE[1:2], 1.5, requires_grad=True)
    for sigma in (shared, each):
        lp.gaussian_joints_mse_loss(output, joints, visible, sigma=sigma).backward()
    torch.testing.assert_close(shared.grad, each.grad.sum())


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("sigma", [5e-324, 1e-160, 1e-30, 1e30, 5e307])
def test_a_sigma_whose_square_is_no_number(sigma):
    """Where no pixel but the peak's is drawn, or all are 1, nothing moves the loss."""
    output, joints = maps(SHAPE, torch.float64), torch.full((*SHAPE[:2], 2), 3.0)
    joints.requires_grad_()
    sigmas = torch.full(SHAPE[1:2], sigma, dtype=torch.float64, requires_grad=True)
    loss = lp.gaussian_joints_mse_loss(output, joints, torch.ones(SHAPE[:2]), sigma=sigmas)
    for gradient in torch.autograd.grad(loss, (joints, sigmas)):
        torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-50)


@pytest.mark.usefixtures("device")
def test_the_graph_can_be_kept_and_used_twice():
    output, (joints, visible) = maps(SHAPE, grad=True), people(SHAPE)
    loss = lp.gaussian_joints_mse_loss(output, joints, visible)
    (first,) = torch.autograd.grad(loss, output, retain_graph=True)
    kept = first.clone()
    (second,) = torch.autograd.grad(4 * loss, output, retain_graph=True)
    first.add_(1)  # whoever owns a gradient may write to it
    (third,) = torch.autograd.grad(loss, output)
    torch.testing.assert_close(second, 4 * kept, rtol=0, atol=0)  # a power of two
    torch.testing.assert_close(third, kept, rtol=0, atol=0)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_scaled_loss_is_scaled_before_it_is_rounded(dtype):
    """As GradScaler does it: unscaled, these gradients would all round to zero in float16."""
    shape = (2, 6, 64, 48)
    output, (joints, visible) = (1e-3 * maps(shape)).to(dtype).requires_grad_(), people(shape)
    scale = 30000.0
    (scale * lp.gaussian_joints_mse_loss(output, joints, visible)).backward()
    inside = output.detach().requires_grad_()
    lp.gaussian_joints_mse_loss(inside, joints, visible, loss_weight=scale).backward()
    # The same product of doubles, in another order, rounded to float32 and then to the type.
    torch.testing.assert_close(output.grad, inside.grad, rtol=torch.finfo(dtype).eps, atol=0)
    assert output.grad.count_nonzero() > 0.3 * output.numel()


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("value", [0.0, -2.0, float("nan"), float("inf")])
def test_any_incoming_gradient(value):
    output, (joints, _) = maps((1, 2, 4, 4), grad=True), people((1, 2, 4, 4))
    joints.requires_grad_()
    loss = lp.gaussian_joints_mse_loss(output, joints, torch.ones(1, 2))
    unit = torch.autograd.grad(loss, (output, joints), retain_graph=True)
    scaled = torch.autograd.grad(loss, (output, joints), torch.tensor(value))
    for one, many in zip(unit, scaled, strict=True):
        torch.testing.assert_close(many, one * value, rtol=1e-6, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    ("preset", "instances"), [("hrnet", None), ("mmpose_udp", None), ("exact", 2)]
)
def test_joints_without_a_gradient_of_theirs_are_refused_one(preset, instances):
    output, (joints, visible) = maps(SHAPE), people(SHAPE, instances)
    sigma = torch.ones(SHAPE[1], requires_grad=True)
    message = "must not require a gradient but under the preset 'exact' with one instance"
    with pytest.raises(ValueError, match=f"joints {message}"):
        lp.gaussian_joints_mse_loss(output, joints.requires_grad_(), visible, preset=preset)
    with pytest.raises(ValueError, match=f"sigma {message}"):
        lp.gaussian_joints_mse_loss(output, joints.detach(), visible, sigma=sigma, preset=preset)


def test_what_it_cannot_do_is_refused_by_name():
    output, (joints, visible) = maps(SHAPE, grad=True), people(SHAPE)
    loss = lp.gaussian_joints_mse_loss(output, joints, visible)
    (gradient,) = torch.autograd.grad(loss, output, create_graph=True)
    with pytest.raises(ValueError, match="gaussian_joints_mse_loss: the gradient of its gradient"):
        gradient.sum().backward()
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(output.detach(), torch.ones(SHAPE))
        with pytest.raises(ValueError, match="gaussian_joints_mse_loss: forward-mode"):
            lp.gaussian_joints_mse_loss(dual, joints, visible)


def test_opcheck():
    output, (joints, visible) = maps(SHAPE, grad=True), people(SHAPE)
    joints.requires_grad_()
    sigmas = torch.linspace(1, 2, 3, requires_grad=True)
    operators = torch.ops.lowerpose_ops

    def inputs(topk):
        options = "exact", False, True, False, True, topk, 0.5
        return output, joints, visible, 1.0, sigmas, *options

    torch.library.opcheck(operators.gaussian_joints_mse.default, inputs(2))
    torch.library.opcheck(operators.gaussian_joints_mse_and_gradient.default, inputs(0))
    detached = [value.detach() if isinstance(value, torch.Tensor) else value for value in inputs(2)]
    gradients = torch.ones(()), torch.rand(SHAPE[:2], dtype=torch.float64), *detached
    torch.library.opcheck(operators.gaussian_joints_mse_backward.default, gradients)
    torch.library.opcheck(operators.gaussian_joints_mse_joints_backward.default, gradients)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_compile_without_graph_breaks(dtype):
    shape = (2, 6, 16, 12)
    joints, visible = people(shape)

    def step(raw, joints, sigma):
        output = raw.sigmoid().to(dtype)
        return 2 * lp.gaussian_joints_mse_loss(output, joints, visible, sigma=sigma)

    results = []
    for function in (step, torch.compile(step, fullgraph=True, backend="aot_eager")):
        inputs = maps(shape, grad=True), joints.clone().requires_grad_(), torch.ones(6)
        inputs[2].requires_grad_()
        loss = function(*inputs)
        results.append((loss.detach(), *torch.autograd.grad(loss, inputs)))
    for compiled, eager in zip(results[1], results[0], strict=True):
        # A float32 gradient is multiplied after it is rounded there.
        torch.testing.assert_close(compiled, eager, rtol=5e-7, atol=1e-12)


def test_compile_with_varying_sizes_and_weights():
    compiled = torch.compile(
        lambda output, joints, visible, scale: lp.gaussian_joints_mse_loss(
            output, joints, visible, loss_weight=scale
        ),
        fullgraph=True,
        dynamic=True,
        backend="aot_eager",
    )
    for batch, scale in ((2, 1.0), (3, 2.5), (5, 0.5)):
        shape = (batch, 3, 8, 6)
        inputs = maps(shape), *people(shape)
        expected = lp.gaussian_joints_mse_loss(*inputs, loss_weight=scale)
        torch.testing.assert_close(compiled(*inputs, scale), expected, rtol=0, atol=0)


def test_vmap_over_samples():
    shape = (4, 2, 3, 6, 5)
    output, (joints, visible) = maps(shape), people(shape[1:])
    losses = torch.func.vmap(lambda one: lp.gaussian_joints_mse_loss(one, joints, visible))(output)
    expected = [lp.gaussian_joints_mse_loss(one, joints, visible) for one in output]
    assert losses.tolist() == torch.stack(expected).tolist()


def test_an_output_that_was_changed_since_is_noticed():
    """Where its values are needed again: torch's own refusal."""
    output, (joints, visible) = maps(SHAPE, grad=True), people(SHAPE)
    changed = output * 1
    loss = lp.gaussian_joints_mse_loss(changed, joints, visible)
    changed.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        (2 * loss).backward()


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("fused", [True, False])
def test_the_device_itself_sees_that_the_incoming_gradient_is_one(fused):
    """As on a GPU, whose numbers nobody looks at: what is there already stays, or is replaced."""
    output, (joints, visible) = maps(SHAPE), people(SHAPE)
    gradient = torch.full(SHAPE, 7.0)

    def write(incoming):
        if fused:
            options = ("exact", False, True, False, True, 0, 1.0)
            inputs = output, joints, visible, 1.0, None, *options
            gaussian_autograd.write_gradient(
                gradient, torch.tensor(incoming), None, *inputs, unless_one=True
            )
        else:
            inputs = output, maps(SHAPE, seed=1), None, False, True, 1.0
            joints_mse_fast.write_gradient(
                gradient, torch.tensor(incoming), *inputs, unless_one=True
            )

    write(1.0)
    assert (gradient == 7).all()
    write(2.0)
    twice = gradient.clone()
    write(-1.0)
    torch.testing.assert_close(-2 * gradient, twice, rtol=0, atol=0)
    assert gradient.any()
