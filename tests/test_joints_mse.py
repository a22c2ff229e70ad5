from __future__ import annotations

import math

import pytest
import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import joints_mse as reference
from tests.heatmap_samples import far_apart, maps, weights
from tests.tolerances import GRADIENT_RTOL, LOSS_RTOL

DTYPES = [torch.float32, torch.float64]
HALVES = [torch.float16, torch.bfloat16]
PRESETS = ["document", "lower_body", "hrnet"]
SHAPES = [(2, 6, 64, 48), (3, 17, 9, 7), (1, 1, 1, 1), (5, 2, 3, 130)]


def layouts(tensor):
    """The same values under every kind of strides."""
    wide = torch.zeros(*tensor.shape[:3], 2 * tensor.shape[3], dtype=tensor.dtype)
    wide[..., ::2] = tensor
    return {
        "contiguous": tensor.contiguous(),
        "channels_last": tensor.contiguous(memory_format=torch.channels_last),
        "every second column": wide[..., ::2],
        "transposed": tensor.transpose(2, 3).contiguous().transpose(2, 3),
        "rows of a larger map": torch.cat([tensor, tensor], 3)[..., : tensor.shape[3]],
    }


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("needs", [(True, True), (True, False), (False, True)])
def test_loss_and_gradients_equal_the_reference(shape, dtype, preset, needs):
    """With a gradient for output alone, it is computed in the forward pass."""
    ours, plain = [], []
    for results, function in ((ours, lp.joints_mse_loss), (plain, reference.joints_mse_loss)):
        output, target = maps(shape, dtype, 0, needs[0]), maps(shape, dtype, 1, needs[1])
        loss = function(output, target, weights(shape), preset=preset, loss_weight=3.0)
        (2.5 * loss).backward()
        results += [loss.detach(), output.grad, target.grad]
    torch.testing.assert_close(ours[0], plain[0], rtol=LOSS_RTOL[dtype], atol=0)
    for gradient, expected in zip(ours[1:], plain[1:], strict=True):
        if expected is None:
            assert gradient is None
        else:
            torch.testing.assert_close(gradient, expected, rtol=GRADIENT_RTOL[dtype], atol=0)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("output_type", [*DTYPES, *HALVES])
@pytest.mark.parametrize("target_type", [*DTYPES, *HALVES])
def test_mixed_types(output_type, target_type):
    """The loss is in float32, or float64 where a map is; a gradient has its map's own type."""
    shape = (2, 3, 8, 6)
    output = maps(shape).to(output_type).requires_grad_()
    target = maps(shape, seed=1).to(target_type)
    loss = lp.joints_mse_loss(output, target, weights(shape))
    loss.backward()
    plain_output = maps(shape).to(output_type).requires_grad_()
    plain = reference.joints_mse_loss(plain_output, target, weights(shape))
    plain.backward()
    assert loss.dtype == plain.dtype
    assert loss.dtype == (
        torch.float64 if torch.float64 in (output_type, target_type) else torch.float32
    )
    torch.testing.assert_close(loss, plain, rtol=LOSS_RTOL[loss.dtype], atol=0)
    assert output.grad.dtype == output_type
    # Both round a float32 (or float64) number once to output's type; it may lie near a tie.
    unit = torch.finfo(output_type).eps
    torch.testing.assert_close(
        output.grad,
        plain_output.grad,
        rtol=2 * unit,
        atol=6e-8 if output_type is torch.float16 else 0,
    )


@pytest.mark.usefixtures("device")
def test_large_float16_values_do_not_overflow():
    output = torch.full((1, 1, 8, 8), 300.0).half()
    assert lp.joints_mse_loss(output, torch.zeros(1, 1, 8, 8).half()).item() == 90000


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("output_layout", layouts(torch.zeros(1, 1, 1, 1)))
@pytest.mark.parametrize("target_layout", layouts(torch.zeros(1, 1, 1, 1)))
def test_any_strides_give_the_same_loss_and_gradient(output_layout, target_layout):
    shape = (2, 6, 16, 12)
    plain = maps(shape, grad=True)
    expected = lp.joints_mse_loss(plain, maps(shape, seed=1), weights(shape))
    expected.backward()
    output = layouts(maps(shape))[output_layout].requires_grad_()
    target = layouts(maps(shape, seed=1))[target_layout]
    loss = lp.joints_mse_loss(output, target, weights(shape))
    loss.backward()
    torch.testing.assert_close(loss, expected, rtol=LOSS_RTOL[torch.float32], atol=0)
    torch.testing.assert_close(output.grad, plain.grad, rtol=0, atol=0)


