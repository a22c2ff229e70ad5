"""What all heatmap models have in common."""

from __future__ import annotations

import copy
import re

import pytest
import torch

from python_models.models.registry import MODELS
from python_models.models.self_attention import SelfAttention

RESNETS = sorted(set(MODELS) - {"dilated_cnn"})


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def mixed(model: torch.nn.Module) -> torch.nn.Module:
    """Sets what starts at 0 or 1 to something else, so that every part takes part.

    Weights near 0 would leave the output near its bias, where a comparison says little.
    """
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
            elif isinstance(module, SelfAttention):
                module.gain.fill_(0.5)
            elif isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
                torch.nn.init.kaiming_normal_(module.weight)
    return model


def settled(name: str, dtype: torch.dtype = torch.float64) -> torch.nn.Module:
    """A model in eval mode whose BatchNorm has seen a batch, so that its values are moderate."""
    model = mixed(MODELS[name](num_joints=3)).to(dtype)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0  # all of this batch
    with torch.no_grad():
        model(torch.randn(4, 3, 96, 64, dtype=dtype))
    return model.eval()


def test_names():
    assert sorted(MODELS) == ["dilated_cnn", "resnet18", "resnet18_fpn", "resnet18_fpn_attention"]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("num_joints", "height", "width"),
    [(6, 256, 192), (17, 128, 96), (1, 32, 32), (6, 64, 224), (133, 32, 64)],
)
def test_heatmaps_have_a_quarter_of_the_size(name, num_joints, height, width):
    model = MODELS[name](num_joints=num_joints).eval()
    with torch.no_grad():
        heatmaps = model(torch.randn(2, 3, height, width))
    assert heatmaps.shape == (2, num_joints, height // 4, width // 4)
    assert heatmaps.dtype == torch.float32


def test_dilated_cnn_takes_any_multiple_of_4():
    model = MODELS["dilated_cnn"](num_joints=6).eval()
    assert model(torch.zeros(1, 3, 4, 52)).shape == (1, 6, 1, 13)


@pytest.mark.parametrize(
    "shape",
    [
        (2, 3, 250, 192),
        (2, 3, 256, 190),
        (2, 3, 0, 32),
        (2, 1, 256, 192),
        (3, 256, 192),
    ],
)
@pytest.mark.parametrize("name", MODELS)
def test_other_images_are_refused(name, shape):
    multiple = 4 if name == "dilated_cnn" else 32
    message = f"H and W multiples of {multiple}, got {shape}"
    with pytest.raises(ValueError, match=re.escape(message)):
        MODELS[name](num_joints=6).eval()(torch.zeros(shape))


@pytest.mark.parametrize("name", RESNETS)
@pytest.mark.parametrize("size", [(256, 100), (48, 32), (4, 4)])
def test_the_resnets_refuse_other_multiples_of_4(name, size):
    """A ResNet would give heatmaps of another size than a quarter, and silently."""
    with pytest.raises(ValueError, match="multiples of 32"):
        MODELS[name](num_joints=6).eval()(torch.zeros(1, 3, *size))


@pytest.mark.parametrize("name", MODELS)
def test_bytes_are_refused(name):
    with pytest.raises(TypeError, match=r"normalised floating point, got torch\.uint8"):
        MODELS[name](num_joints=6)(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))


@pytest.mark.parametrize("name", MODELS)
def test_no_joints_are_refused(name):
    with pytest.raises(ValueError, match="num_joints must be at least 1, got 0"):
        MODELS[name](num_joints=0)


@pytest.mark.parametrize("name", MODELS)
def test_gradients_reach_every_parameter(name):
    model = mixed(MODELS[name](num_joints=3)).train()
    model(torch.randn(2, 3, 64, 64)).square().mean().backward()
    without = [
        key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0
    ]
    assert without == []


@pytest.mark.parametrize("name", MODELS)
def test_gradients_reach_every_parameter_at_the_start(name):
    """The gain starts at 0: only what stands behind it waits for its first step."""
    model = MODELS[name](num_joints=3).train()
    model(torch.randn(2, 3, 64, 64)).sub(1).square().mean().backward()
    without = [key for key, p in model.named_parameters() if not p.grad.abs().sum() > 0]
    waiting = [
        key
        for key, _ in model.named_parameters()
        if key.startswith("attention.") and key != "attention.gain"
    ]
    assert without == waiting


@pytest.mark.parametrize("name", MODELS)
def test_channels_last_gives_the_same_numbers(name):
    model = settled(name)
    images = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    with torch.no_grad():
        expected = model(images)
        model.to(memory_format=torch.channels_last)
        got = model(images.contiguous(memory_format=torch.channels_last))
    assert expected.std() > 0.1
    # Sums in another order: 1e-16 of values of about 1, over some 40 layers.
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", MODELS)
def test_eval_repeats_itself_and_keeps_images_apart(name):
    model = settled(name)
    images = torch.randn(3, 3, 64, 32, dtype=torch.float64)
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        first, second, alone = model(images), model(images), model(images[1:2])
    assert torch.equal(first, second)
    torch.testing.assert_close(alone, first[1:2], rtol=0, atol=1e-11)  # sums in another order
    assert (first[0] - first[1]).abs().max() > 0.1
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize("name", MODELS)
def test_state_dict_round_trip(name, tmp_path):
    model = settled(name, torch.float32)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other = MODELS[name](num_joints=3).eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert not torch.equal(other(images), model(images))
        other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
        assert torch.equal(other(images), model(images))


@pytest.mark.parametrize("name", MODELS)
def test_a_seed_gives_the_weights(name):
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return torch.cat([p.flatten() for p in MODELS[name](num_joints=2).parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@pytest.mark.parametrize("name", MODELS)
def test_batch_norm_starts_as_usual(name):
    norms = [m for m in MODELS[name](num_joints=6).modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms
    for norm in norms:
        assert norm.momentum == 0.1
        assert norm.weight.eq(1).all()
        assert not norm.bias.any()


@pytest.mark.parametrize("name", RESNETS)
def test_new_convolutions_start_small(name):
    model = MODELS[name](num_joints=6)
    new = [
        m
        for key, m in model.named_modules()
        if isinstance(m, (torch.nn.Conv2d, torch.nn.ConvTranspose2d))
        and key.split(".")[0] != "trunk"
    ]
    assert len(new) == (4 if name == "resnet18" else 5)
    for convolution in new:
        # N independent draws: the standard deviation is known to 1 / sqrt(2 N), 5 of that here.
        n = convolution.weight.numel()
        assert convolution.weight.std().item() == pytest.approx(0.001, rel=5 / (2 * n) ** 0.5)
        assert convolution.weight.mean().item() == pytest.approx(0, abs=5 * 0.001 / n**0.5)
        assert convolution.bias is None or not convolution.bias.any()


@pytest.mark.parametrize("name", MODELS)
def test_bfloat16_autocast_stays_near(name):
    model = settled(name, torch.float32)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = model(images)
        with torch.autocast("cpu", torch.bfloat16):
            got = model(images)
    # 8 bits of mantissa, in some 40 layers of random sums: a tenth of the spread.
    assert (got.float() - expected).std() < 0.1 * expected.std()
