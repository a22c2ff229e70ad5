"""The soft argmax: known numbers, the reference, values that are none, layouts, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.reference import soft_argmax as reference
from tests.heatmap_samples import far_apart, maps
from tests.tolerances import SOFT_ARGMAX_TOLERANCE

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def exact(heatmaps, beta, **options):
    """The formula in float64, on the values that the maps really have."""
    if isinstance(beta, torch.Tensor):
        beta = beta.double()
    return reference.soft_argmax2d(heatmaps.double(), beta, **options)


def check_same(heatmaps, beta, **options):
    coords = lp.soft_argmax2d(heatmaps, beta, **options)
    is_double = heatmaps.dtype is torch.float64
    assert coords.dtype == (torch.float64 if is_double else torch.float32)
    expected = exact(heatmaps, beta, **options).to(coords.dtype)
    size = max(heatmaps.shape[2:]) if not options.get("normalized") else 1
    tolerance = SOFT_ARGMAX_TOLERANCE[coords.dtype] * size
    torch.testing.assert_close(coords, expected, rtol=0, atol=tolerance, equal_nan=True)
    return coords


def peaks(joints, size=(48, 48)):
    """Gaussians of sigma 2 and height 1."""
    joints = torch.as_tensor(joints, dtype=torch.float32, device="cpu")
    visible = torch.ones(joints.shape[:2], device="cpu")
    heatmaps, _ = lp.gaussian_targets(joints.numpy(), visible.numpy(), size)
    return torch.tensor(heatmaps)


# Known numbers --------------------------------------------------------------------------------


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize(("height", "x"), [(1.0, 20.008), (0.3, 20.19), (0.1, 20.45)])
def test_the_place_depends_on_the_height_of_the_peak(height, x):
    """The lower-body project's beta of 100, on a peak at 20.3."""
    coords = lp.soft_argmax2d(height * peaks([[[20.3, 30.0]]], (48, 64)), 100.0)
    assert coords[0, 0, 0].item() == pytest.approx(x, abs=0.005)  # the number's last place


@pytest.mark.parametrize(
    ("beta", "error"), [(100.0, 0.31), (25.0, 0.077), (15.0, 0.019), (10.0, 0.76)]
)
def test_the_error_on_exact_gaussians(beta, error):
    """At 10 it grows with the distance from the centre of the map: the tolerance is for that."""
    joints = np.random.default_rng(0).uniform(6, 42, (500, 4, 2)).astype(np.float32)
    heatmaps, _ = lp.gaussian_targets(joints, np.ones((500, 4)), (48, 64))
    distance = ((lp.soft_argmax2d(heatmaps, beta) - joints) ** 2).sum(-1)
    assert math.sqrt(distance.mean()) == pytest.approx(error, rel=0.03)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("beta", [100.0, 0.0, -3.0])
def test_a_map_without_a_peak_gives_its_centre(beta):
    heatmaps = torch.full((1, 2, 64, 48), 0.25)
    assert lp.soft_argmax2d(heatmaps, beta).tolist() == [[[23.5, 31.5]] * 2]
    assert lp.soft_argmax2d(heatmaps, beta, normalized=True).abs().max() < 1e-7


@pytest.mark.usefixtures("device")
def test_normalized_is_minus_one_to_one_at_the_outer_pixels():
    corners = torch.zeros(4, 8, 6)
    for map_, (y, x) in zip(corners, ((0, 0), (0, 5), (7, 0), (7, 5)), strict=True):
        map_[y, x] = 1e6
    assert lp.soft_argmax2d(corners, 1.0).tolist() == [[0, 0], [5, 0], [0, 7], [5, 7]]
    normalized = lp.soft_argmax2d(corners, 1.0, normalized=True)
    assert normalized.tolist() == [[-1, -1], [1, -1], [-1, 1], [1, 1]]


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("size", [(1, 1), (1, 4), (4, 1)])
def test_an_axis_of_one_pixel(size):
    heatmaps = maps((2, 3, *size))
    coords = check_same(heatmaps, 2.0)
    normalized = check_same(heatmaps, 2.0, normalized=True)
    for axis, length in ((0, size[1]), (1, size[0])):
        if length == 1:
            assert (coords[..., axis] == 0).all()
            assert (normalized[..., axis] == -1).all()


