"""Poses of one skeleton as poses of another."""

from __future__ import annotations

import gzip
import itertools
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_models.motion.conversion import (
    RULES,
    convert,
    convert_confidence,
    convert_motion,
    sources,
)
from python_models.motion.skeletons import (
    COCO_17,
    HUMAN36M_16,
    HUMAN36M_17,
    LOWER_BODY_6,
    LSP_14,
    MPII_16,
    SKELETONS,
    skeleton,
)
from tests.made_up_motions import made_up_motion, standing

ALL = list(SKELETONS.values())
PAIRS = list(itertools.product(ALL, ALL))
PAGE = Path(__file__).parent.parent / "docs" / "skeletons.md"


def some_points(count: int, dimensions: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 500, (2, 5, count, dimensions))


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda s: s.name)
def test_common_joints_keep_every_bit_there_and_back(source, target, dimensions):
    points = some_points(len(source), dimensions)
    there = convert(points, source, target)
    assert there.shape == (2, 5, len(target), dimensions)
    back = convert(there, target, source)
    for joint in set(source.joints) & set(target.joints):
        original = points[..., source.index(joint), :]
        np.testing.assert_array_equal(there[..., target.index(joint), :], original)
        np.testing.assert_array_equal(back[..., source.index(joint), :], original)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda s: s.name)
def test_a_moved_and_turned_pose_gives_the_moved_and_turned_pose(source, target):
    points = some_points(len(source))
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    moved = convert(points @ turn + [300, -200, 1000], source, target)
    expected = convert(points, source, target) @ turn + [300, -200, 1000]
    np.testing.assert_allclose(moved, expected, atol=1e-9)  # 1e3 mm in float64; NaN where NaN


@given(st.sampled_from(PAIRS), st.data())
def test_a_joint_is_unknown_exactly_where_one_of_its_sources_is(pair, data):
    source, target = pair
    gone = data.draw(st.sets(st.integers(0, len(source) - 1)))
    points = np.arange(len(source) * 3.0).reshape(-1, 3)
    points[list(gone)] = np.nan
    got = convert(points, source, target)
    for number, joint in enumerate(target.joints):
        made_of = sources(joint, source)
        unknown = made_of is None or any(part in gone for part, _ in made_of)
        assert np.isnan(got[number]).all() == np.isnan(got[number]).any() == unknown


@given(st.sampled_from(PAIRS), st.integers(0, 99))
def test_confidence_is_the_least_of_the_sources(pair, seed):
    source, target = pair
    confidence = np.random.default_rng(seed).uniform(0, 1, (4, len(source)))
    got = convert_confidence(confidence, source, target)
    for number, joint in enumerate(target.joints):
        made_of = sources(joint, source)
        if made_of is None:
            assert (got[:, number] == 0).all()
        else:
            expected = np.min([confidence[:, part] for part, _ in made_of], axis=0)
            np.testing.assert_array_equal(got[:, number], expected)


def test_derived_joints_are_where_the_page_says():
    upright = {
        joint: place for s in ALL for joint, place in zip(s.joints, standing(s), strict=True)
    }

    def middle(*joints):
        return np.mean([upright[joint] for joint in joints], axis=0)

    got = dict(zip(MPII_16.joints, convert(standing(COCO_17), COCO_17, MPII_16), strict=True))
    thorax = middle("left_shoulder", "right_shoulder")
    head_top = thorax + 1.6 * (middle("left_ear", "right_ear") - thorax)
    # Sums of numbers about 1e3, rounded in another order.
    np.testing.assert_allclose(got["pelvis"], middle("left_hip", "right_hip"), atol=1e-9)
    np.testing.assert_allclose(got["thorax"], thorax, atol=1e-9)
    np.testing.assert_allclose(got["head_top"], head_top, atol=1e-9)
    np.testing.assert_allclose(got["neck"], thorax + 0.18 * (head_top - thorax), atol=1e-9)

    mpii = standing(MPII_16)
    got = dict(zip(HUMAN36M_17.joints, convert(mpii, MPII_16, HUMAN36M_17), strict=True))
    np.testing.assert_allclose(got["spine"], middle("pelvis", "thorax"), atol=1e-9)
    np.testing.assert_allclose(got["nose"], middle("thorax", "head_top"), atol=1e-9)


def test_a_pelvis_that_the_source_has_is_not_worked_out_anew():
    points = standing(MPII_16)
    points[MPII_16.index("pelvis")] += 100
    got = convert(points, MPII_16, HUMAN36M_16)
    np.testing.assert_array_equal(got[0], points[MPII_16.index("pelvis")])


