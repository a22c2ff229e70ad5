"""The drop-in functions and codecs of MMPose: heatmaps, refinement, codecs, losses, registries."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.compat import mmpose
from tests import compat_mmpose_transcriptions as transcriptions
from tests.compat_signatures import keyword_only, positional
from tests.test_decode_presets import difficult_maps, peak

SIGNATURES = {
    "generate_gaussian_heatmaps": "heatmap_size, keypoints, keypoints_visible, sigma",
    "generate_unbiased_gaussian_heatmaps": "heatmap_size, keypoints, keypoints_visible, sigma",
    "generate_udp_gaussian_heatmaps": "heatmap_size, keypoints, keypoints_visible, sigma",
    "generate_offset_heatmap": "heatmap_size, keypoints, keypoints_visible, radius_factor",
    "get_heatmap_maximum": "heatmaps",
    "refine_keypoints": "keypoints, heatmaps",
    "refine_keypoints_dark": "keypoints, heatmaps, blur_kernel_size",
    "refine_keypoints_dark_udp": "keypoints, heatmaps, blur_kernel_size",
    "MSRAHeatmap": "input_size, heatmap_size, sigma, unbiased=False, blur_kernel_size=11",
    "UDPHeatmap": (
        "input_size, heatmap_size, heatmap_type='gaussian', sigma=2.0, radius_factor=0.0546875, "
        "blur_kernel_size=11"
    ),
    "KeypointMSELoss": "use_target_weight=False, skip_empty_channel=False, loss_weight=1.0",
    "KeypointOHKMMSELoss": "use_target_weight=False, topk=8, loss_weight=1.0",
    "keypoint_pck_accuracy": "pred, gt, mask, thr, norm_factor",
    "keypoint_auc": "pred, gt, mask, norm_factor, num_thrs=20",
    "keypoint_epe": "pred, gt, mask",
    "keypoint_nme": "pred, gt, mask, normalize_factor",
    "keypoint_mpjpe": "pred, gt, mask, alignment='none'",
}
SIZE = (48, 64)
INPUT = (192, 256)


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name):
    function = getattr(mmpose, name)
    assert positional(function) == SIGNATURES[name]
    assert keyword_only(function) in ({}, {"fixed": False})
    assert set(mmpose.__all__) == {*SIGNATURES, "register"}


def test_signatures_of_methods():
    for codec in (mmpose.MSRAHeatmap, mmpose.UDPHeatmap):
        assert positional(codec.encode) == "keypoints, keypoints_visible=None"
        assert positional(codec.decode) == "encoded"
    forward = "output, target, target_weights=None, mask=None"
    assert positional(mmpose.KeypointMSELoss.forward) == forward
    assert positional(mmpose.KeypointOHKMMSELoss.forward) == "output, target, target_weights"


@pytest.mark.parametrize(
    "module", ["heatmaps", "refinement", "codecs", "losses", "evaluation", "mpjpe"]
)
def test_examples(module):
    results = doctest.testmod(
        importlib.import_module(f"lowerpose_ops.compat.mmpose.{module}"),
        extraglobs={"np": np, "torch": torch, "lp": lp},
    )
    assert results.attempted > 0
    assert results.failed == 0


def test_what_takes_arrays_needs_no_torch():
    code = (
        "import sys, numpy as np\n"
        "from lowerpose_ops.compat import mmpose\n"
        "codec = mmpose.UDPHeatmap((192, 256), (48, 64))\n"
        "codec.decode(codec.encode(np.full((1, 6, 2), 50.0, np.float32))['heatmaps'])\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Heatmaps -------------------------------------------------------------------------------------

GAUSSIANS = [name for name in SIGNATURES if name.endswith("gaussian_heatmaps")]


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize("name", GAUSSIANS)
@given(
    seed=st.integers(0, 2**32 - 1),
    instances=st.integers(0, 3),
    dtype=st.sampled_from([np.float32, np.float64]),
    sigma=st.sampled_from([1.0, 1.7, 2.0, 2.5, 3]),
)
def test_heatmaps_equal_the_transcription(name, seed, instances, dtype, sigma):
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(-20, 80, (instances, 5, 2)).astype(dtype)
    keypoints[:, 0] = np.round(keypoints[:, 0] * 2) / 2
    visible = rng.choice([0, 0.3, 0.5, 0.7, 1, 2], (instances, 5)).astype(dtype)
    if name == "generate_gaussian_heatmaps" and instances:
        sigma = tuple(rng.choice([1.0, 1.7, 2.0, 2.5], instances).tolist())
    ours = getattr(mmpose, name)(SIZE, keypoints, visible, sigma)
    plain = getattr(transcriptions, name)(SIZE, keypoints, visible, sigma)
    np.testing.assert_allclose(ours[0], plain[0], rtol=0, atol=1e-6)  # exponentials of float32
    np.testing.assert_array_equal(ours[1], plain[1])
    assert [a.dtype for a in ours] == [np.float32, dtype]


def draw(name, x, y=30.0, sigma=2.0, visible=1.0, **options):
    keypoints, seen = np.array([[[x, y]]], np.float32), np.full((1, 1), visible, np.float32)
    maps, weights = getattr(mmpose, name)(SIZE, keypoints, seen, sigma, **options)
    return maps[0], float(weights[0, 0])


@pytest.mark.parametrize("name", GAUSSIANS[:1] + GAUSSIANS[2:])
def test_bugs_of_the_windows(name):
    maps, weight = draw(name, -8.0)
    assert (maps.any(), weight) == (False, 1)
    assert draw(name, -8.0, fixed=True)[1] == 0
    assert draw(name, 20, sigma=1.7)[0][30].argmax() == 19
    assert draw(name, 20, sigma=1.7, fixed=True)[0][30].argmax() == 20


def test_a_nan_among_unbiased_keypoints():
    name = "generate_unbiased_gaussian_heatmaps"
    maps, weight = draw(name, np.nan)
    assert np.isnan(maps).all()
    assert weight == 1
    maps, weight = draw(name, np.nan, fixed=True)
    assert (maps.any(), weight) == (False, 0)
    maps, weight = draw(name, np.nan, visible=0.3)
    assert (maps.any(), weight) == (False, np.float32(0.3))
    assert draw(name, np.nan, y=500.0)[1] == 0  # out of range, on the other axis
    assert draw(name, np.inf)[1] == draw(name, -np.inf)[1] == 0
    keypoints = np.array([[[20, 30]], [[np.nan, 30]]], np.float32)
    maps, _ = mmpose.generate_unbiased_gaussian_heatmaps(SIZE, keypoints, np.ones((2, 1)), 2.0)
    assert np.isnan(maps).all()


@given(seed=st.integers(0, 2**32 - 1), instances=st.integers(0, 2))
def test_offset_heatmaps_equal_the_transcription(seed, instances):
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(-20, 80, (instances, 5, 2)).astype(np.float32)
    visible = rng.choice([0, 0.5, 1], (instances, 5)).astype(np.float32)
    arguments = SIZE, keypoints, visible, 0.0546875
    ours = mmpose.generate_offset_heatmap(*arguments)
    plain = transcriptions.generate_offset_heatmap(*arguments)
    np.testing.assert_array_equal(ours[0][::3], plain[0][::3])
    np.testing.assert_allclose(ours[0], plain[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(ours[1], plain[1])


def test_offsets_of_keypoints_far_outside():
    keypoints, seen = np.array([[[500.0, 30.0]]]), np.ones((1, 1))
    maps, weights = mmpose.generate_offset_heatmap(SIZE, keypoints, seen, 0.05)
    assert (maps[0].any(), maps[1].any(), weights[0, 0]) == (False, True, 1)
    maps, weights = mmpose.generate_offset_heatmap(SIZE, keypoints, seen, 0.05, fixed=True)
    assert (maps.any(), weights[0, 0]) == (False, 0)
    assert seen[0, 0] == 1


def test_heatmaps_refuse():
    keypoints = np.zeros((1, 3, 3), np.float32)
    for name in GAUSSIANS:
        with pytest.raises(ValueError, match=rf"{name}: keypoints must be \[N, K, 2\]"):
            getattr(mmpose, name)(SIZE, keypoints, np.ones((1, 3)), 2.0)
        with pytest.raises(ValueError, match=rf"{name}: keypoints_visible"):
            getattr(mmpose, name)(SIZE, keypoints[..., :2], np.ones((1, 2)), 2.0)
    with pytest.raises(ValueError, match="sigma"):
        mmpose.generate_gaussian_heatmaps(SIZE, keypoints[..., :2], np.ones((1, 3)), (1.0, 2.0))


# Maxima and refinement ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_maxima_equal_the_transcription(array_device, dtype):
    heatmaps = difficult_maps(40 if array_device == "cpu" else 6).astype(dtype)
    for maps in (heatmaps, heatmaps[0]):
        ours, plain = mmpose.get_heatmap_maximum(maps), transcriptions.get_heatmap_maximum(maps)
        for a, b in zip(ours, plain, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


def test_maxima_of_nothing_and_of_nan():
    with pytest.raises(ValueError, match="empty"):
        mmpose.get_heatmap_maximum(np.zeros((0, 17, 64, 48), np.float32))
    locs, vals = mmpose.get_heatmap_maximum(np.zeros((0, 17, 64, 48), np.float32), fixed=True)
    assert (locs.shape, vals.shape) == ((0, 17, 2), (0, 17))
    maps = np.zeros((1, 8, 8), np.float32)
    maps[0, 5, 3] = np.nan
    assert mmpose.get_heatmap_maximum(maps)[0].tolist() == [[3, 5]]
    assert mmpose.get_heatmap_maximum(maps, fixed=True)[0].tolist() == [[-1, -1]]


def places(rng, maps, count, dtype=np.float32):
    """Maxima of the maps, neighbours of them, invalid ones, and others."""
    height, width = maps.shape[1:]
    found = np.stack([transcriptions.get_heatmap_maximum(maps)[0]] * count).astype(dtype)
    found[1:] += rng.choice([0, 0, -1, 1], found[1:].shape)
    return np.clip(found, -1, [width - 1, height - 1]).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quarter_offsets_equal_the_transcription(dtype):
    rng = np.random.default_rng(0)
    for maps in difficult_maps(30, seed=7):
        keypoints = places(rng, maps, 4, dtype)
        keypoints[-1] += rng.uniform(0, 0.9, keypoints[-1].shape).astype(dtype)  # not whole
        plain = transcriptions.refine_keypoints(keypoints.copy(), maps)
        ours = mmpose.refine_keypoints(keypoints, maps)
        assert ours is keypoints
        np.testing.assert_array_equal(ours, plain)


@pytest.mark.parametrize(
    ("x", "y", "moved", "meant"),
    [
        (1, 20, (0, 0.25), (0.25, 0.25)),
        (20, 1, (0.25, 0), (0.25, 0.25)),
        (20, 0, (0, 0), (0.25, 0)),
        (47, 20, (0, 0.25), (0, 0.25)),
        (20, 20, (0.25, 0.25), (0.25, 0.25)),
    ],
)
def test_the_borders_of_quarter_offsets(x, y, moved, meant):
    def offset(**options):
        keypoints = np.array([[[x, y]]], np.float32)
        return tuple(
            (mmpose.refine_keypoints(keypoints, peak(x, y)[0], **options)[0, 0] - [x, y]).tolist()
        )

    assert offset() == moved
    assert offset(fixed=True) == meant


@pytest.mark.parametrize("kernel", [3, 7, 11, 17])
@pytest.mark.parametrize("name", ["refine_keypoints_dark", "refine_keypoints_dark_udp"])
def test_newton_steps_equal_the_transcription(name, kernel):
    rng = np.random.default_rng(0)
    checked = 0
    for maps in difficult_maps(40, seed=8):
        keypoints = places(rng, maps, 3)
        with np.errstate(all="ignore"):
            plain_maps = maps.copy()
            plain = getattr(transcriptions, name)(keypoints.copy(), plain_maps, kernel)
        ours_maps, ours = maps.copy(), keypoints.copy()
        assert getattr(mmpose, name)(ours, ours_maps, kernel) is ours
        # The logarithms that take the maps' place; small values, of blurs in float32, tell apart.
        np.testing.assert_allclose(ours_maps, plain_maps, rtol=1e-4, atol=2e-3)
        near = np.abs(plain - keypoints).max(-1) < 2
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(plain))
        np.testing.assert_allclose(ours[near], plain[near], rtol=0, atol=5e-3)
        checked += near.sum()
    assert checked > 300


@pytest.mark.parametrize("unbiased", [False, True])
def test_refinements_decode_as_the_codecs_do(unbiased):
    """The whole map's blur in NumPy, and the patch's in native code."""
    codec = mmpose.MSRAHeatmap((20, 24), (20, 24), 2.0, unbiased=unbiased)
    udp = mmpose.UDPHeatmap((20, 24), (20, 24))
    names = {codec: "refine_keypoints_dark" if unbiased else "refine_keypoints"}
    names[udp] = "refine_keypoints_dark_udp"
    for each, name in names.items():
        scale = [1, 1] if each is codec else np.array([20, 24]) / [19, 23]
        for fixed in (False, True):
            decoder = type(each)(
                (20, 24),
                (20, 24),
                **({"sigma": 2.0, "unbiased": unbiased} if each is codec else {}),
                fixed=fixed,
            )
            scale = 1 if fixed else scale
            for maps in difficult_maps(20, seed=9):
                decoded, _ = decoder.decode(maps)
                found = mmpose.get_heatmap_maximum(maps, fixed=fixed)[0][None]
                kernel = () if name == "refine_keypoints" else (11,)
                refined = getattr(mmpose, name)(found.copy(), maps.copy(), *kernel, fixed=fixed)
                near = np.abs(refined - found).max(-1) < 1.9
                np.testing.assert_allclose(
                    decoded[near], (refined * scale)[near], rtol=0, atol=2e-3
                )


def test_what_fixed_refinements_leave_alone():
    rng = np.random.default_rng(0)
    for name in ("refine_keypoints_dark", "refine_keypoints_dark_udp"):
        wild = 0
        for maps in difficult_maps(60, seed=10):
            keypoints, kept = places(rng, maps, 2), maps.copy()
            before = keypoints.copy()
            after = getattr(mmpose, name)(keypoints, maps, 11, fixed=True)
            np.testing.assert_array_equal(maps, kept)
            assert np.nanmax(np.abs(after - before)) <= 2.00001
            assert (after[before < 0] == -1).all()
            moved = getattr(mmpose, name)(before.copy(), maps, 11)
            assert not np.array_equal(maps, kept, equal_nan=True)
            with np.errstate(invalid="ignore"):
                wild += (np.abs(moved - before) > 2.5).any() or np.isnan(moved).any()
        assert wild > 5


def test_refinements_refuse():
    keypoints, maps = np.zeros((1, 2, 2), np.float32), np.ones((2, 8, 8), np.float32)
    with pytest.raises(TypeError, match="floating"):
        mmpose.refine_keypoints(keypoints.astype(int), maps)
    with pytest.raises(ValueError, match=r"\[N, 2, 2\]"):
        mmpose.refine_keypoints(keypoints[:, :1], maps)
    for kernel in (1, 4, 0):
        with pytest.raises(ValueError, match="odd"):
            mmpose.refine_keypoints_dark(keypoints, maps, kernel)
    for far in (1e9, np.nan, -1e4):
        with pytest.raises(ValueError, match="on the maps"):
            mmpose.refine_keypoints_dark_udp(np.full((1, 2, 2), far), maps.copy(), 3)
        mmpose.refine_keypoints_dark_udp(np.full((1, 2, 2), far), maps.copy(), 3, fixed=True)
