from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from python_models.motion.motion import Motion
from python_models.motion.skeletons import LOWER_BODY_6
from python_models.motion.varied_legs import varied_legs
from tests.lifter_inputs import LEGS, legs, squat


def knee_flexion(motion):
    """[T, 2] in degrees; exact for straight legs too."""
    angles = []
    for hip, knee, ankle in LEGS:
        thigh = motion.joints[:, knee] - motion.joints[:, hip]
        shank = motion.joints[:, ankle] - motion.joints[:, knee]
        sine = np.linalg.norm(np.cross(thigh, shank), axis=-1)
        angles.append(np.degrees(np.arctan2(sine, (thigh * shank).sum(axis=-1))))
    return np.stack(angles, axis=-1)


def standing(frames, flexion=40.0):
    return Motion(legs([flexion] * frames), LOWER_BODY_6, 100.0, "s", "squat", "one")


def test_lengths_and_hips_stay():
    motion = squat("a", frames=200)
    (varied,) = varied_legs([motion], 15)
    hips = [leg[0] for leg in LEGS]
    middle = motion.joints[:, hips].mean(axis=1)
    np.testing.assert_allclose(varied.joints[:, hips].mean(axis=1), middle, atol=1e-9)
    apart = varied.joints[:, hips[0]] - varied.joints[:, hips[1]]
    assert np.abs(apart[:, [0, 2]]).max() < 1e-9
    # 200 numbers of deviation 0.35: known to 0.025 and 0.018.
    logarithm = np.log(apart[:, 1] / 200)
    assert logarithm.mean() == pytest.approx(0, abs=0.1)
    assert logarithm.std() == pytest.approx(0.35, abs=0.07)
    for hip, knee, ankle in LEGS:
        for a, b in ((hip, knee), (knee, ankle)):
            bone = np.linalg.norm(varied.joints[:, a] - varied.joints[:, b], axis=-1)
            np.testing.assert_allclose(bone, 400)
    assert (varied.subject, varied.action) == (motion.subject, motion.action)


def test_knees_bend_by_a_normal_number_and_never_the_wrong_way():
    (varied,) = varied_legs([standing(4000)], 5)
    off = knee_flexion(varied) - 40
    # 4000 numbers: their mean is known to 0.08 degrees, their deviation to 0.06.
    np.testing.assert_allclose(off.mean(axis=0), 0, atol=0.4)
    np.testing.assert_allclose(off.std(axis=0), 5, atol=0.3)
    assert abs(np.corrcoef(off.T)[0, 1]) < 0.1  # each leg by itself
    (wild,) = varied_legs([standing(500, 5.0)], 60)
    thigh, shank = (wild.joints[:, LEGS[0][n + 1]] - wild.joints[:, LEGS[0][n]] for n in (0, 1))
    # Bent backwards, or straight: never forwards, whichever way the leg points.
    assert knee_flexion(wild).max() <= 150 + 1e-6
    across = np.cross(thigh, shank)[:, 1]
    leaning = np.abs(thigh[:, 1]) < 50  # hardly to the side
    assert leaning.sum() > 50
    assert across[leaning].min() > -1e-3 * 400 * 400


def test_a_leg_turns_to_the_front_more_than_to_the_side():
    (varied,) = varied_legs([standing(4000, 0.0)], 9)
    hip, knee, _ = LEGS[0]
    thigh = (varied.joints[:, knee] - varied.joints[:, hip]) / 400
    front, side = np.degrees(np.arcsin(thigh[:, 0])), np.degrees(np.arcsin(thigh[:, 1]))
    # The numbers are known to 1.1 %; a leg to the front turns a little less far to the side.
    np.testing.assert_allclose(front.std(), 9, rtol=0.05)
    np.testing.assert_allclose(side.std(), 3, rtol=0.1)


def test_nothing_varied_is_the_same_and_the_seed_decides():
    motion = squat("a", frames=30)
    np.testing.assert_allclose(varied_legs([motion], 0)[0].joints, motion.joints, atol=1e-6)
    one, same, other = (varied_legs([motion], 9, seed=seed)[0].joints for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    first, second = varied_legs([motion, motion], 9)
    assert not np.array_equal(first.joints, second.joints)


def test_unknown_joints_stay_unknown_and_cameras_are_refused():
    motion = squat("a", frames=3)
    motion.joints[1, LEGS[0][2]] = np.nan
    (varied,) = varied_legs([motion], 9)
    assert np.isnan(varied.joints[1, LEGS[0][2]]).all()
    assert np.isfinite(varied.joints[[0, 2]]).all()
    assert np.isfinite(varied.joints[1, LEGS[1]]).all()
    with pytest.raises(ValueError, match="world"):
        varied_legs([replace(motion, frame="camera")], 9)
