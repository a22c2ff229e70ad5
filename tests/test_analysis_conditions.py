"""What bends knees and is no squat is listed, not judged."""

from __future__ import annotations

import numpy as np
import pytest

from python_models.analysis.analysis import analyse
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.view_error import seen_from
from python_models.motion.skeletons import LOWER_BODY_6
from python_models.motion.sources import open_motions
from tests.squat_sequences import figure, sequence, waves

RATE = 30


def knees_lifted(sides=("left", "right"), seconds=12) -> PoseSequence:
    """Stands and lifts one knee a second to the height of the hips, in turn."""
    times = np.arange(seconds * RATE) / RATE
    points = np.zeros((len(times), 6, 3))
    for number, side in enumerate(("left", "right")):
        phase = (times + number) % 2
        lift = np.where(phase < 1, np.pi / 2 * np.sin(np.pi * phase), 0) * (side in sides)
        hip = np.array([0, 90 * (1 - 2 * number), 930]) + 0 * points[:, 0]
        knee = hip + 430 * np.stack([np.sin(lift), 0 * lift, -np.cos(lift)], -1)
        for name, place in (("hip", hip), ("knee", knee), ("ankle", knee - [0, 0, 420])):
            points[:, LOWER_BODY_6.index(f"{side}_{name}")] = place
    return PoseSequence(points, LOWER_BODY_6, RATE, np.array([0, 0, 1.0]))


def refused(found):
    assert found.repetitions
    assert {one.verdict for one in found.advice} == {"refused"}
    assert not any(rep.complete for rep in found.repetitions)
    return {rep.refused.code for rep in found.repetitions}


@pytest.mark.parametrize("sides", [("left", "right"), ("left",)])
def test_a_knee_that_is_lifted_is_no_squat(sides):
    found = analyse(knees_lifted(sides))
    assert refused(found) == {"not-the-exercise"}
    assert any("this is no squat: one side's knee flexion" in text for text in found.warnings)


def test_nor_is_it_in_a_picture():
    assert refused(analyse(seen_from(knees_lifted(("left",)), 80))) == {"not-the-exercise"}


def test_knees_that_bend_on_a_chair_are_no_squat():
    """Hips and thighs stay; the shanks hang and are lifted."""
    shank = np.radians(waves(2, RATE, 90))
    points = np.zeros((len(shank), 6, 3))
    for side, y in (("left", 90), ("right", -90)):
        knee = np.array([430, y, 500])
        ankle = knee + 420 * np.stack([np.cos(shank), 0 * shank, -np.sin(shank)], -1)
        for name, place in (("hip", [0, y, 500]), ("knee", knee), ("ankle", ankle)):
            points[:, LOWER_BODY_6.index(f"{side}_{name}")] = place
    found = analyse(PoseSequence(points, LOWER_BODY_6, RATE, np.array([0, 0, 1.0])))
    assert refused(found) == {"not-the-exercise"}
    assert any("the hips come down by 0%" in text for text in found.warnings)


def test_who_lands_elsewhere_has_jumped():
    curve = waves(2, RATE)
    points = figure(curve)
    points[..., 0] += np.cumsum(np.where(curve > 20, 10.0, 0))[:, None]  # half a metre and more
    assert refused(analyse(sequence(points))) == {"not-the-exercise"}


def one_foot_ahead(stride: float) -> PoseSequence:
    """Goes down and up three times between feet that stay, the left one ahead by `stride`."""
    down = 250 * (waves(3, RATE) - 5) / 105
    points = np.zeros((len(down), 6, 3))
    for side, y, foot in (("left", 90, stride / 2), ("right", -90, -stride / 2)):
        hip = np.stack([0 * down, y + 0 * down, 780 - down], -1)
        ankle = np.array([foot, y, 0]) + 0 * hip
        # Thigh and shank of 420 mm: the knee lies before the middle of hip and ankle.
        half = (hip - ankle) / 2
        across = (
            np.stack([half[:, 2], 0 * down, -half[:, 0]], -1)
            / np.linalg.norm(half, axis=-1)[:, None]
        )
        knee = ankle + half + across * np.sqrt(420**2 - (half**2).sum(-1))[:, None]
        for name, place in (("hip", hip), ("knee", knee), ("ankle", ankle)):
            points[:, LOWER_BODY_6.index(f"{side}_{name}")] = place
    return PoseSequence(points, LOWER_BODY_6, RATE, np.array([0, 0, 1.0]))


@pytest.mark.parametrize("azimuth", [None, 85])
def test_one_foot_far_before_the_other_is_a_lunge(azimuth):
    for stride, expected in ((100, {None}), (500, {"not-the-exercise"})):
        poses = one_foot_ahead(stride)
        found = analyse(poses if azimuth is None else seen_from(poses, azimuth))
        assert len(found.repetitions) == 3
        assert {rep.refused and rep.refused.code for rep in found.repetitions} == expected
    assert any("of a leg's length before the other" in text for text in found.warnings)


def test_squats_of_legs_that_differ_and_of_little_depth_are_squats():
    uneven = figure(waves(2, RATE), waves(2, RATE, 70))
    for points in (uneven, figure(waves(2, RATE, 42))):
        found = analyse(sequence(points))
        assert [rep.complete for rep in found.repetitions] == [True, True]
        assert not any("no squat" in text for text in found.warnings)


def test_other_exercises_have_no_such_conditions():
    found = analyse(knees_lifted(("left",)), "lunge")
    assert all(rep.refused is None for rep in found.repetitions)


def test_recorded_steps_and_jumps(data_folder):
    folder = data_folder / "ui-prmd"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    for motion in open_motions("ui-prmd-vicon", folder):
        if motion.action in ("hurdle step", "side lunge", "inline lunge"):
            assert refused(analyse(PoseSequence.of_motion(motion))) == {"not-the-exercise"}


def test_jumps_to_another_place(data_folder):
    folder = data_folder / "cmu-mocap"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    (motion,) = (one for one in open_motions("cmu", folder) if one.name == "01_01")
    found = analyse(PoseSequence.of_motion(motion))
    # 12 waves; in 6 the feet land elsewhere. The others are crouches with the feet on the ground.
    assert sum(rep.refused is not None for rep in found.repetitions) == 6


@pytest.mark.parametrize("azimuth", [45, 60])
def test_a_side_that_is_not_seen_is_not_held_against_a_squat(azimuth, data_folder):
    """Seen obliquely one side's deepest frames are gaps."""
    folder = data_folder / "ui-prmd"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    for motion in open_motions("ui-prmd-vicon", folder):
        if motion.action == "deep squat":
            found = analyse(seen_from(PoseSequence.of_motion(motion), azimuth))
            assert all(rep.refused is None for rep in found.repetitions), motion.name
