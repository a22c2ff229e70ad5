"""Options of the loss: reductions, denominators, masks, pixel weights, stages."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import joints_mse as reference
from tests.heatmap_samples import far_apart, maps, weights
from tests.test_joints_mse import layouts
from tests.tolerances import LOSS_RTOL

SHAPE = (2, 3, 4, 5)
REDUCTIONS = ["mean", "sum", "per_sample", "per_joint", "none"]
DIVIDED = ["mean", "per_sample", "per_joint"]
pytestmark = pytest.mark.usefixtures("device")


def sample_weight(kind, shape=SHAPE):
    return {
        "none": None,
        "joints": weights(shape),
        "pixels": maps(shape, seed=3).abs() * (maps(shape, seed=4) > 0),
    }[kind]


def sample_mask(kind, shape=SHAPE):
    batch, joints, *size = shape
    return {
        "none": None,
        "shared": maps((batch, 1, *size), seed=5) > 0,
        "each": maps((batch, joints, *size), seed=6).abs(),
    }[kind]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", ["none", "joints", "pixels"])
@pytest.mark.parametrize("masked", ["none", "shared", "each"])
def test_every_combination_equals_the_reference(reduction, weighted, masked):
    denominators = ("all", "weighted", "visible") if reduction in DIVIDED else ("all",)
    for denominator, power, half, skip_empty in itertools.product(
        denominators, (1, 2), (False, True), (False, True)
    ):
        options = {
            "reduction": reduction,
            "denominator": denominator,
            "weight_power": power,
            "half": half,
            "skip_empty": skip_empty,
            "mask": sample_mask(masked),
            "loss_weight": 1.7,
        }
        results = []
        for function in (lp.joints_mse_loss, reference.joints_mse_loss):
            output, target = maps(SHAPE, torch.float64), maps(SHAPE, torch.float64, seed=1)
            target[1, 2] = 0
            output.requires_grad_()
            target.requires_grad_()
            loss = function(output, target, sample_weight(weighted), **options)
            loss.backward(maps(loss.shape, torch.float64, seed=7))
            results.append((loss.detach(), output.grad, target.grad))
        for ours, plain in zip(*results, strict=True):
            # The same products and sums in another order, in float64.
            torch.testing.assert_close(ours, plain, rtol=1e-13, atol=1e-16)


def test_known_numbers():
    """Squares 1 and 9 on a joint of weight 2, 16 and 0 on one of weight 0."""
    output = torch.tensor([[[[1.0, 3.0]], [[4.0, 0.0]]]])
    target = torch.zeros(1, 2, 1, 2)
    weight = torch.tensor([[2.0, 0.0]])

    def loss(**options):
        return lp.joints_mse_loss(output, target, weight, **options).tolist()

    assert loss(reduction="sum") == 20
    assert loss(reduction="sum", half=True, weight_power=2) == 20
    assert loss(reduction="per_sample") == [5]
    assert loss(reduction="per_joint") == [10, 0]
    assert loss(reduction="none") == [[[[2, 18]], [[0, 0]]]]
    assert loss(denominator="weighted") == 5
    assert loss(denominator="weighted", weight_power=2) == 5
    assert loss(denominator="visible") == 10
    assert loss(denominator="visible", preset="hrnet") == 10
    assert loss(reduction="per_joint", denominator="visible") == [10, 0]
    mask = torch.tensor([[[[0.0, 0.5]]]])
    assert loss(mask=mask) == 2.25
    assert loss(mask=mask, weight_power=2) == 4.5  # the mask is not squared
    assert loss(mask=mask, denominator="weighted") == 9
    assert loss(mask=mask, denominator="visible") == 9
    assert loss(skip_empty=True) == 0
    pixels = torch.tensor([[[[1.0, 0.0]], [[0.5, 3.0]]]])
    assert lp.joints_mse_loss(output, target, pixels).item() == (1 + 8) / 4
    assert lp.joints_mse_loss(output, target, pixels, weight_power=2).item() == (1 + 4) / 4
    assert lp.joints_mse_loss(output, target, pixels, denominator="visible").item() == 3


@pytest.mark.parametrize("reduction", DIVIDED)
@pytest.mark.parametrize("denominator", ["weighted", "visible"])
@pytest.mark.parametrize("how", ["weights", "mask", "skipped"])
def test_nothing_to_divide_by_gives_no_loss(reduction, denominator, how):
    output = maps(SHAPE, grad=True)
    target = torch.zeros(SHAPE) if how == "skipped" else maps(SHAPE, seed=1)
    options = {
        "weights": {"target_weight": torch.zeros(2, 3)},
        "mask": {"mask": torch.zeros(2, 1, 4, 5)},
        "skipped": {"skip_empty": True},
    }[how]
    loss = lp.joints_mse_loss(
        output, target, reduction=reduction, denominator=denominator, **options
    )
    loss.sum().backward()
    assert not loss.any()
    assert not output.grad.any()
    assert not loss.isnan().any()


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("how", ["joints", "pixels", "mask", "skipped"])
def test_a_nan_under_a_factor_of_zero_shows(reduction, how):
    output, target = maps(SHAPE), maps(SHAPE, seed=1)
    output[1, 2, 0, 1] = math.nan
    target[1, 2] = 0
    options = {
        "joints": {"target_weight": torch.tensor([[1.0, 1, 1], [1, 1, 0]])},
        "pixels": {"target_weight": torch.zeros(SHAPE)},
        "mask": {"mask": torch.zeros(2, 1, 4, 5)},
        "skipped": {"skip_empty": True},
    }[how]
    loss = lp.joints_mse_loss(output, target, reduction=reduction, **options)
    place = {"per_sample": (1,), "per_joint": (2,), "none": (1, 2, 0, 1)}.get(reduction, ())
    assert loss[place].isnan()
    assert loss.isnan().sum() == 1  # and nowhere else


def test_a_nan_in_a_target_is_not_empty():
    target = torch.zeros(1, 2, 2, 2)
    target[0, 1, 1, 1] = math.nan
    loss = lp.joints_mse_loss(torch.ones(1, 2, 2, 2), target, reduction="none", skip_empty=True)
    assert not loss[0, 0].any()
    assert loss[0, 1].tolist()[0] == [1, 1]
    assert loss[0, 1, 1, 1].isnan()


@pytest.mark.parametrize("weighted", ["joints", "pixels"])
def test_an_infinite_weight_counts_differences_alone(weighted):
    shape = (1, 2, 3, 3)
    infinite = torch.full(shape if weighted == "pixels" else shape[:2], math.inf)
    output = torch.zeros(shape)
    for reduction in REDUCTIONS:
        loss = lp.joints_mse_loss(output, torch.zeros(shape), infinite, reduction=reduction)
        assert not loss.any()
    output[0, 0, 1, 1] = 1
    for reduction in REDUCTIONS:
        loss = lp.joints_mse_loss(output, torch.zeros(shape), infinite, reduction=reduction)
        assert loss.isinf().sum() == 1
        assert not loss.isnan().any()


@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 0, 4, 4), (2, 3, 0, 4)])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("denominator", ["all", "weighted"])
def test_empty_input_has_no_loss(shape, reduction, denominator):
    if denominator != "all" and reduction not in DIVIDED:
        return
    output = torch.zeros(shape, requires_grad=True)
    batch, _, *size = shape
    loss = lp.joints_mse_loss(
        output,
        torch.zeros(shape),
        torch.full(shape[:2], math.inf),
        reduction=reduction,
        denominator=denominator,
        mask=torch.ones(batch, 1, *size),
    )
    loss.sum().backward()
    expected = {"per_sample": shape[:1], "per_joint": shape[1:2], "none": shape}
    assert loss.shape == expected.get(reduction, ())
    assert not loss.any()
    assert output.grad.shape == shape


@pytest.mark.parametrize("layout", layouts(torch.zeros(1, 1, 1, 1)))
@pytest.mark.parametrize("reduction", ["per_joint", "none"])
def test_any_strides(layout, reduction):
    """Of the maps, the pixel weights, the mask and the incoming gradient."""
    shape = (2, 3, 6, 8)
    results = []
    for lay_out in (torch.Tensor.contiguous, lambda tensor: layouts(tensor)[layout]):
        output = lay_out(maps(shape)).detach().requires_grad_()
        loss = lp.joints_mse_loss(
            output,
            lay_out(maps(shape, seed=1)),
            lay_out(sample_weight("pixels", shape)),
            mask=lay_out(sample_mask("shared", shape)),
            reduction=reduction,
        )
        incoming = maps(loss.shape, seed=7)
        loss.backward(lay_out(incoming) if reduction == "none" else incoming)
        results.append((loss.detach(), output.grad))
    (loss, gradient), (other_loss, other_gradient) = results
    torch.testing.assert_close(other_loss, loss, rtol=LOSS_RTOL[torch.float32], atol=0)
    torch.testing.assert_close(other_gradient, gradient, rtol=0, atol=0)


def test_channels_last_stays_channels_last():
    output = maps(SHAPE).contiguous(memory_format=torch.channels_last).requires_grad_()
    loss = lp.joints_mse_loss(output, maps(SHAPE, seed=1), reduction="none")
    loss.sum().backward()  # an expanded incoming gradient
    for tensor in (loss, output.grad):
        assert tensor.is_contiguous(memory_format=torch.channels_last)


def test_offsets_beyond_32_bits():
    shape = (2, 1, 4, 4)
    near, target = maps(shape).half(), maps(shape, seed=1).half()
    results = []
    for output, other in ((near, target), (far_apart(near), far_apart(target))):
        output = output.detach().requires_grad_()
        loss = lp.joints_mse_loss(output, other, reduction="per_sample")
        loss.sum().backward()
        results.append((loss, output.grad))
    for ours, far in zip(*results, strict=True):
        assert torch.equal(ours, far)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("preset", ["hrnet", "mmpose"])
def test_16_bit_maps_do_not_overflow(dtype, reduction, preset):
    """At 200, a square is beyond float16; both projects give infinity there."""
    output = torch.full((1, 2, 4, 4), 200.0, dtype=dtype, requires_grad=True)
    target = torch.full((1, 2, 4, 4), -200.0, dtype=dtype)
    loss = lp.joints_mse_loss(output, target, reduction=reduction, preset=preset)
    factor = 0.5 if preset == "hrnet" else 1.0
    count = {"mean": 1, "sum": 32, "per_sample": 1, "per_joint": 1, "none": 1}[reduction]
    assert loss.dtype == torch.float32
    assert (loss == factor * 160000 * count).all()
    loss.sum().backward()
    expected = 2 * factor * 400 * loss.sum().item() / (factor * 160000) / 32
    torch.testing.assert_close(
        output.grad, torch.full_like(output, expected), rtol=torch.finfo(dtype).eps, atol=0
    )


def test_16_bit_gradients_are_scaled_before_they_are_rounded():
    output = (1e-3 * maps((2, 3, 8, 6))).half().requires_grad_()
    target, mask = torch.zeros(2, 3, 8, 6), torch.full((2, 1, 8, 6), 1e-4)
    loss = lp.joints_mse_loss(output, target, mask=mask, loss_weight=1e-3)
    (2.0**30 * loss).backward()
    exact = 2.0**30 * 1e-7 * 2 * output.detach().double() / output.numel()
    torch.testing.assert_close(output.grad.double(), exact, rtol=1e-3, atol=6e-8)
    assert output.grad.any()


@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize("options", [{}, {"reduction": "per_sample", "denominator": "visible"}])
def test_stages_are_added_up(kind, options):
    stages = [maps(SHAPE, seed=seed, grad=True) for seed in range(3)]
    target, weight = maps(SHAPE, seed=9), weights(SHAPE)
    loss = lp.joints_mse_loss(kind(stages), target, weight, **options)
    alone = [lp.joints_mse_loss(stage, target, weight, **options) for stage in stages]
    assert torch.equal(loss, alone[0] + alone[1] + alone[2])
    loss.sum().backward()
    for stage, single in zip(stages, alone, strict=True):
        (expected,) = torch.autograd.grad(single.sum(), stage)
        assert torch.equal(stage.grad, expected)


@pytest.mark.parametrize("weight_type", [torch.bool, torch.uint8, torch.int64, torch.float16])
def test_pixel_weights_and_masks_of_any_numeric_type(weight_type):
    pixels, mask = ((maps(SHAPE, seed=seed) > 0).to(weight_type) for seed in (3, 4))
    loss = lp.joints_mse_loss(maps(SHAPE), maps(SHAPE, seed=1), pixels, mask=mask)
    expected = reference.joints_mse_loss(maps(SHAPE), maps(SHAPE, seed=1), pixels, mask=mask)
    torch.testing.assert_close(loss, expected, rtol=LOSS_RTOL[torch.float32], atol=0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"mask": torch.ones(1, 2, 4)}, ValueError, r"mask must be \[B, K, H, W\] or \[B, 1, H"),
        ({"mask": torch.ones(1, 2, 4, 5)}, ValueError, "mask must be .*, got .1, 2, 4, 5."),
        ({"mask": torch.ones(1, 1, 5, 4)}, ValueError, r"mask must be \[B, 1, H, W\] = "),
        ({"mask": 1}, TypeError, "mask must be a torch tensor, got int"),
        ({"mask": torch.ones(1, 2, 4, 4).requires_grad_()}, ValueError, "mask must not require"),
        ({"target_weight": torch.ones(1, 2, 4, 5)}, ValueError, r"target_weight must be \[B, K, H"),
        ({"target_weight": torch.ones(1, 2, 1, 1)}, ValueError, "target_weight must be"),
        ({"denominator": "none"}, ValueError, "denominator must be 'all' or .*, got 'none'"),
        (
            {"denominator": "visible", "reduction": "sum"},
            ValueError,
            "denominator must be 'all' with reduction 'sum'.*, got 'visible'",
        ),
        ({"denominator": "weighted", "reduction": "none"}, ValueError, "with reduction 'none'"),
        ({"half": 0.5}, TypeError, "half must be True or False, got float"),
        ({"skip_empty": 1}, TypeError, "skip_empty must be True or False, got int"),
        ({"weight_power": 3}, ValueError, "weight_power must be 1 or 2, got 3"),
        ({"weight_power": True}, TypeError, "weight_power must be 1 or 2, got bool"),
        ({"output": torch.zeros(2, 4, 4), "reduction": "none"}, ValueError, "output must be .B, K"),
        ({"target": torch.zeros(1, 2, 4, 5), "reduction": "none"}, ValueError, "target must be"),
        ({"loss_weight": math.inf, "reduction": "none"}, ValueError, "loss_weight must be finite"),
    ],
)
def test_refusals_name_what_is_wrong(change, error, message):
    arguments = {"output": torch.zeros(1, 2, 4, 4), "target": torch.zeros(1, 2, 4, 4)} | change
    with pytest.raises(error, match=f"^joints_mse_loss: .*{message}"):
        lp.joints_mse_loss(**arguments)
