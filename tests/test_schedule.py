from __future__ import annotations

import math

import pytest

from python_models.training.schedule import Schedule


def test_constant():
    assert [Schedule("constant", 10, 5)(step) for step in (0, 3, 100)] == [1, 1, 1]


def test_a_warm_up_climbs_evenly_to_the_full_rate():
    schedule = Schedule("constant", 10, 5, warmup=4)
    assert [schedule(step) for step in range(6)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])


def test_steps_come_after_their_epochs():
    schedule = Schedule("step", 30, 10, milestones=(1, 2), gamma=0.1)
    assert [schedule(step) for step in (0, 9, 10, 19, 20, 29)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )


def test_a_cosine_is_torchs_closed_form_after_the_warm_up():
    schedule = Schedule("cosine", 104, 10, warmup=4)
    assert schedule(4) == 1
    assert schedule(54) == pytest.approx(0.5)
    assert schedule(29) == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)))
    assert schedule(104) == pytest.approx(0, abs=1e-12)
    assert schedule(200) == pytest.approx(0, abs=1e-12)  # no second bow


def test_a_run_of_warm_up_alone():
    assert Schedule("cosine", 2, 1, warmup=5)(1) == pytest.approx(2 / 6)
