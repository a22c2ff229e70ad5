"""Joints that cannot be relied on: each kind of fault, and what it must not be taken for."""

from __future__ import annotations

import numpy as np
import pytest

from python_models.analysis.analysis import analyse
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.reliability import Limits, check
from python_models.analysis.view_error import seen_from
from tests.squat_sequences import BODY, figure, sequence, squats, waves

LEFT, RIGHT = ([BODY.index(f"{side}_{joint}") for joint in ("hip", "knee", "ankle")]
               for side in ("left", "right"))  # fmt: skip
KNEE = BODY.index("left_knee")


def flags(checked, kind):
    """Frames and joints (t, name) that a cause names."""
    return {(int(t), BODY.joints[k]) for t, k in np.argwhere(checked.causes[kind])}


def with_points(original, points):
    return sequence(points, original.frame_rate)


def exchanged(original, first, last):
    points = original.points.copy()
    points[first:last, LEFT + RIGHT] = original.points[first:last, RIGHT + LEFT]
    return points


@pytest.mark.parametrize("rate", [10.0, 30.0, 120.0])
@pytest.mark.parametrize("noise", [0.0, 5.0])
def test_a_good_sequence_has_no_fault(rate, noise):
    good = squats(3, rate)
    points = good.points + np.random.default_rng(0).normal(0, noise, good.points.shape)
    checked = check(with_points(good, points))
    assert not any(cause.any() for cause in checked.causes.values())
    np.testing.assert_array_equal(checked.points, points)


@pytest.mark.parametrize(("first", "last"), [(40, 41), (40, 50), (0, 20), (150, 210)])
def test_legs_that_exchange_their_sides_are_found_and_put_back(first, last):
    good = squats(2)  # 210 frames
    checked = check(with_points(good, exchanged(good, first, last)))
    names = [BODY.joints[k] for k in LEFT + RIGHT]
    assert flags(checked, "swap") == {(t, name) for t in range(first, last) for name in names}
    np.testing.assert_array_equal(checked.mended, good.points)
    assert np.isnan(checked.points[first:last, LEFT + RIGHT]).all()
    assert not checked.causes["jump"].any()


def test_one_pair_may_exchange_by_itself():
    good = squats(2)
    points = good.points.copy()
    right = BODY.index("right_knee")
    points[50:60, [KNEE, right]] = good.points[50:60, [right, KNEE]]
    checked = check(with_points(good, points))
    names = ("left_knee", "right_knee")
    assert flags(checked, "swap") == {(t, name) for t in range(50, 60) for name in names}


def test_if_neither_side_is_rare_neither_is_believed():
    good = squats(2)
    checked = check(with_points(good, exchanged(good, 0, 100)))
    assert checked.causes["swap"][:, LEFT + RIGHT].all()
    assert np.isnan(checked.points[:, LEFT]).all()


def test_a_swap_in_a_picture_from_the_front():
    good = seen_from(squats(2), 0)
    checked = check(PoseSequence.of_pixels(exchanged(good, 60, 70), BODY, 30))
    assert {t for t, _ in flags(checked, "swap")} == set(range(60, 70))


def test_legs_that_pass_one_another_are_no_swap():
    """Seen from the side, someone who walks: the ankles change places a little each frame."""
    points = np.repeat(seen_from(squats(1), 90).points[:1], 90, axis=0)
    swing = 80 * np.sin(np.linspace(0, 6 * np.pi, 90))
    for joints, sign in ((LEFT, 1), (RIGHT, -1)):
        points[:, joints[1], 0] += sign * swing / 2
        points[:, joints[2], 0] += sign * swing
    checked = check(PoseSequence.of_pixels(points, BODY, 30))
    assert not checked.causes["swap"].any()
    assert not checked.causes["jump"].any()


@pytest.mark.parametrize("frames", [1, 2, 8])
@pytest.mark.parametrize("rate", [30.0, 120.0])
def test_a_joint_that_jumps_away_and_back_is_found(frames, rate):
    good = squats(2, rate)
    points = good.points.copy()
    points[70 : 70 + frames, KNEE] += [600, 0, 0]
    checked = check(with_points(good, points))
    jumps = flags(checked, "jump")
    assert jumps == {(t, "left_knee") for t in range(70, 70 + frames)}
    assert np.isnan(checked.points[70 : 70 + frames, KNEE]).all()


def test_of_two_places_the_shorter_stay_is_the_wrong_one():
    good = squats(2)
    for first, last in ((0, 10), (200, 210)):
        points = good.points.copy()
        points[first:last] += [2000, 0, 0]  # all joints: another person
        checked = check(with_points(good, points))
        assert {t for t, _ in flags(checked, "jump")} == set(range(first, last))
    points[:30], points[-10:] = good.points[:30] + 2000, good.points[-10:]
    assert not check(with_points(good, points)).causes["jump"].any(), "a second is no outlier"


