from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_models.motion.draws import Draws
from python_models.motion.skeletons import HUMAN36M_17
from python_models.motion.virtual_cameras import VirtualCameras, camera_of_motion, level
from tests.made_up_motions import made_up_motion, standing

MANY = 4000


def persons(count: int = MANY) -> np.ndarray:
    return made_up_motion(count).joints


def test_every_camera_sees_every_joint():
    cameras, points = VirtualCameras(size=(640, 480)), persons()
    camera = cameras.around(points, Draws(0, 1, np.arange(MANY)))
    pixels = camera.project(points)
    assert (pixels >= -1e-6).all()  # a rounding of the last joint's, which is on the edge
    assert (pixels <= np.array([639, 479]) + 1e-6).all()


def test_rotations_are_rotations_and_cameras_are_where_they_say():
    points = persons(50)
    camera = VirtualCameras().around(points, Draws(0, 1, np.arange(50)))
    product = camera.rotation @ camera.rotation.transpose(0, 2, 1)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(3), product.shape), atol=1e-14)
    np.testing.assert_allclose(np.linalg.det(camera.rotation), 1, atol=1e-14)
    seen = camera.to_camera(camera.position[:, None])
    np.testing.assert_allclose(seen, 0, atol=1e-9)


def test_cameras_have_the_distribution_that_was_asked_for():
    asked = VirtualCameras(elevation=(0, 30), distance=(3000, 6000), fill=(0.5, 0.9), roll=4)
    points = persons()
    camera = asked.around(points, Draws(0, 1, np.arange(MANY)))
    middle = (points.min(axis=1) + points.max(axis=1)) / 2
    away = camera.position - middle
    distance = np.linalg.norm(away, axis=1)
    assert distance.min() >= 3000 - 1e-6
    assert distance.max() <= 6000 + 1e-6
    # The logarithm is drawn: half of the cameras are nearer than the geometric mean. 4000 of them
    # are split in halves to 0.008; five of that.
    assert abs((distance < np.sqrt(3000 * 6000)).mean() - 0.5) < 0.04
    azimuth = np.degrees(np.arctan2(away[:, 1], away[:, 0])) % 360
    counts, _ = np.histogram(azimuth, 12, (0, 360))
    assert ((counts - MANY / 12) ** 2 / (MANY / 12)).sum() < 40  # Pearson: mean 11, deviation 4.7
    elevation = np.degrees(np.arcsin(away[:, 2] / distance))
    assert elevation.min() >= -1e-9
    assert elevation.max() <= 30 + 1e-9
    assert abs((elevation < 15).mean() - 0.5) < 0.04

    pixels = camera.project(points)
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    fill = ((high - low) / 1000).max(axis=1)
    # Turning the camera aside changes the outline, and what would leave the picture is shrunk.
    assert fill.min() > 0.44
    assert fill.max() < 0.999
    assert ((fill > 0.49) & (fill < 0.91)).mean() > 0.95
    assert abs((fill < 0.7).mean() - 0.5) < 0.05
    place = ((low + high) / 2 - 499.5) / ((999 - (high - low)) / 2)  # -1: at an edge, 1: the other
    assert np.abs(place.mean(axis=0)).max() < 0.05
    assert (np.abs(np.quantile(place, 0.9, axis=0) - 0.8) < 0.08).all()  # evenly between the edges


def test_the_vertical_is_vertical_but_for_the_roll():
    """A camera at eye level whose person is in the middle: a person's axis leans by the roll."""
    tall = np.stack([np.array([[0.0, 0, z] for z in np.linspace(-500, 500, 5)])] * MANY)
    asked = VirtualCameras(elevation=(0, 0), roll=4, fill=(1, 1))
    camera = asked.around(tall, Draws(0, 1, np.arange(MANY)))
    ends = camera.project(tall[:, [0, -1]])
    assert (ends[:, 0, 1] > ends[:, 1, 1]).all(), "what is up is up in the picture"
    lean = np.degrees(np.arctan2(*(ends[:, 0] - ends[:, 1]).T))
    # Away from the middle the picture's perspective adds to it: by 1.5 degrees here.
    assert abs(np.median(lean)) < 0.5
    assert 3 < lean.std() < 5


