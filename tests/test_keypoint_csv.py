"""Keypoint files that are tables."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from python_models.motion.skeletons import COCO_17, LOWER_BODY_6
from python_models.presentation.keypoint_file import read_keypoints


def write_csv(path, rows, columns=("frame", "person", "joint", "x", "y", "score")):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def test_a_table_with_gaps_and_persons(tmp_path):
    rows = []
    for frame in (10, 9, 12):
        for person in (0, 1):
            for k, joint in enumerate(LOWER_BODY_6.joints):
                rows.append((frame, person, joint, k + 100 * person, 10 * k * (1 + person), 0.5))
    rows[0] = (*rows[0][:3], "", "", "")
    path = write_csv(tmp_path / "a.csv", rows)
    found = read_keypoints(path, rate=5.0, person=0)
    assert found.names == ("9", "10", "11", "12")
    assert np.isnan(found.points[2]).all()
    assert np.isnan(found.points[1, 0]).all()
    assert found.points[0, 3].tolist() == [3, 30]
    assert found.scores[0, 3] == 0.5
    larger = read_keypoints(path, rate=5.0)
    assert larger.points[0, 3].tolist() == [103, 60]


def test_a_table_of_3d_points_is_of_a_camera(tmp_path):
    rows = [(0, joint, 100 * k, 300 * k, 2000) for k, joint in enumerate(COCO_17.joints)]
    path = write_csv(tmp_path / "a.csv", rows, ("frame", "joint", "x", "y", "z"))
    found = read_keypoints(path)
    assert (found.frame, found.scores) == ("camera", None)
    assert found.points[0, 2].tolist() == [200, 600, 2000]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns"),
        ("frame,joint,x\n0,left_hip,1\n", "columns"),
        ("frame,joint,x,y\n", "no rows"),
        ("frame,joint,x,y\n0,left_hip,1\n", "4 cells"),
        ("frame,joint,x,y\n0,left_hip,1,2,3\n", "4 cells"),
        ("frame,joint,x,y\n0,left_hip,1,far\n", "y must be a number"),
        ("frame,joint,x,y\n0,tail,1,2\n", "no known skeleton has all"),
        ("frame,joint,x,y\n0,left_hip,1,2\n0,left_hip,1,2\n", "twice"),
        ("frame,joint,x,y\n0,left_hip,,\n", "no frame has anybody"),
        ("frame,person,joint,x,y\n0,me,left_hip,1,2\n", "person must be an integer"),
        ('frame,joint,x,y\n0,"left_hip,1,2\n', "CSV"),
        ("frame,joint,x,y\n0,left_hip,inf,2\n", "must be within"),
    ],
)
def test_a_table_that_is_wrong(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_keypoints(tmp_path / "a.csv")


def test_text_of_another_encoding(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="UTF-8"):
        read_keypoints(tmp_path / "a.csv")