def test_a_bone_that_changes_its_length_is_found_at_both_ends():
    good = squats(2)
    points = good.points.copy()
    grow = np.interp(np.arange(len(points)), [60, 100, 140], [0, 0.5, 0])[:, None]
    points[:, LEFT[2]] += grow * (points[:, LEFT[2]] - points[:, KNEE])  # slowly: no jump
    checked = check(with_points(good, points))
    assert not checked.causes["jump"].any()
    frames = {t for t, _ in flags(checked, "bone-length")}
    assert frames == set(np.flatnonzero(grow[:, 0] > 0.25).tolist())
    assert {name for _, name in flags(checked, "bone-length")} == {"left_knee", "left_ankle"}


def test_what_is_missing_unsure_or_out_of_the_picture_is_named_so():
    good = seen_from(squats(1), 90)
    points = good.points - good.points.min((0, 1)) + 10
    size = tuple(points.max((0, 1)) + 11)
    points[3, KNEE, 0] = np.nan
    points[5, KNEE] = [-2, 50]
    points[6, LEFT[2]] = [size[0] + 5, 50]
    confidence = np.ones(points.shape[:2])
    confidence[8, KNEE], confidence[9, KNEE] = 0.29, np.nan
    checked = check(
        PoseSequence.of_pixels(points, BODY, 30, confidence=confidence, image_size=size)
    )
    assert flags(checked, "missing") == {(3, "left_knee")}
    assert flags(checked, "out-of-picture") == {(5, "left_knee"), (6, "left_ankle")}
    assert flags(checked, "low-confidence") == {(8, "left_knee"), (9, "left_knee")}
    assert np.isnan(checked.points[[3, 5, 8, 9], KNEE]).all()


def test_issues_are_runs_of_frames_with_names():
    good = squats(1)
    points = good.points.copy()
    points[10:15, KNEE] = np.nan
    points[12:20, LEFT[2]] = np.nan
    checked = check(with_points(good, points))
    (issue,) = checked.issues(good, ("left_hip", "left_knee", "left_ankle"))
    assert (issue.kind, issue.first, issue.last) == ("missing", 10, 19)
    assert issue.joints == ("left_knee", "left_ankle")
    assert checked.issues(good, ("left_hip",)) == ()


@pytest.mark.parametrize("frames", [1, 2])
def test_one_and_two_frames_can_be_checked(frames):
    good = sequence(figure(waves(1, 30)[:frames]))
    assert not any(cause.any() for cause in check(good).causes.values())


def test_single_pictures_have_no_neighbours():
    points = np.concatenate([figure(10), figure(90) + 5000])
    checked = check(sequence(points, None))
    assert set(checked.causes) == {"missing"}
    assert not checked.causes["missing"].any()


def test_limits_are_those_given():
    good = squats(1)
    points = good.points.copy()
    points[20, KNEE] += [60, 0, 0]
    assert not check(with_points(good, points)).causes["jump"].any()
    strict = check(with_points(good, points), Limits(noise=0.02))
    assert flags(strict, "jump") == {(20, "left_knee")}


def test_a_person_of_nan_alone_is_missing():
    checked = check(sequence(np.full((10, 12, 3), np.nan)))
    assert checked.causes["missing"].all()
    assert not checked.causes["swap"].any()


# ----------------------------------------------------------------- another person


def both_ways(points):
    """In space, and as a picture from the side."""
    return sequence(points), PoseSequence.of_pixels(
        seen_from(sequence(points), 75).points, BODY, 30
    )


@pytest.mark.parametrize("frames", [1, 2, 10, 14, 16, 30])
def test_two_persons_who_take_turns_are_not_one(frames):
    good = squats(6).points
    turn = np.arange(len(good)) // frames % 2 == 0
    points = np.where(turn[:, None, None], good[:1] + np.array([700, 0, 0]), good)
    for given in both_ways(points):
        found = analyse(given)
        assert not any(rep.complete for rep in found.repetitions)
        assert "another-person" in {issue.kind for issue in found.reliability.issues}
        assert any("another-person" in text for text in found.warnings)
        jumps = np.flatnonzero(np.diff(turn))
        gaps = ~found.reliability.reliable
        assert (gaps[jumps] | gaps[jumps + 1]).all()


def test_somebody_who_stands_elsewhere_at_each_bottom_is_left_out():
    good = squats(6).points
    bottoms = (np.arange(len(good)) - 45) % 90 < 30
    points = np.where(bottoms[:, None, None], good[:1] + np.array([0, 5000, 0]), good)
    given = sequence(points)
    checked = check(given)
    assert (checked.causes["another-person"].all(1) == bottoms).all()
    found = analyse(given)
    assert not any(rep.complete for rep in found.repetitions)


