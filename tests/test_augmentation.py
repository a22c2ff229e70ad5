from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from python_models.data.augmentation import Augmentation
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.data.crop import Crop
from python_models.data.view import (
    Colors,
    View,
    covering,
    exchanged,
    inverse,
    transformed,
    widened,
)
from tests import coco_files

SIZE = (192, 256)
ALL = Augmentation(
    flip=0.5,
    scale=0.35,
    rotation=40,
    half_body=0.5,
    brightness=0.3,
    contrast=0.3,
    saturation=0.3,
)
RADIUS = 3.0  # of the spots, in image pixels
GEOMETRY = Augmentation(flip=0.5, scale=0.35, rotation=40, half_body=0.5)
# A person's joints in an image of 300 x 360, of the left leg and then of the right.
JOINTS = ((170, 150), (180, 215), (176, 280), (130, 152), (122, 210), (131, 284))

centers = st.floats(-200, 600)
crops = st.builds(
    lambda x, y, height: Crop(x - 0.375 * height, y - height / 2, 0.75 * height, height),
    *(centers, centers, st.floats(8, 2000)),
)
views = st.builds(View, crops, st.floats(-180, 180), st.booleans())
points = st.lists(st.tuples(centers, centers), min_size=1, max_size=6).map(np.array)


def spots(root, visible=(2,) * 6):
    """An image a joint, with a soft spot there; every person has all six joints."""
    rows = [
        coco_files.person(
            i + 1,
            image_id=i + 1,
            joints={j: (*JOINTS[j], visible[j]) for j in range(6)},
            bbox=[90, 40, 120, 280],
        )
        for i in range(6)
    ]
    return coco_files.write(root, rows, size=(300, 360), images=[spot(j) for j in JOINTS])


def spot(center):
    rows, columns = np.mgrid[:360, :300]
    distance = (columns - center[0]) ** 2 + (rows - center[1]) ** 2
    brightness = 255 * np.exp(-distance / (2 * RADIUS**2))
    return np.repeat(np.round(brightness).astype(np.uint8)[..., None], 3, 2)


def centroid(image):
    brightness = image.double().sum(0).numpy()
    rows, columns = np.mgrid[: brightness.shape[0], : brightness.shape[1]]
    return [(brightness * axis).sum() / brightness.sum() for axis in (columns, rows)]


def composed(after, before):
    """The matrix [2, 3] of `before`, then `after`."""
    return np.column_stack([after[:, :2] @ before[:, :2], transformed(after, before[:, 2])])


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(flip=1),
        Augmentation(flip=0, scale=0.35),
        Augmentation(flip=0, rotation=180),
        Augmentation(flip=1, rotation=40),
        Augmentation(flip=0, half_body=1),
        GEOMETRY,
    ],
)
def test_spots_are_at_their_joints(tmp_path, augmentation):
    """Of each joint by itself. Whole numbers for brightness, and OpenCV's 32nds of a pixel, move
    a spot by some hundredths of a pixel."""
    data = CocoLowerBody.from_root(spots(tmp_path), "train", augmentation=augmentation)
    looked_at = 0
    for epoch in range(12):
        for index in range(6):
            sample = data[epoch, index]
            flipped = data.view((epoch, index)).flip
            joint = [3, 4, 5, 0, 1, 2][index] if flipped else index
            x, y = sample["joints"][joint].tolist()
            whole = 4.5 * RADIUS * 256 / data.view((epoch, index)).crop.height
            if not (whole < x < 191 - whole and whole < y < 255 - whole):
                continue  # a part of the spot is outside
            looked_at += 1
            np.testing.assert_allclose(centroid(sample["image"]), (x, y), atol=0.1)
            assert sample["visible"][joint] == 1
    assert looked_at > 20


def test_joints_outside_are_not_visible(tmp_path):
    data = CocoLowerBody.from_root(spots(tmp_path), "train", augmentation=GEOMETRY)
    seen = set()
    for epoch in range(50):
        sample = data[epoch, 0]
        if data.view((epoch, 0)).shows(data.crop(0)):
            continue
        for (x, y), visible in zip(sample["joints"].tolist(), sample["visible"], strict=True):
            inside = -0.5 <= x < 191.5 and -0.5 <= y < 255.5
            assert visible == inside
            seen.add(inside)
    assert seen == {True, False}


