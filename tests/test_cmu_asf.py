"""CMU's skeletons (ASF) and their motions (AMC): what the text says, and what is refused."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from python_models.motion.cmu import read_cmu_amc
from python_models.motion.cmu_asf import bone_ends, read_amc, read_asf, read_offsets
from tests.motion_files import write

ASF = """# a remark
:version 1.10
:name VICON
:units
  mass 1.0
  length 0.45
  angle deg
:documentation
   words: and more words
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name thigh
     direction 0 -1 0
     length 7
     axis 0 0 20 XYZ
     dof rx ry rz
     limits (-160.0 20.0)
            (-70.0 70.0)
            (-60.0 70.0)
  end
  begin
     id 2
     name shank
     direction 0 -1 0
     length 6
     axis 0 0 20 XYZ
     dof rx
     limits (-10.0 170.0)
  end
  begin
     id 3
     name foot
     direction 0 0 1
     length 2
     axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root thigh
    thigh shank
    shank foot
  end
"""


AMC = """#!OML:ASF somewhere
:FULLY-SPECIFIED
:DEGREES
1
root 1 10 2 0 0 0
thigh 0 0 0
shank 0
2
root 1 10 2 0 90 0
shank 90
thigh -90 0 0
"""


@pytest.fixture
def files(tmp_path):
    return write(tmp_path / "07.asf", ASF), write(tmp_path / "07_01.amc", AMC)


def turn(axis, degrees):
    """The rotation about x, y or z, written out."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return {
        "x": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


def test_bone_ends_by_the_formula(files):
    asf = read_asf(files[0])
    ends = bone_ends(asf, read_amc(files[1], asf))
    np.testing.assert_allclose(ends["root"], [[1, 10, 2], [1, 10, 2]])
    np.testing.assert_allclose(ends["thigh"][0], [1, 3, 2])
    np.testing.assert_allclose(ends["foot"][0], [1, -3, 4])
    c = turn("z", 20)
    thigh = turn("y", 90) @ c @ turn("x", -90) @ c.T
    shank = thigh @ c @ turn("x", 90) @ c.T
    expected = np.array([1, 10, 2]) + thigh @ [0, -7, 0]
    np.testing.assert_allclose(ends["thigh"][1], expected, atol=1e-12)
    expected = expected + shank @ [0, -6, 0]
    np.testing.assert_allclose(ends["shank"][1], expected, atol=1e-12)
    np.testing.assert_allclose(ends["foot"][1], expected + shank @ [0, 0, 2], atol=1e-12)
    # What is bent by 90 degrees and back about the same axis points down again.
    np.testing.assert_allclose(ends["shank"][1] - ends["thigh"][1], [0, -6, 0], atol=1e-12)


def test_three_freedoms_turn_about_x_first(files, tmp_path):
    asf = read_asf(files[0])
    amc = write(tmp_path / "07_02.amc", AMC.replace("thigh -90 0 0", "thigh 10 20 30"))
    ends = bone_ends(asf, read_amc(amc, asf))
    c = turn("z", 20)
    local = c @ turn("z", 30) @ turn("y", 20) @ turn("x", 10) @ c.T
    expected = np.array([1, 10, 2]) + turn("y", 90) @ local @ [0, -7, 0]
    np.testing.assert_allclose(ends["thigh"][1], expected, atol=1e-12)


def test_the_unit_and_other_offsets(files, tmp_path):
    asf = read_asf(files[0], {"shank": [1.0, -9.0, 0.0]})
    assert asf.millimetres == pytest.approx(25.4 / 0.45)
    ends = bone_ends(asf, read_amc(files[1], asf))
    np.testing.assert_allclose(ends["shank"][0], [2, -6, 2])
    metres = write(tmp_path / "08.asf", ASF.replace("length 0.45", "length 1.0"))
    assert read_asf(metres).millimetres == pytest.approx(25.4)
    with pytest.raises(ValueError, match="three numbers for a bone, got 'arm'"):
        read_asf(files[0], {"arm": [1, 2, 3]})
    with pytest.raises(ValueError, match="three numbers for a bone, got 'shank'"):
        read_asf(files[0], {"shank": [1, 2]})


