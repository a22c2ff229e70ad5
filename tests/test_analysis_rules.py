"""Rule files: ours, one's own, and those that are wrong; and the advice that they give."""

from __future__ import annotations

import numpy as np
import pytest

from python_models.analysis.advice import PROJECTED, advise
from python_models.analysis.results import Measure, Refused, Repetition, View
from python_models.analysis.rules import exercises, load_rules, read_rules

EXERCISE = """
[exercise]
kind = "repetitions"
curve = "knee_flexion"
sides = "mean"
minimum_depth = 30
minimum_duration = 0.5
measures = ["{side}_knee_flexion.maximum", "smoothness"]
"""
RULE = """
[[rules]]
name = "deep"
measure = "depth"
comparison = ">="
threshold = 90
unit = "degrees"
margin = 5.0
good = "Good."
fault = "Deeper."
reason = "Because."
source = "Us."
"""


@pytest.fixture
def write(tmp_path):
    def written(text, name="mine"):
        path = tmp_path / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_our_exercises_can_be_read_and_say_why():
    assert exercises() == ["lunge", "overhead_press", "plank", "push_up", "squat"]
    for exercise in exercises():
        rules = load_rules(exercise)
        assert rules.exercise == exercise
        assert rules.rules
        for rule in rules.rules:
            assert rule.source
            assert rule.margin > 0
            assert "{" not in rule.good + rule.fault + rule.name


def test_one_s_own_folder(write, tmp_path):
    write(EXERCISE + RULE)
    assert exercises(tmp_path) == ["mine"]
    rules = load_rules("mine", tmp_path)
    assert (rules.exercise, rules.minimum_depth, rules.rules[0].threshold) == ("mine", 30, 90)
    knees = ("left_knee_flexion.maximum", "right_knee_flexion.maximum")
    assert rules.measures == (*knees, "smoothness")


def test_a_rule_of_each_side_is_two(write):
    text = RULE.replace("depth", "{side}_knee_flexion.maximum").replace("Good.", "Good {side}.")
    left, right = read_rules(write(EXERCISE + text)).rules
    assert (left.name, left.good) == ("left deep", "Good left.")
    assert left.measure == "left_knee_flexion.maximum"
    assert right.name == "right deep"


@pytest.mark.parametrize("name", ["run", "../squat", "rules/squat", "squat.toml", "", "/etc/x"])
def test_other_exercises_are_refused(name):
    with pytest.raises(ValueError, match=r"load_rules: .*only.*squat"):
        load_rules(name)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[exercise]", "[exercise", "no TOML file"),
        ("[exercise]", "[exercises]", "exercise must be a dict, got None"),
        ('kind = "repetitions"', 'kind = "rest"', "exercise.kind must be one of"),
        ('kind = "repetitions"', "", "exercise.kind must be a str, got None"),
        ('kind = "repetitions"', 'kind = "hold"', "exercise.lowest must be a finite number"),
        ('knee_flexion"\nsides', 'knee"\nsides', "exercise.curve must be one of"),
        ('sides = "mean"', 'sides = "both"', "exercise.sides must be one of"),
        ("minimum_depth = 30", "minimum_depth = 0", "exercise.minimum_depth must be positive"),
        ("minimum_depth = 30", "minimum_depth = nan", "exercise.minimum_depth must be a finite"),
        ("minimum_depth = 30", 'minimum_depth = "3"', "exercise.minimum_depth must be a finite"),
        ("minimum_depth = 30", "minimum_depth = true", "exercise.minimum_depth must be a finite"),
        ("minimum_depth = 30", "minimum_deepness = 30", "exercise.minimum_depth must be a finite"),
        (
            "minimum_duration = 0.5",
            "minimum_duration = -1",
            "exercise.minimum_duration must be pos",
        ),
        ("minimum_duration = 0.5", "minimum_duration = 0.5\nmax = 1", "unknown exercise.max"),
        ('"smoothness"', '"roughness"', "exercise.measures: there is no measure 'roughness'"),
        ('measure = "depth"', 'measure = "height"', r"rules\[1\].measure must be a curve"),
        ('measure = "depth"', "measure = 5", r"rules\[1\].measure must be a str, got 5"),
        ('comparison = ">="', 'comparison = "="', r"rules\[1\].comparison must be one of"),
        ("threshold = 90", "", r"rules\[1\].threshold must be a finite number, got None"),
        ("threshold = 90", "threshold = inf", r"rules\[1\].threshold must be a finite number"),
        ("threshold = 90", f"threshold = 1{'0' * 400}", r"rules\[1\].threshold must be a finite"),
        (
            'unit = "degrees"',
            'unit = "mm"',
            r"rules\[1\].unit must be 'degrees' of depth, got 'mm'",
        ),
        ("margin = 5.0", "margin = -1", r"rules\[1\].margin must be 0 or more"),
        ('source = "Us."', "", r"rules\[1\].source must be a str, got None"),
        ('source = "Us."', 'source = ""', r"rules\[1\].source must be a str, got ''"),
        ('source = "Us."', 'source = "Us."\nby = 1', r"unknown rules\[1\].by"),
        ("[[rules]]", "[rules]", "rules must be a list"),
    ],
)
def test_a_wrong_file_is_refused_by_its_name_and_key(write, old, new, message):
    text = EXERCISE + RULE
    assert text.count(old) == 1
    path = write(text.replace(old, new))
    with pytest.raises(ValueError, match=message) as error:
        read_rules(path)
    assert str(path) in str(error.value)


