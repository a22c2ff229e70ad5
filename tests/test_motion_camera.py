"""The camera of motions."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import lowerpose_ops as lp
from python_models.motion.camera import Camera

LENS = (-0.25, 0.08, 0.004, -0.003, -0.01)


def turned(rng: np.random.Generator) -> np.ndarray:
    matrix, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return matrix * np.linalg.det(matrix)


def some_camera(seed: int = 0, distortion: tuple[float, ...] = LENS) -> Camera:
    rng = np.random.default_rng(seed)
    matrix = [[900, 0, 470.5], [0, 880, 350.0], [0, 0, 1]]
    return Camera.from_matrix(matrix, (960, 720), turned(rng), rng.normal(0, 300, 3), distortion)


def before(camera: Camera, seed: int = 0, count: int = 200) -> np.ndarray:
    """World points that the camera has before it, up to 30 degrees off its axis."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(500, 6000, (count, 1))
    flat = rng.uniform(-0.4, 0.4, (count, 2))
    return camera.to_world(np.concatenate([flat * depth, depth], axis=1))


@pytest.mark.parametrize("distortion", [LENS, LENS[:4], (0, 0, 0, 0, 0)])
def test_it_projects_as_opencv_does(distortion):
    camera = some_camera(1, distortion)
    points = before(camera)
    turn, _ = cv2.Rodrigues(camera.rotation)
    expected, _ = cv2.projectPoints(
        points, turn, camera.translation, camera.matrix, camera.distortion
    )
    # The vector of three numbers that OpenCV takes a rotation as costs it some last digits.
    np.testing.assert_allclose(camera.project(points), expected[:, 0], rtol=0, atol=1e-8)


@pytest.mark.parametrize("distortion", [LENS, (0, 0, 0, 0, 0)])
def test_it_projects_as_the_packages_operation_does(distortion):
    camera = some_camera(3, distortion)
    points = np.concatenate([before(camera), camera.position[None] - 1e4 * camera.rotation[2]])
    points[7, 1] = np.nan
    given = (points, camera.matrix, camera.rotation, camera.translation, camera.distortion)
    expected = lp.project_points(*map(torch.from_numpy, given))
    # Float64 of some 1e3 pixels, added up in another order.
    np.testing.assert_allclose(camera.project(points), expected, rtol=0, atol=1e-9)


def test_to_world_undoes_to_camera():
    camera = some_camera(2)
    points = np.random.default_rng(0).normal(0, 3000, (4, 50, 3))
    back = camera.to_world(camera.to_camera(points))
    np.testing.assert_allclose(back, points, atol=1e-9)  # 1e4 mm in float64, some operations
    np.testing.assert_allclose(camera.to_camera(camera.position[None]), 0, atol=1e-9)


def test_what_is_not_before_the_camera_has_no_pixel():
    camera = Camera.from_matrix([[500, 0, 50], [0, 500, 50], [0, 0, 1]], (101, 101))
    points = np.array([[0, 0, 100], [0, 0, 0], [0, 0, -100], [1, np.nan, 100]], np.float64)
    pixels = camera.project(points)
    np.testing.assert_array_equal(pixels[0], [50, 50])
    assert np.isnan(pixels[1:]).all()


def test_a_batch_of_cameras_is_each_of_them():
    cameras = [some_camera(seed, (0.1 * seed, 0, 0, 0.001, 0)) for seed in range(3)]
    batch = Camera(
        *(np.stack([getattr(c, name) for c in cameras]) for name in ("focal", "center")),
        (960, 720),
        *(
            np.stack([getattr(c, name) for c in cameras])
            for name in ("rotation", "translation", "distortion")
        ),
    )
    points = np.stack([before(camera, count=20) for camera in cameras])
    pixels = batch.project(points)
    straight = batch.undistorted(pixels)
    world = batch.to_world(batch.to_camera(points))
    for number, camera in enumerate(cameras):
        np.testing.assert_array_equal(pixels[number], camera.project(points[number]))
        # The batch goes on until the last camera's points have come to rest.
        np.testing.assert_allclose(
            straight[number], camera.undistorted(pixels[number]), rtol=0, atol=1e-8
        )
        np.testing.assert_array_equal(batch.matrix[number], camera.matrix)
        np.testing.assert_array_equal(batch.position[number], camera.position)
        np.testing.assert_allclose(world[number], points[number], atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(
        st.floats(-0.3, 0.3), st.floats(-0.1, 0.1), st.floats(-0.01, 0.01),
        st.floats(-0.01, 0.01), st.floats(-0.05, 0.05),
    ),
    st.integers(0, 1000),
)  # fmt: skip
def test_undistorted_pixels_are_those_of_the_same_camera_without_a_lens(distortion, seed):
    bent, straight = some_camera(0, distortion), some_camera(0, (0,) * 5)
    points = before(bent, seed, 50)
    got = bent.undistorted(bent.project(points))
    # 1e-12 focal lengths of 900 pixels, and where radial is least (0.85 at these angles), no more
    # than tenfold: 1e-8 pixels.
    np.testing.assert_allclose(got, straight.project(points), rtol=0, atol=1e-8)