@pytest.mark.parametrize("rule", [rule for rules in RULES.values() for rule in rules])
def test_every_rules_shares_add_up_to_one_and_its_mirror_image_is_itself(rule):
    assert sum(rule.values()) == pytest.approx(1, abs=1e-15)
    for name, share in rule.items():
        if name.startswith("left_"):
            assert rule["right_" + name.removeprefix("left_")] == share


def test_motion_captures_heads_middle_gives_its_top():
    captured = skeleton("captured", ("thorax", "head"))
    points = np.array([[0, 0, 1400], [10, -20, 1600.0]])
    got = convert(points, captured, skeleton("head", ("head_top", "neck", "nose")))
    top = np.array([16, -32, 1720])
    expected = [top, [0.18 * 16, 0.18 * -32, 1400 + 0.18 * 320], (points[0] + top) / 2]
    np.testing.assert_allclose(got, expected, atol=1e-9)


def test_any_skeleton_converts_by_its_names():
    own = skeleton("own", ("left_toe", "right_hip", "left_hip"))
    points = np.arange(9.0).reshape(3, 3)
    got = convert(points, own, skeleton("other", ("pelvis", "left_toe", "right_toe")))
    np.testing.assert_array_equal(got[:2], [(points[1] + points[2]) / 2, points[0]])
    assert np.isnan(got[2]).all()


def test_a_motion_converts_with_its_fields():
    motion = made_up_motion(skeleton=HUMAN36M_17, subject="s07")
    got = convert_motion(motion, LOWER_BODY_6)
    assert (got.skeleton, got.subject, got.frame_rate) == (LOWER_BODY_6, "s07", 50)
    np.testing.assert_array_equal(got.joints, motion.of(*LOWER_BODY_6.joints))


def test_poses_of_another_skeleton_are_refused():
    with pytest.raises(ValueError, match=r"convert: points must be .*17, D.* for coco-17"):
        convert(np.zeros((16, 3)), COCO_17, LSP_14)
    with pytest.raises(ValueError, match=r"convert_confidence: .*17.* for coco-17"):
        convert_confidence(np.zeros(16), COCO_17, LSP_14)


def test_the_page_lists_what_becomes_of_every_pair():
    rows = []
    for source, target in PAIRS:
        if source is target:
            continue
        made = {joint: sources(joint, source) for joint in target.joints}
        derived = [name for name in target.joints if name not in source.joints and made[name]]
        unknown = [name for name in target.joints if made[name] is None]
        common = len(target) - len(derived) - len(unknown)
        cells = (source.name, target.name, common, ", ".join(derived), _short(unknown))
        rows.append("| " + " | ".join(str(cell) or "-" for cell in cells) + " |")
    assert "\n".join(rows) in PAGE.read_text()


def _short(joints: list[str]) -> str:
    """Both sides' joints by their plural."""
    parts = dict.fromkeys(joint.removeprefix("left_").removeprefix("right_") for joint in joints)
    return ", ".join(part + "s" * (f"left_{part}" in joints) for part in parts)


@pytest.mark.skipif("LOWERPOSE_DATA" not in os.environ, reason="LOWERPOSE_DATA is not set")
def test_mpiis_own_pelvis_and_thorax_are_the_middles_that_the_rules_say():
    path = Path(os.environ["LOWERPOSE_DATA"]) / "mpii" / "mpii_annotations.json.gz"
    if not path.is_file():
        pytest.skip(f"{path} does not exist")
    with gzip.open(path) as file:
        people = json.load(file)
    points = np.array([person["joint_self"] for person in people])[..., :2]
    complete = (points > 0).all(axis=(1, 2))
    points, height = (
        points[complete],
        200 * np.array([p["scale_provided"] for p in people])[complete],
    )
    assert len(points) > 10_000
    less = skeleton(
        "less", tuple(j for j in MPII_16.joints if j not in ("pelvis", "thorax", "neck"))
    )
    got = convert(convert(points, MPII_16, less), less, MPII_16)
    error = np.linalg.norm(got - points, axis=-1) / height[:, None]
    median = dict(zip(MPII_16.joints, np.median(error, axis=0), strict=True))
    # The annotations are whole pixels, and people 200 to 800 of them high: 0.001 of the height.
    assert median["pelvis"] < 0.0015
    assert median["thorax"] < 0.0015
    assert median["neck"] < 0.018, "an approximation: 0.016 is measured, 3 cm of a person"
