"""The mean squared error of each sample's hardest joints."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.reference import joints_ohkm_mse as reference
from tests.heatmap_samples import maps, weights
from tests.test_joints_mse import layouts
from tests.tolerances import GRADIENT_RTOL, LOSS_RTOL

PRESETS = ["hrnet", "mmpose", "lower_body", "document"]


def flat(values):
    """One-pixel maps [B, K, 1, 1] whose squares are these numbers."""
    return torch.tensor(values)[..., None, None].sqrt()


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("topk", [1, 3, 6])
def test_loss_and_gradients_equal_the_reference(preset, dtype, topk):
    shape = (3, 6, 7, 9)
    results = []
    for function in (lp.joints_ohkm_mse_loss, reference.joints_ohkm_mse_loss):
        output, target = maps(shape, dtype, 0, True), maps(shape, dtype, 1, True)
        loss = function(output, target, weights(shape), topk=topk, preset=preset, loss_weight=1.5)
        (2.5 * loss).backward()
        results.append((loss.detach(), output.grad, target.grad))
    (loss, *ours), (plain, *theirs) = results
    torch.testing.assert_close(loss, plain, rtol=LOSS_RTOL[dtype], atol=0)
    for gradient, expected in zip(ours, theirs, strict=True):
        # The reference rounds w^2 d and its mean once more.
        torch.testing.assert_close(gradient, expected, rtol=2 * GRADIENT_RTOL[dtype], atol=0)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize(
    ("preset", "expected"),
    [("hrnet", 18.25), ("mmpose", 36.5), ("lower_body", 36.5), ("document", 20.5)],
)
def test_known_numbers(preset, expected):
    """Squares 1, 16, 9 with weights 2, 2, 1: of 4, 64, 9 (or 2, 32, 9) the two largest, halved."""
    output, weight = flat([[1.0, 16.0, 9.0]]), torch.tensor([[2.0, 2.0, 1.0]])
    loss = lp.joints_ohkm_mse_loss(output, torch.zeros_like(output), weight, topk=2, preset=preset)
    assert loss.item() == expected
    # Another sample without any difference: the mean over both.
    pair = torch.cat([output, torch.zeros_like(output)])
    loss = lp.joints_ohkm_mse_loss(
        pair, torch.zeros_like(pair), weight.expand(2, 3), topk=2, preset=preset
    )
    assert loss.item() == expected / 2


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("topk", [1, 2, 3])
def test_of_equal_joints_the_first_are_taken(topk):
    output = torch.full((2, 4, 3, 3), 2.0)
    output[1, 0] = 1
    output.requires_grad_()
    lp.joints_ohkm_mse_loss(output, torch.zeros(2, 4, 3, 3), topk=topk).backward()
    taken = output.grad.abs().sum((2, 3)) > 0
    assert taken[0].nonzero().flatten().tolist() == list(range(topk))
    assert taken[1].nonzero().flatten().tolist() == list(range(1, topk + 1))


def selected_by_sorting(values, topk):
    """NaN first, then the largest, then the lowest index."""

    def place(joint):
        value = values[joint]
        return (0, 0.0, joint) if math.isnan(value) else (1, -value, joint)

    return sorted(sorted(range(len(values)), key=place)[:topk])


@given(
    st.lists(st.sampled_from([0.0, 1.0, 4.0, 9.0, math.inf, math.nan]), min_size=1, max_size=9),
    st.data(),
)
def test_which_joints_are_taken(device, values, data):
    """Among ties, zeros, infinities and NaN: those that get a scale, and so a gradient."""
    topk = data.draw(st.integers(1, len(values)))
    output = flat([values])
    target = torch.zeros_like(output)
    _, scales = torch.ops.lowerpose_ops.joints_mse_general(
        output, target, None, None, True, "hardest", "all", False, topk, 1.0
    )
    taken = scales[0].nonzero().flatten().tolist()
    assert taken == selected_by_sorting(values, topk)
    loss = lp.joints_ohkm_mse_loss(output, target, topk=topk, preset="mmpose").item()
    expected = sum(values[j] for j in taken) / topk
    assert loss == pytest.approx(expected, nan_ok=True, rel=1e-6)


@pytest.mark.usefixtures("device")
def test_a_nan_in_any_joint_shows():
    output = maps((2, 4, 3, 3))
    output[1, 2, 1, 1] = math.nan
    weight = torch.tensor([[1.0, 1, 1, 1], [5, 5, 0, 5]])
    output.requires_grad_()
    loss = lp.joints_ohkm_mse_loss(output, torch.zeros(2, 4, 3, 3), weight, topk=1)
    loss.backward()
    assert loss.isnan()
    assert output.grad[0].isfinite().all()
    assert not output.grad[1, [0, 1, 3]].any()


@pytest.mark.usefixtures("device")
def test_joints_without_weight_count_only_where_others_lack():
    output = maps((1, 4, 3, 3), grad=True)
    weight = torch.tensor([[0.0, 1, 0, 0]])
    loss = lp.joints_ohkm_mse_loss(output, torch.zeros(1, 4, 3, 3), weight, topk=2)
    loss.backward()
    expected = 0.5 * output[0, 1].detach().square().mean() / 2
    torch.testing.assert_close(loss.detach(), expected, rtol=1e-6, atol=0)
    assert output.grad.abs().sum((2, 3)).nonzero().tolist() == [[0, 1]]


@pytest.mark.usefixtures("device")
def test_both_shapes_of_weight_and_none_at_all():
    """HRNet's (B, J) weights and its batch of one without weights, which fail there."""
    for shape in ((1, 9, 4, 4), (4, 9, 2, 2)):
        output, target = maps(shape), maps(shape, seed=1)
        ones = torch.ones(shape[:2])
        plain = lp.joints_ohkm_mse_loss(output, target)
        for weight in (ones, ones[..., None], ones.bool(), ones[..., None].expand(*ones.shape, 1)):
            assert lp.joints_ohkm_mse_loss(output, target, weight) == plain


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_16_bit_maps(dtype):
    output = torch.full((1, 3, 4, 4), 200.0, dtype=dtype)
    output[0, 1] = 100
    output.requires_grad_()
    target = torch.full((1, 3, 4, 4), -200.0)
    loss = lp.joints_ohkm_mse_loss(output, target, topk=2, preset="mmpose")
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == 160000
    assert output.grad.dtype == dtype
    expected = torch.full((3,), 2 * 400 / 16 / 2)
    expected[1] = 0
    torch.testing.assert_close(output.grad[0, :, 0, 0].float(), expected, rtol=0, atol=0)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("layout", layouts(torch.zeros(1, 1, 1, 1)))
