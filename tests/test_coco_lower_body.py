from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from python_models.data.augmentation import Augmentation
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.data.coco_persons import Source
from python_models.data.crop import Crop
from python_models.data.samples import Unreadable, collate, loader
from tests import coco_files


def test_counts_of_coco_mini(coco_mini):
    for split, persons in (("train", 53), ("val", 51)):
        data = CocoLowerBody.from_root(coco_mini, split)
        assert len(data) == persons
        rows = 172 if split == "train" else 118
        assert persons + sum(data.skipped.values()) == rows, "every row is used or counted"
    assert len(CocoLowerBody.from_root(coco_mini, "train", min_joints=4)) == 37


def test_a_sample_of_coco_mini(coco_mini):
    sample = CocoLowerBody.from_root(coco_mini, "train")[0]
    assert sample["image"].shape == (3, 256, 192)
    assert sample["image"].dtype == torch.uint8
    assert sample["index"] == 0
    assert sample["joints"].shape == (6, 2)
    assert set(sample["visible"].tolist()) <= {0.0, 1.0}


def test_rows_are_used_or_counted(tmp_path):
    rows = [
        coco_files.person(1),
        coco_files.person(2, iscrowd=1),
        coco_files.person(3, joints={0: (0, 0, 0)}),
        coco_files.person(4, joints={0: (50, 60, 1)}),
        coco_files.person(5, joints={0: (50, 60, 1), 1: (50, 70, 2)}),
    ]
    root = coco_files.write(tmp_path, rows)
    data = CocoLowerBody.from_root(root, "train")
    assert [person.annotation_id for person in data.persons] == [1, 4, 5]
    assert data.skipped == {"crowd": 1, "no visible lower-body joint": 1}
    seen_only = CocoLowerBody.from_root(root, "train", min_visibility=2)
    assert [person.annotation_id for person in seen_only.persons] == [1, 5]
    assert seen_only[1]["visible"].tolist() == [0, 1, 0, 0, 0, 0]
    two = CocoLowerBody.from_root(root, "train", min_joints=2)
    assert [person.annotation_id for person in two.persons] == [1, 5]


def test_the_crop_has_the_aspect_ratio_and_keeps_the_centre():
    tall = Crop.around((10, 20, 30, 80), 0.75, 1.0)
    assert (tall.left, tall.top, tall.width, tall.height) == (-5, 20, 60, 80)
    wide = Crop.around((10, 20, 60, 30), 0.75, 1.25)
    assert (wide.width, wide.height) == (75, 100)
    assert (wide.left + wide.width / 2, wide.top + wide.height / 2) == (40, 35)


def test_joints_stay_on_their_pixels(tmp_path):
    """A bright square in the image is where its label says, to half an input pixel."""
    root = coco_files.write(tmp_path, [coco_files.person(1, joints={0: (41, 57, 2)})])
    pixels = np.zeros((120, 100, 3), np.uint8)
    pixels[56:59, 40:43] = 255  # centred on (41, 57)
    Image.fromarray(pixels).save(root / "train2017" / "1.jpg", quality=100)
    for scale in (1.0, 1.37):
        sample = CocoLowerBody.from_root(root, "train", box_scale=scale)[0]
        brightness = sample["image"].sum(0).float().numpy()
        brightness[brightness < 0.5 * brightness.max()] = 0
        rows, columns = np.mgrid[: brightness.shape[0], : brightness.shape[1]]
        center = [(brightness * axis).sum() / brightness.sum() for axis in (columns, rows)]
        np.testing.assert_allclose(center, sample["joints"][0], atol=0.5)


def test_outside_the_image_is_black(tmp_path):
    root = coco_files.write(tmp_path, [coco_files.person(1, bbox=[-40, -40, 60, 80])])
    image = CocoLowerBody.from_root(root, "train")[0]["image"]
    assert (image[:, 0, 0] == 0).all()
    assert (image[:, -1, -1] > 0).all()


def test_points_go_to_the_crop_and_back():
    crop = Crop(-3.5, 12.25, 61.3, 90.0)
    points = np.array([[0, 0], [10.5, 77], [-40, 300]])
    back = crop.to_image(crop.points(points, (192, 256)), (192, 256))
    np.testing.assert_allclose(back, points, atol=1e-4)  # float32 of some hundred pixels
    # The crop's outer edges are half a pixel outside the centres of its outer pixels.
    np.testing.assert_allclose(
        crop.to_image(np.array([-0.5, -0.5]), (192, 256)), [-3.5 - 0.5, 12.25 - 0.5]
    )


