"""Every 16-bit number, and the rounding of floats to them, through operations that convert."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lowerpose_ops as lp

HALVES = [torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", HALVES)
def test_every_number_is_read_as_torch_reads_it(dtype):
    """A map of one pixel decodes to its value as a float32 score."""
    bits = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16)
    values = bits.view(dtype)
    _, scores = lp.decode_heatmaps(values.reshape(256, 256, 1, 1), "none")
    torch.testing.assert_close(scores.flatten(), values.float(), rtol=0, atol=0, equal_nan=True)
    _, weights = lp.gaussian_targets(
        torch.zeros(256, 256, 2), values.reshape(256, 256), (1, 1), preset="hrnet"
    )
    torch.testing.assert_close(
        weights.flatten(), values.float().nan_to_num(0, 0, 0), rtol=0, atol=0
    )


@pytest.mark.parametrize("dtype", HALVES)
def test_every_kind_of_float_is_rounded_as_torch_rounds_it(dtype):
    """The gradient of (o - 0)^2 with weight n / 2 is o itself, rounded to o's type.

    float64 weights make any product; the output carries powers of two alone, so that the gradient
    before rounding is an arbitrary float32.
    """
    rng = np.random.default_rng(0)
    exponents = rng.integers(-160, 140, 20000)
    values = torch.tensor(rng.uniform(1, 2, 20000) * 2.0**exponents, dtype=torch.float32)
    ties = (torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16)).view(dtype).float()
    between = (ties[:-1] + ties[1:]) / 2  # exactly half way
    values = torch.cat([values, -values, ties, between])
    values = values[values.isfinite()]
    output = torch.ones(len(values), 1, 1, 1, dtype=dtype, requires_grad=True)
    weight = values.double().reshape(-1, 1) / 2
    loss = lp.joints_mse_loss(output, torch.zeros_like(output), weight, loss_weight=len(values))
    (gradient,) = torch.autograd.grad(loss, output)
    torch.testing.assert_close(gradient.flatten(), values.to(dtype), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, np.float16])
def test_targets_in_float16(dtype):
    joints = np.random.default_rng(0).uniform(-5, 70, (4, 6, 2))
    given = joints if dtype is np.float16 else torch.tensor(joints)
    ones = given[..., 0] * 0 + 1
    for preset in ("exact", "lower_body"):
        exact, _ = lp.gaussian_targets(given, ones, (48, 64), preset=preset)
        half, _ = lp.gaussian_targets(given, ones, (48, 64), preset=preset, dtype=dtype)
        assert half.dtype == dtype
        np.testing.assert_array_equal(np.asarray(half), np.asarray(exact).astype(np.float16))


def test_small_numbers_survive_flushing():
    """Subnormal in float16, normal in float32: torch reads them so, whatever the processor does."""
    values = torch.full((1, 1, 2, 4), 5e-5, dtype=torch.float16)
    assert torch.set_flush_denormal(True)
    try:
        _, score = lp.decode_heatmaps(values, "none")
        loss = lp.joints_mse_loss(values, torch.zeros(1, 1, 2, 4), reduction="sum")
    finally:
        torch.set_flush_denormal(False)
    assert score.item() == values.float().max().item()
    assert loss.item() == pytest.approx(8 * score.item() ** 2, rel=1e-6)  # float32's rounding