def test_any_strides(layout):
    shape = (2, 5, 6, 8)
    results = []
    for lay_out in (torch.Tensor.contiguous, lambda tensor: layouts(tensor)[layout]):
        output = lay_out(maps(shape)).detach().requires_grad_()
        loss = lp.joints_ohkm_mse_loss(output, lay_out(maps(shape, seed=1)), weights(shape), topk=2)
        loss.backward()
        results.append((loss.detach(), output.grad))
    (loss, gradient), (other_loss, other_gradient) = results
    torch.testing.assert_close(other_loss, loss, rtol=LOSS_RTOL[torch.float32], atol=0)
    torch.testing.assert_close(other_gradient, gradient, rtol=0, atol=0)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("shape", [(0, 9, 4, 4), (2, 9, 0, 4)])
def test_empty_input_has_no_loss(shape):
    output = torch.zeros(shape, requires_grad=True)
    loss = lp.joints_ohkm_mse_loss(output, torch.zeros(shape), torch.ones(shape[:2]))
    loss.backward()
    assert loss.item() == 0
    assert output.grad.shape == shape


@pytest.mark.usefixtures("device")
def test_more_samples_than_a_block_has_threads():
    shape = (300, 2, 1, 2)
    loss = lp.joints_ohkm_mse_loss(maps(shape), maps(shape, seed=1), topk=1)
    expected = reference.joints_ohkm_mse_loss(maps(shape), maps(shape, seed=1), topk=1)
    torch.testing.assert_close(loss, expected, rtol=LOSS_RTOL[torch.float32], atol=0)


