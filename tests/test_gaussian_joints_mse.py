"""The loss against Gaussians that are never drawn: it is that of the two functions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops import presets
from lowerpose_ops.reference import gaussian_joints_mse as reference
from tests.cuda_cases.layouts import LAYOUTS
from tests.gaussian_scenes import BAD_SIGMAS, EVERY_PRESET, random_people
from tests.heatmap_samples import maps
from tests.tolerances import LOSS_RTOL

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def people(shape, instances=None, seed=0):
    """Joints and visibilities for maps [B, K, H, W], where the tensors are."""
    batch, num_joints, height, width = shape
    rng = np.random.default_rng(seed)
    count = 1 if instances is None else instances
    joints, visible = random_people(rng, batch, count, num_joints, (width, height))
    if instances is None:
        joints, visible = joints[:, 0], visible[:, 0]
    device = torch.get_default_device()
    return torch.from_numpy(joints).to(device), torch.from_numpy(visible).to(device)


def pair(
    output,
    joints,
    visible,
    *,
    sigma=2.0,
    preset="exact",
    fixed=False,
    loss_preset=None,
    use_target_weight=True,
    topk=None,
    **options,
):
    """The same by the package's own two functions."""
    targets, weights = lp.gaussian_targets(
        joints,
        visible,
        (output.shape[3], output.shape[2]),
        sigma,
        preset=preset,
        fixed=fixed,
        dtype=torch.promote_types(output.dtype, torch.float32),
    )
    weights = weights if use_target_weight else None
    options["preset"] = loss_preset or presets.LOSS_OF_TARGETS[preset]
    if topk is not None:
        return lp.joints_ohkm_mse_loss(output, targets, weights, topk=topk, **options)
    return lp.joints_mse_loss(output, targets, weights, **options)


