from __future__ import annotations

import numpy as np
import pytest

from python_models.motion.draws import Draws


def many(seed: int = 0, count: int = 20_000) -> Draws:
    return Draws(seed, 1, np.arange(count))


def test_uniform_numbers_are_spread_evenly():
    counts, _ = np.histogram(many().uniform("a", 4), bins=50, range=(0, 1))
    assert counts.sum() == 80_000
    # Pearson's statistic of 50 bins has mean 49 and deviation 10: 110 is six of them off.
    assert ((counts - 1600.0) ** 2 / 1600).sum() < 110


@pytest.mark.parametrize("count", [1, 2, 5])
def test_normal_numbers_have_the_normal_moments(count):
    values = many().normal("a", count)
    assert values.shape == (20_000, count)
    # Of 20,000 numbers, the mean's deviation is 0.007, that of the variance 0.01, that of the
    # fourth moment 0.07: about five of each.
    assert np.abs(values.mean(axis=0)).max() < 0.036
    assert np.abs(values.var(axis=0) - 1).max() < 0.05
    assert np.abs((values**4).mean(axis=0) - 3).max() < 0.4


def test_numbers_of_places_purposes_epochs_and_neighbours_are_independent():
    draws = many()
    rows = [
        *draws.normal("a", 5).T,
        *draws.normal("b", 5).T,
        *Draws(0, 2, np.arange(20_000)).normal("a", 5).T,
        *Draws(1, 1, np.arange(20_000)).normal("a", 5).T,
        draws.normal("c", 1)[np.r_[1:20_000, 0], 0],
        draws.normal("c", 1)[:, 0],
    ]
    off = np.corrcoef(rows) - np.eye(len(rows))
    assert np.abs(off).max() < 6 / np.sqrt(20_000)  # the deviation of a correlation of none


def test_a_samples_numbers_are_its_own():
    all_of_them = many(count=100)
    some = Draws(0, np.ones(3, int), np.array([7, 99, 7]))
    for draw in (Draws.uniform, Draws.normal):
        np.testing.assert_array_equal(draw(some, "a", 9), draw(all_of_them, "a", 9)[[7, 99, 7]])
    np.testing.assert_array_equal(some.uniform("a", 3), some.uniform("a", 9)[:, :3])


def test_known_numbers_stay():
    """Runs that go on with another version must see the same pairs."""
    got = Draws(3, 2, [5, 6]).uniform("a", 2)
    np.testing.assert_array_equal(got, KNOWN)


KNOWN = [[0.31797933705883247, 0.8120351241477963], [0.43212298209274097, 0.7484340584281601]]
