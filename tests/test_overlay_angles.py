from __future__ import annotations

import numpy as np
import pytest

from python_models.motion.skeletons import COCO_17, LOWER_BODY_6
from python_models.overlay import LEFT, RIGHT
from python_models.presentation import canvas
from python_models.presentation.overlay_angles import Overlay
from tests.made_up_analysis import Issue, analysis, curve, repetition

SIZE = (400, 300)  # of the picture: width, height
GREY = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
# Left hip, knee, ankle, then the right ones; the knees at right angles.
POSE = np.array([[60, 80], [160, 80], [160, 180], [240, 140], [340, 140], [340, 240]], float)
AMBER = (242, 193, 78)


def overlay(points=POSE, frames=3, skeleton=LOWER_BODY_6, **fields):
    names = ("left_knee_flexion", "right_knee_flexion")
    curves = [curve(name, [value] * frames) for name, value in zip(names, (90, 45), strict=True)]
    made = analysis(*curves, **fields)
    shown = np.broadcast_to(points, (frames, *points.shape)).copy()
    return Overlay(shown, skeleton, made, tuple(f"picture {n}" for n in range(frames)))


def at(image, x, y):
    return tuple(image[y, x].tolist())


def changed(image):
    """Rows and columns of the picture itself that are drawn on."""
    return np.argwhere((image[: SIZE[1]] != GREY).any(-1))


def test_left_is_blue_and_right_is_red_and_the_picture_is_kept():
    picture = GREY.copy()
    drawn = overlay().draw(picture, 0)
    assert np.array_equal(picture, GREY)
    assert drawn.shape[1] == SIZE[0]
    assert drawn.shape[0] > SIZE[1]
    assert at(drawn, 110, 80) == LEFT
    assert at(drawn, 160, 140) == LEFT
    assert at(drawn, 290, 140) == RIGHT
    assert at(drawn, 340, 200) == RIGHT
    assert at(drawn, 110, 80 + 60) == (90, 90, 90)
    assert at(drawn, 5, SIZE[1] + 2) == (24, 24, 24)


def test_the_arc_is_where_the_flexion_is():
    """Of a knee that is bent by 90 degrees: between the thigh's continuation and the shank."""
    drawn = overlay().draw(GREY, 0).astype(int)
    around = [(160 + r * np.cos(a), 80 + r * np.sin(a))
              for a in np.radians([35, 45, 55]) for r in np.arange(12, 60, 0.5)]  # fmt: skip
    blue = [drawn[round(y), round(x)] for x, y in around]
    assert max(pixel[2] - pixel[0] for pixel in blue) > 150
    other = [drawn[round(80 + r * np.sin(a)), round(160 + r * np.cos(a))]
             for a in np.radians([120, 135, 150]) for r in np.arange(12, 60, 0.5)]  # fmt: skip
    assert max(abs(pixel[2] - pixel[0]) for pixel in other) < 30


def texts(monkeypatch, shown, frame):
    """What is written."""
    written = []
    from PIL import ImageDraw

    real = ImageDraw.ImageDraw.text

    def text(self, xy, words, *args, **kwargs):
        written.append(words)
        return real(self, xy, words, *args, **kwargs)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    shown.draw(GREY, frame)
    return written


def test_the_words(monkeypatch):
    shown = overlay(repetitions=(repetition(1, 1, 2),))
    assert texts(monkeypatch, shown, 0) == [
        "90°",
        "45°",
        "0.00 s",
        "knee flexion left 90°, right 45°",
    ]
    monkeypatch.undo()
    assert "0.10 s   repetition 1" in texts(monkeypatch, shown, 1)
    monkeypatch.undo()
    single = overlay(frame_rate=None)
    assert "picture 2" in texts(monkeypatch, single, 2)


def test_an_unreliable_frame_has_no_angle_but_a_reason_and_a_border(monkeypatch):
    issue = Issue("swap", 1, 1, ("left_knee", "right_knee"))
    shown = overlay(issues=(issue,))
    words = texts(monkeypatch, shown, 1)
    assert words[-1] == "not judged: left knee, right knee: left and right may be exchanged"
    assert not any("°" in text for text in words)
    assert at(shown.draw(GREY, 1), 1, 150) == AMBER
    assert at(shown.draw(GREY, 0), 1, 150) == (90, 90, 90)


def test_missing_joints_are_not_drawn(monkeypatch):
    points = POSE.copy()
    points[1] = np.nan
    drawn = overlay(points).draw(GREY, 0)
    assert changed(drawn)[:, 1].min() > 50
    assert at(drawn, 110, 80) == (90, 90, 90)
    nothing = overlay(np.full((6, 2), np.nan)).draw(GREY, 0)
    assert len(changed(nothing)) == 0


@pytest.mark.parametrize("far", [1e5, -1e5, 1e30])
def test_joints_far_outside(far):
    points = POSE.copy()
    points[0] = far
    assert overlay(points).draw(GREY, 0).shape[1] == SIZE[0]


@pytest.mark.parametrize("size", [(8, 8), (16, 300), (1000, 20)])
def test_small_pictures(size):
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    drawn = overlay(POSE / 50).draw(picture, 0)
    assert drawn.shape[1] == size[0]


def test_labels_do_not_hide_each_other(monkeypatch):
    points = POSE.copy()
    points[3:] = points[:3] + 3
    places = []
    from PIL import ImageDraw

    real = ImageDraw.ImageDraw.rectangle
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "rectangle",
        lambda self, xy, *a, **k: (places.append(xy), real(self, xy, *a, **k))[1],
    )
    overlay(points).draw(GREY, 0)
    (_, top, _, bottom), (_, other_top, _, other_bottom) = places
    assert bottom <= other_top or other_bottom <= top


def test_other_points_than_the_analysis():
    with pytest.raises(ValueError, match=r"points must be \[3, 17, 2\]"):
        overlay(skeleton=COCO_17)


def test_a_canvas_keeps_the_picture_or_the_extent():
    at_picture, size = canvas.drawn_at(POSE[None], SIZE)
    assert size == (640, 480)
    assert np.allclose(at_picture, POSE[None] * 1.6)
    points = POSE[None] * 1000 - 7e4
    at_extent, size = canvas.drawn_at(points, None)
    assert max(size) == 640
    assert at_extent.min() > 0
    assert (at_extent < size).all()
    scales = np.ptp(at_extent[0], axis=0) / np.ptp(points[0], axis=0)
    assert scales[0] == pytest.approx(scales[1])
    nothing, size = canvas.drawn_at(np.full((2, 6, 2), np.nan), None)
    assert np.isnan(nothing).all()
    assert min(size) >= 64