# The reference --------------------------------------------------------------------------------


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [(16, 12), (7, 9), (3, 33), (2, 600)])
def test_any_layout_and_type(size, dtype):
    plain = (3 * maps((2, 3, *size))).to(dtype)
    wide = torch.zeros(2, 4, size[0], 3 * size[1], dtype=dtype)
    wide[:, 1:, :, ::3] = plain
    for beta, normalized in ((1.5, False), (-4.0, True)):
        coords = check_same(plain, beta, normalized=normalized)
        for heatmaps in (
            plain.contiguous(memory_format=torch.channels_last),
            plain.transpose(2, 3).contiguous().transpose(2, 3),
            wide[:, 1:, :, ::3],
            plain.flip(3)[..., :].flip(3),
        ):
            check_same(heatmaps, beta, normalized=normalized)
        one = lp.soft_argmax2d(plain[1], beta, normalized=normalized)
        torch.testing.assert_close(one, coords[1], rtol=0, atol=0)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.float16, torch.int64])
def test_beta_as_a_tensor(kind):
    heatmaps = maps((2, 3, 8, 9))
    for beta in (torch.tensor(2), torch.tensor([3]), torch.tensor([2, -1, 5])):
        check_same(heatmaps, beta.to(kind))
    per_joint = torch.tensor([[2.0, -1.0, 5.0], [0.0, 0.0, 0.0]]).T[:, 0]  # with a stride
    check_same(heatmaps, per_joint)


