"""From heatmap to image: conventions, OpenCV, the closed forms, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.reference import to_image as reference
from tests.heatmap_samples import maps

SIZE = (48, 64)
CONVENTIONS = ["corner", "udp", "half_pixel"]
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def boxes(batch=3):
    return 300 + 200 * maps((batch, 2), seed=1), 50 + 150 * maps((batch, 2), seed=2).abs()


def check_same(coords, *arguments, **options):
    image = lp.to_image(coords, *arguments, **options)
    expected = reference.to_image(coords, *arguments, **options)
    assert image.dtype == (torch.float64 if coords.dtype is torch.float64 else torch.float32)
    # Doubles on either side, rounded once. Their terms may cancel: some are as large as 1000.
    unit = 1e-12 if image.dtype is torch.float64 else 1.2e-7
    torch.testing.assert_close(image, expected, rtol=unit, atol=1e-12, equal_nan=True)
    return image


# What the conventions mean --------------------------------------------------------------------


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize(
    ("convention", "first", "last"),
    [
        ("corner", (0, 0), (48, 64)),
        ("udp", (0, 0), (47, 63)),
        ("half_pixel", (-0.5,) * 2, (47.5, 63.5)),
    ],
)
def test_where_the_corners_of_the_box_are(convention, first, last):
    coords = torch.tensor([[first, last]], dtype=torch.float64)
    center, scale = torch.tensor([[100.0, 200.0]]), torch.tensor([[96.0, 160.0]])
    image = lp.to_image(coords, center, scale, SIZE, convention)
    expected = torch.tensor([[[52.0, 120.0], [148.0, 280.0]]], dtype=torch.float64)
    torch.testing.assert_close(image, expected, rtol=1e-15, atol=1e-13)  # a thirds is rounded


@pytest.mark.usefixtures("device")
def test_x_only_leaves_the_height_unread():
    coords = torch.tensor([[[0.0, 0.0], [48.0, 64.0]]])
    center, scale = torch.tensor([[100.0, 200.0]]), torch.tensor([[96.0, math.nan]])
    image = lp.to_image(coords, center, scale, SIZE, scale_axes="x_only")
    assert image.tolist() == [[[52.0, 136.0], [148.0, 264.0]]]


# HRNet's transform ----------------------------------------------------------------------------


def affine_from_points(cv2, center, scale, size, rotation=0.0):
    """Heatmap to image as HRNet's project defines it, by three float32 points; scale in 200 px."""
    angle = np.pi * rotation / 180
    width = 200 * scale[0]

    def third(a, b):
        difference = a - b
        return b + np.array([-difference[1], difference[0]], np.float32)

    source, target = np.zeros((3, 2), np.float32), np.zeros((3, 2), np.float32)
    upwards = -0.5 * width
    source[0] = center
    source[1] = center + np.array([-upwards * np.sin(angle), upwards * np.cos(angle)])
    target[0] = [size[0] * 0.5, size[1] * 0.5]
    target[1] = target[0] + [0, size[0] * -0.5]
    source[2], target[2] = third(source[0], source[1]), third(target[0], target[1])
    return cv2.getAffineTransform(target, source)


