"""The drop-in codecs of MMPose, and its registries."""

from __future__ import annotations

import importlib
import sys
import types

import numpy as np
import pytest

from lowerpose_ops.compat import mmpose
from tests import compat_mmpose_transcriptions as transcriptions
from tests.test_decode_presets import difficult_maps

SIZE = (48, 64)
INPUT = (192, 256)


# Codecs ---------------------------------------------------------------------------------------


def test_what_codecs_encode():
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(-10, 200, (1, 17, 2)).astype(np.float32)
    visible = rng.choice([0, 1], (1, 17)).astype(np.float32)
    width_height = np.array(SIZE, np.float32)
    corner, inner = (
        np.array(INPUT, np.float32) / width_height,
        (np.array(INPUT) - 1) / (width_height - 1),
    )
    inner = inner.astype(np.float32)
    for codec, draw_plain, scale, extent in (
        (mmpose.MSRAHeatmap(INPUT, SIZE, 2.0), "generate_gaussian_heatmaps", corner, 2.0),
        (
            mmpose.MSRAHeatmap(INPUT, SIZE, 3.0, unbiased=True),
            *("generate_unbiased_gaussian_heatmaps", corner, 3.0),
        ),
        (mmpose.UDPHeatmap(INPUT, SIZE), "generate_udp_gaussian_heatmaps", inner, 2.0),
        (mmpose.UDPHeatmap(INPUT, SIZE, "combined"), "generate_offset_heatmap", inner, 0.0546875),
    ):
        encoded = codec.encode(keypoints, visible)
        assert list(encoded) == ["heatmaps", "keypoint_weights"]
        maps, weights = getattr(transcriptions, draw_plain)(
            SIZE, keypoints / scale, visible, extent
        )
        np.testing.assert_allclose(encoded["heatmaps"], maps, rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(encoded["keypoint_weights"], weights)
        everything = codec.encode(keypoints)["keypoint_weights"]
        assert everything.dtype == np.float32
        np.testing.assert_array_equal(codec.scale_factor, scale)
        with pytest.raises(ValueError, match=r"\[1, K, 2\]"):
            codec.encode(np.zeros((2, 17, 2), np.float32))


@pytest.mark.parametrize("array_device", ["cpu"], indirect=True)
def test_what_codecs_decode(array_device):
    size = (80, 96)  # of the input, four times the maps
    for maps in difficult_maps(60, seed=11):
        kept = maps.copy()
        for ours, plain in (
            (mmpose.MSRAHeatmap(size, (20, 24), 2.0), transcriptions.msra_decode(maps, size)),
            (
                mmpose.MSRAHeatmap(size, (20, 24), 2.0, True, 7),
                _quiet(transcriptions.msra_decode, maps.astype(np.float64), size, True, 7),
            ),
            (
                mmpose.UDPHeatmap(size, (20, 24)),
                _quiet(transcriptions.udp_decode, maps, size),
            ),
        ):
            keypoints, scores = ours.decode(maps)
            assert keypoints.shape == (1, 5, 2)
            np.testing.assert_array_equal(scores, plain[1])
            near = np.abs(plain[0] / 4 - _quiet(transcriptions.get_heatmap_maximum, maps)[0]) < 2
            near = near.all(-1)
            # Logarithms of float32 values where the map is nearly flat; four input pixels a pixel.
            np.testing.assert_allclose(keypoints[near], plain[0][near], rtol=0, atol=2e-2)
        np.testing.assert_array_equal(maps, kept)


def _quiet(function, *arguments):
    with np.errstate(all="ignore"):
        return function(*arguments)


def test_combined_heatmaps():
    rng = np.random.default_rng(0)
    keypoints = rng.uniform([5, 5], [185, 250], (1, 17, 2)).astype(np.float32)
    codec = mmpose.UDPHeatmap(INPUT, SIZE, "combined")
    maps = codec.encode(keypoints)["heatmaps"]
    decoded, scores = codec.decode(maps)
    plain, plain_scores = transcriptions.udp_decode_combined(maps, INPUT)
    np.testing.assert_allclose(decoded, plain, rtol=0, atol=1e-3)
    np.testing.assert_allclose(scores, plain_scores, rtol=1e-6)
    fixed, _ = mmpose.UDPHeatmap(INPUT, SIZE, "combined", fixed=True).decode(maps)
    np.testing.assert_allclose(fixed, keypoints, rtol=0, atol=1e-3)
    maps[:3] = 0  # joint 0 is at (-1, -1), and its offset is looked up in the last map
    decoded, _ = codec.decode(maps)
    np.testing.assert_allclose(
        decoded, transcriptions.udp_decode_combined(maps, INPUT)[0], atol=1e-3
    )
    fixed, _ = mmpose.UDPHeatmap(INPUT, SIZE, "combined", fixed=True).decode(maps)
    np.testing.assert_allclose(fixed[0, 0], -np.array([191 / 47, 255 / 63]))


def test_the_drift_of_udp():
    keypoints = np.array([[[150.0, 200.0], [20.0, 30.0]]], np.float32)

    def back(**options):
        codec = mmpose.UDPHeatmap(INPUT, SIZE, **options)
        return codec.decode(codec.encode(keypoints)["heatmaps"])[0] - keypoints

    np.testing.assert_allclose(back(), keypoints / [191, 255], rtol=0, atol=0.02)
    np.testing.assert_allclose(back(fixed=True), 0, rtol=0, atol=0.02)


def test_codecs_refuse():
    for codec in (mmpose.MSRAHeatmap, mmpose.UDPHeatmap):
        with pytest.raises(ValueError, match="input_size"):
            codec((192,), SIZE, sigma=2.0)
        with pytest.raises(ValueError, match=r"\[K, H, W\]"):
            codec(INPUT, SIZE, sigma=2.0).decode(np.zeros((1, 2, 64, 48), np.float32))
    with pytest.raises(ValueError, match="heatmap_type"):
        mmpose.UDPHeatmap(INPUT, SIZE, "offset")
    with pytest.raises(ValueError, match="3 K"):
        mmpose.UDPHeatmap(INPUT, SIZE, "combined").decode(np.zeros((4, 64, 48), np.float32))


# Registries -----------------------------------------------------------------------------------


@pytest.fixture
def registries(monkeypatch):
    """mmengine's registries, where mmpose would have them."""
    from mmengine.registry import Registry

    module = types.ModuleType("mmpose.registry")
    module.KEYPOINT_CODECS, module.MODELS = Registry("keypoint codec"), Registry("model")
    monkeypatch.setitem(sys.modules, "mmpose", types.ModuleType("mmpose"))
    monkeypatch.setitem(sys.modules, "mmpose.registry", module)
    return module


def test_registered_codecs_and_losses_are_built(registries):
    class UDPHeatmap:
        """MMPose's own."""

    registries.KEYPOINT_CODECS.register_module(module=UDPHeatmap)
    mmpose.register()
    config = {"type": "UDPHeatmap", "input_size": INPUT, "heatmap_size": SIZE, "fixed": True}
    codec = registries.KEYPOINT_CODECS.build(config)
    assert type(codec) is mmpose.UDPHeatmap
    assert codec.fixed
    assert codec.field_mapping_table == {"heatmaps": "heatmaps"}
    assert codec.label_mapping_table == {"keypoint_weights": "keypoint_weights"}
    config = {"type": "MSRAHeatmap", "input_size": INPUT, "heatmap_size": SIZE, "sigma": 2}
    assert type(registries.KEYPOINT_CODECS.build(config)) is mmpose.MSRAHeatmap
    for name, options in (("KeypointMSELoss", {}), ("KeypointOHKMMSELoss", {"topk": 4})):
        loss = registries.MODELS.build({"type": name, "use_target_weight": True, **options})
        assert type(loss) is getattr(mmpose, name)
    with pytest.raises(KeyError):
        mmpose.register(force=False)


def test_a_configuration_registers(registries, monkeypatch):
    from mmengine.utils import import_modules_from_strings

    module = "lowerpose_ops.compat.mmpose.registered"
    monkeypatch.delitem(sys.modules, module, raising=False)
    import_modules_from_strings([module])
    assert registries.KEYPOINT_CODECS.get("MSRAHeatmap") is mmpose.MSRAHeatmap


def test_without_mmpose(monkeypatch):
    monkeypatch.setitem(sys.modules, "mmpose", None)
    with pytest.raises(ImportError, match=r"register: mmpose\.registry"):
        mmpose.register()
    importlib.reload(mmpose)  # which never imports it
