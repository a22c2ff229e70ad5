"""The drop-in functions of kornia, against kornia itself and its older factor."""

from __future__ import annotations

import doctest

import pytest
import torch

from lowerpose_ops.compat import kornia as compat
from tests.compat_signatures import keyword_only, positional
from tests.heatmap_samples import maps

SIGNATURES = {
    "spatial_soft_argmax2d": "input, temperature=None, normalized_coordinates=True",
    "spatial_expectation2d": "input, normalized_coordinates=True",
    "render_gaussian2d": "mean, std, size, normalized_coordinates=True",
}


@pytest.fixture
def subpix():
    return pytest.importorskip("kornia").geometry.subpix


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name):
    assert positional(getattr(compat, name)) == SIGNATURES[name]
    assert keyword_only(getattr(compat, name)) in ({}, {"fixed": False})


def test_examples():
    results = doctest.testmod(compat, extraglobs={"torch": torch})
    assert results.attempted > 0
    assert results.failed == 0


def soft_argmax(heatmaps, temperature, normalized):
    """The older form: the temperature is a factor."""
    height, width = heatmaps.shape[2:]
    probability = torch.softmax(heatmaps.flatten(2) * temperature, -1).unflatten(2, (height, width))
    ends = (-1.0, 1.0) if normalized else None
    x, y = (torch.linspace(*(ends or (0, n - 1)), n, dtype=heatmaps.dtype) for n in (width, height))
    return torch.stack([(probability.sum(2) * x).sum(-1), (probability.sum(3) * y).sum(-1)], -1)


def both(function, plain, heatmaps, **tolerance):
    """Values and gradients are the same."""
    inputs = [heatmaps.clone().requires_grad_() for _ in range(2)]
    results = [each(tensor) for each, tensor in zip((function, plain), inputs, strict=True)]
    torch.testing.assert_close(*results, **tolerance)
    for result in results:
        result.cos().sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad, **tolerance)


@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("temperature", [None, 0.5, 10.0])
def test_soft_argmax_equals_the_older_form(temperature, normalized):
    heatmaps = maps((2, 3, 9, 7), dtype=torch.float64)
    both(
        lambda t: compat.spatial_soft_argmax2d(t, temperature, normalized),
        lambda t: soft_argmax(t, 1.0 if temperature is None else temperature, normalized),
        heatmaps,
    )


@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("temperature", [None, 0.5, torch.tensor(0.25)])
def test_fixed_is_the_newer_form(temperature, normalized, subpix):
    chosen = 1.0 if temperature is None else temperature
    both(
        lambda t: compat.spatial_soft_argmax2d(t, temperature, normalized, fixed=True),
        lambda t: subpix.spatial_soft_argmax2d(t, chosen, normalized),
        maps((2, 3, 9, 7), dtype=torch.float64),
    )


@pytest.mark.parametrize("normalized", [True, False])
def test_expectations_equal_kornias(normalized, subpix):
    both(
        lambda t: compat.spatial_expectation2d(t, normalized),
        lambda t: subpix.spatial_expectation2d(t, normalized),
        maps((2, 3, 9, 7), dtype=torch.float64),  # which need not sum to 1
    )


@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("shape", [(2,), (4, 2), (2, 3, 2)])
def test_gaussians_equal_kornias(normalized, shape, subpix):
    mean = 0.5 * maps(shape, dtype=torch.float64) if normalized else 4 + maps(shape).double()
    std = torch.full(shape, 0.4 if normalized else 1.5, dtype=torch.float64)
    std[..., 1] *= 2
    both(
        lambda t: compat.render_gaussian2d(t, std, (12, 10), normalized),
        lambda t: subpix.render_gaussian2d(t, std, (12, 10), normalized),
        mean,
        rtol=1e-6,  # 1e-8 in the denominator, which kornia has no more
        atol=1e-8,
    )


def test_dtypes():
    heatmaps = maps((1, 2, 8, 8)).half()
    assert compat.spatial_soft_argmax2d(heatmaps).dtype is torch.float16


def test_refusals():
    heatmaps = maps((1, 2, 8, 8))
    with pytest.raises(ValueError, match=r"input must be \[B, N, H, W\]"):
        compat.spatial_soft_argmax2d(heatmaps[0])
    with pytest.raises(ValueError, match="temperature must be positive"):
        compat.spatial_soft_argmax2d(heatmaps, 0.0, fixed=True)
    with pytest.raises(TypeError, match="input must be a torch tensor"):
        compat.spatial_expectation2d([[1.0]])
    with pytest.raises(ValueError, match=r"std must be \[\.\.\., 2\]"):
        compat.render_gaussian2d(torch.zeros(3, 2), torch.ones(3), (4, 4))
    with pytest.raises(TypeError, match=r"std must be torch\.float32"):
        compat.render_gaussian2d(torch.zeros(3, 2), torch.ones(3, 2).double(), (4, 4))
