"""Keypoints as a detector would have found them."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowerpose_ops import COCO_SIGMAS, LOWER_BODY_SIGMAS
from python_models.motion.detector_noise import NOISES, DetectorNoise, person_size, proportions
from python_models.motion.draws import Draws
from python_models.motion.noise_fit import fit_noise
from python_models.motion.skeletons import COCO_17, HUMAN36M_17, LOWER_BODY_6, SKELETONS

MANY = 20_000
FRONT = np.array([[60, 0], [62, 100], [64, 200], [-60, 0], [-62, 100], [-64, 200]], np.float64)
SIZE = float(np.hypot(128, 200))


def persons(count: int = MANY) -> np.ndarray:
    return np.broadcast_to(FRONT + 300, (count, 6, 2))


def found(count: int = MANY, keypoints: np.ndarray | None = None, **noise) -> np.ndarray:
    given = persons(count) if keypoints is None else keypoints
    return DetectorNoise(**noise).apply(given, LOWER_BODY_6, Draws(0, 1, np.arange(len(given))))


def rate(events: np.ndarray, probability: float) -> None:
    """Events [N] came about as often as they should, to five standard deviations."""
    deviation = np.sqrt(probability * (1 - probability) / len(events))
    assert abs(events.mean() - probability) < 5 * deviation


def test_no_noise_changes_no_bit():
    np.testing.assert_array_equal(found(), persons())
    assert NOISES["none"] == DetectorNoise()


def test_jitter_has_the_deviation_and_the_joints_proportions():
    off = found(jitter=0.02) - persons()
    expected = 0.02 * SIZE * np.array(LOWER_BODY_SIGMAS) / np.mean(LOWER_BODY_SIGMAS)
    # The deviation of a deviation of 20,000 numbers is 0.5 %.
    np.testing.assert_allclose(off.std(axis=0), np.stack([expected] * 2, axis=1), rtol=0.025)
    assert np.abs(off.mean(axis=0)).max() < 5 * expected.max() / np.sqrt(MANY)
    flat = off.reshape(MANY, 12)
    correlation = np.corrcoef(flat.T) - np.eye(12)
    assert np.abs(correlation).max() < 5 / np.sqrt(MANY)


def test_jitter_grows_with_the_person_or_with_the_size_given():
    near = found(keypoints=np.array(persons(100)) * 3, jitter=0.02) - persons(100) * 3
    np.testing.assert_allclose(near, 3 * (found(100, jitter=0.02) - persons(100)), atol=1e-9)
    noise = DetectorNoise(jitter=0.02)
    draws = Draws(0, 1, np.arange(100))
    double = noise.apply(persons(100), LOWER_BODY_6, draws, size=np.full(100, 2 * SIZE))
    expected = 2 * (found(100, jitter=0.02) - persons(100))
    np.testing.assert_allclose(double - persons(100), expected, atol=1e-9)


def test_outliers_are_as_many_and_as_far_as_asked():
    off = found(outliers=0.05, outlier_size=0.3) - persons()
    far = (off != 0).any(axis=-1)
    rate(far.ravel(), 0.05)
    # About 12,000 coordinates: 0.65 % of deviation of their deviation; five.
    np.testing.assert_allclose(off[far].std(), 0.3 * SIZE, rtol=0.033)


def test_missing_joints_are_nan_in_both_coordinates():
    gone = np.isnan(found(missing=0.1))
    np.testing.assert_array_equal(gone[..., 0], gone[..., 1])
    rate(gone[..., 0].ravel(), 0.1)
    assert np.isnan(found(100, missing=1)).all()


def test_joint_swaps_exchange_single_pairs():
    got = found(joint_swaps=0.05)
    changed = (got != persons()).any(axis=-1)
    np.testing.assert_array_equal(changed[:, :3], changed[:, 3:])
    rate(changed[:, :3].ravel(), 0.05)
    np.testing.assert_array_equal(got[:, 3:][changed[:, :3]], persons()[:, :3][changed[:, :3]])
    assert abs(np.corrcoef(changed[:, :3].T) - np.eye(3)).max() < 5 / np.sqrt(MANY)


def test_leg_swaps_exchange_the_whole_legs_and_nothing_else():
    rng = np.random.default_rng(0)
    body = np.broadcast_to(rng.uniform(0, 500, (17, 2)), (MANY, 17, 2))
    noise = DetectorNoise(leg_swaps=0.05)
    got = noise.apply(body, COCO_17, Draws(0, 1, np.arange(MANY)))
    changed = (got != body).any(axis=-1)
    rate(changed[:, COCO_17.index("left_knee")], 0.05)
    legs = [joint.split("_")[-1] in ("hip", "knee", "ankle") for joint in COCO_17.joints]
    for person in changed[changed.any(axis=1)]:
        assert person.tolist() == legs


def test_each_change_leaves_the_others_numbers_alone():
    both = found(100, jitter=0.02, missing=0.3)
    alone = found(100, jitter=0.02)
    here = np.isfinite(both)
    np.testing.assert_array_equal(both[here], alone[here])
    np.testing.assert_array_equal(np.isnan(found(100, missing=0.3)), ~here)


def test_a_persons_noise_is_its_own():
    noise = NOISES["hard"]
    alone = noise.apply(persons(1), LOWER_BODY_6, Draws(0, 1, [17]))
    together = noise.apply(persons(40), LOWER_BODY_6, Draws(0, 1, np.arange(40)))
    np.testing.assert_array_equal(alone[0], together[17])


@settings(deadline=None)
@given(st.sampled_from(list(SKELETONS.values())), st.integers(0, 9999), st.data())
def test_unknown_joints_stay_so_or_change_sides_and_the_rest_stay_finite(skeleton, seed, data):
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(-500, 500, (8, len(skeleton), 2))
    keypoints[rng.random((8, len(skeleton))) < data.draw(st.floats(0, 1))] = np.nan
    noise = replace(NOISES["hard"], missing=0)
    with np.errstate(all="raise"):
        got = noise.apply(keypoints, skeleton, Draws(seed, 1, np.arange(8)))
    assert (np.isnan(got).sum(axis=1) == np.isnan(keypoints).sum(axis=1)).all()
    np.testing.assert_array_equal(np.isnan(got[..., 0]), np.isnan(got[..., 1]))


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_every_joint_has_a_proportion(skeleton):
    got = proportions(skeleton)
    assert ((got > 0.2) & (got < 1.2)).all()
    if skeleton == COCO_17:
        np.testing.assert_allclose(got * np.mean(LOWER_BODY_SIGMAS), COCO_SIGMAS)


def test_the_persons_size_is_the_diagonal_of_the_known_joints_box():
    keypoints = np.array([[[0, 0], [30, 5], [10, 40.0]], [[0, 0], [np.nan, 5], [3, 4]]])
    assert person_size(keypoints).tolist() == [50, 5]
    assert person_size(np.full((1, 3, 2), np.nan)).tolist() == [0]
    assert person_size(np.full((1, 3, 2), 7.0)).tolist() == [0]


VIDEO = NOISES["hard"]


def test_errors_of_a_sequence_last_as_long_as_asked():
    keypoints, rate_ = persons(MANY), 30.0
    noise = DetectorNoise(jitter=0.02, correlation=0.2)
    off = noise.apply_to_sequence(keypoints, LOWER_BODY_6, rate_) - keypoints
    expected = 0.02 * SIZE * proportions(LOWER_BODY_6)
    # 0.2 s are 6 frames: 20,000 frames are worth some 1,700 independent ones, over 12 coordinates.
    np.testing.assert_allclose((off / expected[:, None]).std(), 1, rtol=0.02)
    flat = (off / expected[:, None]).reshape(MANY, 12)
    for frames in (1, 6, 12):
        got = (flat[frames:] * flat[:-frames]).mean()
        assert got == pytest.approx(np.exp(-frames / 6), abs=0.04)
    fresh = replace(noise, correlation=0).apply_to_sequence(keypoints, LOWER_BODY_6, rate_)
    draws = Draws(0, 0, np.arange(MANY))
    again = replace(noise, correlation=0).apply(keypoints, LOWER_BODY_6, draws)
    np.testing.assert_array_equal(fresh, again)


def test_events_of_a_sequence_last_and_are_as_frequent_as_single_ones():
    noise = DetectorNoise(missing=0.1, correlation=0.5)
    got = noise.apply_to_sequence(persons(MANY), LOWER_BODY_6, 30.0)
    gone = np.isnan(got[..., 0])
    # 15 frames of correlation leave some 700 independent frames of six joints: 0.005 each; four.
    assert abs(gone.mean() - 0.1) < 0.02
    stays = (gone[1:] & gone[:-1]).sum() / gone[:-1].sum()
    assert stays > 0.7, "a joint that is gone in one frame is mostly gone in the next"


def test_sequences_have_numbers_of_their_own():
    first, again, other = (
        VIDEO.apply_to_sequence(persons(50), LOWER_BODY_6, 30.0, seed=1, number=number)
        for number in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert np.nanmax(np.abs(first - other)) > 1


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf")])
def test_a_sequence_needs_a_frame_rate(wrong):
    with pytest.raises(ValueError, match="frame_rate must be positive"):
        VIDEO.apply_to_sequence(persons(5), LOWER_BODY_6, wrong)
    with pytest.raises(ValueError, match="frame_rate must be positive"):
        fit_noise(persons(50), persons(50), LOWER_BODY_6, frame_rate=wrong)


@pytest.mark.parametrize("field", [field.name for field in fields(DetectorNoise)])
@pytest.mark.parametrize("value", [-0.1, float("nan"), 1001.0])
def test_numbers_out_of_range_are_refused(field, value):
    with pytest.raises(ValueError, match=f"DetectorNoise: {field}"):
        DetectorNoise(**{field: value})


def test_keypoints_of_another_skeleton_are_refused():
    with pytest.raises(ValueError, match="DetectorNoise: keypoints"):
        found(keypoints=np.zeros((3, 5, 2)))
    with pytest.raises(ValueError, match="fit_noise: predicted"):
        fit_noise(np.zeros((30, 5, 2)), persons(30), LOWER_BODY_6)
    with pytest.raises(ValueError, match="at least 20 keypoints"):
        fit_noise(persons(3), persons(3), LOWER_BODY_6)


BODY = np.random.default_rng(3).uniform(0, 500, (17, 2))  # no two joints of it are close


@pytest.mark.parametrize("name", ["mild", "hard"])
@pytest.mark.parametrize("skeleton", [LOWER_BODY_6, HUMAN36M_17])
def test_a_fit_finds_the_noise_that_was_added(name, skeleton):
    noise = replace(NOISES[name], correlation=0)
    person = FRONT if skeleton == LOWER_BODY_6 else BODY
    scale = np.random.default_rng(0).uniform(0.3, 3, (MANY, 1, 1))
    true = person * scale
    predicted = noise.apply(true, skeleton, Draws(5, 1, np.arange(MANY)))
    got = fit_noise(predicted, true, skeleton)
    # A tenth of outliers lifts the median by 13 % at most: of the rest, 0.5 / 0.9 lie below it.
    assert got.jitter == pytest.approx(noise.jitter, rel=0.13 if name == "hard" else 0.02)
    # A swap that jitter or an outlier hides is not seen. Counts have deviations of 20,000 persons.
    assert got.outliers == pytest.approx(noise.outliers, rel=0.15)
    assert got.outlier_size == pytest.approx(noise.outlier_size, rel=0.1)
    assert got.missing == pytest.approx(noise.missing, rel=0.05)
    assert got.joint_swaps == pytest.approx(noise.joint_swaps, rel=0.3, abs=0.001)
    assert got.leg_swaps == pytest.approx(noise.leg_swaps, rel=0.3, abs=0.001)
    assert got.correlation == 0


@pytest.mark.parametrize("correlation", [0.05, 0.3])
def test_a_fit_finds_how_long_errors_last(correlation):
    noise = DetectorNoise(jitter=0.02, outliers=0.01, outlier_size=0.2, correlation=correlation)
    predicted = noise.apply_to_sequence(persons(MANY), LOWER_BODY_6, 30.0)
    got = fit_noise(predicted, persons(MANY), LOWER_BODY_6, frame_rate=30.0)
    assert got.correlation == pytest.approx(correlation, rel=0.15)
    single = fit_noise(found(jitter=0.02), persons(), LOWER_BODY_6, frame_rate=30.0)
    assert single.correlation < 0.015  # half a frame: the sampling's zero


def test_a_perfect_detector_has_no_noise():
    assert fit_noise(persons(50), persons(50), LOWER_BODY_6) == DetectorNoise()


def test_a_fit_counts_known_keypoints_alone():
    true = np.array(persons(500))
    predicted = found(500, jitter=0.02, missing=0.2)
    true[:, 4] = np.nan
    got = fit_noise(predicted, true, LOWER_BODY_6)
    assert got.missing == pytest.approx(np.isnan(predicted[:, [0, 1, 2, 3, 5], 0]).mean())