def test_flip_mirrors_image_and_joints_and_exchanges_sides(tmp_path):
    root = coco_files.write(tmp_path, [coco_files.person(1)])
    flipping = CocoLowerBody.from_root(root, "train", augmentation=Augmentation(flip=0.5))
    plain = flipping[0]
    seen = set()
    for epoch in range(20):
        sample = flipping[epoch, 0]
        is_flipped = not torch.equal(sample["image"], plain["image"])
        seen.add(is_flipped)
        if is_flipped:
            assert torch.equal(sample["image"], plain["image"].flip(2))
            order = [3, 4, 5, 0, 1, 2]
            torch.testing.assert_close(sample["joints"][:, 0], 191 - plain["joints"][order, 0])
            torch.testing.assert_close(sample["joints"][:, 1], plain["joints"][order, 1])
    assert seen == {True, False}


def test_a_person_has_what_evaluation_needs(tmp_path):
    rows = [coco_files.person(1), coco_files.person(2, area=None), coco_files.person(3, ignore=1)]
    data = CocoLowerBody.from_root(coco_files.write(tmp_path, rows), "train")
    first, second, third = data.persons
    assert (first.image_id, first.image_width, first.image_height, first.area) == (
        1,
        100,
        120,
        3600,
    )
    assert (second.area, second.ignore, third.ignore) == (60 * 60, False, True)
    assert data.crop(0) == Crop.around(first.box, 192 / 256, 1.0)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_loader_gives_the_blocks_in_order(tmp_path, workers):
    rows = [coco_files.person(i) for i in range(1, 8)]
    root = coco_files.write(tmp_path, rows)
    data = CocoLowerBody.from_root(root, "train", augmentation=Augmentation(flip=0.5), seed=3)
    blocks = [[(4, 6), (4, 0)], [(4, 3), 5], [2]]
    before = torch.get_rng_state()
    batches = list(loader(data, blocks, workers=workers))
    assert torch.equal(torch.get_rng_state(), before), "a pass leaves the random numbers alone"
    assert [batch["samples"]["index"].tolist() for batch in batches] == [[6, 0], [3, 5], [2]]
    for batch, keys in zip(batches, blocks, strict=True):
        assert batch["unreadable"] == []
        images = batch["samples"]["image"]
        assert images.dtype == torch.uint8
        assert images.is_contiguous(memory_format=torch.channels_last)
        for image, joints, key in zip(images, batch["samples"]["joints"], keys, strict=True):
            assert torch.equal(image, data[key]["image"])
            assert torch.equal(joints, data[key]["joints"])


def test_several_sources_are_one_data_set(tmp_path):
    """The same file names and ids in both; each leads into its own folder."""
    first = coco_files.write(tmp_path / "a", [coco_files.person(1), coco_files.person(2)])
    second = coco_files.write(
        tmp_path / "b", [coco_files.person(1), coco_files.person(5, iscrowd=1)], split="val"
    )
    sources = [
        Source(first / "annotations" / "person_keypoints_train2017.json", first / "train2017"),
        Source(second / "annotations" / "person_keypoints_val2017.json", second / "val2017"),
    ]
    data = CocoLowerBody(sources)
    assert [(p.source, p.annotation_id) for p in data.persons] == [(0, 1), (0, 2), (1, 1)]
    assert [p.image_path.parent for p in data.persons] == [
        *(2 * [first / "train2017"]),
        second / "val2017",
    ]
    assert data.skipped == {"crowd": 1}
    assert data.summary() == (
        f"3 persons; {sources[0].annotation_file}: 2 persons (skipped: none); "
        f"{sources[1].annotation_file}: 1 persons (skipped: 1 crowd)"
    )
    # A name that stays inside the other source's folder still leaves its own.
    coco_files.write(
        tmp_path / "b", [coco_files.person(1)], split="val", file_name="../../a/train2017/1.jpg"
    )
    with pytest.raises(ValueError, match=r"val2017\.json: .* leaves the image folder"):
        CocoLowerBody(sources)


