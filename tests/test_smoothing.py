from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_models.prediction.smoothing import OneEuro


def one_euro_of_numbers(values, times, min_cutoff, beta, speed_cutoff):
    """Algorithm 1 of the paper, one number at a time."""

    def smoothing_factor(step, cutoff):
        r = 2 * math.pi * cutoff * step
        return r / (r + 1)

    results = [values[0]]
    filtered_speed = 0.0
    for i in range(1, len(values)):
        step = times[i] - times[i - 1]
        speed = (values[i] - results[-1]) / step
        a = smoothing_factor(step, speed_cutoff)
        filtered_speed = a * speed + (1 - a) * filtered_speed
        a = smoothing_factor(step, min_cutoff + beta * abs(filtered_speed))
        results.append(a * values[i] + (1 - a) * results[-1])
    return results


@given(
    st.integers(0, 10**6),
    st.floats(0.1, 10),
    st.floats(0, 1),
    st.floats(0.1, 5),
    st.integers(2, 40),
)
def test_every_coordinate_is_filtered_as_in_the_paper(seed, min_cutoff, beta, speed_cutoff, count):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 100, (count, 6, 2))
    times = np.cumsum(rng.uniform(0.005, 0.2, count))  # uneven, as of frames that are left out
    one_euro = OneEuro(min_cutoff, beta, speed_cutoff)
    found = np.stack([one_euro(value, time) for value, time in zip(values, times, strict=True)])
    for joint in range(6):
        for axis in range(2):
            expected = one_euro_of_numbers(
                values[:, joint, axis], times, min_cutoff, beta, speed_cutoff
            )
            # The same formula in another order of additions.
            np.testing.assert_allclose(found[:, joint, axis], expected, rtol=1e-9, atol=1e-9)


def test_noise_about_a_resting_joint_is_damped_by_the_low_pass_law():
    """With beta 0: variance alpha / (2 - alpha) of white noise, the known answer of the filter."""
    rng = np.random.default_rng(0)
    step, cutoff = 1 / 30, 1.0
    one_euro = OneEuro(cutoff, 0)
    found = [one_euro(value, i * step) for i, value in enumerate(rng.normal(0, 1, 20000))]
    alpha = 1 / (1 + 1 / (2 * math.pi * cutoff * step))
    # 20000 values, correlated over some 2 / alpha of them: the variance is known to about 5 %.
    assert np.var(found[100:]) == pytest.approx(alpha / (2 - alpha), rel=0.1)


def test_beta_takes_the_lag_away():
    ramp = [200 * i / 30 for i in range(90)]  # 200 pixels a second

    def lag(beta):
        one_euro = OneEuro(1.0, beta)
        return ramp[-1] - [float(one_euro(x, i / 30)) for i, x in enumerate(ramp)][-1]

    # A low pass lags speed * tau behind a ramp: 200 / (2 pi) = 31.8, less one frame's alpha.
    assert lag(0) > 25
    assert 0 < lag(1.0) < 2


def test_what_it_refuses():
    for arguments in ((0, 1), (-1, 1), (math.inf, 1), (1, -1), (1, math.nan), (1, 1, 0)):
        with pytest.raises(ValueError, match="OneEuro"):
            OneEuro(*arguments)
    one_euro = OneEuro(1, 0)
    one_euro(np.zeros(2), 0.5)
    for time in (0.5, 0.4, math.nan):
        with pytest.raises(ValueError, match=r"time must be after 0\.5"):
            one_euro(np.zeros(2), time)
    with pytest.raises(ValueError, match="values must be"):
        one_euro(np.zeros(3), 1.0)