@pytest.mark.usefixtures("device")
def test_gradcheck():
    shape = (2, 3, 2, 3)
    output, target = maps(shape, torch.float64, 0, True), maps(shape, torch.float64, 1, True)
    for preset in PRESETS:
        assert torch.autograd.gradcheck(
            lambda o, t, p=preset: lp.joints_ohkm_mse_loss(
                o, t, torch.full((2, 3), 1.5), topk=2, preset=p
            ),
            (output, target),
        )


def test_opcheck():
    shape = (2, 4, 3, 5)
    torch.library.opcheck(
        torch.ops.lowerpose_ops.joints_mse_general.default,
        (
            *(maps(shape, grad=True), maps(shape, seed=1, grad=True), weights(shape), None),
            *(True, "hardest", "all", False, 2, 1.0),
        ),
    )


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("kind", [list, tuple])
def test_stages_are_added_up(kind):
    stages = [maps((2, 4, 3, 5), seed=seed, grad=True) for seed in range(3)]
    target = maps((2, 4, 3, 5), seed=9)
    loss = lp.joints_ohkm_mse_loss(kind(stages), target, topk=2)
    alone = [lp.joints_ohkm_mse_loss(stage, target, topk=2) for stage in stages]
    assert torch.equal(loss, alone[0] + alone[1] + alone[2])
    loss.backward()
    assert all(stage.grad.any() for stage in stages)


def test_double_backward_is_refused():
    output = maps((1, 4, 3, 3), grad=True)
    loss = lp.joints_ohkm_mse_loss(output, maps((1, 4, 3, 3), seed=1), topk=2)
    (gradient,) = torch.autograd.grad(loss, output, create_graph=True)
    with pytest.raises(ValueError, match=r"^joints_ohkm_mse_loss: the gradient of its gradient"):
        gradient.sum().backward()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"topk": 5}, ValueError, "topk must be from 1 to the number of joints, 4, got 5"),
        ({"topk": 0}, ValueError, "topk must be from 1 to the number of joints, got 0"),
        ({"topk": 2.0}, TypeError, "topk must be an integer, got float"),
        ({"topk": True}, TypeError, "topk must be an integer, got bool"),
        ({"preset": "exact"}, ValueError, "preset must be 'document' or 'hrnet' or"),
        ({"loss_weight": math.nan}, ValueError, "loss_weight must be finite"),
        ({"output": torch.zeros(4, 3, 3)}, ValueError, r"output must be \[B, K, H, W\]"),
        ({"output": []}, ValueError, "output must be at least one torch tensor, got list of 0"),
        ({"target": torch.zeros(1, 4, 3, 4)}, ValueError, "target must be"),
        ({"target_weight": torch.ones(1, 3)}, ValueError, "target_weight must be"),
        (
            {"target_weight": torch.ones(1, 4, 3, 3)},
            ValueError,
            r"target_weight must be \[B, K\] o",
        ),
        ({"target_weight": torch.ones(1, 4).requires_grad_()}, ValueError, "not require a grad"),
    ],
)
def test_refusals_name_what_is_wrong(change, error, message):
    arguments = {"output": torch.zeros(1, 4, 3, 3), "target": torch.zeros(1, 4, 3, 3), "topk": 2}
    with pytest.raises(error, match=f"^joints_ohkm_mse_loss: .*{message}"):
        lp.joints_ohkm_mse_loss(**(arguments | change))
