from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from python_models.analysis.pose_sequence import PoseSequence
from python_models.data.squat_camera import rotation
from python_models.motion.skeletons import COCO_17, HUMAN36M_17, LOWER_BODY_6, SKELETONS
from python_models.overlay import LEFT, RIGHT, hex_colour
from python_models.presentation.limbs import MIDDLE, limbs
from python_models.presentation.views_3d import body_axes, figure_of, save_views, seen
from tests import squat_keypoints as squats

ROUNDING = 1e-10  # mm: float64 of places up to some 10 metres from the camera
UP = np.array([0.0, 0.0, 1.0])
UP_IN_CAMERA = np.array([0.0, -1.0, 0.0])


def world():
    joints, _, _ = squats.squats()
    return PoseSequence(joints, COCO_17, 15.0, UP)


def test_the_body_faces_forward():
    """The synthetic figure faces +Y, with its left side at -X; it may twist a little."""
    axes, known = body_axes(world())
    assert known
    assert np.allclose(axes @ axes.T, np.eye(3))
    # The hips of this figure are within 10 degrees of the X axis.
    assert axes[0] @ (-1, 0, 0) > np.cos(np.radians(10))
    assert axes[1] @ (0, 1, 0) > np.cos(np.radians(10))
    assert np.array_equal(axes[2], UP)


@pytest.mark.parametrize("turn", [0, 45, 90, 180, 270])
def test_views_do_not_depend_on_where_the_body_faces(turn):
    sequence = world()
    turned = PoseSequence(sequence.points @ rotation(2, turn).T, COCO_17, 15.0, UP)
    views = seen(sequence.points, body_axes(sequence)[0])
    again = seen(turned.points, body_axes(turned)[0])
    for name, view in views.items():
        assert np.allclose(view, again[name], rtol=0, atol=ROUNDING)


def test_views_do_not_depend_on_the_frame():
    sequence = world()
    camera = squats.side_camera(30.0)
    points = camera.to_camera(sequence.points.reshape(-1, 3)).reshape(sequence.points.shape)
    other = PoseSequence(points, COCO_17, 15.0, UP_IN_CAMERA)
    views = seen(sequence.points, body_axes(sequence)[0])
    again = seen(points, body_axes(other)[0])
    for name, view in views.items():
        moved = view - view[:1, :1]
        assert np.allclose(moved, again[name] - again[name][:1, :1], rtol=0, atol=ROUNDING)


def test_which_side_is_where():
    sequence = world()
    views = seen(sequence.points, body_axes(sequence)[0])
    place = COCO_17.index
    for frame in (0, 15):
        front, side, top = (views[name][frame] for name in ("front", "side", "top"))
        # Seen from the front the body's left is at the right; from above it is at the left.
        assert front[place("left_shoulder"), 0] > front[place("right_shoulder"), 0]
        assert top[place("left_shoulder"), 0] < top[place("right_shoulder"), 0]
        # It stretches its arms forward: to the right from the side, up from above.
        assert side[place("right_wrist"), 0] > side[place("right_shoulder"), 0]
        assert top[place("right_wrist"), 1] > top[place("right_shoulder"), 1]
        for view in (front, side):
            assert view[place("nose"), 1] > view[place("left_ankle"), 1]


def test_without_hips_the_shoulders_say_it_and_else_nobody():
    joints, _, _ = squats.squats()
    hips = COCO_17.indices("left_hip", "right_hip")
    shoulders = COCO_17.indices("left_shoulder", "right_shoulder")
    points = joints.copy()
    points[:, hips] = np.nan
    axes, known = body_axes(PoseSequence(points, COCO_17, 15.0, UP))
    assert known
    assert axes[0] @ (-1, 0, 0) > np.cos(np.radians(20))  # the trunk's twist comes on top
    points[:, shoulders] = np.nan
    axes, known = body_axes(PoseSequence(points, COCO_17, 15.0, UP))
    assert not known
    assert np.allclose(axes @ axes.T, np.eye(3))
    # On the side: left is up, and where it faces cannot be told from the hips.
    lying = PoseSequence(joints @ rotation(1, 90).T, COCO_17, 15.0, UP)
    assert not body_axes(lying)[1]


@pytest.mark.parametrize("up", [UP, UP_IN_CAMERA, np.array([0.6, 0, 0.8])])
def test_any_axes_are_right_handed(up):
    nothing = np.full((2, 6, 3), np.nan)
    left, forward, above = body_axes(PoseSequence(nothing, LOWER_BODY_6, None, up))[0]
    assert np.allclose(np.cross(left, above), forward)


def lines(axis):
    return [line for line in axis.lines if len(line.get_xdata()) == 2]


def test_right_is_red_and_left_is_blue():
    figure = figure_of(world(), [0, 15], ["standing", "deep"])
    axes = figure.axes
    assert len(axes) == 6
    titles = [axis.get_title() for axis in axes]
    assert titles == ["standing: front", "side", "top", "deep: front", "side", "top"]
    drawn = limbs(COCO_17)
    for axis in axes:
        colours = [line.get_color() for line in lines(axis)]
        assert colours == [hex_colour(limb.colour) for limb in drawn]
        assert axis.get_aspect() == 1
    for limb in drawn:
        sides = {COCO_17.joints[end].split("_")[0] for end in (limb.start, limb.end)}
        if sides == {"left"}:
            assert limb.colour == LEFT
        elif sides == {"right"}:
            assert limb.colour == RIGHT


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda known: known.name)
def test_every_skeleton_is_one_piece_but_for_the_head(skeleton):
    groups = [{n} for n in range(len(skeleton))]
    for limb in limbs(skeleton):
        joined = [group for group in groups if limb.start in group or limb.end in group]
        groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    body = [group for group in groups if not {"nose", "head_top", "neck"} & {
        skeleton.joints[n] for n in group}]  # fmt: skip
    assert len(body) <= 1 or len(groups) <= 2
    # A limb of both sides, or of neither, belongs to the middle.
    for limb in limbs(skeleton):
        sides = {skeleton.joints[end].split("_")[0] for end in (limb.start, limb.end)}
        if not sides & {"left", "right"} or {"left", "right"} <= sides:
            assert limb.colour == MIDDLE


def test_missing_joints_are_not_drawn():
    joints, _, _ = squats.squats()
    points = joints[:2].copy()
    points[0, COCO_17.index("left_knee")] = np.nan
    points[1] = np.nan
    figure = figure_of(PoseSequence(points, COCO_17, 15.0, UP), [0, 1], ["a", "b"])
    broken = [np.isnan(line.get_xydata()).any() for line in lines(figure.axes[0])]
    assert sum(broken) == 2  # thigh and shank: matplotlib leaves them out
    assert [text.get_text() for text in figure.axes[4].texts] == ["no pose known"]


def test_the_file(tmp_path):
    nothing = PoseSequence(np.full((1, 17, 3), np.nan), HUMAN36M_17, None, UP)
    save_views(tmp_path / "a.png", nothing, [0], ["a"])
    assert Image.open(tmp_path / "a.png").size[0] > 500
    flat = PoseSequence(np.zeros((1, 6, 2)), LOWER_BODY_6, None, np.array([0.0, -1.0]))
    with pytest.raises(ValueError, match="must have 3D poses"):
        figure_of(flat, [0], ["a"])
    with pytest.raises(ValueError, match="must have 3D poses"):
        figure_of(nothing, [], [])
