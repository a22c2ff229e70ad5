from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from python_models.decoding import Decoding
from python_models.evaluation.people import Found, People
from python_models.evaluation.whole_way import angle_errors, exchanged, knee_flexion, table
from python_models.heatmap_task import HeatmapTask

TASK = HeatmapTask(input_size=(96, 128), sigma=1.5)

# Degrees: joints are float32, so off by 4e-6 pixels at 60; legs are 40 pixels long.
ROUNDING = 1e-4


def people_with(joints: np.ndarray, visible: np.ndarray | None = None) -> People:
    """Persons whose image is the network's input."""
    count = len(joints)
    step = np.diag([float(TASK.stride)] * 2)
    return People(
        indices=np.arange(count),
        annotation_ids=list(range(count)),
        image_ids=list(range(count)),
        areas=np.full(count, 96.0 * 128),
        boxes=np.tile([0.0, 0.0, 96.0, 128.0], (count, 1)),
        image_sizes=np.tile([96, 128], (count, 1)),
        input_joints=joints.astype(np.float32),
        image_joints=joints.astype(np.float32),
        visible=np.ones((count, 6), np.float32) if visible is None else visible,
        to_image=np.tile(np.column_stack([step, [0.0, 0.0]]), (count, 1, 1)),
    )


def legs(flexion: np.ndarray) -> np.ndarray:
    """Both legs in the picture's plane, [N, 6, 2], with this flexion [N] in degrees."""
    angle = np.radians(flexion)
    knee = np.tile([40.0, 60.0], (len(flexion), 1))
    ankle = knee + np.array([0.0, 40.0])
    hip = knee - 40 * np.column_stack([np.sin(angle), np.cos(angle)])
    one = np.stack([hip, knee, ankle], 1)
    return np.concatenate([one, one + np.array([20.0, 0.0])], 1)


def flat(keypoints: np.ndarray, sizes: np.ndarray, focal: np.ndarray) -> np.ndarray:
    """A lifter that leaves everything in the picture's plane."""
    assert len(keypoints) == len(sizes) == len(focal)
    return np.concatenate([keypoints, np.zeros_like(keypoints[..., :1])], -1)


def stage(stages, name, decoding="-"):
    (row,) = (row for row in stages if (row.stage, row.decoding) == (name, decoding))
    return row


def test_knee_flexion_is_of_each_leg():
    joints = legs(np.array([0.0, 30.0, 90.0]))
    joints[:, 3:] = legs(np.array([90.0, 0.0, 45.0]))[:, 3:]
    expected = [[0, 90], [30, 0], [90, 45]]
    np.testing.assert_allclose(
        knee_flexion(joints), expected, atol=1e-5
    )  # float64 near a flat angle
    np.testing.assert_allclose(
        knee_flexion(flat(joints, joints[:, 0], joints[:, 0])), expected, atol=1e-5
    )


def test_each_stage_has_the_error_that_it_adds():
    flexion = np.linspace(20, 80, 30)
    people = people_with(legs(flexion))
    shifted = people.image_joints / TASK.stride
    shifted[:, [0, 3], 0] += 1.0  # the hips one heatmap pixel, four image pixels, to the right
    found = {Decoding("none"): Found(shifted.astype(np.float32), np.ones((30, 6), np.float32))}
    stages = angle_errors(
        people, np.column_stack([flexion] * 2), np.ones(30), found, TASK, {"flat": flat}
    )
    for name in ("the picture's angle, exact joints", "lifting exact joints"):
        assert stage(stages, name).mean < ROUNDING
    drawn = stage(stages, "drawn and decoded joints", "none")
    assert 0.5 < drawn.mean < 6, "up to two pixels of 40 are 3 degrees a joint"
    whole = stage(stages, "the whole way", "none")
    assert len(whole.errors) == 60
    # The hip lies up and to the left of the knee: pushed to the right, the leg is straighter.
    assert -6 < whole.bias < -2
    assert whole.mean == pytest.approx(-whole.bias)
    # Everybody has the same error, so that exchanging changes nothing.
    noise = stage(stages, "exact joints and noise", "none")
    np.testing.assert_allclose(
        noise.errors, whole.errors, atol=10 * ROUNDING
    )  # added and taken off
    np.testing.assert_allclose(
        stage(stages, "the picture's angle, found joints", "none").errors, whole.errors, atol=1e-9
    )


def test_persons_who_are_not_whole_do_not_count():
    joints = legs(np.array([40.0, 50.0, 60.0]))
    visible = np.ones((3, 6), np.float32)
    visible[1, 4] = 0
    joints[1, 4] = 1e4
    people = people_with(joints, visible)
    found = {Decoding("none"): Found(joints / TASK.stride, np.ones((3, 6)))}
    stages = angle_errors(people, np.full((3, 2), 50.0), np.ones(3), found, TASK, {"flat": flat})
    for row in stages:
        if row.stage != "drawn and decoded joints":
            np.testing.assert_allclose(row.errors, [-10, -10, 10, 10], atol=ROUNDING)
    nobody = dataclasses.replace(people, visible=np.tile(visible[1], (3, 1)))
    with pytest.raises(ValueError, match="all six joints"):
        angle_errors(nobody, np.zeros((3, 2)), np.ones(3), found, TASK, {})
    unknown = dataclasses.replace(people, image_sizes=np.zeros((3, 2)))
    with pytest.raises(ValueError, match="width and height"):
        angle_errors(unknown, np.zeros((3, 2)), np.ones(3), found, TASK, {})


def test_exchanged_errors_are_those_of_others_in_their_size():
    people = dataclasses.replace(
        people_with(legs(np.linspace(0, 90, 50))),
        boxes=np.tile([0.0, 0, 1, 1], (50, 1)) * np.linspace(1, 4, 50)[:, None],
    )
    scale = np.sqrt(people.boxes[:, 2] * people.boxes[:, 3])
    errors = np.random.default_rng(1).normal(size=(50, 6, 2)) * scale[:, None, None]
    whole = np.arange(50) > 5
    mixed = exchanged(errors, people, whole, seed=3)
    assert not mixed[:6].any()
    assert (mixed[6:] != errors[6:]).mean() > 0.9
    shares, mixed_shares = ((e / scale[:, None, None])[6:] for e in (errors, mixed))
    for joint in range(6):  # the same errors, in another order
        np.testing.assert_allclose(
            np.sort(shares[:, joint], 0), np.sort(mixed_shares[:, joint], 0), rtol=1e-12
        )


def test_a_leg_without_an_angle_is_counted_and_no_number():
    people = people_with(legs(np.array([40.0, 50.0])))
    found = {Decoding("none"): Found(people.image_joints / TASK.stride, np.ones((2, 6)))}

    def refuses(keypoints, sizes, focal):
        lifted = flat(keypoints, sizes, focal)
        lifted[0, 1] = np.nan
        return lifted

    truth = np.array([[40.0, 40], [50, 50]])
    row = stage(
        angle_errors(people, truth, np.ones(2), found, TASK, {"r": refuses}), "lifting exact joints"
    )
    assert row.refused == 1
    assert row.mean < ROUNDING
    assert "| 1 |" in table([row])