@pytest.mark.usefixtures("device")
@given(
    data=st.data(),
    height=st.integers(1, 5),
    width=st.integers(1, 20),
    beta=st.sampled_from([-2.0, 0.5, 7.0]),
)
def test_infinities_and_nan(data, height, width, beta):
    few_values = st.sampled_from([-1.0, 0.0, 0.5, 1.0, -np.inf, -np.inf, np.inf, np.nan])
    values = data.draw(st.lists(few_values, min_size=height * width, max_size=height * width))
    check_same(torch.tensor(values).reshape(1, 1, height, width), beta)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("beta", [1e30, 1e300, -1e300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_huge_product_does_not_overflow(beta, dtype):
    heatmaps = torch.zeros(1, 2, 6, 40, dtype=dtype)
    sign = math.copysign(1, beta)
    heatmaps[0, 0, 4, 33] = sign * 1e30
    heatmaps[0, 1, 1, 3:5] = sign * 1e-3  # two equal peaks
    heatmaps.requires_grad_()
    coords = lp.soft_argmax2d(heatmaps, beta)
    assert coords.tolist() == [[[33.0, 4.0], [3.5, 1.0]]]
    assert lp.soft_argmax2d(heatmaps * 1e8, abs(beta) ** 0.5 * sign)[0, 0].tolist() == [33.0, 4.0]
    (gradient,) = torch.autograd.grad(coords[:, 0].sum(), heatmaps)
    assert not gradient.any()


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_beta_that_is_not_finite_shows(value):
    assert lp.soft_argmax2d(maps((1, 2, 4, 4)), torch.tensor(value)).isnan().all()


@pytest.mark.usefixtures("device")
def test_small_probabilities_are_right_to_the_last_places():
    """Of two pixels, x is e / (1 + e): the exponential errs by 1e-7 of itself, a GPU's by 2."""
    exponents = -torch.arange(0, 87, 0.29)
    heatmaps = torch.stack([torch.zeros_like(exponents), exponents], 1)[None, :, None]
    x = lp.soft_argmax2d(heatmaps, 1.0)[0, :, 0]
    expected = exponents.double().exp() / (1 + exponents.double().exp())
    torch.testing.assert_close(x.double(), expected, rtol=3e-7, atol=0)


@pytest.mark.usefixtures("device")
def test_the_maximum_may_come_late():
    """Sums of smaller maxima are related to the larger ones that follow."""
    rising = torch.linspace(-50, 50, 40 * 48).reshape(1, 1, 40, 48)
    for heatmaps in (rising, -rising, rising.transpose(2, 3)):
        check_same(heatmaps, 1.0)
    behind = torch.full((1, 1, 40, 48), -math.inf)
    behind[0, 0, 39, 40:] = torch.arange(8.0)
    check_same(behind, 1.0)
    check_same(-behind, -1.0)


@pytest.mark.usefixtures("device")
def test_offsets_beyond_32_bits():
    check_same(far_apart(maps((2, 3, 8, 8)).half()), 2.0)


@pytest.mark.usefixtures("device")
def test_empty():
    assert lp.soft_argmax2d(torch.zeros(0, 6, 8, 8), 1.0).shape == (0, 6, 2)
    assert lp.soft_argmax2d(torch.zeros(2, 0, 8, 8), 1.0).shape == (2, 0, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_numpy_and_torch_give_the_same_bits(dtype, array_device):
    heatmaps = np.random.default_rng(0).standard_normal((2, 3, 20, 24)).astype(dtype)
    for beta in (2.0, np.float32(3), np.array(2.0), np.array([1.0, -2.0, 3.0])):
        tensor_beta = torch.tensor(beta) if isinstance(beta, np.ndarray) else float(beta)
        for given_maps in (heatmaps, heatmaps[:, :, ::-1, ::2], heatmaps[0]):
            array = lp.soft_argmax2d(given_maps, beta, normalized=True)
            tensor = lp.soft_argmax2d(
                torch.tensor(given_maps.copy()), tensor_beta, normalized=True
            ).numpy()
            assert array.dtype == tensor.dtype
            # On a GPU strided maps are added up in another order than contiguous ones.
            same = given_maps.flags.c_contiguous or array_device == "cpu"
            atol = 0 if same else SOFT_ARGMAX_TOLERANCE[torch.float32]
            np.testing.assert_allclose(array, tensor, rtol=0, atol=atol)


# Refusals -------------------------------------------------------------------------------------

MAPS = torch.zeros(1, 3, 4, 4)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"heatmaps": torch.zeros(4, 4)}, ValueError, r"heatmaps must be \[K, H, W\] or \[B, K"),
        ({"heatmaps": torch.zeros(1, 1, 0, 4)}, ValueError, "heatmaps must be maps of at least"),
        ({"heatmaps": MAPS.int()}, TypeError, "heatmaps must be float32 or float16"),
        ({"heatmaps": [0.0]}, TypeError, "heatmaps must be a NumPy array or a torch tensor"),
        ({"beta": torch.ones(2)}, ValueError, r"beta must be one number or \[K\] = \[3\], got"),
        ({"beta": torch.ones(1, 1)}, ValueError, r"beta must be one number or \[K\], got \[1, 1"),
        ({"beta": torch.ones(0)}, ValueError, r"beta must be one number or \[K\] = \[3\], got"),
        ({"beta": math.inf}, ValueError, "beta .* must be finite, got inf"),
        ({"beta": np.float32(math.inf)}, ValueError, "beta .* must be finite, got inf"),
        ({"beta": None}, TypeError, "beta .* must be a number, got None"),
        ({"beta": np.ones(3)}, TypeError, "beta .* must be a number, got ndarray"),
        ({"beta": torch.ones(3, device="meta")}, ValueError, "beta must be on cpu like heatmaps"),
        ({"normalized": 1}, TypeError, "normalized must be True or False, got int"),
        ({"heatmaps": MAPS.numpy(), "beta": torch.ones(3)}, TypeError, "beta .* got Tensor"),
    ],
)
def test_refusals_name_what_is_wrong(changed, error, message):
    with pytest.raises(error, match=f"soft_argmax2d: {message}"):
        lp.soft_argmax2d(**{"heatmaps": MAPS, "beta": 1.0} | changed)


def test_beta_has_no_default():
    with pytest.raises(TypeError, match="beta"):
        lp.soft_argmax2d(MAPS)
