from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_models.motion.hip_centres import hip_centres


def pelvis(width=240.0, depth=150.0, back_width=90.0, frames=1):
    """LASI, RASI, LPSI, RPSI of a person that looks along X, with Y left and Z up."""
    x = depth / 2
    rows = [
        (x, width / 2, 0),
        (x, -width / 2, 0),
        (-x, back_width / 2, 0),
        (-x, -back_width / 2, 0),
    ]
    return [np.tile(np.array(row, float), (frames, 1)) for row in rows]


def rotation(seed):
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix * np.linalg.det(matrix)


def test_a_level_pelvis_by_hand():
    left, right = hip_centres(*pelvis(width=240, depth=150))
    # -0.24 * 150 - 9.9 = -45.9 behind the ASIS at 75; -0.30 * 240 - 10.9 = -82.9 under them;
    # 0.33 * 240 + 7.3 = 86.5 to the side.
    np.testing.assert_allclose(left, [[75 - 45.9, 86.5, -82.9]], atol=1e-9)
    np.testing.assert_allclose(right, [[75 - 45.9, -86.5, -82.9]], atol=1e-9)


@given(st.integers(0, 10**6))
def test_the_centres_move_with_the_pelvis(seed):
    rng = np.random.default_rng(seed)
    turn, shift = rotation(seed), rng.normal(0, 1000, 3)
    markers = pelvis(rng.uniform(180, 300), rng.uniform(100, 200), rng.uniform(60, 120))
    expected = [centre @ turn.T + shift for centre in hip_centres(*markers)]
    found = hip_centres(*(marker @ turn.T + shift for marker in markers))
    np.testing.assert_allclose(found, expected, atol=1e-8)  # of some 1000 mm in float64


def test_a_higher_back_tilts_the_axes_but_keeps_the_distances():
    front_left, front_right, back_left, back_right = pelvis()
    up = np.array([0, 0, 60.0])
    left, right = hip_centres(front_left, front_right, back_left + up, back_right + up)
    assert np.linalg.norm(left - right) == pytest.approx(2 * 86.5)
    # The hips stay under the ASIS at right angles to the tilted pelvis: they move backwards.
    level, _ = hip_centres(*pelvis())
    assert left[0, 0] < level[0, 0]


def test_markers_that_slip_in_one_frame_do_not_widen_the_pelvis():
    markers = pelvis(frames=9)
    markers[0][4] += [0, 40, 0]
    left, right = hip_centres(*markers)
    np.testing.assert_allclose(np.linalg.norm(left - right, axis=-1), 2 * 86.5)


def test_a_missing_marker_leaves_a_gap_in_its_frame_alone():
    markers = pelvis(frames=3)
    markers[3][1] = np.nan
    left, right = hip_centres(*markers)
    assert np.isnan(left).all(axis=-1).tolist() == [False, True, False]
    assert np.isnan(right).all(axis=-1).tolist() == [False, True, False]


def test_markers_that_are_never_seen_or_coincide_give_no_hips():
    front_left, front_right, back_left, back_right = pelvis()
    for left, right in (
        hip_centres(front_left * np.nan, front_right, back_left, back_right),
        hip_centres(front_left, front_left, back_left, back_right),
    ):
        assert np.isnan(left).all()
        assert np.isnan(right).all()