def test_no_camera_is_below_the_floor():
    low = VirtualCameras(elevation=(-60, -20))
    points = persons(200)
    camera = low.around(points, Draws(0, 1, np.arange(200)))
    assert (camera.position[:, 2] >= points[..., 2].min(axis=1) + 99.9).all()


def test_a_cameras_own_numbers_decide_on_it_alone():
    points = persons(30)
    asked = VirtualCameras()
    together = asked.around(points, Draws(5, 1, np.arange(30)))
    alone = asked.around(points[[17]], Draws(5, 1, [17]))
    for name in ("focal", "center", "rotation", "translation"):
        np.testing.assert_array_equal(getattr(alone, name)[0], getattr(together, name)[17])
    other = asked.around(points[[17]], Draws(5, 2, [17]))
    assert np.abs(other.rotation - alone.rotation).max() > 0.01


def test_unknown_joints_take_no_part():
    points = persons(20)
    holes = points.copy()
    holes[:, 3] = np.nan
    draws = Draws(0, 1, np.arange(20))
    expected = VirtualCameras().around(np.delete(points, 3, axis=1), draws)
    got = VirtualCameras().around(holes, draws)
    for name in ("focal", "rotation", "translation"):
        np.testing.assert_allclose(getattr(got, name), getattr(expected, name), rtol=1e-12)
    holes[7] = np.nan
    with pytest.raises(ValueError, match="known point"):
        VirtualCameras().around(holes, draws)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 6), st.sampled_from([0.0, 1.0, 300.0, 5000.0]),
    st.floats(20, 100), st.tuples(st.integers(2, 2000), st.integers(2, 2000)),
)  # fmt: skip
def test_any_points_are_in_the_picture(seed, count, spread, widest, size):
    """Points that lie on each other, a single one, some that are larger than the distance."""
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 1, (16, count, 3)) * spread + rng.normal(0, 1000, (16, 1, 3))
    asked = VirtualCameras(size=size, widest=widest, distance=(300, 5000), fill=(0.05, 1))
    camera = asked.around(points, Draws(seed, 1, np.arange(16)))
    pixels = camera.project(points)
    assert np.isfinite(pixels).all(), "all points are before the camera"
    # Roundings of 1e-16 at 1e5 focal lengths and points of 1e4 mm.
    assert (pixels >= -1e-6).all()
    assert (pixels <= np.array(size) - 1 + 1e-6).all()


def test_one_camera_sees_a_whole_motion():
    motion = made_up_motion(40)
    walking = motion.map(
        lambda joints: joints + np.linspace(0, 2000, 40)[:, None, None] * [1, 0, 0]
    )
    camera = camera_of_motion(walking, 3, seed=1)
    assert camera.rotation.shape == (3, 3)
    assert camera.sees(camera.project(walking.joints)).all()
    again, other = camera_of_motion(walking, 3, seed=1), camera_of_motion(walking, 4, seed=1)
    np.testing.assert_array_equal(again.translation, camera.translation)
    assert not np.array_equal(other.translation, camera.translation)


def test_a_cameras_frame_is_levelled_with_z_up():
    up = standing(HUMAN36M_17)
    seen = np.stack([up[:, 0], -up[:, 2], up[:, 1]], axis=-1)[None]  # from the front, no rotation
    motion = made_up_motion(frame="camera").map(lambda _: seen)
    np.testing.assert_array_equal(level(motion)[0], up)
    camera = camera_of_motion(motion)
    assert camera.sees(camera.project(level(motion))).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"fill": (0.9, 0.4)}, {"fill": (0.5, 1.2)}, {"distance": (0, 100)}, {"elevation": (0, 90)},
        {"roll": -1}, {"widest": 130}, {"size": (1, 100)}, {"azimuth": (0, float("nan"))},
    ],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=f"VirtualCameras: {next(iter(wrong))}"):
        VirtualCameras(**wrong)
