"""Other projects' decodings: their numbers, their bugs, and what their authors meant."""

from __future__ import annotations

import math

import numpy as np
import pytest

import lowerpose_ops as lp
from tests import decode_transcriptions as transcriptions
from tests.heatmap_samples import difficult_maps

PRESETS = [
    "hrnet",
    "mmpose_msra",
    "mmpose_dark",
    "mmpose_udp",
    "udp_original",
    "vitpose_hf",
    "hourglass",
]


def transcribed(preset, heatmaps):
    with np.errstate(all="ignore"):
        return getattr(transcriptions, preset)(heatmaps)


@pytest.mark.parametrize("preset", PRESETS)
def test_equals_its_transcription(preset, array_device):
    heatmaps = difficult_maps(800 if array_device == "cpu" else 12)
    coords, scores = lp.decode_heatmaps(heatmaps, preset=preset)
    expected, expected_scores = transcribed(preset, heatmaps)
    np.testing.assert_array_equal(scores, expected_scores)
    if preset == "hourglass":  # what it does with a NaN nobody defined
        expected[np.isnan(scores)] = np.nan
    if preset in ("hrnet", "mmpose_msra", "hourglass"):
        np.testing.assert_array_equal(coords, expected)
        return
    np.testing.assert_array_equal(np.isnan(coords), np.isnan(expected))
    # The formula itself, in float64; a coordinate of thousands of pixels (an unbounded step) is
    # a float32 number too.
    exactly, _ = transcribed(preset, heatmaps.astype(np.float64))
    np.testing.assert_allclose(coords, exactly, rtol=1e-5, atol=1e-4)
    # The original, whose float32 logarithms make steps of their own on nearly flat maps.
    stable = np.isclose(expected, exactly, rtol=1e-5, atol=2e-5) | np.isnan(expected)
    assert stable.mean() > 0.98
    np.testing.assert_allclose(coords[stable], expected[stable], rtol=1e-5, atol=1e-4)


def peak(x, y, value=1.0, width=48, height=64):
    """A map of one pixel, on a slope that rises to the right and downwards."""
    heatmap = np.zeros((1, 1, height, width), np.float32)
    heatmap += 0.001 * (np.arange(width) + np.arange(height)[:, None])
    heatmap[0, 0, y, x] = value
    return heatmap


def offset(x, y, preset, **options):
    coords, _ = lp.decode_heatmaps(peak(x, y), preset=preset, **options)
    return (coords[0, 0] - [x, y]).tolist()


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize(
    ("x", "y", "hrnet", "mmpose", "fixed"),
    [
        (1, 20, (0, 0), (0, 0.25), (0.25, 0.25)),
        (20, 1, (0, 0), (0.25, 0), (0.25, 0.25)),
        (20, 0, (0, 0), (0, 0), (0.25, 0)),
        (0, 20, (0, 0), (0, 0), (0, 0.25)),
        (47, 20, (0, 0), (0, 0.25), (0, 0.25)),
        (46, 62, (0.25, 0.25), (0.25, 0.25), (0.25, 0.25)),
    ],
)
def test_the_border_rules_of_hrnet_and_mmpose(x, y, hrnet, mmpose, fixed):
    assert offset(x, y, "hrnet") == list(hrnet)
    assert offset(x, y, "mmpose_msra") == list(mmpose)
    assert offset(x, y, "hrnet", fixed=True) == list(fixed)
    assert offset(x, y, "mmpose_msra", fixed=True) == list(fixed)


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize("fixed", [False, True])
def test_maps_without_a_positive_value(fixed):
    empty, negative = np.zeros((1, 1, 64, 48), np.float32), -peak(20, 30)
    for heatmaps in (empty, negative):
        for preset, place in (("hrnet", 0), ("mmpose_msra", -1), ("mmpose_dark", -1)):
            coords, scores = lp.decode_heatmaps(heatmaps, preset=preset, fixed=fixed)
            assert coords.tolist() == [[[place, place]]]
            assert scores[0, 0] == heatmaps.max()


@pytest.mark.usefixtures("array_device")
def test_maps_with_a_nan():
    heatmaps = peak(20, 30)
    heatmaps[0, 0, 40, 10] = np.nan

    def decoded(preset, **options):
        coords, scores = lp.decode_heatmaps(heatmaps, preset=preset, **options)
        assert np.isnan(scores).all()
        return coords[0, 0].tolist()

    assert decoded("hrnet") == [0, 0]
    assert decoded("mmpose_msra") == [10.25, 40.25]  # the NaN's position, and its neighbours' slope
    assert decoded("mmpose_msra", fixed=True) == [-1, -1]
    assert decoded("hrnet", fixed=True) == [0, 0]
    for preset in ("mmpose_dark", "mmpose_udp"):
        assert all(math.isnan(c) for c in decoded(preset))
        assert decoded(preset, fixed=True) == [-1, -1]
    assert all(math.isnan(c) for c in decoded("hourglass"))


@pytest.mark.usefixtures("array_device")
def test_mmpose_udp_moves_invalid_joints_into_the_map_before():
    """The joint at (-1, -1) is looked up in the padded maps, where another joint's end stands."""
    heatmaps = -0.1 * np.ones((1, 3, 64, 48), np.float32)

    def second():
        coords, _ = lp.decode_heatmaps(heatmaps, preset="mmpose_udp")
        fixed, _ = lp.decode_heatmaps(heatmaps, preset="mmpose_udp", fixed=True)
        assert fixed[0, 1].tolist() == [-1, -1]
        return coords[0, 1]

    assert second().tolist() == [-1, -1]  # all maps negative: flat logarithms, no step
    heatmaps[0, 0] = lp.gaussian_targets(np.array([[47.0, 63.0]]), np.ones(1), (48, 64))[0][0]
    moved = second()
    assert (moved != -1).any()
    heatmaps[0, 1] = 0  # 0 / 0 in the rescaling of an empty map
    assert np.isnan(second()).all()


