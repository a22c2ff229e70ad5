from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from python_models.motion.kinematics import axis_rotations, euler_rotations, joint_positions, z_up


@pytest.mark.parametrize(
    ("axis", "vector", "expected"),
    [("x", (0, 1, 0), (0, 0, 1)), ("y", (0, 0, 1), (1, 0, 0)), ("z", (1, 0, 0), (0, 1, 0))],
)
def test_a_quarter_turn_is_right_handed(axis, vector, expected):
    turned = axis_rotations(axis, np.array(90.0)) @ vector
    np.testing.assert_allclose(turned, expected, atol=1e-15)


@given(st.text("xyz", max_size=4), st.integers(0, 10**6))
def test_euler_rotations_are_products_from_the_left(axes, seed):
    degrees = np.random.default_rng(seed).uniform(-360, 360, (2, 5, len(axes)))
    found = euler_rotations(axes, degrees)
    expected = np.broadcast_to(np.eye(3), (2, 5, 3, 3))
    for number, axis in enumerate(axes):
        vectors = np.radians(degrees[..., number]).reshape(-1, 1) * np.eye(3)["xyz".index(axis)]
        turns = Rotation.from_rotvec(vectors).as_matrix()
        expected = expected @ turns.reshape(2, 5, 3, 3)
    np.testing.assert_allclose(found, expected, atol=1e-13)


@given(st.integers(1, 8), st.integers(0, 10**6))
def test_joint_positions_one_joint_at_a_time(joints, seed):
    """G_j = G_p + R_p offset_j, R_j = R_p local_j, by 4 x 4 matrices along the way to the root."""
    rng = np.random.default_rng(seed)
    parents = [-1, *(int(rng.integers(-1, joint)) for joint in range(1, joints))]
    offsets = rng.normal(size=(3, joints, 3))
    local = Rotation.random(3 * joints, random_state=seed).as_matrix().reshape(3, joints, 3, 3)
    found = joint_positions(parents, offsets, local)
    for frame in range(3):
        for joint in range(joints):
            matrix, at = np.eye(4), joint
            while at >= 0:
                step = np.eye(4)
                step[:3, :3], step[:3, 3] = local[frame, at], offsets[frame, at]
                matrix, at = step @ matrix, parents[at]
            np.testing.assert_allclose(found[frame, joint], matrix[:3, 3], atol=1e-12)


def test_z_up_is_a_rotation():
    left, up, forward = np.eye(3)
    np.testing.assert_array_equal(z_up(np.stack([left, up, forward])), np.eye(3)[[1, 2, 0]])
    assert np.linalg.det(z_up(np.eye(3))) == pytest.approx(1)
