"""How exactly a Gaussian is found, without noise and with it; and whether the covariance knows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import lowerpose_ops as lp
from lowerpose_ops.reference.heatmap_decode import dark_covariance
from tests.heatmap_samples import noisy_gaussians

# No unbiased estimate of the place of a Gaussian of height 1 in white noise of standard deviation s
# is better than s times this, along either axis (Cramer and Rao).
BOUND = math.sqrt(2 / math.pi)


def assert_calibrated(errors, covariance):
    errors, spread = errors[:, 0].astype(np.float64), covariance[:, 0].astype(np.float64)
    np.testing.assert_array_equal(spread[:, 0, 1], spread[:, 1, 0])
    distances = np.einsum("ni,nij,nj->n", errors, np.linalg.inv(spread), errors)
    # A share q of normal errors lies in the ellipse of squared size -2 ln(1 - q).
    for share, leeway in ((0.68, 0.03), (0.95, 0.02)):
        inside = (distances <= -2 * math.log(1 - share)).mean()
        assert abs(inside - share) <= leeway, (share, inside)


def exact_maps(count, noise=0.0, seed=0, sigma=2.0):
    """Gaussians about random places, 12 pixels and more from the border."""
    rng = np.random.default_rng(seed)
    joints = rng.uniform((12, 12), (35, 51), (count, 1, 2)).astype(np.float32)
    maps, _ = lp.gaussian_targets(joints, np.ones((count, 1)), (48, 64), sigma)
    return joints, maps + noise * rng.standard_normal(maps.shape, np.float32)


@pytest.mark.parametrize(
    ("refine", "most"),
    [
        ("none", 0.416),
        ("quarter", 0.208),
        ("gradient", 0.2),
        ("parabola", 0.0125),
        ("log_parabola", 1e-5),
        ("dark", 1e-3),
        ("dark_udp", 1e-4),
    ],
)
def test_exact_gaussians(refine, most):
    joints, maps = exact_maps(8000)
    coords, _ = lp.decode_heatmaps(maps, refine)
    error = np.sqrt(((coords - joints) ** 2).sum(-1).mean())
    assert error <= most
    # Not better than it can be: a pixel is uniform over a square, sqrt(1 / 6) from its middle.
    if refine == "none":
        assert error > math.sqrt(1 / 6) - 0.01


@pytest.mark.parametrize(
    ("sigma", "blur_kernel"), [(1.0, 11), (1.5, 11), (3.0, 11), (3.0, 17), (2.0, 3), (2.0, 7)]
)
def test_the_covariance_is_calibrated_whatever_the_blur(sigma, blur_kernel):
    """Also where another blur would find the joints more exactly."""
    joints, maps = exact_maps(8000, 0.02, sigma=sigma)
    coords, _, covariance = lp.decode_heatmaps(
        maps, "dark", covariance=True, blur_kernel=blur_kernel
    )
    assert_calibrated(coords - joints, covariance)


@pytest.mark.parametrize("noise", [0.01, 0.02, 0.05])
def test_dark_reaches_the_bound_and_its_covariance_is_calibrated(noise):
    joints, maps = exact_maps(8000, noise)
    coords, _, covariance = lp.decode_heatmaps(maps, "dark", covariance=True)
    errors = (coords - joints)[:, 0].astype(np.float64)
    assert np.sqrt((errors**2).mean()) <= 1.05 * noise * BOUND
    assert_calibrated(coords - joints, covariance)


def test_the_covariance_turns_with_the_gaussian():
    """A slanted Gaussian of standard deviations 3 and 1.5."""
    angle, noise = 0.5, 0.02
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shape = turn @ np.diag([9.0, 2.25]) @ turn.T
    rng = np.random.default_rng(0)
    centers = rng.uniform((20, 28), (28, 36), (8000, 2))
    pixels = np.stack(np.meshgrid(np.arange(48), np.arange(64)), -1)
    away = pixels[None] - centers[:, None, None]
    maps = np.exp(-0.5 * np.einsum("nyxi,ij,nyxj->nyx", away, np.linalg.inv(shape), away))
    maps = maps + noise * rng.standard_normal(maps.shape)
    coords, _, covariance = lp.decode_heatmaps(maps.astype(np.float32), "dark", covariance=True)
    # Of 8000 errors, whose variances are known to sqrt(2 / 8000) = 1.6 %: three times that.
    np.testing.assert_allclose(covariance.mean(0), np.cov(coords.T - centers.T), rtol=0.05)


@pytest.mark.usefixtures("array_device")
def test_the_covariance_equals_its_reference():
    # In the smaller ones the blur reaches beyond the border.
    for shape in ((30, 2, 24, 20), (30, 2, 10, 12)):
        check_covariance(noisy_gaussians(shape, noise=0.1))


def check_covariance(heatmaps):
    _, _, covariance = lp.decode_heatmaps(heatmaps, "dark", covariance=True)
    expected = dark_covariance(heatmaps)
    assert expected.isfinite().float().mean() > 0.8
    # The reference takes the joint as float32 has it.
    torch.testing.assert_close(covariance, expected, rtol=1e-4, atol=1e-9, equal_nan=True)


@pytest.mark.usefixtures("array_device")
def test_where_there_is_no_covariance():
    _, maps = exact_maps(5, 0.01)
    border = np.zeros((64, 48), np.float32)
    border[1, 20] = 1
    pixel, flat, broken = np.zeros_like(border), np.ones_like(border), border.copy()
    pixel[30, 20] = 1  # sharper than the blur
    broken[5, 5] = np.nan
    maps[1:, 0] = border, pixel, flat, broken
    covariance = lp.decode_heatmaps(maps, "dark", covariance=True)[2]
    assert np.isfinite(covariance[0]).all()
    assert np.isnan(covariance[1:]).all()


@pytest.mark.usefixtures("array_device")
def test_a_second_peak_makes_the_covariance_large():
    _, maps = exact_maps(1, 0.01)
    alone = lp.decode_heatmaps(maps, "dark", covariance=True)[2]
    other, _ = lp.gaussian_targets(np.array([[[4.0, 4.0]]]), np.ones((1, 1)), (48, 64))
    both = lp.decode_heatmaps(maps + 0.9 * other, "dark", covariance=True)[2]
    assert (np.linalg.det(both) > 50 * np.linalg.det(alone)).all()


@pytest.mark.usefixtures("array_device")
def test_the_covariance_scales_with_noise_and_height():
    _, clean = exact_maps(2)
    _, noisy = exact_maps(2, 0.01)
    noise = noisy - clean
    base, louder, higher = (
        lp.decode_heatmaps(m, "dark", covariance=True)[2]
        for m in (noisy, clean + 2 * noise, 5 * noisy)
    )
    # Twice the noise also moves the fit.
    np.testing.assert_allclose(louder, 4 * base, rtol=0.05, atol=0.05 * 4 * base.max())
    np.testing.assert_allclose(higher, base, rtol=1e-4)