def test_names_of_rules_are_one_s_own(write):
    with pytest.raises(ValueError, match=r"rules\.name: 'deep' is there twice"):
        read_rules(write(EXERCISE + RULE + RULE))


def test_limits_of_a_hold_are_in_order(write):
    text = EXERCISE.replace("repetitions", "hold")
    text = text.replace("minimum_depth = 30", "lowest = 5\nhighest = 5")
    with pytest.raises(ValueError, match=r"exercise\.lowest must be below highest"):
        read_rules(write(text + RULE))


def test_text_that_is_no_utf8_is_refused(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"bad\.toml: no TOML file"):
        read_rules(path)


def test_values_nested_without_end_are_refused(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text("x = " + "[" * 20000)
    with pytest.raises(ValueError, match=r"bad\.toml: values are nested too deeply"):
        read_rules(path)


# ----------------------------------------------------------------- advice


def repetition(value, deviation=None, refused=None, complete=True):
    depth = Measure("depth", value, "degrees", deviation, 30, refused)
    return Repetition("repetition", 2, 10, 30, 50, 0.1, 0.3, 0.5, complete, {"depth": depth})


@pytest.fixture
def rule(write):
    return read_rules(write(EXERCISE + RULE)).rules[0]


@pytest.mark.parametrize(
    ("value", "deviation", "verdict"),
    [
        (95.1, None, "good"),
        (95.0, None, "not sure"),
        (90.0, None, "not sure"),
        (84.9, None, "fault"),
        (99.0, 3.0, "good"),  # 1.96 x 3 and 5: plus or minus 7.7
        (97.0, 3.0, "not sure"),
        (83.0, 3.0, "not sure"),
        (81.0, 3.0, "fault"),
    ],
)
def test_no_verdict_within_the_uncertainty(rule, value, deviation, verdict):
    advice = advise(rule, repetition(value, deviation))
    assert advice.verdict == verdict
    assert (advice.repetition, advice.value, advice.threshold) == (2, value, 90)
    expected = 5.0 if deviation is None else np.hypot(5, 1.96 * deviation)
    assert advice.uncertainty == pytest.approx(expected)
    words = {"good": "Good.", "fault": "Deeper."}.get(verdict)
    assert advice.words == words if words else "limit is 90" in advice.words


@pytest.mark.parametrize(
    ("comparison", "at", "above"),
    [
        ("<=", "good", "fault"),
        ("<", "fault", "fault"),
        (">=", "good", "good"),
        (">", "fault", "good"),
    ],
)
def test_comparisons(write, comparison, at, above):
    text = RULE.replace(">=", comparison).replace("margin = 5.0", "")
    rule = read_rules(write(EXERCISE + text)).rules[0]
    assert advise(rule, repetition(90.5)).verdict == above
    assert advise(rule, repetition(90.5)).uncertainty is None
    assert advise(rule, repetition(90.0)).verdict == at


def test_an_angle_in_a_picture_is_less_sure(rule):
    side, oblique = View(80, 0.2, "side"), View(50, 0.6, "oblique")
    assert advise(rule, repetition(110), side).verdict == "good"
    assert advise(rule, repetition(110), oblique).verdict == "not sure"
    assert advise(rule, repetition(110), oblique).uncertainty >= PROJECTED["oblique"]


def test_what_was_not_measured_is_not_judged(rule):
    why = Refused("view", "the camera looks from the front")
    advice = advise(rule, repetition(float("nan"), refused=why))
    assert advice.verdict == "refused"
    assert "the camera looks from the front" in advice.words


def test_a_partial_repetition_is_not_judged(rule):
    advice = advise(rule, repetition(40, complete=False))
    assert advice.verdict == "refused"
    assert "cut" in advice.words
