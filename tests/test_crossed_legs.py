from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from python_models.motion.crossed_legs import crossed_legs
from python_models.motion.kinematics import axis_rotations
from python_models.motion.motion import Motion
from python_models.motion.skeletons import LOWER_BODY_6
from tests.lifter_inputs import LEGS, legs

LEFT, RIGHT = LEGS
FLEXIONS = [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]


def squat(turned=0.0):
    """Frames that bend both knees alike; each is turned about the vertical by so many degrees."""
    joints = legs(FLEXIONS)
    turns = axis_rotations("z", turned * np.arange(len(joints)))
    joints = np.einsum("tij,tkj->tki", turns, joints)
    return Motion(joints, LOWER_BODY_6, 100.0, "s", "squat", "one")


def flexion(joints, leg):
    hip, knee, ankle = leg
    thigh, shank = joints[:, knee] - joints[:, hip], joints[:, ankle] - joints[:, knee]
    sine = np.linalg.norm(np.cross(thigh, shank), axis=-1)
    return np.degrees(np.arctan2(sine, (thigh * shank).sum(axis=-1)))


def test_each_right_leg_is_that_of_one_other_frame_and_nothing_else_moves():
    motion = squat()
    (crossed,) = crossed_legs([motion], 1)
    right = flexion(crossed.joints, RIGHT)
    np.testing.assert_allclose(np.sort(right), FLEXIONS, atol=1e-6)
    assert not np.allclose(right, FLEXIONS)
    others = np.rint(right / 20).astype(int)
    for joint in RIGHT[1:]:
        away = crossed.joints[:, joint] - crossed.joints[:, RIGHT[0]]
        theirs = (motion.joints[:, joint] - motion.joints[:, RIGHT[0]])[others]
        np.testing.assert_allclose(away, theirs, atol=1e-9)
    same = [*LEFT, RIGHT[0]]
    assert np.array_equal(crossed.joints[:, same], motion.joints[:, same])
    assert (crossed.subject, crossed.action) == (motion.subject, motion.action)


def test_a_leg_turns_with_the_hips():
    still, turning = (crossed_legs([squat(turned)], 1)[0] for turned in (0.0, 50.0))
    undone = axis_rotations("z", -50.0 * np.arange(len(FLEXIONS)))
    back = np.einsum("tij,tkj->tki", undone, turning.joints)
    np.testing.assert_allclose(back, still.joints, atol=1e-9)


def test_the_part_says_how_many_and_the_seed_which():
    motion = Motion(legs(np.linspace(0, 100, 2000)), LOWER_BODY_6, 100.0, "s", "squat", "one")
    assert np.array_equal(crossed_legs([motion], 0)[0].joints, motion.joints)
    (half,) = crossed_legs([motion], 0.5)
    changed = (half.joints != motion.joints).any(axis=(1, 2))
    assert changed.mean() == pytest.approx(0.5, abs=0.05)  # known to 0.011
    one, same, other = (crossed_legs([motion], 0.5, seed=seed)[0].joints for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    first, second = crossed_legs([motion, motion], 0.5)
    assert not np.array_equal(first.joints, second.joints)


def test_own_legs_stay_as_they_are_to_the_last_bit_and_without_a_hip():
    motion = squat()
    joints = motion.joints / 3  # numbers that do not survive a difference and a sum
    joints[2, RIGHT[0]] = np.nan
    (same,) = crossed_legs([motion.with_joints(joints, LOWER_BODY_6)], 0)
    np.testing.assert_array_equal(same.joints, joints)


def test_what_is_not_known_comes_along_and_what_cannot_be_is_refused():
    motion = squat()
    motion.joints[3, RIGHT[2]] = np.nan
    (crossed,) = crossed_legs([motion], 1)
    unknown = np.isnan(crossed.joints[:, RIGHT[2]]).any(axis=-1)
    assert unknown.sum() == 1
    assert not np.isnan(crossed.joints[:, RIGHT[1]]).any()
    for part in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="part must be 0 to 1"):
            crossed_legs([motion], part)
    with pytest.raises(ValueError, match="world"):
        crossed_legs([replace(motion, frame="camera")], 0.5)
