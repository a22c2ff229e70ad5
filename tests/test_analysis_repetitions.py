"""Repetitions in curves: counts, edges, gaps, waves that are none, and any frame rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_models.analysis.repetitions import find_holds, find_repetitions
from python_models.analysis.signals import bridged, median_filtered, runs, smoothed
from tests.squat_sequences import waves


def found(curve, rate=30.0, depth=30.0, **more):
    return find_repetitions(np.asarray(curve, float), rate, minimum_depth=depth, **more)


def complete(curve, rate=30.0, **more):
    return [span for span in found(curve, rate, **more) if span.complete]


@given(
    count=st.integers(0, 6),
    rate=st.sampled_from([5.0, 10.0, 24.0, 29.97, 60.0, 120.0, 240.0]),
    depth=st.floats(50, 140),
    seconds=st.floats(1.5, 6),
    seed=st.integers(0, 99),
)
def test_squats_are_counted_at_any_frame_rate(count, rate, depth, seconds, seed):
    curve = waves(count, rate, depth, seconds)
    noisy = curve + np.random.default_rng(seed).normal(0, 2, len(curve))
    spans = found(noisy, rate)
    assert len(spans) == count
    still, squat = round(rate), round(seconds * rate)
    for number, span in enumerate(spans):
        first = still + number * (squat + still)
        assert span.complete
        assert first <= span.start + 0.4 * rate  # noise of 2 degrees may begin it while standing
        assert abs(span.bottom - (first + squat / 2)) <= 0.25 * squat + 1
        assert span.start < span.bottom < span.end <= first + squat + 0.4 * rate


def test_a_repetition_starts_and_ends_at_a_tenth_of_its_height():
    curve = waves(1, 100, depth=105, seconds=3, rest=5)
    (span,) = found(curve, 100)
    assert curve[span.start] == pytest.approx(15, abs=1.5)
    assert curve[span.end] == pytest.approx(15, abs=1.5)
    assert curve[span.bottom] == pytest.approx(105, abs=0.1)


def test_waves_below_the_depth_are_none():
    assert found(waves(4, 30, depth=30, rest=5)) == []
    assert len(found(waves(4, 30, depth=36, rest=5))) == 4


def test_a_bounce_at_the_bottom_is_one_squat_and_half_standing_up_is_two():
    half = np.sin(np.linspace(0, np.pi / 2, 30)) ** 2
    up = half[::-1]
    for valley, count in ((80, 1), (40, 2)):
        curve = np.concatenate([
            np.full(30, 10), 10 + 110 * half, valley + (120 - valley) * up,
            valley + (115 - valley) * half, 10 + 105 * up, np.full(30, 10),
        ])  # fmt: skip
        spans = found(curve)
        assert len(spans) == count
        assert spans[0].complete
    assert spans[0].end < spans[1].start


def test_depths_may_differ():
    curve = np.concatenate([waves(1, 30, depth) for depth in (130, 50, 90)])
    assert [round(curve[span.bottom]) for span in found(curve)] == [130, 50, 90]


def test_squats_cut_by_the_edges_are_partial():
    curve = waves(3, 30)
    cut = curve[60:-60]  # from the first bottom to the last
    spans = found(cut)
    assert [span.complete for span in spans] == [False, True, False]
    assert [span.complete for span in found(curve[45:])] == [False, True, True]
    assert [span.complete for span in found(curve[: 30 + 45])] == [False]


@pytest.mark.parametrize(("gap", "spans"), [(10, 3), (15, 3), (18, 4)])
def test_short_gaps_are_bridged_and_long_ones_cut(gap, spans):
    curve = waves(3, 30)
    middle = 30 + 60 + 30 + 30  # the second bottom
    curve[middle - gap // 2 : middle - gap // 2 + gap] = np.nan
    result = found(curve)
    assert len(result) == spans
    assert sum(span.complete for span in result) == (3 if spans == 3 else 2)
    assert not np.isnan([curve[span.start] for span in result]).any()


def test_a_gap_while_standing_loses_nothing():
    curve = waves(2, 30)
    curve[95:115] = np.nan
    assert len(complete(curve)) == 2


@pytest.mark.parametrize("width", [1, 2])
def test_outliers_are_no_squats(width):
    curve = waves(1, 60)
    curve[20 : 20 + width] = 150
    curve[80 : 80 + width] = 0
    assert len(found(curve, 60)) == 1


def test_what_is_too_short_is_no_squat():
    curve = np.concatenate([np.full(60, 5.0), np.full(12, 90.0), np.full(60, 5.0)])
    assert found(curve, 60) == []
    assert len(found(curve, 60, minimum_duration=0.15)) == 1


def test_nothing_is_found_in_nothing():
    for curve in ([], [np.nan] * 9, [50.0], [0.0, 90.0], np.full(100, 70.0)):
        assert complete(curve) == []


@pytest.mark.parametrize("rate", [0, -30, None, np.nan, np.inf])
def test_the_frame_rate_must_be_positive(rate):
    with pytest.raises(ValueError, match="frame_rate must be positive"):
        found(waves(1, 30), rate)
    with pytest.raises(ValueError, match="frame_rate must be positive"):
        find_holds(np.zeros(9), rate, lowest=0, highest=1, minimum_duration=1)


@pytest.mark.parametrize("more", [{"depth": 0}, {"depth": np.nan}, {"minimum_duration": -1}])
def test_depth_and_duration_must_be_positive(more):
    with pytest.raises(ValueError, match="minimum_depth and minimum_duration must be positive"):
        found(waves(1, 30), **more)


def test_holds_are_runs_within_limits():
    curve = np.repeat([np.nan, 5.0, 80.0, 3.0], [40, 100, 30, 30])
    curve[70:75] = np.nan  # a sixth of a second
    spans = find_holds(curve, 30, lowest=-60, highest=60, minimum_duration=2)
    assert [(span.start, span.end) for span in spans] == [(40, 139)]


def test_runs_and_bridges():
    assert runs(np.array([True, False, True, True])) == [(0, 0), (2, 3)]
    assert runs(np.array([], dtype=bool)) == []
    gap = np.array([np.nan, 1, np.nan, np.nan, 4, np.nan])
    np.testing.assert_equal(bridged(gap, 2), [np.nan, 1, 2, 3, 4, np.nan])
    np.testing.assert_equal(bridged(gap, 1), gap)


def test_the_median_keeps_slopes_gaps_and_ends():
    slope = np.arange(9.0)
    np.testing.assert_array_equal(median_filtered(slope, 4), slope)
    spiked = slope.copy()
    spiked[[3, 6]] = 99, np.nan
    filtered = median_filtered(spiked, 4)
    assert np.isnan(filtered[6])
    assert filtered[3] == 4  # of 1 2 99 4 5
    np.testing.assert_array_equal(median_filtered(spiked, 1), spiked)


def test_smoothing_keeps_parabolas_and_gaps_and_lessens_noise():
    frames = np.arange(40.0)
    parabola = 90 - (frames - 17.3) ** 2 / 7
    gaps = parabola.copy()
    gaps[[0, 12, 13, 30]] = np.nan
    np.testing.assert_allclose(smoothed(gaps, 8), gaps, atol=1e-9)  # NaN stays where it was
    np.testing.assert_array_equal(smoothed(gaps, 3), gaps)
    alone = np.full(20, np.nan)
    alone[[2, 9]] = 5, 7
    np.testing.assert_array_equal(smoothed(alone, 8), alone)
    noise = np.random.default_rng(0).normal(size=4000)
    # A parabola of 9 points has 0.255 of the variance (Savitzky and Golay): 0.505 of the deviation.
    assert smoothed(noise, 8)[10:-10].std() == pytest.approx(0.505, rel=0.05)