@given(
    center=st.tuples(st.floats(0, 640), st.floats(0, 480)),
    scale=st.tuples(st.floats(0.2, 3), st.floats(0.2, 3)),
    size=st.sampled_from([(48, 64), (72, 96), (64, 64)]),
)
def test_opencv_without_rotation(center, scale, size):
    cv2 = pytest.importorskip("cv2")
    matrix = affine_from_points(cv2, np.array(center), np.array(scale), size)
    coords = np.random.default_rng(0).uniform(0, size, (17, 2))
    expected = coords @ matrix[:, :2].T + matrix[:, 2]
    image = lp.to_image(
        *(coords.astype(np.float32), np.array(center), np.array(scale), size),
        pixel_std=200.0,
        scale_axes="x_only",
    )
    # OpenCV's matrix is made of float32 points.
    np.testing.assert_allclose(image, expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("rotation", [0.0, 30.0, -75.0])
def test_opencv_with_rotation(rotation):
    cv2 = pytest.importorskip("cv2")
    matrices = np.stack(
        [
            affine_from_points(cv2, np.array([x, 200.0]), np.array([0.9, 1.2]), SIZE, rotation)
            for x in (100.0, 333.3)
        ]
    )
    coords = np.random.default_rng(0).uniform(0, 48, (2, 17, 2)).astype(np.float32)
    expected = np.stack([cv2.transform(coords[b][None], matrices[b])[0] for b in (0, 1)])
    # Float32 numbers up to 500, and OpenCV's products are rounded to it too.
    np.testing.assert_allclose(lp.to_image(coords, matrix=matrices), expected, rtol=0, atol=2e-4)
    np.testing.assert_array_equal(
        lp.to_image(coords, matrix=matrices[0])[0], lp.to_image(coords, matrix=matrices)[0]
    )
    np.testing.assert_array_equal(
        lp.to_image(coords[0], matrix=matrices[0]), lp.to_image(coords, matrix=matrices)[0]
    )


# The closed forms -----------------------------------------------------------------------------


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("scale_axes", ["xy", "x_only"])
def test_a_box(dtype, convention, scale_axes):
    center, scale = boxes()
    options: dict[str, Any] = {"pixel_std": 1.25, "scale_axes": scale_axes}
    coords = (20 + 30 * maps((3, 17, 2))).to(dtype)
    image = check_same(coords, center, scale, SIZE, convention, **options)
    for other in (
        coords.transpose(0, 1).contiguous().transpose(0, 1),
        torch.cat([coords, coords], 2)[..., :2],
    ):
        assert torch.equal(lp.to_image(other, center, scale, SIZE, convention, **options), image)
    # Squares, and without a batch.
    squares = check_same(coords, center, scale[:, 0], SIZE, convention, **options)
    one = (coords[1], center[1], scale[1], SIZE, convention)
    assert torch.equal(lp.to_image(*one, **options), image[1])
    one = (coords[1], center[1], scale[1, 0], SIZE, convention)
    assert torch.equal(lp.to_image(*one, **options), squares[1])


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_matrix(dtype):
    coords, matrices = (20 * maps((3, 17, 2))).to(dtype), maps((3, 2, 3), seed=1)
    check_same(coords, matrix=matrices)
    check_same(coords, matrix=matrices[0])
    check_same(coords, matrix=matrices.transpose(1, 2).contiguous().transpose(1, 2).double())
    check_same(coords, matrix=torch.tensor([[2, 0, 1], [0, 3, -1]]))


@pytest.mark.usefixtures("device")
def test_what_is_not_finite_passes_through():
    coords = torch.tensor([[[math.nan, 1.0], [1.0, math.nan], [math.inf, -math.inf], [1.0, 1.0]]])
    center, scale = torch.tensor([[10.0, 20.0]]), torch.tensor([[48.0, 64.0]])
    image = lp.to_image(coords, center, scale, SIZE)
    assert image.isnan().tolist() == [[[True, False], [False, True], [False] * 2, [False] * 2]]
    assert image[0, 2].tolist() == [math.inf, -math.inf]
    identity = torch.tensor([[1.0, 0.5, 0.0], [0.5, 1.0, 0.0]])
    assert lp.to_image(coords, matrix=identity).isnan().all(-1).tolist() == [
        [True, True, True, False]
    ]


@pytest.mark.usefixtures("device")
def test_empty():
    center, scale = boxes(2)
    assert lp.to_image(torch.zeros(2, 0, 2), center, scale, SIZE).shape == (2, 0, 2)
    none = torch.zeros(0, 2)
    assert lp.to_image(torch.zeros(0, 3, 2), none, none, SIZE).shape == (0, 3, 2)
    assert lp.to_image(torch.zeros(0, 3, 2), matrix=torch.zeros(2, 3)).shape == (0, 3, 2)


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_numpy_and_torch_give_the_same_bits(dtype):
    rng = np.random.default_rng(0)
    coords, center = rng.uniform(0, 64, (4, 6, 2)).astype(dtype), rng.uniform(0, 500, (4, 2))
    scale, matrix = rng.integers(50, 200, (4, 2)), rng.standard_normal((4, 2, 3))
    for arguments, options in (
        ((coords, center, scale, SIZE, "udp"), {}),
        ((coords[:, ::-1], center, scale[:, 0], SIZE), {"pixel_std": 1.5}),
        ((coords[0], center[0], scale[0], SIZE), {"scale_axes": "x_only"}),
        ((coords[0], center[0], np.array(3), SIZE), {}),
        ((coords,), {"matrix": matrix}),
    ):

        def tensor(value):
            return torch.tensor(value.copy()) if isinstance(value, np.ndarray) else value

        array = lp.to_image(*arguments, **options)
        expected = lp.to_image(
            *map(tensor, arguments), **{name: tensor(value) for name, value in options.items()}
        )
        assert array.dtype == (np.float64 if dtype is np.float64 else np.float32)
        np.testing.assert_array_equal(array, expected.numpy())


# Refusals -------------------------------------------------------------------------------------

COORDS, CENTER, SCALE = torch.zeros(2, 3, 2), torch.zeros(2, 2), torch.ones(2, 2)
BOX = {"coords": COORDS, "center": CENTER, "scale": SCALE, "heatmap_size": SIZE}
MATRIX = {"coords": COORDS, "matrix": torch.zeros(2, 3)}


@pytest.mark.parametrize(
    ("given_arguments", "error", "message"),
    [
        ({"coords": COORDS}, ValueError, "center must be given where there is no matrix, got None"),
        (BOX | {"scale": None}, ValueError, "scale must be given where there is no matrix"),
        (BOX | {"heatmap_size": None}, ValueError, "heatmap_size must be given where there is no"),
        (BOX | MATRIX, ValueError, "center must be left out where there is a matrix"),
        (MATRIX | {"heatmap_size": SIZE}, ValueError, "heatmap_size must be left out where there"),
        (MATRIX | {"pixel_std": 200.0}, ValueError, "pixel_std must be left out where there is a"),
        (MATRIX | {"convention": "udp"}, ValueError, "convention must be left out where there is"),
        (MATRIX | {"scale_axes": "x_only"}, ValueError, "scale_axes must be left out where there"),
        (MATRIX | {"matrix": torch.zeros(3, 3)}, ValueError, r"matrix must be \[2, 3\] or \[B, 2"),
        (MATRIX | {"matrix": torch.zeros(3, 2, 3)}, ValueError, r"matrix .* = \[2, 2, 3\], got"),
        (BOX | {"coords": torch.zeros(2, 3, 3)}, ValueError, r"coords must be \[B, K, 2\]"),
        (BOX | {"coords": torch.zeros(2)}, ValueError, r"coords must be \[K, 2\] or \[B, K, 2\]"),
        (BOX | {"coords": COORDS.int()}, TypeError, "coords must be float32 or float16"),
        (BOX | {"coords": [0.0]}, TypeError, "coords must be a NumPy array or a torch tensor"),
        (BOX | {"center": torch.zeros(3, 2)}, ValueError, r"center must be \[B, 2\] = \[2, 2\]"),
        (BOX | {"scale": torch.ones(2, 1)}, ValueError, r"scale must be \[B, 2\] or \[B\]"),
        (BOX | {"scale": torch.ones(3)}, ValueError, r"scale must be \[B, 2\] or \[B\] = \[2\]"),
        (BOX | {"scale": 1.0}, TypeError, "scale must be a torch tensor, got float"),
        (BOX | {"coords": COORDS[0]}, ValueError, r"center must be \[2\], got \[2, 2\]"),
        (BOX | {"heatmap_size": (48, 0)}, ValueError, "heatmap_size must be two integers"),
        (
            BOX | {"heatmap_size": (48, 1), "convention": "udp"},
            ValueError,
            r"heatmap_size must be at least \(2, 2\) under the convention 'udp', got \(48, 1\)",
        ),
        (BOX | {"convention": "centre"}, ValueError, "convention must be 'corner' or 'half_pixel'"),
        (BOX | {"scale_axes": "yx"}, ValueError, "scale_axes must be 'x_only' or 'xy'"),
        (BOX | {"pixel_std": 0}, ValueError, "pixel_std must be positive, got 0"),
        (BOX | {"center": CENTER.clone().requires_grad_()}, ValueError, "center must not require"),
        (BOX | {"scale": SCALE.clone().requires_grad_()}, ValueError, "scale must not require"),
        (
            MATRIX | {"matrix": torch.zeros(2, 3, requires_grad=True)},
            ValueError,
            "matrix must not require a gradient",
        ),
        (BOX | {"coords": COORDS.numpy()}, TypeError, "center must be a NumPy array, got Tensor"),
    ],
)
def test_refusals_name_what_is_wrong(given_arguments, error, message):
    with pytest.raises(error, match=f"to_image: {message}"):
        lp.to_image(**given_arguments)
