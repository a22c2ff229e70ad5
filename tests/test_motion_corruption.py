"""Motion files that are cut or changed anywhere: read, or refused by name, and nothing else."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_models.motion.bvh import read_bvh
from python_models.motion.cmu_asf import read_amc, read_asf, read_offsets
from python_models.motion.human36m import read_human36m
from python_models.motion.infinite_form import read_infinite_form
from python_models.motion.skeletons import COCO_17, HUMAN36M_17
from python_models.motion.ui_prmd import read_vicon
from tests.made_up_motions import standing
from tests.motion_files import comma_lines

BVH = b"""HIERARCHY
ROOT Hips
{
  OFFSET 0 1 2
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Leg
  {
    OFFSET 0 -4 0
    CHANNELS 1 Xrotation
    End Site
    {
      OFFSET 0 0 1
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.01
0 0 0 0 0 0 0
1 2 3 4 5 6 7
"""
ASF = b""":units
  length 0.45
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    name leg
    direction 0 -1 0
    length 7
    axis 0 0 20 XYZ
    dof rx rz
  end
:hierarchy
  begin
    root leg
  end
"""
AMC = b""":DEGREES
1
root 1 2 3 4 5 6
leg 1 2
2
root 1 2 3 4 5 6
leg 3 4
"""
JOINTS = {"left_hip": {"x_global": 1.0, "y_global": 2.0, "z_global": 3.0}}
PICTURE = standing(COCO_17)[:, [0, 2, 1]] / [300, 300, 1000] + [0, 0, 3]  # focal length 9
PERSONS = {
    "images": [{"id": 1, "width": 9, "height": 9}],
    "annotations": [
        {"id": 1, "image_id": 1, "keypoints_3d": PICTURE.ravel().tolist()},
        {"id": 2, "image_id": 1, "armature_keypoints": JOINTS},
    ],
}
PIECES = st.one_of(
    st.sampled_from([b"", b"0", b"-1", b"{", b"}", b"[", b'"', b"null", b"1e999", b"nan", b"\n"]),
    st.binary(max_size=2),
)


def npz():
    file = io.BytesIO()
    np.savez(file, **{"S1/Sitting": np.stack([standing(HUMAN36M_17)] * 2) / 1000})
    return file.getvalue()


FORMATS = {
    "a.bvh": (BVH, read_bvh),
    "a.asf": (ASF, read_asf),
    "a_1.amc": (AMC, None),
    "a.json": (b'{"leg": [1, 2, 3], "note": "remark"}', read_offsets),
    "b.json": (json.dumps(PERSONS).encode(), lambda path: read_infinite_form(path, focal=9.0)),
    "a.npz": (npz(), read_human36m),
    "m01_s01_e01_positions.txt": (comma_lines([np.ones(117)]).encode(), read_vicon),
}


def reader(folder, name):
    if FORMATS[name][1] is not None:
        return FORMATS[name][1]
    (folder / "whole.asf").write_bytes(ASF)
    asf = read_asf(folder / "whole.asf")
    return lambda path: read_amc(path, asf)


@pytest.mark.parametrize("name", FORMATS)
def test_the_whole_file_is_read(tmp_path, name):
    (tmp_path / name).write_bytes(FORMATS[name][0])
    assert reader(tmp_path, name)(tmp_path / name) is not None


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.filterwarnings("error")
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), PIECES), min_size=1, max_size=3))
def test_a_changed_file_is_read_or_refused_by_name(tmp_path, name, changes):
    content = bytearray(FORMATS[name][0])
    for where, length, piece in changes:
        start = int(where * len(content))
        content[start : start + length] = piece
    path = tmp_path / name
    path.write_bytes(content)
    try:
        reader(tmp_path, name)(path)
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017  the other outcome is as good
