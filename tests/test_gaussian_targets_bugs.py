"""Each preset's numbers, and its bugs: there as they are, and gone with fixed=True."""

from __future__ import annotations

import numpy as np
import pytest

import lowerpose_ops as lp
from lowerpose_ops import presets
from tests.gaussian_scenes import SIZE

pytestmark = pytest.mark.usefixtures("array_device")

WINDOWED = ["lower_body", "hrnet", "mmpose_msra", "mmpose_udp"]
FROM_EDGE = ["hrnet", "mmpose_msra", "mmpose_udp"]


def draw_one(x, y, sigma=2.0, preset="lower_body", visible=1.0, **options):
    joints = np.array([[[x, y]]], np.float32)
    seen = np.full((1, 1), visible)
    targets, weights = lp.gaussian_targets(joints, seen, SIZE, sigma, preset=preset, **options)
    return targets[0, 0], float(weights[0, 0, 0])


def peak_column(x, sigma, preset, **options):
    target, weight = draw_one(x, 30, sigma, preset, **options)
    assert weight == 1
    return int(target[30].argmax())


# Numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("preset", WINDOWED)
def test_numbers_away_from_the_border(preset, fixed):
    x, y = (20, 30) if preset == "mmpose_udp" else (20.3, 30.4)  # the centre is (20, 30)
    target, weight = draw_one(x, y, preset=preset, fixed=fixed)
    assert weight == 1
    assert target[30, 20] == 1
    assert target[30, 21] == pytest.approx(0.8824969, abs=5e-8)
    assert target[31, 21] == pytest.approx(0.7788007, abs=1e-7)
    assert target[30, 26] == pytest.approx(0.011108996, abs=5e-10)
    assert target[36, 26] == pytest.approx(1.2341e-4, abs=5e-9)
    assert target.sum(dtype=np.float64) == pytest.approx(25.08129, abs=5e-6)
    assert np.count_nonzero(target) == 169


@pytest.mark.parametrize(
    ("preset", "left_sum", "right_sum"),
    [
        *((preset, 0.276, 10.037) for preset in ("lower_body", "hrnet", "mmpose_msra")),
        ("mmpose_udp", 0.067, 12.523),
        ("exact", 0.069, 12.566),
    ],
)
def test_numbers_at_the_borders(preset, left_sum, right_sum):
    left, weight = draw_one(-6.0, 30.0, preset=preset)  # centre -5: columns 0 and 1 are in reach
    assert weight == 1
    if preset != "exact":
        assert np.flatnonzero(left.any(0)).tolist() == [0, 1]
    assert left.sum() == pytest.approx(left_sum, abs=5e-4)
    right, weight = draw_one(47.5, 30.0, preset=preset)  # centre 48, one column beyond the map
    assert weight == 1
    assert right.sum() == pytest.approx(right_sum, abs=5e-4)


@pytest.mark.parametrize("fixed", [False, True])
def test_the_kernel_of_hourglass(fixed):
    target, weight = draw_one(20.9, 30.9, 1.0, "hourglass", fixed=fixed)  # nothing is added
    assert weight == 1
    assert np.unravel_index(target.argmax(), target.shape) == (30, 20)
    assert np.flatnonzero(target.any(0)).tolist() == list(range(16, 25))
    assert np.flatnonzero(target.any(1)).tolist() == list(range(26, 35))
    assert np.count_nonzero(target) == 81
    assert target[30, 24] == pytest.approx(np.exp(-8), rel=1e-6)


def test_udp_is_drawn_at_the_exact_joint():
    target, _ = draw_one(20.25, 30, preset="mmpose_udp")
    assert target[30, 20] == pytest.approx(np.exp(-(0.25**2) / 8), rel=1e-6)
    assert target[30, 14] == pytest.approx(np.exp(-(6.25**2) / 8), rel=1e-6)
    assert np.flatnonzero(target.any(0)).tolist() == list(range(14, 27))


# Bugs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", WINDOWED)
def test_truncation_draws_small_negative_coordinates_at_zero(preset):
    def columns(**options):
        target, _ = draw_one(-1.2, 30, preset=preset, **options)
        return np.flatnonzero(target.any(0)).tolist()

    if preset != "mmpose_udp":  # whose window alone is moved
        assert draw_one(-1.2, 30, preset=preset)[0][30, 0] == 1
        assert draw_one(-1.2, 30, preset=preset, fixed=True)[0][30, 0] < 1
    assert columns() == list(range(7))  # about column 0 ...
    assert columns(fixed=True) == list(range(6))  # ... and about -1


def test_hourglass_draws_rows_above_the_map_at_zero():
    target, weight = draw_one(20, -0.9, 1.0, "hourglass")
    assert weight == 1
    assert target[0, 20] == 1
    target, weight = draw_one(20, -0.9, 1.0, "hourglass", fixed=True)
    assert weight == 0
    assert not target.any()


@pytest.mark.parametrize("preset", FROM_EDGE)
@pytest.mark.parametrize(
    ("x", "sigma", "peak"),
    [
        *((20, sigma, 19) for sigma in (1.1, 1.7, 3.1)),
        *((2, sigma, 3) for sigma in (1.5, 2.5, 1.25)),
        (20, 1.5, 20),
        (20, 2.0, 20),
    ],
)
def test_the_peak_lies_beside_the_joint(preset, x, sigma, peak):
    """At c - 1 where 3 sigma has a fraction below 0.5, at c + 1 near the left border above it."""
    assert peak_column(x, sigma, preset) == peak
    assert peak_column(x, sigma, preset, fixed=True) == x


