"""A sigma of each joint or instance."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lowerpose_ops as lp
from tests.gaussian_scenes import BAD_SIGMAS, EVERY_PRESET, SIZE, random_people

every_preset = pytest.mark.parametrize(("preset", "fixed"), EVERY_PRESET)


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16, np.int64, np.uint8])
@every_preset
def test_every_layout_of_sigma_means_the_number(preset, fixed, kind):
    rng = np.random.default_rng(0)
    joints, seen = random_people(rng, 2, 1, 2)
    options = {"preset": preset, "fixed": fixed}
    expected, expected_weights = lp.gaussian_targets(joints, seen, SIZE, 2.0, **options)
    for shape in ((2,), (2, 1)):
        sigmas = np.full(shape, 2, kind)
        for arguments in ((joints, seen), (joints[:, 0], seen[:, 0])):
            targets, weights = lp.gaussian_targets(*arguments, SIZE, sigmas, **options)
            np.testing.assert_array_equal(targets, expected)
            np.testing.assert_array_equal(weights, expected_weights)
    single, _ = lp.gaussian_targets(joints[1, 0], seen[1, 0], SIZE, np.full(2, 2, kind), **options)
    np.testing.assert_array_equal(single, expected[1])


@pytest.mark.usefixtures("array_device")
def test_each_sigma_reaches_its_own_joint():
    joints = np.full((2, 3, 2, 2), 20.0)
    joints[:, 1], joints[:, 2] = 31, 44
    at = [20, 31, 44]
    of_instances = np.arange(1.0, 13)[::2].reshape(2, 3)[:, ::-1]  # strided
    targets, _ = lp.gaussian_targets(joints, np.ones((2, 3, 2)), (64, 64), of_instances[:, ::-1])
    several = [[targets[b, 0, at[n], at[n]] for n in range(3)] for b in range(2)]
    assert (np.array(several) == 1).all()
    for b, n in np.ndindex(2, 3):
        alone, _ = lp.gaussian_targets(
            joints[b : b + 1, n], np.ones((1, 2)), (64, 64), float(of_instances[b, 2 - n])
        )
        assert (targets[b] >= alone[0]).all()
    per_joint, _ = lp.gaussian_targets(
        joints[0], np.ones((3, 2)), (64, 64), np.array([1.0, 9, 3])[::2]
    )
    for k, sigma in enumerate((1.0, 3.0)):
        alone, _ = lp.gaussian_targets(joints[0], np.ones((3, 2)), (64, 64), sigma)
        np.testing.assert_array_equal(per_joint[:, k], alone[:, k])


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize("bad", BAD_SIGMAS)
@every_preset
def test_a_sigma_that_cannot_be_makes_the_joint_invalid(preset, fixed, bad):
    joints = np.full((1, 2, 2), 20.0)
    for visible in (np.ones((1, 2)), np.full((1, 2), 0.25)):
        targets, weights = lp.gaussian_targets(
            joints, visible, SIZE, np.array([bad, 2]), preset=preset, fixed=fixed
        )
        assert weights[0, 0] == 0
        assert not targets[0, 0].any()
        expected, expected_weights = lp.gaussian_targets(
            joints, visible, SIZE, 2.0, preset=preset, fixed=fixed
        )
        np.testing.assert_array_equal(targets[0, 1], expected[0, 1])
        np.testing.assert_array_equal(weights[0, 1], expected_weights[0, 1])


@pytest.mark.usefixtures("array_device")
def test_sigmas_at_which_lower_body_stops_make_its_joints_invalid():
    sigmas = np.array([1.0, 1.1, 1.25, 1.5, 1.7, 2.0, 3.1])
    joints, visible = np.full((1, 7, 2), 20.0), np.ones((1, 7))
    valid = [True, False, True, True, False, True, False]
    targets, weights = lp.gaussian_targets(joints, visible, SIZE, sigmas, preset="lower_body")
    assert weights.ravel().tolist() == valid
    assert targets.any((0, 2, 3)).tolist() == valid
    for preset in ("lower_body", "hrnet"):
        _, weights = lp.gaussian_targets(
            joints, visible, SIZE, sigmas, preset=preset, fixed=preset == "lower_body"
        )
        assert weights.all()


def test_a_tensor_of_one_number_is_for_all_joints():
    joints, visible = torch.full((2, 3, 2), 4.0), torch.ones(2, 3)
    for points, seen in ((joints, visible), (joints[0], visible[0])):
        one, _ = lp.gaussian_targets(points, seen, (9, 9), torch.tensor(1.5))
        other, _ = lp.gaussian_targets(points, seen, (9, 9), 1.5)
        torch.testing.assert_close(one, other, rtol=0, atol=0)
