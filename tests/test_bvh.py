from __future__ import annotations

import re

import numpy as np
import pytest

from python_models.motion.bvh import read_bvh
from tests.motion_files import write

HIERARCHY = """HIERARCHY
ROOT Hips
{
\tOFFSET 1 2 3
\tCHANNELS 6 Yposition Xposition Zposition Zrotation Xrotation Yrotation
\tJOINT Upper Leg
\t{
\t\tOFFSET 0 -4 0
\t\tCHANNELS 3 Xrotation Yrotation Zrotation
\t\tJOINT Lower
\t\t{
\t\t\tOFFSET 0 -4 0
\t\t\tCHANNELS 1 Xrotation
\t\t\tEnd Site
\t\t\t{
\t\t\t\tOFFSET 0 0 1
\t\t\t}
\t\t}
\t}
\tJOINT Other
\t{
\t\tOFFSET 5 5 5
\t\tCHANNELS 3 Yposition Zrotation Zposition
\t}
}
MOTION
Frames: 2
Frame Time: 0.0083333
"""
STILL = "0 0 0 0 0 0 0 0 0 0 5 0 5"
MOVED = "20 10 30 0 0 90 90 0 0 -90 6 0 7"


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "a.bvh", HIERARCHY + STILL + "\n" + MOVED + "\n")


def test_positions_by_hand(path):
    bvh = read_bvh(path)
    assert bvh.joints == ("Hips", "Upper Leg", "Lower", "Lower_end", "Other")
    assert bvh.parents == (-1, 0, 1, 2, 0)
    assert bvh.frame_rate == 120
    still = [(1, 2, 3), (1, -2, 3), (1, -6, 3), (1, -6, 4), (6, 7, 8)]
    np.testing.assert_allclose(bvh.positions[0], still)
    # The root moves by (10, 20, 30) and turns about y: x becomes -z, z becomes x. The leg turns
    # about its x, which is -z now: from downwards to backwards, to -x. The knee turns back.
    moved = [(11, 22, 33), (11, 18, 33), (7, 18, 33), (8, 18, 33), (18, 28, 28)]
    np.testing.assert_allclose(bvh.positions[1], moved, atol=1e-12)


def test_the_order_of_a_joints_channels_is_the_order_of_the_product(tmp_path):
    """Xrotation Yrotation turns an offset about y first, Yrotation Xrotation about x first."""
    for order, expected in (
        ("Xrotation Yrotation", (1, 0, 0)),
        ("Yrotation Xrotation", (0, -1, 0)),
    ):
        text = f"""HIERARCHY
ROOT A
{{
  OFFSET 0 0 0
  CHANNELS 2 {order}
  End Site
  {{
    OFFSET 0 0 1
  }}
}}
MOTION
Frames: 1
Frame Time: 0.01
90 90
"""
        end = read_bvh(write(tmp_path / "a.bvh", text)).of("A_end")[0]
        np.testing.assert_allclose(end, expected, atol=1e-12)


def test_lower_case_windows_lines_and_gzip(tmp_path, path):
    text = path.read_text().replace("rotation", "ROTATION").replace("\n", "\r\n")
    again = read_bvh(write(tmp_path / "b.bvh.gz", text))
    np.testing.assert_array_equal(again.positions, read_bvh(path).positions)


def test_offsets_can_be_replaced(path):
    bvh = read_bvh(path, {"Lower": np.array([0, -40.0, 0])})
    np.testing.assert_allclose(bvh.of("Lower")[0], [1, -42, 3])
    with pytest.raises(ValueError, match="three numbers for a joint, got 'Knee'"):
        read_bvh(path, {"Knee": np.zeros(3)})


def test_an_unknown_joint_is_refused(path):
    with pytest.raises(ValueError, match="the file has no Head; its joints are"):
        read_bvh(path).of("Head")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Frames: 2", "Frames: 3", "expected 3 frames, at least 1, got 2"),
        (MOVED, MOVED[:-2], "line 30: expected 13 numbers, one a channel, got 12"),
        (MOVED, MOVED[:-1] + "x", "line 30: expected a number, got 'x'"),
        (MOVED, MOVED[:-1] + "inf", "line 30: numbers must be finite"),
        (
            "CHANNELS 1 Xrotation",
            "CHANNELS 2 Xrotation",
            "line 13: expected the number of channels",
        ),
        ("CHANNELS 1 Xrotation", "CHANNELS 1 Xscale", "line 13: expected the number of channels"),
        ("CHANNELS 3 Yposition", "CHANNELS 3 Zposition", "line 23: a position channel"),
        ("3 Xrotation Yrotation", "3 Zrotation Yrotation", "line 9: a rotation channel"),
        ("\t\tOFFSET 5 5 5\n", "\t\tOFFSET 5 5 5\n" * 2, "line 23: a second OFFSET of Other"),
        (
            "\t\t\tCHANNELS 1 Xrotation\n",
            "\t\t\tCHANNELS 1 Xrotation\n" * 2,
            "line 14: a second CHANNELS of Lower",
        ),
        ("OFFSET 5 5 5", "OFFSET 5 5", "line 22: expected 3 numbers, got 2"),
        ("\t\tOFFSET 5 5 5\n", "", "joint Other has no OFFSET"),
        ("JOINT Other", "JOINT Lower", "line 20: expected a joint's name of its own, got 'Lower'"),
        ("JOINT Other", "JOINT", "line 20: expected a joint's name of its own, got ''"),
        ("JOINT Other", "ROOT Other", "line 20: a ROOT cannot stand here"),
        ("\t\tOFFSET 0 -4 0\n", "\t\tOFSET 0 -4 0\n", "line 8: unknown keyword 'OFSET'"),
        ("}\nMOTION", "MOTION", "line 25: MOTION comes before the hierarchy's end"),
        ("ROOT Hips\n{", "ROOT Hips", "line 3: expected { after Hips, got 'OFFSET"),
        ("Frame Time: 0.0083333", "Frame Time: 0", "Frame Time must be positive seconds, got 0"),
        ("Frame Time: 0.0083333\n", "", "line 28: expected Frame Time: and a number"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(tmp_path, path, old, new, message):
    text = path.read_text()
    assert old in text
    broken = write(tmp_path / "broken.bvh", text.replace(old, new, 1))
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read_bvh(broken)
    assert str(broken) in str(error.value)


def test_a_file_cut_anywhere_is_refused(tmp_path, path):
    """But within the last number, where nothing shows it."""
    text = path.read_text().rstrip()
    for end in range(0, len(text), 7):
        with pytest.raises(ValueError, match="broken"):
            read_bvh(write(tmp_path / "broken.bvh", text[:end]))
