from __future__ import annotations

import math

import pytest
import torch

from python_models.models.resnet18 import ResNet18
from python_models.models.resnet18_fpn import ResNet18FPN
from python_models.models.resnet18_trunk import ResNet18Trunk
from tests.torchvision_resnet18 import features, trunk_shapes

TRUNK_PARAMETERS = 11_176_512


def parameters(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_the_trunk_has_torchvisions_keys_and_shapes():
    state = ResNet18Trunk().state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == trunk_shapes()


def test_the_written_keys_add_up_to_torchvisions_number():
    not_trained = ("running_mean", "running_var", "num_batches_tracked")
    trained = {k: v for k, v in trunk_shapes().items() if not k.endswith(not_trained)}
    assert len(trained) == 20 + 20 * 2  # convolutions; weight and bias of BatchNorm
    assert sum(math.prod(v) for v in trained.values()) == 11_689_512 - (512 * 1000 + 1000)


def test_the_trunk_equals_torchvisions_network_written_out():
    torch.manual_seed(0)
    trunk = ResNet18Trunk().double()
    for key, value in trunk.state_dict().items():
        if value.dim() == 1:  # BatchNorm, away from where it does nothing
            middle = 0 if key.endswith(("bias", "running_mean")) else 1
            value.uniform_(middle - 0.5, middle + 0.5)
    images = torch.randn(2, 3, 96, 64, dtype=torch.float64)
    with torch.no_grad():
        got = trunk.eval()(images)
        _, *expected = features(trunk.state_dict(), images)
    for a, b in zip(got, expected, strict=True):
        assert b.mean() > 0.1
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)  # sums in another order


def test_feature_sizes_of_the_document():
    model = ResNet18().eval()
    with torch.no_grad():
        c3, c4, c5 = model.trunk(torch.zeros(1, 3, 256, 192))
        assert c3.shape == (1, 128, 32, 24)
        assert c4.shape == (1, 256, 16, 12)
        assert c5.shape == (1, 512, 8, 6)
        assert model.upsample(c5).shape == (1, 256, 64, 48)


@pytest.mark.parametrize("self_attention", [False, True])
def test_feature_sizes_of_the_pyramid(self_attention):
    model = ResNet18FPN(self_attention=self_attention).eval()
    with torch.no_grad():
        fused = model.fuse(torch.zeros(1, 3, 256, 192))
        assert fused.shape == (1, 256, 32, 24)
        assert model.upsample(fused).shape == (1, 256, 64, 48)


def test_number_of_parameters_of_the_trunk():
    stem = 3 * 64 * 49
    layer1 = 4 * 64 * 64 * 9
    layer2 = (64 * 128 + 3 * 128 * 128) * 9 + 64 * 128
    layer3 = (128 * 256 + 3 * 256 * 256) * 9 + 128 * 256
    layer4 = (256 * 512 + 3 * 512 * 512) * 9 + 256 * 512
    norms = 2 * (64 + 4 * 64 + 5 * 128 + 5 * 256 + 5 * 512)
    assert stem + layer1 + layer2 + layer3 + layer4 + norms == TRUNK_PARAMETERS
    assert parameters(ResNet18Trunk()) == TRUNK_PARAMETERS


def test_number_of_parameters_of_the_baseline():
    transposed = (512 + 256 + 256) * 256 * 16 + 3 * 2 * 256
    last = 256 * 6 + 6
    assert TRUNK_PARAMETERS + transposed + last == 15_373_894
    assert parameters(ResNet18()) == 15_373_894
    assert parameters(ResNet18(17)) == 15_373_894 + 11 * 257


def test_number_of_parameters_of_the_pyramid():
    projections = (128 + 256 + 512) * 256 + 3 * 2 * 256
    transposed = 256 * 256 * 16 + 2 * 256
    last = 256 * 6 + 6
    assert TRUNK_PARAMETERS + projections + transposed + last == 12_458_054
    assert parameters(ResNet18FPN()) == 12_458_054
    attention = 2 * 256 + (256 * 768 + 768) + (256 * 256 + 256) + 1
    assert 12_458_054 + attention == 12_721_735
    assert parameters(ResNet18FPN(self_attention=True)) == 12_721_735


@pytest.mark.parametrize("model", [ResNet18Trunk, ResNet18, ResNet18FPN])
def test_the_trunk_starts_as_torchvision_starts_it(model):
    """N(0, 2 / fan_out): without it, ReLU would halve the gradient's variance in each layer."""
    torch.manual_seed(0)
    made = model()
    trunk = made if model is ResNet18Trunk else made.trunk
    for key, module in trunk.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            out, _, height, width = module.weight.shape
            expected = math.sqrt(2 / (out * height * width))
            # 9408 draws or more: 5 standard errors of a standard deviation.
            tolerance = 5 / math.sqrt(2 * module.weight.numel())
            assert module.weight.std().item() == pytest.approx(expected, rel=tolerance), key


def test_the_levels_are_added():
    """One level alone, then all: before ReLU the sum is the sum of the parts."""
    torch.manual_seed(0)
    model = ResNet18FPN().double().eval()
    for projection in model.projections:
        torch.nn.init.uniform_(projection[0].weight, 0, 0.1)  # c3, c4 and c5 are not negative
    images = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        together = model.fuse(images)
        parts = []
        for kept in range(3):
            alone = ResNet18FPN().double().eval()
            alone.load_state_dict(model.state_dict())
            for level, projection in enumerate(alone.projections):
                if level != kept:
                    projection[0].weight.zero_()
            parts.append(alone.fuse(images))
    assert all(part.max() > 0.1 for part in parts)
    torch.testing.assert_close(sum(parts), together, rtol=1e-12, atol=0)  # another order


def test_a_constant_level_stays_constant_when_brought_to_size():
    """Upsampling adds no border: what c5 says everywhere arrives everywhere."""
    model = ResNet18FPN().eval()
    c3, c4 = torch.zeros(1, 128, 8, 12), torch.zeros(1, 256, 4, 6)
    c5 = torch.ones(1, 512, 2, 3)
    model.trunk.forward = lambda _: (c3, c4, c5)
    torch.nn.init.constant_(model.projections[2][0].weight, 0.01)
    with torch.no_grad():
        fused = model.fuse(torch.zeros(1, 3, 64, 96))
    assert fused.shape == (1, 256, 8, 12)
    torch.testing.assert_close(fused, fused.mean().expand_as(fused))
    assert fused.mean() > 1