@pytest.mark.usefixtures("array_device")
def test_the_first_joint_without_a_peak_meets_the_last_map():
    heatmaps = -0.1 * np.ones((2, 3, 64, 48), np.float32)
    corner = lp.gaussian_targets(np.array([[47.0, 63.0]]), np.ones(1), (48, 64))[0][0]
    heatmaps[0, 2] = corner
    mmpose, _ = lp.decode_heatmaps(heatmaps, preset="mmpose_udp")
    assert (mmpose[0, 0] != -1).any()  # of its own sample
    assert mmpose[1, 0].tolist() == [-1, -1]
    vitpose, _ = lp.decode_heatmaps(heatmaps, preset="vitpose_hf")
    assert vitpose[0, 0].tolist() == [-1, -1]
    assert (vitpose[1, 0] != -1).any()  # of the sample before
    fixed, _ = lp.decode_heatmaps(heatmaps, preset="vitpose_hf", fixed=True)
    assert fixed[1, 0].tolist() == [-1, -1]


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize("preset", ["mmpose_dark", "mmpose_udp", "vitpose_hf"])
def test_steps_are_unbounded_and_fixed_ones_are_not(preset):
    maps = difficult_maps(60, seed=1)
    found = np.nan_to_num(lp.decode_heatmaps(maps, "none", preset=preset)[0])
    wild, _ = lp.decode_heatmaps(maps, preset=preset)
    tame, _ = lp.decode_heatmaps(maps, preset=preset, fixed=True)
    assert np.nanmax(np.abs(wild - found)) > 3
    assert np.abs(tame[tame[..., 0] >= 0] - found[tame[..., 0] >= 0]).max() <= 2.00001


@pytest.mark.usefixtures("array_device")
def test_udp_original_divides_by_zero_on_flat_maps():
    flat = np.full((1, 1, 24, 20), 0.3, np.float32)
    assert np.isnan(lp.decode_heatmaps(flat, preset="udp_original")[0]).all()
    coords, _ = lp.decode_heatmaps(flat, preset="udp_original", fixed=True)
    assert coords.tolist() == [[[0, 0]]]


def test_the_float32_index_of_vitpose():
    """Beyond 2^24 padded pixels in the batch an index is rounded, and a neighbour is decoded."""
    sample, _ = lp.gaussian_targets(np.array([[20.4, 30.3]]), np.ones(1), (48, 64))
    batch = 2**24 // (17 * 66 * 50) + 8
    heatmaps = np.broadcast_to(sample, (batch, 17, 64, 48))
    coords, _ = lp.decode_heatmaps(heatmaps, preset="vitpose_hf")
    alone, _ = lp.decode_heatmaps(heatmaps[:1], preset="vitpose_hf")
    off = np.abs(coords - alone[:1, :1]).max(-1) > 1e-3
    assert not off[:290].any()
    assert off[-7:].sum() > 10
    fixed, _ = lp.decode_heatmaps(heatmaps, preset="vitpose_hf", fixed=True)
    np.testing.assert_array_equal(fixed, np.broadcast_to(fixed[:1, :1], fixed.shape))


@pytest.mark.usefixtures("array_device")
def test_hourglass_ties_and_suppressed_pixels():
    alone = np.zeros((1, 1, 24, 20), np.float32)
    alone[0, 0, 10, 5] = 1
    assert lp.decode_heatmaps(alone, preset="hourglass")[0].tolist() == [[[5.25, 10.25]]]
    fixed, _ = lp.decode_heatmaps(alone, preset="hourglass", fixed=True)
    assert fixed.tolist() == [[[5.5, 10.5]]]
    negative = -1 - alone
    negative[0, 0, 0, 0] = -0.5  # its neighbour is suppressed to -0, which is more
    coords, scores = lp.decode_heatmaps(negative, preset="hourglass")
    assert coords.tolist() == [[[1, 0]]]
    assert scores.tolist() == [[0]]
    assert np.signbit(scores).all()
    coords, scores = lp.decode_heatmaps(negative, preset="hourglass", fixed=True)
    assert coords.tolist() == [[[0, 0]]]
    assert scores.tolist() == [[-0.5]]


@pytest.mark.usefixtures("array_device")
def test_a_preset_without_its_refinement():
    heatmaps = difficult_maps(10)
    for preset in PRESETS[:2]:
        coords, _ = lp.decode_heatmaps(heatmaps, "none", preset=preset)
        expected = transcriptions.argmax(heatmaps)[0]
        with np.errstate(invalid="ignore"):
            empty = heatmaps.max((2, 3)) <= 0
        expected[empty] = 0 if preset == "hrnet" else -1
        if preset == "hrnet":
            expected[np.isnan(heatmaps).any((2, 3))] = 0
        np.testing.assert_array_equal(coords, expected)


@pytest.mark.usefixtures("array_device")
def test_the_blur_kernel_of_a_preset():
    heatmaps = difficult_maps(40)
    for kernel in (3, 7, 17):
        coords, _ = lp.decode_heatmaps(heatmaps, preset="mmpose_dark", blur_kernel=kernel)
        expected, _ = transcriptions.mmpose_dark(heatmaps.astype(np.float64), kernel)
        np.testing.assert_allclose(coords, expected, rtol=1e-5, atol=1e-4)