def test_a_pixel_that_no_direction_comes_to_is_nan():
    """With k1 = -0.3 nothing is seen further out than at x / z = 0.703, where the picture folds."""
    camera = Camera.from_matrix(
        [[100, 0, 0], [0, 100, 0], [0, 0, 1]], (100, 100), distortion=(-0.3, 0, 0, 0, 0)
    )
    got = camera.undistorted(np.array([[90.0, 0], [50, 0], [np.nan, 0]]))
    assert np.isnan(got[[0, 2]]).any(axis=1).all()
    x = got[1, 0] / 100
    assert abs(x * (1 - 0.3 * x * x) - 0.5) < 1e-11


def test_its_mirrored_camera_takes_the_mirrored_picture_of_the_mirrored_scene():
    camera = some_camera(4)
    seen = camera.to_camera(before(camera))
    mirrored = camera.mirrored().project_camera(seen * [-1, 1, 1])
    expected = camera.project_camera(seen)
    expected[:, 0] = 960 - 1 - expected[:, 0]
    np.testing.assert_allclose(mirrored, expected, rtol=0, atol=1e-9)


def test_it_sees_the_picture_to_its_edges():
    camera = some_camera()
    pixels = np.array([[-0.5, 0], [-0.51, 0], [959.5, 719.5], [0, 719.6], [np.nan, 1]])
    assert camera.sees(pixels).tolist() == [True, False, True, False, False]


@pytest.mark.parametrize(
    ("matrix", "word"),
    [
        ([[500, 2, 50], [0, 500, 50], [0, 0, 1]], "matrix"),  # skew
        ([[500, 0, 50], [0, 500, 50], [0, 0, 2]], "matrix"),
        ([[500, 0], [0, 500]], "matrix"),
        ([[-500, 0, 50], [0, 500, 50], [0, 0, 1]], "focal"),
        ([[np.nan, 0, 50], [0, 500, 50], [0, 0, 1]], "focal"),
    ],
)
def test_a_wrong_matrix_is_refused(matrix, word):
    with pytest.raises(ValueError, match=f"Camera: {word}"):
        Camera.from_matrix(matrix, (100, 100))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"rotation": np.eye(4)}, "rotation"),
        ({"rotation": np.diag([-1, 1, 1])}, "rotation"),  # a mirror image
        ({"rotation": np.diag([1, 1, 1.01])}, "rotation"),
        ({"rotation": np.full((3, 3), np.nan)}, "rotation"),
        ({"translation": np.zeros(2)}, "translation"),
        ({"translation": [0, np.nan, 0]}, "translation"),
        ({"distortion": [0, 0, np.nan, 0, 0]}, "distortion"),
        ({"distortion": [np.inf, 0, 0, 0]}, "distortion"),
        ({"matrix": [[np.inf, 0, 50], [0, 500, 50], [0, 0, 1]]}, "focal"),
        ({"matrix": [[500, 0, np.nan], [0, 500, 50], [0, 0, 1]]}, "center"),
        ({"distortion": np.zeros(3)}, "distortion"),
        ({"size": (0, 10)}, "size"),
    ],
)
def test_wrong_values_are_refused(change, word):
    given = {"size": (100, 100), "matrix": [[500, 0, 50], [0, 500, 50], [0, 0, 1]]} | change
    with pytest.raises(ValueError, match=f"Camera: {word}"):
        Camera.from_matrix(**given)


@pytest.mark.parametrize("rotation", [-np.eye(3), np.diag([1, 1, 1.01]), np.zeros((2, 3, 3))])
def test_a_camera_without_a_matrix_needs_a_rotation_as_well(rotation):
    with pytest.raises(ValueError, match="Camera: rotation must be a rotation matrix"):
        Camera(np.full(2, 500.0), np.full(2, 50.0), (100, 100), rotation, np.zeros(3))


@pytest.mark.parametrize("size", [(np.nan, 10), (np.inf, 10), (10, 10, 3)])
def test_a_wrong_size_is_refused(size):
    with pytest.raises(ValueError, match="Camera: size"):
        Camera(np.full(2, 500.0), np.full(2, 50.0), size, np.eye(3), np.zeros(3))
