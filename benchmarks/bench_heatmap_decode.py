"""Decoding against NumPy and OpenCV joint by joint, torch, MMPose's formula and transformers."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

import lowerpose_ops as lp
from benchmarks import sizes
from benchmarks.loops import numpy_quarter, opencv_dark
from benchmarks.packages import needs
from benchmarks.peers import argmax_quarter, blurred_newton, compiled
from benchmarks.protocol import size_of


def torch_argmax(heatmaps):
    """The maximum alone, without a sub-pixel offset."""
    scores, index = heatmaps.flatten(2).max(2)
    width = heatmaps.shape[3]
    return torch.stack([index % width, index // width], -1).float(), scores


def same_peaks(name, ours, theirs):
    """Without the offset at most a quarter away."""
    atol = 0.25 if name == "torch max, no offset" else 0
    torch.testing.assert_close(torch.as_tensor(theirs[0]), ours[0], rtol=0, atol=atol, msg=name)
    torch.testing.assert_close(torch.as_tensor(theirs[1]), ours[1], rtol=0, atol=0, msg=name)


@sizes.sizes_and_threads()
def test_quarter(compare, size, threads):
    heatmaps = sizes.noisy_heatmaps(size)
    steps = torch.tensor([1, size.width, -1, -size.width])
    baselines = {
        "torch max, no offset": lambda: torch_argmax(heatmaps),
        "torch max and gather, eager": lambda: argmax_quarter(heatmaps, steps),
    }
    if size.loops:
        array = heatmaps.numpy()
        baselines["NumPy argmax and a loop"] = lambda: numpy_quarter(array)
    if size.compiled:
        form = compiled(argmax_quarter)
        baselines["torch max and gather, torch.compile"] = lambda: form(heatmaps, steps)
    moved = size_of(heatmaps, *lp.decode_heatmaps(heatmaps))
    options = {"size": size, "threads": threads, "moved": moved, "same": same_peaks}
    compare("decode_heatmaps, quarter", **options)(lambda: lp.decode_heatmaps(heatmaps), baselines)


@sizes.sizes_and_threads(
    [sizes.LOWER_BODY, sizes.COCO, sizes.COCO_LARGE, sizes.SAPIENS], alone=[sizes.COCO]
)
def test_dark(compare, size, threads):
    """Theirs is in float32, ours in float64 from the blur on."""
    heatmaps = sizes.noisy_heatmaps(size, 0.01)
    # The convolutions of torch take seconds a call at the largest size.
    baselines = {}
    if size is not sizes.SAPIENS:
        baselines["torch convolutions and gather, eager"] = lambda: blurred_newton(heatmaps)
    if size.loops:
        needs("cv2", "opencv-python-headless")
        array = heatmaps.numpy()
        baselines["OpenCV's blur joint by joint"] = lambda: opencv_dark(array)
    moved = size_of(heatmaps, *lp.decode_heatmaps(heatmaps))
    options = {"size": size, "threads": threads, "moved": moved, "same": (0, 1e-3)}
    compare("decode_heatmaps, dark", **options)(
        lambda: lp.decode_heatmaps(heatmaps, "dark"), baselines
    )


@pytest.mark.parametrize("size", [sizes.COCO], ids=str)
@pytest.mark.parametrize("preset", ["mmpose_msra", "mmpose_dark", "mmpose_udp"])
def test_mmpose(compare, size, preset):
    """MMPose's formulas, a sample after the other, as its codecs decode; in heatmap pixels."""
    needs("cv2", "opencv-python-headless")
    from tests import compat_mmpose_transcriptions as mmpose

    decode = {
        "mmpose_msra": mmpose.msra_decode,
        "mmpose_dark": functools.partial(mmpose.msra_decode, unbiased=True),
        "mmpose_udp": mmpose.udp_decode,
    }[preset]
    heatmaps = sizes.noisy_heatmaps(size, 0.01)
    array = heatmaps.numpy()
    last = np.array(size.heatmap_size) - (preset == "mmpose_udp")  # so that nothing is rescaled

    def codec():
        coords, scores = zip(*(decode(sample, last) for sample in array), strict=True)
        return np.concatenate(coords).astype(np.float32), np.concatenate(scores)

    moved = size_of(heatmaps, *lp.decode_heatmaps(heatmaps))
    compare(f"decode_heatmaps, {preset}", size=size, moved=moved, same=(0, 1e-3))(
        lambda: lp.decode_heatmaps(heatmaps, preset=preset), {"MMPose's formula": codec}
    )


@pytest.mark.parametrize("size", [sizes.LOWER_BODY, sizes.COCO], ids=str)
def test_vitpose(compare, size):
    """transformers' functions below its ViTPose image processor, which also warps back."""
    needs("scipy")
    vitpose = needs("transformers.models.vitpose.image_processing_pil_vitpose", "transformers")
    heatmaps = sizes.noisy_heatmaps(size, 0.01)
    array = heatmaps.numpy()

    def theirs():
        coords, scores = vitpose.get_keypoint_predictions(array)
        refined = vitpose.post_dark_unbiased_data_processing(coords, array, kernel=11)
        return refined.astype(np.float32), scores[..., 0]

    moved = size_of(heatmaps, *lp.decode_heatmaps(heatmaps))
    compare("decode_heatmaps, vitpose_hf", size=size, moved=moved, same=(0, 1e-3))(
        lambda: lp.decode_heatmaps(heatmaps, preset="vitpose_hf"), {"transformers": theirs}
    )
