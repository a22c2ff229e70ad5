from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from python_models.motion.mixed_legs import mixed_legs
from python_models.motion.motion import Motion
from python_models.motion.skeletons import LOWER_BODY_6
from tests.lifter_inputs import LEGS, legs, squat


def flexion(joints):
    """[T, 2] in degrees."""
    angles = []
    for hip, knee, ankle in LEGS:
        thigh, shank = joints[:, hip] - joints[:, knee], joints[:, ankle] - joints[:, knee]
        cosine = (thigh * shank).sum(-1) / (
            np.linalg.norm(thigh, axis=-1) * np.linalg.norm(shank, axis=-1)
        )
        angles.append(180 - np.degrees(np.arccos(cosine)))
    return np.stack(angles, -1)


def turned(joints, degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return joints @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])


def test_legs_are_of_different_moments_and_keep_their_shape():
    joints = np.concatenate([turned(legs([20]), 70) + np.array([500, 0, 90]), legs([110])])
    motion = Motion(joints, LOWER_BODY_6, 100.0, "s01", "squat", "one")
    (mixed,) = mixed_legs([motion], 60)
    assert mixed.joints.shape == (60, 6, 3)
    pairs = {tuple(pair) for pair in flexion(mixed.joints).round(6)}
    assert pairs == {(20, 20), (110, 110), (20, 110), (110, 20)}
    for hip, knee, ankle in LEGS:
        for a, b in ((hip, knee), (knee, ankle)):
            np.testing.assert_allclose(
                np.linalg.norm(mixed.joints[:, a] - mixed.joints[:, b], axis=-1), 400
            )
    hips = mixed.joints[:, LEGS[0][0]] - mixed.joints[:, LEGS[1][0]]
    np.testing.assert_allclose(np.linalg.norm(hips, axis=-1), 200)
    # Both knees point ahead, whichever way the recorded body was turned.
    knees = [mixed.joints[:, leg[1]] - mixed.joints[:, leg[0]] for leg in LEGS]
    ahead = np.cross(hips, [0, 0, 1])
    ahead /= np.linalg.norm(ahead, axis=-1, keepdims=True)
    aside = [knee - (knee * ahead).sum(-1, keepdims=True) * ahead for knee in knees]
    assert max(np.abs(a[:, :2]).max() for a in aside) < 1e-9


def test_each_subject_keeps_to_its_own_legs_and_the_seed_decides():
    motions = [squat("b", length=300.0), squat("a"), squat("b", length=300.0)]
    mixed = mixed_legs(motions, 5, seed=1)
    assert [motion.subject for motion in mixed] == ["a", "b"]
    thighs = [m.joints[:, LEGS[1][0]] - m.joints[:, LEGS[1][1]] for m in mixed]
    assert [np.linalg.norm(t, axis=-1).mean() for t in thighs] == pytest.approx([400, 300])
    assert np.array_equal(mixed[1].joints, mixed_legs(motions, 5, seed=1)[1].joints)
    assert not np.array_equal(mixed[1].joints, mixed_legs(motions, 5, seed=2)[1].joints)


def test_unknown_joints_are_left_out_and_cameras_are_refused():
    motion = squat("a", frames=4)
    motion.joints[:3, 2] = np.nan
    (mixed,) = mixed_legs([motion], 9)
    assert np.isfinite(mixed.joints).all()
    motion.joints[3, 0] = np.nan
    assert mixed_legs([motion], 9) == []
    with pytest.raises(ValueError, match="world"):
        mixed_legs([replace(motion, frame="camera")], 9)