def test_a_joint_that_was_outside_stays_labelled_without_augmentation(tmp_path):
    row = coco_files.person(1, joints={0: (5, 5, 2), 1: (50, 60, 2)}, bbox=[40, 40, 40, 60])
    root = coco_files.write(tmp_path, [row])
    data = CocoLowerBody.from_root(root, "train", augmentation=Augmentation(flip=0, rotation=5))
    assert data[0]["visible"].tolist() == [1, 1, 0, 0, 0, 0]
    assert data[1, 0]["visible"].tolist() == [0, 1, 0, 0, 0, 0]


def test_flips_exchange_sides_with_their_visibility(tmp_path):
    root = spots(tmp_path, visible=(2, 0, 0, 2, 2, 2))
    data = CocoLowerBody.from_root(root, "train", augmentation=Augmentation(flip=1))
    assert data[0]["visible"].tolist() == [1, 0, 0, 1, 1, 1]
    assert data[0, 0]["visible"].tolist() == [1, 1, 1, 1, 0, 0]
    assert torch.equal(data[0, 0]["image"], data[0]["image"].flip(2))


@pytest.mark.parametrize("augmentation", [None, Augmentation(flip=0), ALL])
def test_without_numbers_or_changes_the_sample_is_the_plain_one(coco_mini, augmentation):
    """The very bytes of Pillow's crop and resize."""
    data = CocoLowerBody.from_root(coco_mini, "train", augmentation=augmentation)
    for index in range(5):
        with Image.open(data.persons[index].image_path) as image:
            expected = data.crop(index).image(image.convert("RGB"), SIZE)
        keys = [index] if augmentation is ALL else [index, (3, index)]
        for key in keys:
            sample = data[key]
            np.testing.assert_array_equal(sample["image"].permute(1, 2, 0), expected)
            np.testing.assert_array_equal(sample["joints"], data.labels(index)[0])


def test_a_sample_follows_from_seed_epoch_and_index_alone(tmp_path):
    root = spots(tmp_path)
    data = CocoLowerBody.from_root(root, "train", augmentation=ALL, seed=5)
    keys = [(epoch, index) for epoch in range(3) for index in range(6)]
    first = {key: data[key] for key in keys}
    np.random.default_rng(0)
    torch.manual_seed(77)
    again = CocoLowerBody.from_root(root, "train", augmentation=ALL, seed=5)
    for key in reversed(keys):
        for name in ("image", "joints", "visible"):
            assert torch.equal(again[key][name], first[key][name])
    other = CocoLowerBody.from_root(root, "train", augmentation=ALL, seed=6)
    views = {data.view(key) for key in keys} | {other.view(key) for key in keys}
    assert len(views) == 2 * len(keys), "another epoch, index or seed, another view"


