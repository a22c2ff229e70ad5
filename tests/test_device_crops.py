from __future__ import annotations

import numpy as np
import pytest
import torch

from python_models.data import crop_cache
from python_models.data.augmentation import Augmentation
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.data.device_crops import DeviceCrops, device_bytes, fits
from python_models.data.samples import loader
from tests import coco_files

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
    ),
]
ALL = Augmentation(
    flip=0.5,
    scale=0.35,
    rotation=40,
    half_body=0.3,
    brightness=0.3,
    contrast=0.3,
    saturation=0.3,
)

pytestmark = pytest.mark.parametrize("device", DEVICES)


def opened(root, folder, **options):
    data = CocoLowerBody.from_root(root, "train", **options)
    cache = crop_cache.prepare(data, folder)
    return data, cache


def blocks_of(data, epoch=None, size=16):
    keys = [index if epoch is None else (epoch, index) for index in range(len(data))]
    return [keys[first : first + size] for first in range(0, len(keys), size)]


def assert_labels_are_the_same(ours, theirs, device):
    assert ours["image"].device.type == device
    assert ours["image"].is_contiguous(memory_format=torch.channels_last)
    assert ours["image"].dtype == torch.uint8
    for name in ("joints", "visible", "index"):
        assert torch.equal(ours[name].cpu(), theirs[name]), name


@pytest.mark.parametrize("epoch", [None, 1])
def test_plain_and_mirrored_batches_are_those_of_the_loader(coco_mini, tmp_path, device, epoch):
    data, cache = opened(coco_mini, tmp_path / "crops", augmentation=Augmentation(flip=0.5))
    batches = DeviceCrops(data, cache, device).batches(blocks_of(data, epoch))
    assert len(batches) == 4
    for _ in range(2):  # from the images: the data set does not use the cache
        expected = loader(data, blocks_of(data, epoch))
        for ours, theirs in zip(batches, expected, strict=True):
            assert_labels_are_the_same(ours["samples"], theirs["samples"], device)
            assert torch.equal(ours["samples"]["image"].cpu(), theirs["samples"]["image"])


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(flip=0.5, brightness=0.3, contrast=0.3, saturation=0.3),
        Augmentation(flip=0.5, scale=0.35, rotation=40),
        ALL,
    ],
)
def test_augmented_batches_are_nearly_those_of_the_cache(coco_mini, tmp_path, device, augmentation):
    """OpenCV works in whole numbers and 32nds of a pixel, torch in float32: mostly one step."""
    data, cache = opened(coco_mini, tmp_path / "crops", augmentation=augmentation)
    crops = DeviceCrops(data, cache, device)
    data.use(cache)
    blocks = blocks_of(data, 2)
    for ours, theirs in zip(crops.batches(blocks), loader(data, blocks), strict=True):
        assert_labels_are_the_same(ours["samples"], theirs["samples"], device)
        images = ours["samples"]["image"].cpu().float()
        apart = (images - theirs["samples"]["image"].float()).abs()
        assert apart.mean() < 0.5
        assert (apart > 8).float().mean() < 1e-3
    plain = crops.batch([3])["samples"]["image"][0].cpu()
    assert torch.equal(plain, data[3]["image"]), "without an epoch there is no randomness"


def test_unreadable_images_are_listed(tmp_path, device):
    images = np.random.default_rng(0).integers(0, 256, (2, 120, 100, 3), dtype=np.uint8)
    rows = [coco_files.person(i, image_id=i) for i in (1, 2)]
    root = coco_files.write(tmp_path / "coco", rows, images=images)
    (root / "train2017" / "2.png").write_bytes(b"no image")
    data, cache = opened(root, tmp_path / "crops", augmentation=ALL)
    crops = DeviceCrops(data, cache, device)
    ours, theirs = crops.batch([1, (4, 0), 0]), next(iter(loader(data, [[1, (4, 0), 0]])))
    assert ours["unreadable"] == theirs["unreadable"]
    assert_labels_are_the_same(ours["samples"], theirs["samples"], device)
    assert crops.batch([(1, 1)]) == {"samples": None, "unreadable": [data[1]]}


def test_a_batch_is_a_copy(coco_mini, tmp_path, device):
    data, cache = opened(coco_mini, tmp_path / "crops")
    crops = DeviceCrops(data, cache, device)
    crops.batch([0])["samples"]["image"].zero_()
    assert torch.equal(crops.batch([0])["samples"]["image"][0].cpu(), data[0]["image"])


def test_sizes(coco_mini, tmp_path, device):
    _, cache = opened(coco_mini, tmp_path / "crops", augmentation=Augmentation(scale=0.25))
    assert device_bytes(cache) == 53 * 3 * (192 * 256 + 240 * 320)
    assert fits(cache, torch.device(device))
    assert fits(cache, torch.device(device), share=0.0) == (device == "cpu")
    with pytest.raises(ValueError, match="must be of"):
        DeviceCrops(CocoLowerBody.from_root(coco_mini, "val"), cache, device)
