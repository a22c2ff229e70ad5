"""What is measured of a repetition, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from python_models.analysis.angles import combined, curves_of
from python_models.analysis.definitions import KINDS, SIDED
from python_models.analysis.measures import OF_MAIN, STATISTICS, Subject, is_measure, measure
from python_models.analysis.repetitions import Span, find_repetitions
from python_models.analysis.smoothness import spectral_arc_length
from tests.squat_sequences import figure, sequence, waves


def subject(points, rate=60.0, **more):
    curves = curves_of(sequence(points, rate, **more))
    main = combined("knee_flexion", curves, "mean")
    (span,) = find_repetitions(main.values, rate, minimum_depth=30)
    return Subject(curves, main, span, rate)


def measured(name, points, rate=60.0, **more):
    return measure(name, subject(points, rate, **more))


def test_depth_and_peaks_are_the_figure_s():
    points = figure(waves(1, 60, 112), waves(1, 60, 104))
    # The median of 0.1 s takes 0.2 degrees off the top of a squat of two seconds.
    assert measured("left_knee_flexion.maximum", points).value == pytest.approx(112, abs=0.3)
    assert measured("right_knee_flexion.maximum", points).value == pytest.approx(104, abs=0.3)
    assert measured("knee_flexion.asymmetry", points).value == pytest.approx(8, abs=0.1)
    depth = measured("depth", points)
    assert depth.value == pytest.approx(108, abs=0.3)
    assert depth.unit == "degrees"
    assert abs(depth.frame - 120) <= 3  # half of that median


def test_statistics_of_a_curve():
    lean = 20 + waves(1, 60, 100, rest=0) / 5
    points = figure(waves(1, 60), lean=lean)
    expected = {"maximum": 40, "minimum": 22, "range": 18, "magnitude": 40, "bottom": 40}
    for statistic, value in expected.items():  # it starts at a tenth of the height
        assert measured(f"trunk_lean.{statistic}", points).value == pytest.approx(value, abs=0.5)


@pytest.mark.parametrize("frames", [-6, 0, 6])
def test_the_later_side_is_told_by_its_time(frames):
    points = figure(waves(1, 60), np.roll(waves(1, 60), -frames))
    found = measured("knee_flexion.timing", points)
    assert found.value == pytest.approx(frames / 60, abs=0.01)


@pytest.mark.parametrize("rate", [30.0, 120.0])
def test_tempo_is_in_seconds_at_any_rate(rate):
    down, hold, up = (np.linspace(a, b, round(s * rate)) for a, b, s in
                      ((5, 105, 2), (105, 105, 1), (105, 5, 0.5)))  # fmt: skip
    still = np.full(round(rate), 5.0)
    points = figure(np.concatenate([still, down, hold, up, still]))
    # Edges at a tenth of the height: 80 % of each way, and the rest of it counts as the bottom.
    for part, seconds in {"descent": 1.6, "bottom": 1.25, "ascent": 0.4, "duration": 3.25}.items():
        found = measured(f"tempo.{part}", points, rate)
        assert found.value == pytest.approx(seconds, abs=3 / rate)
        assert found.unit == "seconds"


def test_a_jerky_way_is_less_smooth():
    smooth = waves(1, 60, seconds=4)
    jerky = smooth + 6 * np.sin(np.linspace(0, 40 * np.pi, len(smooth))) * (smooth > 20)
    first, second = (measured("smoothness", figure(curve)).value for curve in (smooth, jerky))
    assert second < first - 0.05


def test_the_arc_length_of_a_smooth_stroke_and_of_two():
    time = np.linspace(0, 1, 100)
    stroke = time**2 * (1 - time) ** 2 * 30  # minimum jerk
    one = spectral_arc_length(stroke, 100)
    assert one == pytest.approx(-1.4, abs=0.1)  # Balasubramanian et al.: about -1.4
    assert spectral_arc_length(50 * stroke, 100) == pytest.approx(one)  # of any size
    assert spectral_arc_length(np.concatenate([stroke, stroke]), 100) < one - 0.3
    assert np.isnan(spectral_arc_length(np.zeros(9), 100))


def test_a_deviation_is_the_curve_s_where_it_was_measured():
    points = figure(waves(1, 60))
    covariance = np.broadcast_to(np.eye(3) * 25.0, (*points.shape, 3))
    of = subject(points, covariance=covariance)
    one = measure("left_knee_flexion.maximum", of)
    assert one.deviation == of.curves["left_knee_flexion"].deviation[one.frame]
    difference = measure("knee_flexion.asymmetry", of)
    assert difference.deviation == pytest.approx(np.sqrt(2) * one.deviation, rel=0.01)
    assert measured("left_knee_flexion.maximum", points).deviation is None


def with_gap(first, last):
    points = figure(waves(1, 60))
    points[first:last, 8] = np.nan  # the left knee
    return measured("left_knee_flexion.maximum", points)


def test_a_gap_that_may_hide_the_peak_refuses_it():
    assert with_gap(117, 123).value == pytest.approx(110, abs=2)  # 0.1 s
    hidden = with_gap(110, 130)
    assert np.isnan(hidden.value)
    assert hidden.refused.code == "unreliable"
    assert "0.33 s" in hidden.refused.reason
    assert "is known in" in with_gap(70, 130).refused.reason


def test_what_the_curve_refuses_the_measure_refuses():
    of = subject(figure(waves(1, 60)))
    gone = curves_of(sequence(np.full((2, 12, 3), np.nan)))["trunk_lean"]
    found = measure("trunk_lean.maximum", Subject({"trunk_lean": gone}, of.main, of.span, 60.0))
    assert found.refused == gone.refused


def test_single_pictures_have_angles_and_no_times():
    curves = curves_of(sequence(figure([5, 100]), None))
    main = combined("knee_flexion", curves, "mean")
    of = Subject(curves, main, Span(1, 1, 1, True), None)
    assert measure("depth", of).value == pytest.approx(100)
    assert measure("left_thigh_inclination.bottom", of).value == pytest.approx(70)
    for name in ("tempo.descent", "tempo.duration", "smoothness", "knee_flexion.timing"):
        assert measure(name, of).refused.code == "no-time"


def test_names_of_measures():
    for kind in KINDS:
        for statistic in STATISTICS:
            assert is_measure(f"left_{kind}.{statistic}") == (kind in SIDED)
            assert is_measure(f"{kind}.{statistic}") == (kind not in SIDED)
        assert is_measure(f"{kind}.asymmetry") == is_measure(f"{kind}.timing") == (kind in SIDED)
        assert not is_measure(f"left_{kind}.asymmetry")
    assert all(is_measure(name) for name in OF_MAIN)
    for name in (
        "",
        "depth.maximum",
        "trunk_lean",
        "trunk_lean.best",
        "left_left_trunk_lean.mean",
    ):
        assert not is_measure(name)
    with pytest.raises(ValueError, match="measure: expected a curve"):
        measured("trunk_lean.best", figure(waves(1, 60)))