def check_equal_to_the_pair(device, output, joints, visible, incoming=1.0, **options):
    """The same bits on the CPU; a GPU adds its partial sums up in another order."""
    results = []
    for function in (lp.gaussian_joints_mse_loss, pair):
        leaf = output.detach().requires_grad_()
        loss = function(leaf, joints, visible, **options)
        (gradient,) = torch.autograd.grad(loss, leaf, torch.tensor(incoming, dtype=loss.dtype))
        assert gradient.stride() == torch.empty_like(leaf).stride()
        results.append((loss.detach(), gradient))
    (loss, gradient), (expected, wanted) = results
    rtol = 0 if device == "cpu" else LOSS_RTOL[loss.dtype]
    torch.testing.assert_close(loss, expected, rtol=rtol, atol=0, equal_nan=True)
    torch.testing.assert_close(gradient, wanted, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(("preset", "fixed"), EVERY_PRESET)
@pytest.mark.parametrize("topk", [None, 2])
def test_bits_of_the_pair_under_every_preset(device, preset, fixed, topk):
    shape = (3, 5, 24, 20)
    for use_target_weight in (True, False):
        check_equal_to_the_pair(
            *(device, maps(shape), *people(shape)),
            preset=preset,
            fixed=fixed,
            topk=topk,
            use_target_weight=use_target_weight,
            loss_weight=0.75,
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("incoming", [1.0, 3.0])
@pytest.mark.parametrize("options", [{}, {"topk": 2}, {"reduction": "sum"}])
def test_bits_of_the_pair_in_every_type(device, dtype, incoming, options):
    shape = (2, 3, 16, 24)
    for layout in (torch.contiguous_format, torch.channels_last):
        output = maps(shape).to(dtype).contiguous(memory_format=layout)
        check_equal_to_the_pair(device, output, *people(shape), incoming, **options)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bits_of_the_pair_in_every_layout(device, layout):
    lay_out, shape, _ = LAYOUTS[layout]
    check_equal_to_the_pair(device, lay_out(maps(shape)), *people(shape))


@pytest.mark.parametrize("loss_preset", [*presets.LOSSES, None])
@pytest.mark.parametrize("preset", ["exact", "hrnet"])
def test_the_loss_of_a_preset(device, preset, loss_preset):
    shape = (2, 4, 12, 9)
    for topk in (None, 3):
        options = {"preset": preset, "loss_preset": loss_preset, "topk": topk}
        check_equal_to_the_pair(device, maps(shape), *people(shape), **options)


@pytest.mark.parametrize("instances", [0, 1, 3])
@pytest.mark.parametrize("preset", ["exact", "mmpose_msra"])
def test_several_instances(device, preset, instances):
    shape = (2, 3, 40, 72)
    joints, visible = people(shape, instances)
    sigmas = torch.linspace(0.5, 4, max(1, 2 * instances))[: 2 * instances].reshape(2, instances)
    for sigma in (1.5, torch.tensor([1.0, 2.0, 5.0]), sigmas):
        options = {"sigma": sigma, "preset": preset}
        check_equal_to_the_pair(device, maps(shape), joints, visible, **options)


def test_sigmas_of_joints_and_of_one_number(device):
    shape = (2, 3, 12, 9)
    output, (joints, visible) = maps(shape), people(shape)
    sigma = torch.tensor([1.0, float("nan"), 5.0])
    check_equal_to_the_pair(device, output, joints, visible, sigma=sigma)
    alone = lp.gaussian_joints_mse_loss(output, joints, visible, sigma=torch.tensor(1.5))
    assert alone == lp.gaussian_joints_mse_loss(output, joints, visible, sigma=1.5)


@given(
    shape=st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(1, 70), st.integers(1, 70)),
    preset=st.sampled_from(EVERY_PRESET),
    sigma=st.sampled_from([0.3, 1.0, 2.0, 6.5]),
    dtype=st.sampled_from(DTYPES),
    hardest=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_bits_of_the_pair_whatever_the_sizes(shape, preset, sigma, dtype, hardest, seed):
    options = {"topk": 1} if hardest and shape[1] > 0 else {}
    if preset == ("lower_body", False):
        sigma = max(1.0, round(sigma))
    check_equal_to_the_pair(
        *("cpu", maps(shape, seed=seed).to(dtype), *people(shape, seed=seed)),
        sigma=sigma,
        preset=preset[0],
        fixed=preset[1],
        **options,
    )


@pytest.mark.parametrize("shape", [(1, 1, 3, 2100), (1, 2, 1030, 5), (1, 1, 1100, 1030)])
def test_maps_beyond_one_block(shape):
    """Tiles are others than the pair's there, and so is the order of the sum."""
    output, (joints, visible) = maps(shape), people(shape)
    results = []
    for function in (lp.gaussian_joints_mse_loss, pair):
        leaf = output.detach().requires_grad_()
        loss = function(leaf, joints, visible + 1, sigma=40.0)
        loss.backward()
        results.append((loss.detach(), leaf.grad))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=1e-6, atol=0)
    torch.testing.assert_close(results[0][1], results[1][1], rtol=0, atol=0)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize(("preset", "fixed"), EVERY_PRESET)
@pytest.mark.parametrize("topk", [None, 2])
def test_loss_and_gradient_equal_the_reference(preset, fixed, topk):
    shape = (3, 4, 24, 20)
    joints, visible = people(shape)
    for dtype in (torch.float32, torch.float64):
        results = []
        for function in (lp.gaussian_joints_mse_loss, reference.gaussian_joints_mse_loss):
            output = maps(shape, dtype, 0, True)
            loss = function(output, joints, visible, preset=preset, fixed=fixed, topk=topk)
            (2.5 * loss).backward()
            results.append((loss.detach(), output.grad))
        (loss, ours), (plain, theirs) = results
        torch.testing.assert_close(loss, plain, rtol=LOSS_RTOL[dtype], atol=0)
        # The targets err by half a unit on either side, times 2 and the incoming 2.5 and the square
        # of the largest weight, 2; divided by two or four joints' pixels.
        atol = 20 * torch.finfo(dtype).eps / (3 * 2 * 24 * 20)
        torch.testing.assert_close(ours, theirs, rtol=4 * torch.finfo(dtype).eps, atol=atol)


@pytest.mark.usefixtures("device")
def test_known_numbers():
    """Ones against a peak in the corner of 2 x 2 pixels: (1 - exp(-r^2 / 2))^2 each."""
    output, joints = torch.ones(1, 2, 2, 2), torch.zeros(1, 2, 2)
    loss = lp.gaussian_joints_mse_loss(output, joints, torch.tensor([[1, 0]]), sigma=1.0)
    near, far = 1 - np.exp(-0.5), 1 - np.exp(-1.0)
    assert loss.item() == pytest.approx((2 * near**2 + far**2) / 8, rel=1e-6)
    # The second joint is not drawn: against an empty map, if it counts at all.
    loss = lp.gaussian_joints_mse_loss(
        output, joints, torch.tensor([[1, 0]]), sigma=1.0, use_target_weight=False
    )
    assert loss.item() == pytest.approx((2 * near**2 + far**2 + 4) / 8, rel=1e-6)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("shape", [(0, 3, 4, 5), (2, 0, 4, 5), (2, 3, 0, 5), (2, 3, 4, 0)])
@pytest.mark.parametrize("topk", [None, 1])
def test_an_empty_batch_has_loss_zero(shape, topk):
    if topk is not None and shape[1] == 0:
        pytest.skip("no joints to take the hardest of")
    output, joints = torch.zeros(shape, requires_grad=True), torch.zeros(*shape[:2], 2)
    joints.requires_grad_()
    visible = torch.full(shape[:2], float("inf"))
    loss = lp.gaussian_joints_mse_loss(output, joints, visible, topk=topk)
    loss.backward()
    assert loss.item() == 0
    assert output.grad.shape == shape
    assert not joints.grad.any()


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("visible", [0.0, 1.0])
def test_a_nan_shows(visible):
    output = torch.zeros(1, 1, 4, 4)
    output[0, 0, 2, 1] = float("nan")
    output.requires_grad_()
    loss = lp.gaussian_joints_mse_loss(output, torch.ones(1, 1, 2), torch.full((1, 1), visible))
    loss.backward()
    assert loss.isnan()
    assert output.grad.isnan().sum() == 1


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1e30])
def test_a_joint_that_is_no_number_is_not_drawn(bad):
    output, joints = torch.ones(1, 2, 4, 4), torch.ones(1, 2, 2)
    joints[0, 0, 1] = bad
    loss = lp.gaussian_joints_mse_loss(output, joints, torch.ones(1, 2))
    hidden = lp.gaussian_joints_mse_loss(output, torch.ones(1, 2, 2), torch.tensor([[0, 1]]))
    assert loss == hidden
    assert loss.isfinite()


