from __future__ import annotations

import math

import pytest
import torch

from python_models.models.resnet18_fpn import ResNet18FPN
from python_models.models.self_attention import SelfAttention


def attending(channels: int, heads: int) -> SelfAttention:
    torch.manual_seed(0)
    attention = SelfAttention(channels, heads).double()
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.uniform_(-1, 1)
    return attention


def written_out(attention: SelfAttention, x: torch.Tensor) -> torch.Tensor:
    """One image [C, H, W], place by place and head by head."""
    channels, height, width = x.shape
    size = channels // attention.heads
    places = x.reshape(channels, -1).T
    mean, var = places.mean(1, keepdim=True), places.var(1, correction=0, keepdim=True)
    normed = (places - mean) / (var + 1e-5).sqrt() * attention.norm.weight + attention.norm.bias
    linear = attention.query_key_value
    q, k, v = (normed @ linear.weight.T + linear.bias).split(channels, dim=1)
    heard = torch.zeros_like(places)
    for head in range(attention.heads):
        part = slice(head * size, (head + 1) * size)
        for place in range(height * width):
            scores = (k[:, part] @ q[place, part]) / math.sqrt(size)
            weights = scores.exp() / scores.exp().sum()
            heard[place, part] = weights @ v[:, part]
    told = heard @ attention.output.weight.T + attention.output.bias
    return x + attention.gain * told.T.reshape(x.shape)


@pytest.mark.parametrize(("channels", "heads"), [(8, 1), (8, 2), (12, 4)])
def test_equals_the_formula_written_out(channels, heads):
    attention = attending(channels, heads)
    x = torch.randn(2, channels, 3, 5, dtype=torch.float64)
    with torch.no_grad():
        got = attention(x)
        expected = torch.stack([written_out(attention, image) for image in x])
    assert (got - x).abs().max() > 0.1
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-13)  # sums in another order


def test_every_place_hears_every_other():
    attention = attending(8, 2)
    x = torch.randn(1, 8, 4, 6, dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(attention(x)[0, :, 0, 0].sum(), x)
    assert (grad.abs().sum(1) > 0).all()


def test_places_carry_no_order():
    """Documented: nothing encodes the place itself."""
    attention = attending(8, 2)
    x = torch.randn(1, 8, 4, 6, dtype=torch.float64)
    with torch.no_grad():
        turned = attention(x.flip(3)).flip(3)
        torch.testing.assert_close(turned, attention(x), rtol=0, atol=1e-13)


@pytest.mark.parametrize("heads", [0, 3])
def test_heads_that_do_not_divide_are_refused(heads):
    with pytest.raises(ValueError, match=f"heads must divide the 256 channels, got {heads}"):
        SelfAttention(256, heads)


@pytest.mark.parametrize("training", [False, True])
def test_training_starts_from_the_plain_pyramid(training):
    torch.manual_seed(0)
    plain = ResNet18FPN().train(training)
    torch.manual_seed(0)
    attentive = ResNet18FPN(self_attention=True).train(training)
    for key, value in plain.state_dict().items():
        assert torch.equal(attentive.state_dict()[key], value), key
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        assert torch.equal(attentive(images), plain(images))
        attentive.attention.gain.fill_(1.0)
        assert not torch.equal(attentive(images), plain(images))


def test_the_gain_leaves_0_and_the_rest_follows():
    torch.manual_seed(0)
    model = ResNet18FPN(self_attention=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    before = model.attention.query_key_value.weight.clone()
    images = torch.randn(2, 3, 64, 64)
    for _ in range(3):
        optimizer.zero_grad()
        model(images).sub(1).square().mean().backward()
        optimizer.step()
    assert model.attention.gain.item() != 0
    assert not torch.equal(model.attention.query_key_value.weight, before)