def test_file_names_cannot_leave_the_image_folder(tmp_path):
    for name in ("../../etc/passwd", "/etc/passwd", "a/../../x.jpg", ""):
        root = coco_files.write(tmp_path, [coco_files.person(1)], file_name=name)
        with pytest.raises(ValueError, match="leaves the image folder"):
            CocoLowerBody.from_root(root, "train")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"keypoints": [1.0] * 50}, "keypoints is not 17 times three numbers of sensible size"),
        ({"keypoints": None}, "keypoints is not 17 times three numbers of sensible size"),
        ({"keypoints": ["a"] * 51}, "keypoints is not 17 times three numbers of sensible size"),
        (
            {"keypoints": [float("nan")] * 51},
            "keypoints is not 17 times three numbers of sensible size",
        ),
        ({"keypoints": [10**400] * 51}, "keypoints is not 17 times three numbers of sensible size"),
        ({"bbox": [1, 2, 3]}, "bbox is not four numbers of sensible, positive size"),
        ({"bbox": [1, 2, 0, 5]}, "bbox is not four numbers of sensible, positive size"),
        ({"bbox": [1, 2, float("inf"), 5]}, "bbox is not four numbers of sensible"),
        ({"bbox": [1, 2, 1e-300, 1e-300]}, "bbox is not four numbers of sensible, positive size"),
        ({"image_id": 77}, "image_id names no image"),
    ],
)
def test_bad_rows_are_counted_with_their_field(tmp_path, fields, reason):
    root = coco_files.write(tmp_path, [coco_files.person(1), coco_files.person(2, **fields)])
    data = CocoLowerBody.from_root(root, "train")
    assert [person.annotation_id for person in data.persons] == [1]
    ((given, count),) = data.skipped.items()
    assert given.startswith(reason)
    assert count == 1
    assert reason in data.summary()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"images": [', "not a JSON file"),
        ("[" * 200_000, "not a JSON file"),
        ("[]", "no COCO annotation file"),
        ('{"images": []}', "'annotations' is missing"),
        ('{"annotations": []}', "'images' is missing"),
        ('{"images": [{"id": 1}], "annotations": [{"id": 1}]}', "no COCO annotation file"),
        ('{"images": 5, "annotations": 5}', "no COCO annotation file"),
    ],
)
def test_bad_files_are_named_with_their_field(tmp_path, content, message):
    root = coco_files.write(tmp_path, [coco_files.person(1)])
    file = root / "annotations" / "person_keypoints_train2017.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"person_keypoints_train2017\.json: .*" + message):
        CocoLowerBody.from_root(root, "train")


def test_a_missing_image_is_counted(tmp_path):
    root = coco_files.write(tmp_path, [coco_files.person(1)], file_name="2.jpg")
    with pytest.raises(ValueError, match=r"no person is left .*image file is missing"):
        CocoLowerBody.from_root(root, "train")


def test_a_name_that_is_too_long_is_a_missing_image(tmp_path):
    root = coco_files.write(tmp_path, [coco_files.person(1)], file_name="a" * 5000)
    with pytest.raises(ValueError, match=r"no person is left .*image file is missing"):
        CocoLowerBody.from_root(root, "train")


def test_an_unreadable_image_is_a_sample_of_its_own(tmp_path):
    root = coco_files.write(tmp_path, [coco_files.person(1)])
    data = CocoLowerBody.from_root(root, "train")
    good = data[0]
    image = root / "train2017" / "1.jpg"
    whole = image.read_bytes()
    for content in (whole[: len(whole) // 2], b"no image", b""):
        image.write_bytes(content)
        bad = data[0]
        assert isinstance(bad, Unreadable)
        assert bad.image_path == image
        assert bad.reason
    batch = collate([bad, good, bad])
    assert batch["samples"]["image"].shape == (1, 3, 256, 192)
    assert batch["unreadable"] == [bad, bad]
    assert collate([bad])["samples"] is None


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="train2017 does not exist"):
        CocoLowerBody.from_root(tmp_path, "train")
    (tmp_path / "train2017").mkdir()
    with pytest.raises(FileNotFoundError, match=r"person_keypoints_train2017\.json does not"):
        CocoLowerBody.from_root(tmp_path, "train")


def test_a_data_set_without_persons_is_refused(tmp_path):
    root = coco_files.write(tmp_path, [coco_files.person(1, iscrowd=1)])
    with pytest.raises(ValueError, match="no person is left"):
        CocoLowerBody.from_root(root, "train")


def test_an_image_may_be_a_link_to_another_disk(tmp_path):
    root = coco_files.write(tmp_path / "coco", [coco_files.person(1)])
    image = root / "train2017" / "1.jpg"
    image.rename(tmp_path / "elsewhere.jpg")
    image.symlink_to(tmp_path / "elsewhere.jpg")
    assert not isinstance(CocoLowerBody.from_root(root, "train")[0], Unreadable)