@pytest.mark.parametrize(("x", "sigma", "peak"), [(20, 1.1, 19.3), (2, 1.25, 2.75)])
def test_the_peak_of_hourglass_lies_between_pixels(x, sigma, peak):
    """At 3 sigma + 1 from the first pixel of its window, which is not rounded."""
    expected = np.exp(-((np.arange(48) - peak) ** 2) / (2 * sigma**2))
    target, _ = draw_one(x, 30, sigma, "hourglass")
    drawn = target[30] > 0
    ratio = target[30, drawn] / expected[drawn]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)  # rows share one factor below 1
    fixed, _ = draw_one(x, 30, sigma, "hourglass", fixed=True)
    assert fixed[30, x] == 1


@pytest.mark.parametrize("preset", FROM_EDGE)
@pytest.mark.parametrize("x", [-8.4, -8.0, -7.5])
def test_an_empty_map_with_weight_one(preset, x):
    """On the left alone: there the window ends exactly before the first pixel."""
    target, weight = draw_one(x, 30, preset=preset)
    assert not target.any()
    assert weight == 1
    assert draw_one(-8.5, 30, preset=preset)[1] == 0
    assert draw_one(-7.4, 30, preset=preset)[0].any()
    assert draw_one(53.5, 30, preset=preset)[1] == 0
    for fixed_x, expected in ((-7.6, 0), (-6.5, 1), (53.5, 0), (53.4, 1)):
        target, weight = draw_one(fixed_x, 30, preset=preset, fixed=True)
        assert (weight, target.any()) == (expected, expected == 1)


@pytest.mark.parametrize("x", [-200.0, -8.5, 53.6, 1e9])
def test_lower_body_keeps_the_weight_of_a_joint_outside(x):
    target, weight = draw_one(x, 30.0)
    assert weight == 1
    assert not target.any()
    target, weight = draw_one(x, 30.0, fixed=True)
    assert weight == 0
    assert not target.any()


@pytest.mark.parametrize("sigma", [1.1, 1.7, 3.1])
def test_lower_body_refuses_sigmas_that_break_the_original(sigma):
    with pytest.raises(ValueError, match=r"gaussian_targets: sigma must be .*fractional part"):
        draw_one(20, 20, sigma)
    target, weight = draw_one(20, 20, sigma, fixed=True)
    assert weight == 1
    assert target[20, 20] == 1


@pytest.mark.parametrize(("sigma", "first", "last"), [(1.5, 15, 24), (2.5, 12, 27)])
def test_windows_of_half_pixels_are_lopsided(sigma, first, last):
    """The lower-body project's peak stays on the joint."""
    for preset in WINDOWED:
        target, _ = draw_one(20, 30, sigma, preset)
        assert np.unravel_index(target.argmax(), target.shape) == (30, 20)
        assert np.flatnonzero(target.any(0)).tolist() == list(range(first, last + 1))
        target, _ = draw_one(20, 30, sigma, preset, fixed=True)
        assert np.flatnonzero(target.any(0)).tolist() == list(range(first + 1, last + 1))


@pytest.mark.parametrize("visible", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("x", "drawn"), [(0.0, False), (-3.0, False), (0.3, True), (20.0, True)])
def test_hourglass_takes_a_positive_x_for_visible(visible, x, drawn):
    target, weight = draw_one(x, 30, 1.0, "hourglass", visible)
    assert (weight, target.any()) == (drawn, drawn)
    target, weight = draw_one(x, 30, 1.0, "hourglass", visible, fixed=True)
    assert (weight, target.any()) == ((visible == 1 and x >= 0),) * 2


def test_hourglass_skips_joints_whose_centre_is_outside():
    """Though a part of their Gaussian would be on the map; nobody calls this a bug."""
    for x, y in ((48.0, 30.0), (20.0, 64.0), (20.0, -1.0)):
        for fixed in (False, True):
            target, weight = draw_one(x, y, 1.0, "hourglass", fixed=fixed)
            assert weight == 0
            assert not target.any()
    assert draw_one(47.9, 63.9, 1.0, "hourglass")[0][63, 47] == 1


def test_what_comes_first_the_range_or_the_visibility():
    """MMPose skips joints that are not visible: their weight stays. HRNet looks at the range."""
    for fixed in (False, True):
        assert draw_one(500, 30, preset="mmpose_msra", visible=0.25, fixed=fixed)[1] == 0.25
        assert draw_one(500, 30, preset="mmpose_udp", visible=0.25, fixed=fixed)[1] == 0.25
        assert draw_one(500, 30, preset="hrnet", visible=0.25, fixed=fixed)[1] == 0
        assert draw_one(np.nan, 30, preset="mmpose_msra", visible=0.25, fixed=fixed)[1] == 0.25
        assert draw_one(np.nan, 30, preset="mmpose_msra", visible=0.75, fixed=fixed)[1] == 0
        assert draw_one(np.nan, 30, preset="hrnet", visible=0.25, fixed=fixed)[1] == 0


@pytest.mark.parametrize("preset", presets.FIXED_TARGETS)
def test_where_there_is_no_bug_nothing_is_fixed(preset):
    """Away from the borders, with 3 sigma an integer: the same bits."""
    rng = np.random.default_rng(0)
    joints = rng.uniform(8, 40, (1, 6, 2))
    for sigma in (1.0, 2.0, 7 / 3):
        as_is, fixed = (
            lp.gaussian_targets(joints, np.ones((1, 6)), SIZE, sigma, preset=preset, fixed=choice)
            for choice in (False, True)
        )
        for ours, meant in zip(as_is, fixed, strict=True):
            np.testing.assert_array_equal(ours, meant)
