"""Samples from the crop cache against decoding, cropping, resizing and normalising with Pillow.

One call gives every person of coco-mini's train split, collated, by one thread: real photographs,
mostly 640 x 480. Ours are uint8, as they travel to the device; what normalising them on the CPU
would add has a row of its own. The cache's files are in the page cache: of a cache that is larger
than the memory, the disk decides.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.packages import needs

for module, package in (
    *(("PIL", "pillow"), ("pycocotools", "pycocotools")),
    *(("cv2", "opencv-python-headless"), ("tqdm", "tqdm")),
):
    needs(module, package)

from PIL import Image  # noqa: E402

from python_models.data.augmentation import Augmentation  # noqa: E402
from python_models.data.coco_lower_body import CocoLowerBody  # noqa: E402
from python_models.data.crop_cache import prepare  # noqa: E402
from python_models.data.device_crops import DeviceCrops  # noqa: E402
from python_models.data.normalise import IMAGENET_MEAN, IMAGENET_STD, normalised  # noqa: E402
from python_models.data.samples import collate  # noqa: E402

SIZE = (192, 256)
MOVING = Augmentation(flip=0.5, scale=0.35, rotation=40)
ALL = Augmentation(
    flip=0.5, scale=0.35, rotation=40, half_body=0.3, brightness=0.2, contrast=0.2, saturation=0.2
)
MEAN, STD = (np.array(values, np.float32) for values in (IMAGENET_MEAN, IMAGENET_STD))
KINDS = {
    "no augmentation": None,
    "flips": Augmentation(flip=0.5),
    "flips, scale, rotation": MOVING,
    "flips, scale, rotation, half-body, colours": ALL,
}


@pytest.fixture(scope="module")
def root():
    folder = Path(os.environ.get("LOWERPOSE_DATA", "")) / "coco-mini"
    if not folder.is_dir():
        pytest.skip("needs coco-mini: set LOWERPOSE_DATA to the folder that has it")
    return folder


def with_pillow(data):
    """As the data set read before it gave uint8: the loader's part of a usual training script."""
    samples = []
    for index, person in enumerate(data.persons):
        with Image.open(person.image_path) as file:
            crop = data.crop(index).image(file.convert("RGB"), SIZE)
        pixels = (np.asarray(crop, np.float32) / 255 - MEAN) / STD
        samples.append(torch.from_numpy(pixels.transpose(2, 0, 1)))
        data.labels(index)
    return torch.stack(samples)


def from_data(data, keys):
    samples = collate([data[key] for key in keys])["samples"]
    assert samples is not None
    return samples["image"]


@pytest.mark.parametrize("kind", KINDS)
def test_samples(compare, root, tmp_path, kind):
    plain, cached = (
        CocoLowerBody.from_root(root, "train", augmentation=KINDS[kind]) for _ in range(2)
    )
    cache = prepare(cached, tmp_path / "crops", processes=1)
    cached.use(cache)
    crops = DeviceCrops(cached, cache, "cpu")
    epoch = 1
    keys = [(epoch, index) if KINDS[kind] else index for index in range(len(plain))]
    if KINDS[kind] is None:
        # Bytes, but for the rounding of the normalised ones: float32 in another order.
        torch.testing.assert_close(
            normalised(from_data(cached, keys)), with_pillow(plain), rtol=0, atol=2e-6
        )
        assert torch.equal(from_data(plain, keys), from_data(cached, keys))
    baselines = {
        "Pillow: decode, crop, resize, normalise": lambda: with_pillow(plain),
        "ours without the cache, normalised": lambda: normalised(from_data(plain, keys)),
        "ours from the cache, normalised": lambda: normalised(from_data(cached, keys)),
        "ours from the device's memory (CPU)": lambda: crops.batch(keys)["samples"]["image"],
    }
    compare(f"crop cache, {kind}", size=f"{len(plain)} persons", threads=1)(
        lambda: from_data(cached, keys), baselines
    )