def test_another_process_draws_the_same():
    """Nothing comes from the hash of a string or the like."""
    code = (
        "import numpy as np; from python_models.data.augmentation import Augmentation as A;"
        "from python_models.data.crop import Crop;"
        "print(A(0.5, 0.35, 40).view(Crop(0, 0, 3, 4), np.zeros((6, 2)), np.ones(6), (1, 2, 3)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    ).stdout
    view = Augmentation(0.5, 0.35, 40).view(
        Crop(0, 0, 3, 4), np.zeros((6, 2)), np.ones(6), (1, 2, 3)
    )
    assert printed.strip() == str(view)


def test_each_change_has_its_own_number():
    """Switching one on moves no other."""
    key, crop = (0, 4, 9), Crop(0, 0, 30, 40)
    joints, visible = np.array(JOINTS), np.ones(6)
    both = Augmentation(0.5, rotation=30, brightness=0.2).view(crop, joints, visible, key)
    alone = Augmentation(0.5, brightness=0.2).view(crop, joints, visible, key)
    assert both.angle != 0
    assert (both.flip, both.colors) == (alone.flip, alone.colors)


def test_the_numbers_fill_their_ranges():
    crop, joints, visible = Crop(10, 20, 90, 120), np.array(JOINTS), np.zeros(6)
    drawn = [ALL.view(crop, joints, visible, (0, 0, index)) for index in range(2000)]
    columns = {
        "scale": ([view.crop.height / 120 for view in drawn], 0.65, 1.35),
        "rotation": ([view.angle for view in drawn], -40, 40),
        "brightness": ([view.colors.brightness for view in drawn], 0.7, 1.3),
        "contrast": ([view.colors.contrast for view in drawn], 0.7, 1.3),
        "saturation": ([view.colors.saturation for view in drawn], 0.7, 1.3),
    }
    for name, (values, low, high) in columns.items():
        assert low <= min(values) < low + 0.01 * (high - low), name
        assert high >= max(values) > high - 0.01 * (high - low), name
    # Half of 2000, give or take 22; five times that.
    assert abs(sum(view.flip for view in drawn) - 1000) < 112
    together = np.corrcoef([values for values, _, _ in columns.values()])
    assert np.abs(together - np.eye(5)).max() < 0.12  # five times 1 / sqrt(2000)


def test_half_body_is_about_the_joints_of_a_half():
    augmentation = Augmentation(flip=0, half_body=1)
    crop, joints = Crop(0, 0, 240, 320), np.array(JOINTS, np.float32)

    def view(visible, index=0):
        return augmentation.view(crop, joints, np.array(visible), (0, 0, index)).crop

    shown = {view([1] * 6, index) for index in range(20)}
    assert len(shown) == 2
    for half in shown:
        assert half.width / half.height == pytest.approx(0.75)
        assert half.height >= 0.4 * 320
    thighs, shins = sorted(shown, key=lambda half: half.top)
    # From 122 to 180 and from 150 to 215: 58 / 0.75 is more than 65; 1.5 times is too small.
    assert (thighs.left + thighs.width / 2, thighs.top + thighs.height / 2) == (151.5, 183)
    assert thighs.height == pytest.approx(128)
    assert (shins.left + shins.width / 2, shins.top + shins.height / 2) == (151.5, 247.5)
    assert {view([1, 1, 0, 1, 1, 0], index) for index in range(9)} == {thighs}
    assert view([1, 0, 0, 1, 0, 1]) == crop, "neither half has three joints"


def test_colors_by_the_formulas():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    luma = np.array([0.299, 0.587, 0.114])
    values = 1.1 * pixels.astype(np.float64)
    values = 0.8 * values + 0.2 * (values @ luma).mean()
    gray = (values @ luma)[..., None]
    values = np.clip(gray + 1.3 * (values - gray), 0, 255)
    given_values = Colors(1.1, 0.8, 1.3).apply(pixels)
    assert given_values.dtype == np.uint8
    # Rounded to whole numbers; OpenCV rounds each of three factors to a 1024th before.
    np.testing.assert_allclose(given_values, values, atol=0.9)
    assert Colors().apply(pixels) is pixels
    gray_only = Colors(saturation=0).apply(pixels)
    assert (gray_only == gray_only[..., :1]).all()


def test_turned_pictures_do_not_alias():
    """A fine chessboard, made eight times smaller, is grey at any angle."""
    board = (np.indices((1600, 1600)).sum(0) % 2 * 255).astype(np.uint8)
    image = Image.fromarray(np.repeat(board[..., None], 3, 2))
    for angle in (0, 7, 45, -100):
        pixels = View(Crop(400, 400, 768, 768), angle).pixels(image, (96, 96))
        assert pixels.std() < 1.5
        assert abs(pixels.mean() - 127.5) < 1


def test_a_turned_picture_is_the_turned_formula():
    """A smooth picture, at every pixel, against its own formula: the matrix is that of pixels."""
    rows, columns = np.mgrid[:400, :500].astype(np.float64)

    def brightness(x, y):
        return 127.5 + 60 * np.sin(x / 23) + 60 * np.cos(y / 31)

    image = np.repeat(np.round(brightness(columns, rows)).astype(np.uint8)[..., None], 3, 2)
    view = View(Crop(180, 110, 120, 160), 25, flip=True)
    pixels = view.pixels(Image.fromarray(image), SIZE)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    where = transformed(inverse(view.matrix(SIZE)), np.stack([x.ravel(), y.ravel()], 1))
    expected = brightness(*where.T).reshape(SIZE[1], SIZE[0])
    # Rounded three times, and smoothed twice over a pixel of a curve of at most 60 / 23**2.
    np.testing.assert_allclose(pixels[..., 0], expected, atol=2)


def test_the_wide_crop_gives_nearly_the_same(coco_mini):
    """What a crop cache holds: as sharp as the plain crop, so a little softer where enlarged."""
    augmentation = Augmentation(flip=0.5, scale=0.35, rotation=40)
    data = CocoLowerBody.from_root(coco_mini, "train", augmentation=augmentation)
    wide = augmentation.wide_size(SIZE)
    for index in range(8):
        with Image.open(data.persons[index].image_path) as file:
            image = file.convert("RGB")
        around = widened(data.crop(index), SIZE, wide)
        stored = np.asarray(around.image(image, wide))
        view = data.view((0, index))
        direct, from_wide = view.pixels(image, SIZE), view.pixels_of_wide(stored, around, SIZE)
        assert np.abs(direct.astype(int) - from_wide).mean() < 4
        assert ((direct.sum(2) == 0) == (from_wide.sum(2) == 0)).mean() > 0.97, "the same is black"


@given(views, points)
def test_the_matrix_is_the_crop_turned_and_mirrored(view, where):
    """Step by step: the crop's own points, turned about the input's centre, mirrored."""
    scale = 192 / view.crop.width
    x, y = ((where + 0.5 - [view.crop.left, view.crop.top]) * scale - [96, 128]).T
    turned = (x + 1j * y) * np.exp(1j * math.radians(view.angle))
    x, y = turned.real + 95.5, turned.imag + 127.5
    expected = np.stack([191 - x if view.flip else x, y], 1)
    np.testing.assert_allclose(transformed(view.matrix(SIZE), where), expected, atol=1e-7)


@given(views, points)
def test_inverses_lead_back(view, where):
    matrix = view.matrix(SIZE)
    there = transformed(matrix, where)
    np.testing.assert_allclose(transformed(inverse(matrix), there), where, atol=1e-7)
    identity = composed(inverse(matrix), matrix)
    np.testing.assert_allclose(identity, [[1, 0, 0], [0, 1, 0]], atol=1e-7)


@given(views, crops, points)
def test_a_view_within_a_part_is_the_same(view, around, where):
    """From the image to the resized part, and from there to the input, as straight there."""
    wide = (423, 434)
    upright = View(around).matrix(wide)
    inside = view.within(around, wide).matrix(SIZE)
    straight = transformed(view.matrix(SIZE), where)
    # Through a part that may be a hundred times smaller or larger, far away: float64 keeps 1e-16.
    np.testing.assert_allclose(
        transformed(inside, transformed(upright, where)), straight, rtol=1e-8, atol=1e-6
    )


@given(crops, points)
def test_an_upright_view_has_the_crops_points(crop, where):
    np.testing.assert_allclose(
        transformed(View(crop).matrix(SIZE), where), crop.points(where, SIZE), rtol=1e-5, atol=1e-4
    )


@given(st.floats(0, 180), st.floats(0, 0.9), st.floats(-1, 1), st.floats(-1, 1))
def test_the_wide_size_covers_every_view(rotation, scale, angle, size):
    augmentation = Augmentation(rotation=rotation, scale=scale)
    wide = augmentation.wide_size(SIZE)
    crop = Crop(0, 0, 192, 256)
    factor = 1 + size * scale
    seen = Crop(96 - 96 * factor, 128 - 128 * factor, 192 * factor, 256 * factor)
    matrix = View(widened(crop, SIZE, wide)).matrix(wide)
    matrix = composed(matrix, inverse(View(seen, angle * rotation).matrix(SIZE)))
    corners = np.array([(x, y) for x in (-0.5, 191.5) for y in (-0.5, 255.5)])
    reached = transformed(matrix, corners)
    assert (reached >= -0.5 - 1e-6).all()
    assert (reached <= np.array(wide) - 0.5 + 1e-6).all()


def test_the_wide_size_is_no_larger_than_needed():
    assert Augmentation().wide_size(SIZE) == SIZE
    assert Augmentation(scale=0.25).wide_size(SIZE) == (240, 320)
    assert covering((100, 100), 45) == (144, 144)  # 141.4, and a pixel on each side


def test_exchanging_twice_changes_nothing():
    values = np.arange(12).reshape(6, 2)
    assert exchanged(values).tolist() == values[[3, 4, 5, 0, 1, 2]].tolist()
    np.testing.assert_array_equal(exchanged(exchanged(values)), values)


@pytest.mark.parametrize(
    "options",
    [{"flip": 1.1}, {"flip": -0.1}, {"scale": 1.0}, {"rotation": 181}, {"contrast": math.nan}],
)
def test_bad_numbers_are_refused(options):
    with pytest.raises(ValueError, match=f"Augmentation: {next(iter(options))} must be 0 to"):
        Augmentation(**options)