@pytest.mark.usefixtures("device")
def test_the_gradient_of_a_channels_last_map_is_channels_last():
    output = maps((2, 6, 16, 12)).contiguous(memory_format=torch.channels_last).requires_grad_()
    lp.joints_mse_loss(output, maps((2, 6, 16, 12), seed=1)).backward()
    assert output.grad.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.usefixtures("device")
def test_offsets_beyond_32_bits():
    shape = (2, 3, 8, 8)
    near, target = maps(shape).half(), maps(shape, seed=1).half()
    far = far_apart(near).requires_grad_()
    near.requires_grad_()
    losses = [lp.joints_mse_loss(output, far_apart(target)) for output in (near, far)]
    for loss in losses:
        loss.backward()
    assert torch.equal(*losses)
    assert torch.equal(near.grad, far.grad)


@pytest.mark.usefixtures("device")
def test_known_value():
    output, target = torch.zeros(1, 2, 2, 2), torch.ones(1, 2, 2, 2)
    # One joint with weight 1, one with 0: the sum of four ones over eight elements.
    assert lp.joints_mse_loss(output, target, torch.tensor([[1.0, 0.0]])).item() == 0.5
    assert lp.joints_mse_loss(output, target).item() == 1.0


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("weight_type", [torch.bool, torch.uint8, torch.int64, torch.float64])
def test_any_numeric_type_and_both_shapes_of_weight(weight_type):
    shape = (2, 3, 8, 8)
    weight = torch.tensor([[1, 0, 1], [0, 0, 1]]).to(weight_type)
    for given in (weight, weight[..., None], weight[..., None].expand(2, 3, 1)):
        loss = lp.joints_mse_loss(maps(shape), maps(shape, seed=1), given)
        expected = reference.joints_mse_loss(maps(shape), maps(shape, seed=1), weight)
        torch.testing.assert_close(loss, expected, rtol=LOSS_RTOL[torch.float32], atol=0)


def test_the_sum_keeps_float32_accuracy_on_large_maps():
    output = 1 + 1e-3 * maps((1, 1, 512, 2048))
    target = torch.zeros_like(output)
    exact = (output.double() ** 2).mean().item()
    assert lp.joints_mse_loss(output, target).item() == pytest.approx(exact, rel=1e-6)


