from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_models.motion.keypoint_frames import FRAMES, in_standard_camera, keypoint_frame
from python_models.motion.skeletons import HUMAN36M_16, LOWER_BODY_6


def some_keypoints(seed: int = 0, joints: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 400, (5, joints, 2))


@pytest.mark.parametrize("name", FRAMES)
def test_back_undoes_forward(name):
    keypoints = some_keypoints()
    frame = keypoint_frame(name, keypoints, (640, 480), LOWER_BODY_6)
    back = frame.back(frame.forward(keypoints))
    np.testing.assert_allclose(back, keypoints, atol=1e-12)  # 400 pixels in float64


def test_the_image_frame_is_the_documents_formula():
    keypoints, size = some_keypoints(), np.array([[640, 480]] * 4 + [[100, 300]])
    got = keypoint_frame("image", keypoints, size, LOWER_BODY_6).forward(keypoints)
    w, h = size.T[:, :, None]
    np.testing.assert_allclose(got[..., 0], keypoints[..., 0] / w * 2 - 1, atol=1e-14)
    np.testing.assert_allclose(got[..., 1], keypoints[..., 1] / w * 2 - h / w, atol=1e-14)


@given(st.integers(0, 99), st.floats(0.01, 100), st.floats(-1000, 1000))
def test_the_persons_frame_knows_neither_place_nor_size(seed, scale, shift):
    keypoints = some_keypoints(seed)
    keypoints[0, 4] = np.nan
    expected = keypoint_frame("person", keypoints, (1, 1), LOWER_BODY_6).forward(keypoints)
    moved = keypoints * scale + [shift, -shift]
    got = keypoint_frame("person", moved, (1, 1), LOWER_BODY_6).forward(moved)
    # A shift of 1000 pixels before sizes of 0.01 x 400 costs three digits of sixteen.
    np.testing.assert_allclose(got, expected, atol=1e-10)


def test_the_persons_origin_is_between_the_hips():
    keypoints = some_keypoints(joints=16)
    skeleton = HUMAN36M_16
    frame = keypoint_frame("person", keypoints, (1, 1), skeleton)
    hips = keypoints[:, skeleton.indices("left_hip", "right_hip")]
    np.testing.assert_allclose(frame.origin, hips.mean(axis=1))


def test_without_a_hip_the_origin_is_the_known_joints_middle():
    keypoints = some_keypoints()
    keypoints[2, 0] = np.nan
    frame = keypoint_frame("person", keypoints, (1, 1), LOWER_BODY_6)
    np.testing.assert_allclose(frame.origin[2], keypoints[2, 1:].mean(axis=0))


def test_the_persons_unit_is_the_mean_distance_and_hardly_feels_one_joint_far_off():
    keypoints = np.array([[-1, 0], [-1, 4], [-1, 8], [1, 0], [1, 4], [1, 8]], np.float64)
    frame = keypoint_frame("person", keypoints, (1, 1), LOWER_BODY_6)
    expected = (2 * 1 + 2 * np.sqrt(17) + 2 * np.sqrt(65)) / 6
    np.testing.assert_allclose(frame.unit, expected)
    keypoints[5] = 1e6, 1e6
    far = keypoint_frame("person", keypoints, (1, 1), LOWER_BODY_6)
    assert far.unit < 1.35 * expected  # it counts as three medians


@pytest.mark.parametrize("known", [0, 1])
def test_persons_without_an_extent_have_the_unit_one(known):
    keypoints = np.full((1, 6, 2), np.nan)
    keypoints[0, :known] = 7
    frame = keypoint_frame("person", keypoints, (1, 1), LOWER_BODY_6)
    assert frame.unit.tolist() == [1]
    np.testing.assert_array_equal(frame.origin, [[7 * known, 7 * known]])


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="torso"):
        keypoint_frame("torso", some_keypoints(), (1, 1), LOWER_BODY_6)


def test_two_cameras_of_the_same_rays_are_one_standard_camera():
    rays = np.random.default_rng(0).normal(0, 0.4, (2, 6, 2))  # x / z, y / z
    size, focal = np.array([[640.0, 480], [1920, 1080]]), np.array([500.0, 1400])
    keypoints = rays * focal[:, None, None] + (size[:, None] - 1) / 2
    moved, standard = in_standard_camera(keypoints, size, focal)
    assert standard.tolist() == [256, 256]
    np.testing.assert_allclose((moved - 127.5) / 128, rays, atol=1e-12)  # 1000 pixels in float64
    with pytest.raises(ValueError, match="focal must be positive"):
        in_standard_camera(keypoints, size, [500, 0])
