"""Angles of poses: definitions, views, gaps, and how far they can be off."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_models.analysis.angles import combined, curves_of
from python_models.analysis.definitions import KINDS, SIDED, definitions
from python_models.analysis.geometry import angle_between
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.view_error import seen_from
from python_models.motion.motion import Motion
from python_models.motion.skeletons import COCO_17, HUMAN36M_17, LOWER_BODY_6, SKELETONS, skeleton
from tests.squat_sequences import BODY, SHANK, THIGH, figure, sequence, squats, waves

ROUNDING = 1e-9  # degrees: float64, and angles of bones of some hundred millimetres


def value(points, curve, frame=0, **more):
    return curves_of(sequence(points, **more))[curve].values[frame]


@given(
    a=st.lists(st.floats(-100, 100), min_size=3, max_size=3),
    b=st.lists(st.floats(-100, 100), min_size=3, max_size=3),
)
def test_an_angle_is_the_arc_cosine_of_its_definition(a, b):
    if min(math.hypot(*a), math.hypot(*b)) < 1e-3:
        return
    cosine = sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)
    expected = math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
    # Near 0 and 180 the arc cosine has half of the digits: 1e-8 radians are 6e-7 degrees.
    assert angle_between(np.array(a), np.array(b)) == pytest.approx(expected, abs=3e-6)


def test_straight_and_folded_are_exact_and_no_direction_is_a_gap():
    one = np.array([3.0, 0.0, 4.0])
    assert angle_between(one, 2 * one) == 0
    assert angle_between(one, -one) == 180
    assert np.isnan(angle_between(one, np.zeros(3)))


@pytest.mark.parametrize("flexion", [0.0, 1.0, 45.0, 90.0, 130.0])
def test_a_leg_has_the_angles_that_it_was_made_with(flexion):
    points = figure(flexion, lean=25)
    expected = {
        "left_knee_flexion": flexion,
        "left_shin_inclination": 0.3 * flexion,
        "left_thigh_inclination": 0.7 * flexion,
        "left_hip_flexion": 25 + 0.7 * flexion,
        "left_trunk_over_shin": 25 - 0.3 * flexion,
        "trunk_lean": 25,
        "left_elbow_flexion": 90,
        "left_upper_arm_inclination": 90,
        "left_shoulder_elevation": 90 + 25,
        "pelvis_shift": 0,
        "left_knee_medial": 0,
        "knee_separation": 1,
    }
    for curve, degrees in expected.items():
        assert value(points, curve) == pytest.approx(degrees, abs=ROUNDING), curve
        if curve.startswith("left"):
            assert value(points, curve.replace("left", "right")) == pytest.approx(
                degrees, abs=ROUNDING
            )


def test_knees_that_fall_in_are_positive_and_alike_on_both_sides():
    inside = curves_of(sequence(figure(30, inside=40)))
    bones = (SHANK, 9), (THIGH, 21)  # the shin leans by 0.3 of 30 degrees, the thigh by the rest
    heights = [length * math.cos(math.radians(lean)) for length, lean in bones]
    valgus = sum(math.degrees(math.atan(40 / height)) for height in heights)
    medial = 40 / sum(math.hypot(length, 40) for length, _ in bones)
    for side in ("left", "right"):
        assert inside[f"{side}_knee_medial"].values[0] == pytest.approx(medial, abs=ROUNDING)
        assert inside[f"{side}_knee_valgus"].values[0] == pytest.approx(valgus, abs=ROUNDING)
    assert inside["knee_separation"].values[0] == pytest.approx((190 - 80) / 190)
    outside = curves_of(sequence(figure(30, inside=-40)))
    assert outside["left_knee_valgus"].values[0] < 0 > outside["right_knee_medial"].values[0]


def test_valgus_is_a_gap_where_the_frontal_plane_hardly_shows_the_thigh():
    assert np.isfinite(value(figure(80), "left_knee_valgus"))
    assert np.isnan(value(figure(130), "left_knee_valgus"))  # thigh at 91 degrees
    assert np.isfinite(value(figure(130), "left_knee_medial"))


def plank(hips_up):
    """A body in a line along X, 1400 mm, with its hips moved up from its middle."""
    points = figure(0)
    places = {
        "shoulder": (0, 400),
        "hip": (700, 300 + hips_up),
        "knee": (1050, 250),
        "ankle": (1400, 200),
    }
    for joint, (x, z) in places.items():
        points[0, BODY.index(f"left_{joint}")] = (x, 100, z)
        points[0, BODY.index(f"right_{joint}")] = (x, -100, z)
    return points


def test_a_body_line_tells_sagging_from_lifted_hips():
    assert value(plank(0), "left_body_line") == pytest.approx(0, abs=ROUNDING)
    # From the hip, 230 mm up, the shoulder is 170 mm higher and the ankle 30 mm lower, at 700 mm.
    sagging = math.degrees(math.atan(170 / 700) - math.atan(30 / 700))
    assert value(plank(-70), "left_body_line") == pytest.approx(sagging, abs=ROUNDING)
    lifted = math.degrees(math.atan(30 / 700) - math.atan(170 / 700))
    assert value(plank(70), "right_body_line") == pytest.approx(lifted, abs=ROUNDING)
    assert np.isnan(value(figure(0, lean=0), "left_body_line")), "who stands has no sag"


@pytest.mark.parametrize("turn", [0.0, 0.7, 2.5])
def test_angles_do_not_depend_on_place_heading_or_size(turn):
    points = figure([10, 60, 100], [12, 55, 90], inside=15)
    rotation = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    first, second = (
        curves_of(sequence(each)) for each in (points, 0.5 * points @ rotation.T + [50, -900, 30])
    )
    for name, curve in first.items():
        np.testing.assert_allclose(second[name].values, curve.values, atol=ROUNDING, err_msg=name)


def test_a_motion_in_camera_axes_has_the_same_angles():
    points = figure([10, 60, 100], inside=15)
    world = Motion(points, BODY, 30, "s", "squat", "m")
    # The camera sees a person who faces +X from its left side: x right = -X, y down, z = -Y.
    axes = np.array([[-1, 0, 0], [0, 0, -1], [0, -1, 0]])
    camera = Motion(points @ axes.T, BODY, 30, "s", "squat", "m", "camera")
    for name, curve in curves_of(PoseSequence.of_motion(world)).items():
        seen = curves_of(PoseSequence.of_motion(camera))[name].values
        np.testing.assert_allclose(seen, curve.values, atol=ROUNDING, err_msg=name)


def test_every_kind_is_defined_with_its_unit_for_every_skeleton():
    for known in (BODY, *SKELETONS.values()):
        found = definitions(known)
        assert {(one.kind, one.unit) for one in found} == set(KINDS.items())
        assert {one.kind for one in found if one.side} == SIDED


def test_what_a_skeleton_does_not_have_is_refused_by_name():
    points = np.ones((2, 6, 3)) * np.arange(6)[:, None] ** 2
    curves = curves_of(PoseSequence(points, LOWER_BODY_6, 30, np.array([0, 0, 1.0])))
    assert curves["left_knee_flexion"].refused is None
    for name in ("trunk_lean", "left_hip_flexion", "left_elbow_flexion"):
        assert curves[name].refused.code == "missing-joints"
        assert "lower-body-6 has no left_" in curves[name].refused.reason
        assert np.isnan(curves[name].values).all()


def test_the_trunk_is_measured_to_the_thorax_where_there_are_shoulders_missing():
    names = tuple(joint for joint in HUMAN36M_17.joints if "shoulder" not in joint)
    short = skeleton("no shoulders", names)
    points = np.random.default_rng(0).normal(size=(1, len(names), 3))
    curve = curves_of(PoseSequence(points, short, 30, np.array([0, 0, 1.0])))["trunk_lean"]
    trunk = (
        points[0, names.index("thorax")]
        - (points[0, names.index("left_hip")] + points[0, names.index("right_hip")]) / 2
    )
    assert curve.values[0] == pytest.approx(np.degrees(np.arccos(trunk[2] / np.linalg.norm(trunk))))


def test_a_missing_joint_is_a_gap_in_its_own_curves_alone():
    points = figure(np.full(5, 60.0))
    points[2, BODY.index("left_knee"), 1] = np.nan  # one coordinate is enough
    points[3, BODY.index("left_knee")] = np.inf
    curves = curves_of(sequence(points))
    assert np.isnan(curves["left_knee_flexion"].values).tolist() == [
        False,
        False,
        True,
        True,
        False,
    ]
    assert np.isfinite(curves["right_knee_flexion"].values).all()
    both = combined("knee_flexion", curves, "mean")
    np.testing.assert_allclose(both.values, 60, atol=ROUNDING)


# ----------------------------------------------------------------- pictures


def test_a_side_view_shows_the_knee_and_says_that_it_is_projected():
    picture = seen_from(squats(2), 90)
    curves = curves_of(picture)
    true = curves_of(squats(2))["left_knee_flexion"].values
    assert curves["left_knee_flexion"].projected
    np.testing.assert_allclose(curves["left_knee_flexion"].values, true, atol=ROUNDING)
    for name in ("left_knee_valgus", "knee_separation", "pelvis_shift"):
        assert curves[name].refused.code == "view"


def test_a_frontal_view_refuses_the_knee_and_shows_valgus():
    picture = seen_from(sequence(figure(waves(2, 30), inside=20)), 0)
    curves = curves_of(picture)
    assert curves["left_knee_flexion"].refused.code == "view"
    assert "0 degrees from the front" in curves["left_knee_flexion"].refused.reason
    assert np.isnan(curves["left_knee_flexion"].values).all()
    solid = curves_of(sequence(figure(waves(2, 30), inside=20)))
    for name in ("left_knee_medial", "right_knee_medial", "knee_separation"):
        # The picture's longest leg is that of rest, whose thigh leans by 3.5 degrees: 0.2 %.
        np.testing.assert_allclose(curves[name].values, solid[name].values, rtol=2e-3, err_msg=name)


@pytest.mark.parametrize(("shown", "gap"), [(0.65, False), (0.55, True)])
def test_frames_in_which_a_bone_points_at_the_camera_are_gaps(shown, gap):
    picture = seen_from(squats(2), 90)
    hip, knee, ankle = BODY.indices("left_hip", "left_knee", "left_ankle")
    points = picture.points.copy()
    points[50:60, [knee, ankle]] += (shown - 1) * (points[50:60, knee] - points[50:60, hip])[
        :, None
    ]
    curves = curves_of(PoseSequence.of_pixels(points, BODY, 30))
    assert np.isnan(curves["left_knee_flexion"].values[50:60]).all() == gap
    assert np.isnan(curves["left_knee_flexion"].values).sum() == (10 if gap else 0)
    assert np.isfinite(curves["left_shin_inclination"].values).all(), "the shin is as it was"


def test_a_view_that_is_not_known_refuses_the_frontal_plane_only():
    points = seen_from(squats(2), 90).points
    points[:, BODY.index("right_hip")] = np.nan
    curves = curves_of(PoseSequence.of_pixels(points, BODY, 30))
    assert curves["left_knee_flexion"].refused is None
    assert curves["left_knee_medial"].refused.code == "view"


def test_single_pictures_are_judged_each_from_its_own_view():
    side, front = (seen_from(squats(1), azimuth).points[75] for azimuth in (90, 0))
    both = PoseSequence.of_pixels(np.stack([side, front]), BODY, None)
    assert np.isnan(curves_of(both)["left_knee_flexion"].values).tolist() == [False, True]
    assert np.isnan(curves_of(both)["knee_separation"].values).tolist() == [True, False]


# ----------------------------------------------------------------- uncertainty


def of_noise(points, covariance, curves, *, count=4000):
    """Standard deviations of curves [T] over poses that are off as the covariance says."""
    generator = np.random.default_rng(3)
    root = np.linalg.cholesky(covariance)
    noise = np.einsum("tkij,ntkj->ntki", root, generator.normal(size=(count, *points.shape)))
    flat = (points + noise).reshape(-1, *points.shape[1:])
    found = curves_of(sequence(flat))
    return {name: found[name].values.reshape(count, -1).std(0) for name in curves}


def test_deviations_are_those_of_poses_drawn_at_random():
    points = figure([40, 70, 100.0], lean=30, inside=10)
    generator = np.random.default_rng(1)
    factors = generator.normal(size=(*points.shape, 3)) * 4  # about 7 mm each way, any direction
    covariance = factors @ factors.swapaxes(-1, -2) + np.eye(3)
    names = ("left_knee_flexion", "right_hip_flexion", "trunk_lean", "left_thigh_inclination")
    names += ("left_knee_medial", "knee_separation", "pelvis_shift", "left_elbow_flexion")
    found = curves_of(sequence(points, covariance=covariance))
    for name, expected in of_noise(points, covariance, names).items():
        # 4000 draws know a deviation to 1.1 %; 7 of 400 mm leave 3 % of curvature.
        np.testing.assert_allclose(found[name].deviation, expected, rtol=0.1, err_msg=name)


def test_a_straight_knee_is_not_promised_to_be_exact():
    """At 0 degrees the slope of the angle is none: each way out is a rise."""
    points = figure(0.0)
    covariance = np.broadcast_to(np.eye(3) * 36.0, (*points.shape, 3))
    curve = curves_of(sequence(points, covariance=covariance))["left_knee_flexion"]
    spread = of_noise(points, covariance, ["left_knee_flexion"])["left_knee_flexion"]
    assert curve.deviation[0] >= spread[0] > 0.5


@pytest.mark.parametrize(("joint", "degrees"), [("knee", 3.07), ("hip", 1.5), ("ankle", 1.58)])
def test_near_a_corner_the_larger_of_both_changes_counts(joint, degrees):
    """A knee bent by 1 degree that is off by more: one way bends it more, the other one less."""
    points = figure(1.0)
    covariance = np.zeros((*points.shape, 3))
    covariance[:, BODY.index(f"left_{joint}"), 0, 0] = 11.0**2  # mm, forward
    curve = curves_of(sequence(points, covariance=covariance))["left_knee_flexion"]
    # The slope's, to two decimals: what 11 of 400 mm leave of curvature is less.
    assert curve.deviation[0] == pytest.approx(degrees, abs=0.01)


def test_a_covariance_that_is_none_gives_no_deviation():
    points = figure(np.full(4, 50.0))
    covariance = np.broadcast_to(np.eye(3), (*points.shape, 3)).copy()
    covariance[1, BODY.index("left_knee"), 0, 0] = np.nan
    curve = curves_of(sequence(points, covariance=covariance))["left_knee_flexion"]
    assert np.isfinite(curve.values).all()
    assert np.isnan(curve.deviation).tolist() == [False, True, False, False]


def test_the_mean_of_both_sides_is_surer_than_each():
    points = figure(np.full(2, 50.0))
    covariance = np.broadcast_to(np.eye(3), (*points.shape, 3))
    curves = curves_of(sequence(points, covariance=covariance))
    one = curves["left_knee_flexion"].deviation
    mean = combined("knee_flexion", curves, "mean")
    np.testing.assert_allclose(mean.deviation, one / np.sqrt(2), rtol=1e-14)  # float64


# ----------------------------------------------------------------- sequences


@pytest.mark.parametrize("rate", [0, 0.0, -30.0, np.inf, np.nan])
def test_a_frame_rate_must_be_positive(rate):
    with pytest.raises(ValueError, match="PoseSequence walk: frame_rate must be positive"):
        sequence(figure(0), rate, name="walk")


def covariances(size, across=0.0, other=None):
    made = np.zeros((3, 17, 2, 2))
    made[:] = np.eye(2)
    one = [[size, across], [across if other is None else other, size]]
    made[1, 4] = one
    return made


def test_covariances_of_single_precision_pass():
    generator = np.random.default_rng(0)
    for size in (0.0, 1e-3, 1.0, 1e4):  # along one line: the other direction has exactly none
        line = generator.normal(0, size, (3, 17, 2, 1)).astype(np.float32)
        given = line @ line.swapaxes(-1, -2)
        poses = PoseSequence(np.zeros((3, 17, 2)), COCO_17, 30, [0, -1], covariance=given)
        assert poses.covariance is not None
        np.testing.assert_array_equal(poses.covariance, given)


@pytest.mark.parametrize("far", [1e200, 1e308, -1e8, np.inf])
def test_coordinates_out_of_this_world_are_missing(far):
    points = figure(np.full(3, 50.0))
    points[1, BODY.index("left_knee"), 0] = far
    poses = sequence(points)
    assert np.isnan(poses.points[1, BODY.index("left_knee")]).all()
    assert np.isnan(poses.points).sum() == 3
    assert np.isnan(curves_of(poses)["left_knee_flexion"].values).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": np.zeros((0, 17, 2))}, "points must be"),
        ({"points": np.zeros((3, 16, 2))}, r"points must be \[T, 17, 2 or 3\]"),
        ({"points": np.zeros((3, 17, 4))}, "points must be"),
        ({"up": np.array([0.0, -2.0])}, "up must be a unit vector"),
        ({"up": np.array([0.0, np.nan])}, "up must be a unit vector"),
        ({"up": np.array([0.0, 0.0, 1.0])}, "up must be a unit vector"),
        ({"confidence": np.zeros((3, 16))}, r"confidence must be \[3, 17\]"),
        ({"confidence": np.full((3, 17), 2.0)}, "confidence must be 0 to 1"),
        ({"covariance": np.zeros((3, 17, 2))}, r"covariance must be \[3, 17, 2, 2\]"),
        ({"covariance": covariances(np.inf)}, "covariance must be finite"),
        ({"covariance": covariances(-1e6)}, "covariance must not be negative along any direction"),
        ({"covariance": covariances(1, 4)}, "covariance must not be negative along any direction"),
        ({"covariance": covariances(1, 0.5, 0.4)}, "covariance must be symmetric"),
        ({"image_size": (0, 4)}, "image_size must be positive"),
    ],
)
def test_a_sequence_must_fit_together(change, message):
    fields = {"points": np.zeros((3, 17, 2)), "up": np.array([0, -1.0])} | change
    with pytest.raises(ValueError, match=message):
        PoseSequence(skeleton=COCO_17, frame_rate=30, **fields)