def test_whoever_is_seen_in_the_second_half_is_cut_off():
    """Three squats of each; the one in which they change is nobody's."""
    good = squats(6).points
    points = good.copy()
    half = 30 + 90 * 3 + 20
    points[half:] += [800, 0, 0]
    for given in both_ways(points):
        found = analyse(given)
        complete = [rep.complete for rep in found.repetitions if rep.start > half or rep.end < half]
        assert sum(complete) == 5
        assert not any(r.complete for r in found.repetitions if r.start <= half <= r.end)
        (issue,) = found.reliability.issues
        assert (issue.kind, issue.last - issue.first + 1) == ("another-person", 16)
        assert issue.first < half <= issue.last


def test_who_leaps_or_walks_is_one_person():
    good = squats(3).points
    time = np.arange(len(good)) / 30
    leap = np.maximum(0, 3.4 * (time % 1) - 9.81 / 2 * (time % 1) ** 2) * 1000  # 0.6 m high
    walk = 1500 * time
    for points in (good + leap[:, None, None] * [0, 0, 1], good + walk[:, None, None] * [0, 1, 0]):
        for given in both_ways(points):
            assert not check(given).causes["another-person"].any()


@pytest.mark.parametrize("away", [0, 100])
def test_somebody_at_the_same_place_is_seen_by_a_leap_of_the_pose(away):
    """Who stands where the other one squats: no joint goes far, but half of them at once."""
    good = squats(6).points
    bottoms = (np.arange(len(good)) - 45) % 90 < 30
    points = np.where(bottoms[:, None, None], good[:1] + np.array([away, 0, 0]), good)
    for given in both_ways(points):
        found = analyse(given)
        assert {issue.kind for issue in found.reliability.issues} == {"another-person"}
        assert not any(rep.complete for rep in found.repetitions)


@pytest.mark.parametrize("rate", [10.0, 30.0, 120.0])
@pytest.mark.parametrize("noise", [10.0, 40.0, 80.0])
def test_noise_is_nobody_else(rate, noise):
    good = squats(3, rate)
    for seed in range(5):
        points = good.points + np.random.default_rng(seed).normal(0, noise, good.points.shape)
        assert not check(with_points(good, points)).causes["another-person"].any()


# ----------------------------------------------------------------- sides


def uneven(count=4):
    """The left knee bends to 110 degrees, the right one to 70."""
    return figure(waves(count, 30, 110), waves(count, 30, 70))


def swapped_legs(points, first, last=None):
    made = points.copy()
    made[first:last, LEFT + RIGHT] = points[first:last, RIGHT + LEFT]
    return made


@pytest.mark.parametrize(("first", "last"), [(0, 390), (0, 270), (120, 390), (0, 60)])
def test_in_space_the_side_is_the_one_whose_knees_bend_forwards(first, last):
    points = uneven()
    checked = check(sequence(swapped_legs(points, first, last)))
    swapped = checked.causes["swap"][:, LEFT + RIGHT]
    assert swapped[first:last].all()
    np.testing.assert_array_equal(checked.mended, points)
    if last - first < 0.3 * len(points):
        assert not swapped[last:].any()
    else:
        assert analyse(sequence(swapped_legs(points, first, last))).refused.code == "unreliable"


@pytest.mark.parametrize("lost", [LEFT + RIGHT, LEFT[1:2]])
def test_a_swap_behind_a_gap_is_found_in_space(lost):
    points = swapped_legs(uneven(), 280)
    points[280:300, lost] = np.nan
    checked = check(sequence(points))
    assert checked.causes["swap"][300:, LEFT + RIGHT].all()
    assert not checked.causes["swap"][:280].any()


@pytest.mark.parametrize("azimuth", [30, 60, 80])
def test_after_a_long_gap_a_picture_does_not_tell_the_sides(azimuth):
    points = seen_from(sequence(uneven()), azimuth).points
    moved = swapped_legs(points, 280)
    for given, lost in ((moved, True), (points, False)):
        given = given.copy()
        given[280:300] = np.nan
        checked = check(PoseSequence.of_pixels(given, BODY, 30))
        knees = [LEFT[1], RIGHT[1]]
        assert checked.causes["sides-unknown"][300:, knees].all() == lost
        assert not checked.causes["sides-unknown"][:280].any()
        assert not checked.causes["swap"].any()


@pytest.mark.parametrize("azimuth", [0, 45, 80, 90])
@pytest.mark.parametrize("noise", [8, 16, 32])  # up to 4 % of a leg
def test_noise_exchanges_nothing(azimuth, noise):
    for points in (squats(6).points, uneven(6)):
        side = seen_from(sequence(points), azimuth).points
        for seed in range(5):
            noisy = side + np.random.default_rng(seed).normal(0, noise, side.shape)
            checked = check(PoseSequence.of_pixels(noisy, BODY, 30))
            assert not checked.causes["swap"].any()
