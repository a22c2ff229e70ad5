from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from python_models.analysis.advice import advise
from python_models.analysis.results import View
from python_models.analysis.rules import load_rules
from python_models.motion.skeletons import LOWER_BODY_6
from python_models.presentation.analysis_file import write_analysis
from python_models.presentation.curves import figure_of, panels, save_curves
from python_models.presentation.keypoints import Keypoints
from python_models.presentation.page import page, summary
from python_models.presentation.page_parts import Picture
from python_models.presentation.words import joint_words, quantity, reason_words, span_words
from tests.made_up_analysis import (
    Issue,
    Measure,
    Refused,
    advice,
    analysis,
    curve,
    repetition,
)

NAN = float("nan")
FLEXION = curve("left_knee_flexion", [10.0, 50.0, 90.0, NAN, NAN, 20.0])
OTHER = curve("right_knee_flexion", [12.0, 52.0, 92.0, 80.0, 40.0, 22.0])
NAMES = tuple(f"{n}.jpg" for n in range(6))


def html(made, notes=(), **pictures):
    given = {"curves": None, "views": None, "frames": (), **pictures}
    return page(made, names=NAMES[: made.frames], notes=notes, **given)


def test_a_card_for_each_rule_and_verdict_faults_first():
    rows = (
        advice("depth", 1, "good", value=110.0),
        advice("depth", 2, "fault", value=90.0),
        advice("depth", 3, "fault", value=80.0, uncertainty=None),
        advice("tempo", 1, "not sure", unit="seconds", comparison="<=", threshold=2.0, value=1.9),
    )
    text = html(analysis(FLEXION, advice=rows))
    assert text.count("<article") == 3
    assert text.index("To change: depth") < text.index("Not sure: tempo") < text.index("Good: dep")
    assert "Measured: repetition 2: 90.0° ± 5.0°, repetition 3: 80.0°." in text
    assert "depth must be at least 100.0°" in text
    assert "must be at most 2.00 s" in text
    assert "Why: Because." in text
    assert "Source: A book." in text


def test_what_was_not_judged_says_why():
    refusal = Refused("view", "the camera looks 76 degrees from the front, left_knee is hidden")
    measures = {"depth": Measure("depth", NAN, "degrees", refused=refusal)}
    made = analysis(
        FLEXION,
        repetitions=(repetition(1, 0, 4, measures=measures), repetition(2, 4, 5, complete=False)),
        advice=(advice("depth", 1, "refused", value=NAN), advice("depth", 2, "refused")),
    )
    text = html(made)
    assert "<article" not in text
    assert "repetition 1: The camera looks 76 degrees from the front, left knee is hidden." in text
    assert "repetition 2: Depth is refused." in text
    assert "repetition 2 (in part)" in text
    assert "1 whole repetition and 1 in part" in text


def test_measures_come_with_what_they_are_good_for():
    measures = {
        "depth": Measure("depth", 100.0, "degrees", deviation=2.0),
        "tempo.descent": Measure("tempo.descent", 1.5, "seconds"),
    }
    made = analysis(FLEXION, repetitions=(repetition(1, 0, 5, measures=measures),))
    text = html(made)
    assert "<td>100.0° ± 3.9°</td>" in text  # 1.96 standard deviations
    assert "<td>1.50 s</td>" in text
    assert "tempo, descent" in text


def test_advice_and_measures_say_the_same_uncertainty():
    """Of a squat in a picture from the side: the view's error, the rule's margin, the noise."""
    measures = {
        "depth": Measure("depth", 104.0, "degrees", deviation=3.5),
        "trunk_lean.maximum": Measure("trunk_lean.maximum", 30.0, "degrees", deviation=2.0),
        "tempo.descent": Measure("tempo.descent", 1.5, "seconds"),
    }
    one = repetition(1, 0, 5, measures=measures)
    view = View(80.0, 0.2, "side")
    depth, tempo = (
        advise(rule, one, view)
        for rule in load_rules("squat").rules
        if rule.name in ("depth", "tempo")
    )
    text = html(analysis(FLEXION, repetitions=(one,), advice=(depth, tempo), view=view))
    expected = np.sqrt(15**2 + 9**2 + (1.96 * 3.5) ** 2)
    assert f"Measured: repetition 1: 104.0° ± {expected:.1f}°." in text
    assert f"<td>104.0° ± {expected:.1f}°</td>" in text
    assert "<td>1.50 s ± 0.10 s</td>" in text
    # No rule judges the lean: it has no margin.
    assert f"<td>30.0° ± {np.hypot(15, 1.96 * 2):.1f}°</td>" in text
    assert "± is what a number is good for" in text
    bare = repetition(1, 0, 5, measures={"tempo.descent": measures["tempo.descent"]})
    assert "±" not in html(analysis(FLEXION, repetitions=(bare,)))


def test_a_refusal_and_gaps_are_said():
    issue = Issue("jump", 3, 4, ("left_knee",))
    made = analysis(FLEXION, issues=(issue,), refused=Refused("x", "too little of left_hip"))
    text = html(made)
    assert "<p>Too little of left hip.</p>" in text
    assert "0.30 to 0.40 s" in text
    assert "left knee: jumps" in text
    assert "67% of the frames could be judged" in text
    assert made.disclaimer in text.replace("&#x27;", "'")


BAD = "<script>alert('1')</script>\"&"