def test_offsets_in_json(tmp_path):
    path = write(tmp_path / "a.json", json.dumps({"note": "remark", "shank": [1, 2.5, -3]}))
    assert read_offsets(path) == {"shank": [1, 2.5, -3]}
    for text, message in (
        ('{"shank": [1, 2]}', "expected three numbers for 'shank'"),
        ('{"shank": [1, 2, "x"]}', "shank: expected a number, got 'x'"),
        ('{"shank": [1, 2,', "line 1: no JSON"),
        ("[]", "expected a JSON object, got list"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            read_offsets(write(tmp_path / "b.json", text))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":bonedata", ":bones", "no section :bonedata"),
        ("  angle deg", "  angle rad", "expected the units length and angle deg"),
        ("length 0.45", "length 0", "unit of length must be positive"),
        ("RX RY RZ\n", "RX RY\n", "the root's order must be of TX TY TZ RX RY RZ"),
        ("direction 0 -1 0", "direction 0 -1", "line 19: expected three numbers"),
        ("direction 0 -1 0", "direction 0 -1 nan", "line 19: numbers must be finite"),
        ("     direction 0 -1 0\n", "", "line 25: a bone without name, direction or length"),
        ("name shank", "name thigh", "line 29: cannot be read: 'name thigh'"),
        ("dof rx\n", "dof rx l\n", "line 33: cannot be read: 'dof rx l'"),
        ("axis 0 0 20 XYZ", "axis 0 0 20 XXZ", "line 21: expected an order of axes"),
        ("  end\n  begin\n     id 2", "  begin\n     id 2", "line 26: 'begin' cannot stand here"),
        ("    thigh shank\n", "", "line 46: 'shank' has no parent above this line"),
        ("    shank foot\n", "", "bones that the hierarchy leaves out: ['foot']"),
        ("    shank foot\n", "    shank thigh\n", "line 47: 'thigh' is no bone, or has a parent"),
    ],
)
def test_a_malformed_skeleton_is_refused(tmp_path, old, new, message):
    assert old in ASF
    path = write(tmp_path / "07.asf", ASF.replace(old, new, 1))
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read_asf(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("shank 0\n", "", "line 7: expected bones ['shank'], got frame 2"),
        ("shank 90\n", "", "line 10: the file ends before bones ['shank']"),
        ("\n2\n", "\n3\n", "line 8: expected frame 2, got frame 3"),
        ("thigh 0 0 0", "thigh 0 0", "line 6: expected 3 numbers, got 2"),
        ("thigh 0 0 0", "thigh 0 0 no", "line 6: expected a number, got 'no'"),
        ("shank 0\n", "shank 0\nshank 0\n", "line 8: a bone that cannot stand here: 'shank'"),
        ("shank 0\n", "shank 0\nfoot 0\n", "line 8: a bone that cannot stand here: 'foot'"),
        ("\n1\n", "\n", "line 4: a bone that cannot stand here: 'root'"),
        (":DEGREES", ":RADIANS", "line 3: angles must be in degrees"),
        (AMC, ":DEGREES\n", "line 1: the file ends"),
    ],
)
def test_a_malformed_motion_is_refused_with_its_line(files, tmp_path, old, new, message):
    assert old in AMC
    path = write(tmp_path / "07_02.amc", AMC.replace(old, new, 1))
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read_amc(path, read_asf(files[0]))
    assert str(path) in str(error.value)


def test_other_skeletons_are_refused(files):
    asf = read_asf(files[0])
    with pytest.raises(ValueError, match="its skeleton has no lowerback; its bones are"):
        read_cmu_amc(files[1], asf)
