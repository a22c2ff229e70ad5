"""What a reader is told of left and right, and of repetitions on both sides of a gap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from python_models.analysis.analysis import analyse
from python_models.analysis.notes import LEFT_AND_RIGHT
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.view_error import seen_from
from python_models.motion.skeletons import COCO_17
from tests.squat_sequences import BODY, squats

LEGS, UPPER = (
    [[BODY.index(f"{side}_{joint}") for joint in joints] for side in ("left", "right")]
    for joints in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
)


def exchanged(picture, pair):
    left, right = pair
    points = picture.points.copy()
    points[:, [*left, *right]] = picture.points[:, [*right, *left]]
    return replace(picture, points=points)


def said(found, words):
    return any(words in text for text in found.warnings)


def test_a_picture_says_whose_word_left_and_right_are():
    world = squats(1)
    down = PoseSequence(world.points @ np.array([[0, 0, 1], [-1, 0, 0], [0, -1.0, 0]]), BODY, 30,
                        np.array([0.0, -1.0, 0.0]))  # fmt: skip
    assert LEFT_AND_RIGHT not in analyse(world).warnings
    for given in (seen_from(world, 0), seen_from(world, 90), down):
        assert LEFT_AND_RIGHT in analyse(given).warnings
        assert LEFT_AND_RIGHT in analyse(replace(given, frame_rate=None)).warnings


@pytest.mark.parametrize("gone", ["right_knee", "left_ankle", "right_hip"])
def test_one_leg_alone_cannot_be_checked_and_that_is_told(gone):
    words = "In 40 frames only one leg is seen whole"
    picture = seen_from(squats(2), 75)
    points = picture.points.copy()
    points[30:70, BODY.index(gone)] = np.nan
    given = replace(picture, points=points)
    assert said(analyse(given), words)
    assert not said(analyse(given, "overhead_press"), words)
    whole = picture.points.copy()
    whole[30:70, BODY.index("left_wrist")] = np.nan
    assert not said(analyse(replace(picture, points=whole)), "seen whole")


@pytest.mark.parametrize("azimuth", [50, 80])
def test_what_is_said_to_hold_does_if_all_is_exchanged(azimuth):
    picture = seen_from(squats(2), azimuth)
    given = exchanged(exchanged(picture, LEGS), UPPER)
    for true, found in zip(
        analyse(picture).repetitions, analyse(given).repetitions, strict=True
    ):  # the count too
        for name in ("depth", "tempo.descent", "tempo.duration", "trunk_lean.maximum"):
            assert found.measures[name].value == pytest.approx(true.measures[name].value)
    front = seen_from(squats(2), 0)
    given = exchanged(exchanged(front, LEGS), UPPER)
    np.testing.assert_allclose(
        analyse(given).curves["knee_separation"].values,
        analyse(front).curves["knee_separation"].values,
    )


@pytest.mark.parametrize("azimuth", [0, 45, 135, 180, 300])
@pytest.mark.parametrize("pair", [LEGS, UPPER])
def test_shoulders_that_contradict_the_hips_are_told(azimuth, pair):
    picture = seen_from(squats(1), azimuth)
    words = "left shoulder lies on the side of the right hip"
    assert not said(analyse(picture), words)
    assert said(analyse(exchanged(picture, pair)), words)
    assert not said(analyse(exchanged(exchanged(picture, LEGS), UPPER)), words)
    single = replace(exchanged(picture, pair), frame_rate=None)
    assert said(analyse(single), words)


@pytest.mark.parametrize("azimuth", [0, 40])
def test_a_face_says_where_left_is(azimuth):
    body = seen_from(squats(1), azimuth)
    head = body.points[:, :2].mean(1, keepdims=True) - [0, 50]
    points = np.concatenate([np.repeat(head, 5, axis=1), body.points], axis=1)
    seen = np.ones(points.shape[:2])
    behind = np.where(np.arange(17) < 3, 0.1, seen)
    words = "The face is seen"
    for confidence, moved, expected in (
        (seen, points, False),
        (seen, points * [-1, 1], True),  # as if all were exchanged
        (behind, points * [-1, 1], False),
        (None, points * [-1, 1], False),
    ):
        given = PoseSequence.of_pixels(moved, COCO_17, 30, confidence=confidence)
        assert said(analyse(given), words) == expected


@pytest.mark.parametrize("gap", [22, 30])
def test_parts_on_both_sides_of_a_gap_may_be_one(gap):
    """At the second squat's bottom, which is in frame 150."""
    found = with_gap(gap)
    assert [rep.complete for rep in found.repetitions] == [True, False, False, True]
    assert said(found, "Repetitions 2 and 3 lie on both sides of a gap: they may be one")
    assert said(found, "2 repetitions are cut")


def test_a_gap_that_hides_a_whole_repetition_is_told():
    found = with_gap(50)
    assert [rep.complete for rep in found.repetitions] == [True, True]
    assert said(found, "The longest gap has 1.7 s: repetitions that lie in a gap of more than")
    assert not said(with_gap(10), "longest gap")


def with_gap(frames):
    poses = squats(3)
    points = poses.points.copy()
    points[150 - frames // 2 : 150 + frames // 2] = np.nan
    return analyse(replace(poses, points=points))


def test_parts_at_the_ends_are_not_one():
    poses = squats(2)
    found = analyse(replace(poses, points=poses.points[60:151]))  # from bottom to bottom
    assert [rep.complete for rep in found.repetitions] == [False, False]
    assert not said(found, "may be one")
    one = analyse(replace(poses, points=poses.points[60:]))
    assert [rep.complete for rep in one.repetitions] == [False, True]
    assert said(one, "1 repetition is cut")
