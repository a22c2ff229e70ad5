from __future__ import annotations

import doctest
import math

import numpy as np
import pytest

import python_models.prediction.jitter
from python_models.prediction.jitter import jitter

FRAMES = np.arange(30)


def track(joints, frames=FRAMES, side=100.0):
    return frames, joints, np.full(len(frames), side)


def test_the_example():
    result = doctest.testmod(python_models.prediction.jitter)
    assert result.attempted
    assert result.failed == 0


def test_rest_and_even_motion_do_not_tremble():
    joints = np.zeros((30, 6, 2)) + np.arange(6)[:, None]
    joints += FRAMES[:, None, None] * (3.5, -2.0)
    found = jitter([track(joints)])
    assert found.all == 0
    assert found.triples == 28


def test_a_wave_has_the_jitter_of_its_formula():
    """x = A sin(w t): the second difference is -4 sin^2(w / 2) x."""
    amplitude, frequency = 8.0, 2 * math.pi / 12
    frames = np.arange(122)  # ten whole periods of middle frames
    joints = np.zeros((122, 2, 2))
    joints[:, 1, 0] = amplitude * np.sin(frequency * frames)
    found = jitter([track(joints, frames, side=50.0)], 2)
    wave = 4 * math.sin(frequency / 2) ** 2 * amplitude / math.sqrt(2)
    np.testing.assert_allclose(found.joints, (0, wave), rtol=1e-12, atol=0)
    np.testing.assert_allclose(found.joints_of_box, (0, wave / 50), rtol=1e-12, atol=0)
    assert found.all == pytest.approx(wave / math.sqrt(2))
    assert found.all_of_box == pytest.approx(wave / math.sqrt(2) / 50)


def test_white_noise_has_root_twelve_of_its_deviation():
    frames = np.arange(20000)
    joints = np.random.default_rng(0).normal(0, 0.7, (20000, 1, 2))
    # 20000 values give a standard deviation to within 1 %.
    assert jitter([track(joints, frames)], 1).all == pytest.approx(0.7 * math.sqrt(12), rel=0.02)


def test_a_gap_is_no_motion():
    joints = np.zeros((6, 1, 2))
    joints[3:] = 50
    frames = np.array([0, 1, 2, 7, 8, 9])
    found = jitter([track(joints, frames)], 1)
    assert (found.all, found.triples) == (0, 2)


def test_persons_are_pooled_over_their_frames():
    still, moving = np.zeros((5, 1, 2)), np.zeros((3, 1, 2))
    moving[1, 0, 0] = 6
    found = jitter([track(still, np.arange(5)), track(moving, np.arange(3), side=10.0)], 1)
    assert found.triples == 4
    assert found.all == pytest.approx(math.sqrt(12**2 / 4))
    assert found.all_of_box == pytest.approx(math.sqrt(1.2**2 / 4))


def test_too_short_a_video_has_none():
    found = jitter([track(np.zeros((2, 6, 2)), np.arange(2))])
    assert found.triples == 0
    assert math.isnan(found.all)
    assert np.isnan(found.joints).all()
    assert math.isnan(jitter([]).all_of_box)