def test_stacked_outputs_add_up():
    shape = (2, 3, 8, 6)
    stages, (joints, visible) = [maps(shape), maps(shape, seed=1)], people(shape)
    losses = [lp.gaussian_joints_mse_loss(stage, joints, visible) for stage in stages]
    assert lp.gaussian_joints_mse_loss(stages, joints, visible) == sum(losses)


def test_the_module_is_the_function():
    shape = (2, 3, 8, 6)
    output, (joints, visible) = maps(shape), people(shape)
    options = {"preset": "hrnet", "topk": 2, "loss_weight": 3.0}
    module = lp.GaussianJointsMSELoss(1.5, False, **options)
    expected = lp.gaussian_joints_mse_loss(
        output, joints, visible, sigma=1.5, use_target_weight=False, **options
    )
    assert module(output, joints, visible) == expected
    assert repr(module) == (
        "GaussianJointsMSELoss(sigma=1.5, use_target_weight=False, preset='hrnet', topk=2, "
        "loss_weight=3.0)"
    )
    sigma = torch.tensor([1.0, 2.0, 3.0])
    assert "sigma" in lp.GaussianJointsMSELoss(sigma).state_dict()
    assert list(lp.GaussianJointsMSELoss(torch.nn.Parameter(sigma)).parameters())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"output": torch.zeros(2, 3, 4)}, ValueError, "output must be"),
        ({"output": torch.zeros(2, 3, 8, 6, dtype=torch.int32)}, TypeError, "output"),
        ({"output": np.zeros((2, 3, 8, 6))}, TypeError, "output must be a torch tensor"),
        ({"output": []}, ValueError, "output must be at least one"),
        ({"joints": torch.zeros(2, 4, 2)}, ValueError, "visible must be"),
        ({"output": torch.zeros(2, 4, 8, 6)}, ValueError, "joints must be of as many samples"),
        ({"joints": torch.zeros(3, 2)}, ValueError, r"joints must be \[B, K, 2\]"),
        ({"joints": [[0.0, 1.0]]}, TypeError, "joints must be a torch tensor"),
        ({"joints": torch.zeros(2, 3, 2, device="meta")}, ValueError, "joints must be on"),
        ({"visible": torch.ones(2, 2)}, ValueError, "visible must be"),
        ({"visible": torch.ones(2, 3, requires_grad=True)}, ValueError, "visible must not require"),
        ({"sigma": "2"}, TypeError, "sigma must be"),
        ({"sigma": torch.ones(2)}, ValueError, r"sigma must be \[K\]"),
        ({"sigma": 2.1, "preset": "lower_body"}, ValueError, "sigma must be such that"),
        ({"preset": "document"}, ValueError, "preset must be"),
        ({"fixed": True}, ValueError, "fixed must be"),
        ({"fixed": 1, "preset": "hrnet"}, TypeError, "fixed must be"),
        ({"loss_preset": "exact"}, ValueError, "loss_preset must be"),
        ({"use_target_weight": None}, TypeError, "use_target_weight must be"),
        ({"topk": 0}, ValueError, "topk must be from 1"),
        ({"topk": 4}, ValueError, "topk must be from 1 to the number of joints, 3, got 4"),
        ({"topk": True}, TypeError, "topk must be"),
        ({"topk": 2, "reduction": "sum"}, ValueError, "reduction must be 'mean' with topk"),
        ({"reduction": "none"}, ValueError, "reduction must be"),
        ({"loss_weight": float("inf")}, ValueError, "loss_weight must be finite"),
        ({"loss_weight": torch.ones(())}, TypeError, "loss_weight must be"),
    ],
)
def test_refusals(change, error, message):
    arguments = {"output": torch.zeros(2, 3, 8, 6), "joints": torch.zeros(2, 3, 2)}
    arguments |= {"visible": torch.ones(2, 3)} | change
    with pytest.raises(error, match=f"gaussian_joints_mse_loss: {message}"):
        lp.gaussian_joints_mse_loss(**arguments)


@pytest.mark.parametrize("sigma", BAD_SIGMAS)
def test_a_sigma_that_draws_nothing_is_refused(sigma):
    output, joints, visible = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 2), torch.ones(1, 1)
    with pytest.raises(ValueError, match="gaussian_joints_mse_loss: sigma must be"):
        lp.gaussian_joints_mse_loss(output, joints, visible, sigma=sigma)


def test_the_module_refuses_by_its_own_name():
    with pytest.raises(ValueError, match="GaussianJointsMSELoss: preset must be"):
        lp.GaussianJointsMSELoss(preset="document")
    with pytest.raises(TypeError, match="GaussianJointsMSELoss: sigma must be"):
        lp.GaussianJointsMSELoss("2")
    with pytest.raises(ValueError, match="GaussianJointsMSELoss: sigma must be positive"):
        lp.GaussianJointsMSELoss(0.0)
    with pytest.raises(ValueError, match="GaussianJointsMSELoss: sigma must not require"):
        lp.GaussianJointsMSELoss(torch.nn.Parameter(torch.tensor(2.0)), preset="hrnet")