@pytest.mark.usefixtures("device")
def test_nan_in_an_unweighted_joint_shows():
    output = maps((1, 2, 4, 4))
    output[0, 1, 2, 2] = math.nan
    loss = lp.joints_mse_loss(output, torch.zeros(1, 2, 4, 4), torch.tensor([[1.0, 0.0]]))
    assert loss.isnan()


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("size", [(8, 8), (3, 5), (96, 72)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_an_infinite_weight_counts_differences_alone(size, layout):
    """However a map is divided among threads, parts without a difference add nothing."""
    weight = torch.tensor([[math.inf, 1.0]])
    output = torch.zeros(1, 2, *size).contiguous(memory_format=layout)
    target = torch.zeros(1, 2, *size).contiguous(memory_format=layout)
    assert lp.joints_mse_loss(output, target, weight).item() == 0
    output[0, 0, 1, 1] = 1
    assert lp.joints_mse_loss(output, target, weight).item() == math.inf
    assert lp.joints_mse_loss(output, target, -weight).item() == -math.inf
    weight[0, 1] = math.nan
    assert lp.joints_mse_loss(output, target, weight).isnan()


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("shape", [(0, 6, 8, 8), (2, 0, 8, 8), (2, 6, 0, 8), (1, 0, 1, 1)])
def test_empty_input_has_no_loss(shape):
    output = torch.zeros(shape, requires_grad=True)
    loss = lp.joints_mse_loss(output, torch.zeros(shape), torch.ones(shape[:2]))
    loss.backward()
    assert loss.item() == 0
    assert output.grad.shape == shape
    last = torch.empty(shape, memory_format=torch.channels_last).requires_grad_()
    lp.joints_mse_loss(last, torch.zeros(shape), torch.ones(shape[:2])).backward()
    assert last.grad.shape == shape
    infinite = torch.full(shape[:2], math.inf)
    assert lp.joints_mse_loss(output.detach(), torch.zeros(shape), infinite).item() == 0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"target": torch.zeros(1, 2, 4, 5)}, ValueError, r"target must be \[B, K, H, W\] like"),
        (
            {"target": torch.zeros(1, 2, 4, 4).int()},
            TypeError,
            "target must be float32 or .*, got i",
        ),
        ({"output": torch.zeros(2, 4, 4)}, ValueError, r"output must be \[B, K, H, W\]"),
        ({"output": torch.zeros(1, 2, 4, 4).cfloat()}, TypeError, "output must be .* tensor of"),
        ({"output": [[1.0]]}, TypeError, "output must be a torch tensor, got list"),
        ({"output": [1.0]}, TypeError, "output must be a torch tensor, got float"),
        ({"output": ()}, ValueError, "output must be at least one torch tensor, got tuple of 0"),
        ({"target": torch.zeros(1, 2, 4, 4).to_sparse()}, TypeError, "target must be a dense"),
        ({"target_weight": torch.ones(2, 1)}, ValueError, r"target_weight must be \[B, K\]"),
        ({"target_weight": torch.ones(1, 2, 2)}, ValueError, "target_weight must be"),
        ({"target_weight": torch.ones(1, 2).requires_grad_()}, ValueError, "not require a grad"),
        ({"target_weight": 1.0}, TypeError, "target_weight must be a torch tensor, got float"),
        ({"loss_weight": math.inf}, ValueError, "loss_weight must be finite"),
        (
            {"preset": "mmpos"},
            ValueError,
            "preset must be 'document' or 'hrnet' or 'lower_body' or 'mmpose', got",
        ),
        ({"reduction": "add"}, ValueError, "reduction must be 'mean' or .*, got 'add'"),
    ],
)
def test_refusals_name_what_is_wrong(change, error, message):
    arguments = {"output": torch.zeros(1, 2, 4, 4), "target": torch.zeros(1, 2, 4, 4)} | change
    with pytest.raises(error, match=f"joints_mse_loss: .*{message}|{message}"):
        lp.joints_mse_loss(**arguments)


@pytest.mark.parametrize(
    ("preset", "expected"), [("document", 5), ("lower_body", 10), ("hrnet", 5)]
)
def test_weights_of_the_presets(preset, expected):
    """Squares 1 and 9 on a joint of weight 2 and on one of weight 0: 10 w / 4, 10 w^2 / 4, half."""
    output = torch.tensor([1.0, 3.0]).repeat(1, 2, 1, 1)
    weight = torch.tensor([[2.0, 0.0]])
    loss = lp.joints_mse_loss(output, torch.zeros(1, 2, 1, 2), weight, preset=preset)
    assert loss.item() == pytest.approx(expected)


def test_module():
    shape = (2, 3, 8, 8)
    output, target, weight = maps(shape), maps(shape, seed=1), weights(shape)
    weighted = lp.JointsMSELoss()
    assert weighted(output, target, weight) == lp.joints_mse_loss(output, target, weight)
    ignoring = lp.JointsMSELoss(use_target_weight=False)
    assert ignoring(output, target, weight) == lp.joints_mse_loss(output, target)
    assert repr(weighted) == "JointsMSELoss(use_target_weight=True, preset='document')"
    with pytest.raises(ValueError, match="target_weight must be a tensor"):
        weighted(output, target)
    hrnet = lp.JointsMSELoss(preset="hrnet", loss_weight=3)
    expected = lp.joints_mse_loss(output, target, weight, preset="hrnet", loss_weight=3)
    assert hrnet(output, target, weight) == expected
    assert repr(hrnet) == "JointsMSELoss(use_target_weight=True, preset='hrnet', loss_weight=3.0)"
    with pytest.raises(ValueError, match="JointsMSELoss: preset must be"):
        lp.JointsMSELoss(preset="nope")