def test_every_text_is_escaped():
    """Wherever a text comes from: names, notes, rules, joints, pictures."""
    issue = Issue(BAD, 0, 0, (BAD,))
    measures = {BAD: Measure(BAD, 1.0, BAD, refused=Refused("x", BAD))}
    made = analysis(
        dataclasses.replace(FLEXION, unit=BAD, kind=BAD, refused=Refused("x", BAD)),
        exercise=BAD,
        name=BAD,
        issues=(issue,),
        repetitions=(repetition(1, 0, 5, measures=measures, kind=BAD),),
        advice=tuple(
            advice(BAD, 1, verdict, words=BAD, measure=BAD, reason=BAD, source=BAD, unit=BAD,
                   comparison=BAD)
            for verdict in ("good", "fault", "not sure", "refused")
        ),
        warnings=(BAD,),
        refused=Refused("x", BAD),
        disclaimer=BAD,
        frame_rate=None,
    )  # fmt: skip
    picture = Picture(b"\x89PNG", BAD, BAD)
    text = page(
        made, names=[BAD] * 6, notes=[BAD, "$main"], curves=picture, views=picture, frames=[picture]
    )
    assert "script>" not in text
    assert "alert('1')" not in text
    assert text.lower().count("&lt;script&gt;") > 20
    assert "$main" in text  # a text is no template
    for part in text.split("<")[1:]:
        tag = part.split(">")[0]
        assert "alert" not in tag.replace("alert(&#x27;1&#x27;)", "").replace('role="alert"', "")


def test_the_summary_counts():
    assert summary(analysis(FLEXION)).startswith("6 frames (0.6 s at 10 a second): 0 whole rep")
    pose = repetition(1, 0, 0, kind="pose")
    made = analysis(curve("left_knee_flexion", [1.0]), frame_rate=None, repetitions=(pose,))
    assert summary(made).startswith("1 picture: 1 whole pose.")
    assert "from a 3D pose" in summary(analysis(FLEXION, dimensions=3))
    assert "of the picture (2D)" in summary(made)


def test_words():
    assert quantity(NAN, "mm") == quantity(None, "mm") == "\N{EN DASH}"
    assert quantity(89.96, "degrees") == "90.0°"
    assert quantity(0.123, "ratio") == "0.12"
    assert joint_words(["left_knee"] * 6) == "left knee, left knee, left knee, left knee and 2 more"
    assert reason_words("left_knee of IMG_1.jpg") == "Left knee of IMG_1.jpg."
    assert span_words(0, 5, None, NAMES) == "0.jpg to 5.jpg"
    assert span_words(2, 2, 10.0, NAMES) == "0.20 s"


# Curves


def test_a_panel_a_kind_the_main_one_first():
    lean = curve("trunk_lean", [1.0] * 6)
    refused = curve("body_line", [NAN] * 6, refused=Refused("x", "y"))
    empty = curve("hip_flexion", [NAN] * 6)
    elbow = curve("left_elbow_flexion", [5.0] * 6)
    made = analysis(lean, FLEXION, OTHER, refused, empty, elbow, main_curve=OTHER.name)
    assert [[c.name for c in row] for row in panels(made)] == [
        ["left_knee_flexion", "right_knee_flexion"],
        ["trunk_lean"],
    ]
    arms = dataclasses.replace(made, main_curve=elbow.name)
    assert [row[0].kind for row in panels(arms)] == ["elbow_flexion", "trunk_lean"]


def test_gaps_are_gaps_and_unreliable_spans_are_shaded():
    issues = (Issue("swap", 3, 4, ()),)
    figure = figure_of(analysis(FLEXION, OTHER, issues=issues, repetitions=(repetition(1, 0, 5),)))
    (axis,) = figure.axes
    left, right = axis.lines[0], axis.lines[2]
    assert np.array_equal(np.isnan(left.get_ydata()), np.isnan(FLEXION.values))
    assert left.get_color() != right.get_color()
    assert left.get_linestyle() != right.get_linestyle()  # for those who do not see the colours
    alone = axis.lines[1]
    assert alone.get_xdata().tolist() == [0.5]  # a value between gaps is a point
    (shade,) = axis.patches
    assert shade.get_x() == pytest.approx(0.25)
    assert shade.get_width() == pytest.approx(0.2)
    assert [text.get_text() for text in axis.texts] == ["1"]


def test_single_pictures_are_points():
    figure = figure_of(analysis(FLEXION, frame_rate=None))
    assert figure.axes[0].lines[0].get_linestyle() == "None"
    assert figure.axes[0].get_xlabel() == "picture"


def test_a_trembling_is_no_mountain():
    figure = figure_of(analysis(curve("left_knee_flexion", [10.0, 10.1, 10.0])))
    low, high = figure.axes[0].get_ylim()
    assert high - low >= 20


def test_no_curve_no_file(tmp_path):
    made = analysis(curve("left_knee_flexion", [NAN, NAN]))
    assert not save_curves(tmp_path / "a.png", made)
    assert not (tmp_path / "a.png").exists()
    assert save_curves(tmp_path / "a.png", analysis(FLEXION))
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


# JSON


def test_the_json_is_strict(tmp_path):
    points = np.full((6, 6, 2), NAN)
    keypoints = Keypoints(points, None, LOWER_BODY_6, 10.0, None, NAMES)
    made = analysis(FLEXION, repetitions=(repetition(1, 0, 5),), advice=(advice("a", 1, "good"),))
    write_analysis(
        tmp_path / "a.json", made, keypoints=keypoints, source=BAD, notes=["n"], in_picture=made
    )

    def refuse(constant):
        pytest.fail(f"{constant} is no JSON")

    content = json.loads((tmp_path / "a.json").read_text(), parse_constant=refuse)
    assert content["schema_version"] == 1
    assert content["input"]["name"] == BAD
    assert content["input"]["frames"] == list(NAMES)
    assert content["analysis"]["schema_version"] == 1
    assert content["analysis"]["curves"]["left_knee_flexion"]["values"][3] is None
    assert content["analysis_in_picture"] == content["analysis"]
