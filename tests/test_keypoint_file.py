from __future__ import annotations

import contextlib
import csv
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_models.motion.skeletons import COCO_17, LOWER_BODY_6, SKELETONS
from python_models.prediction.files import Predictions
from python_models.presentation import keypoint_file
from python_models.presentation.analysis_file import write_keypoints
from python_models.presentation.keypoint_file import read_keypoints
from tests import squat_keypoints as squats


def dump(path, content):
    path.write_text(json.dumps(content))
    return path


def row(image_id, points, **fields):
    """A row of COCO results: [17, 2 or 3]; NaN is three zeros."""
    points = np.asarray(points, float)
    if points.shape[1] == 2:
        points = np.concatenate([points, np.full((17, 1), 0.8)], 1)
    values = np.where(np.isnan(points).any(1, keepdims=True), 0, points)
    return {"image_id": image_id, "category_id": 1, "keypoints": values.ravel().tolist(), **fields}


def body(x=0.0, size=100.0):
    """Any 17 points in a square."""
    rng = np.random.default_rng(0)
    return rng.uniform(0, size, (17, 2)) + np.array([x, 0])


# The plain JSON


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda known: known.name)
def test_every_skeleton_in_plain_json(tmp_path, skeleton):
    points = np.random.default_rng(1).uniform(0, 100, (3, len(skeleton), 2))
    content = {"skeleton": skeleton.name, "fps": 25, "keypoints": points.tolist()}
    found = read_keypoints(dump(tmp_path / "a.json", content))
    assert found.skeleton is skeleton
    assert np.array_equal(found.points, points)
    assert (found.scores, found.frame_rate, found.frame) == (None, 25, "image")


def test_scores_sizes_and_nulls(tmp_path):
    table = np.random.default_rng(1).uniform(0, 1, (3, 6, 3)).tolist()
    table[0][1] = None
    table[1] = None
    table[2][3][0] = None
    content = {"skeleton": "lower-body-6", "keypoints": table, "image_size": [640, 480]}
    found = read_keypoints(dump(tmp_path / "a.json", content))
    missing = np.isnan(found.points).all(-1)
    assert np.argwhere(missing).tolist() == [[0, 1], *([1, k] for k in range(6)), [2, 3]]
    assert np.array_equal(np.isnan(found.points).any(-1), missing)
    assert found.scores[0, 0] == table[0][0][2]
    assert found.image_size == (640, 480)
    assert found.frame_rate is None
    assert found.focal is None


def test_3d_in_plain_json(tmp_path):
    joints, _, _ = squats.squats()
    path = squats.write_plain(tmp_path / "a.json", joints, frame="world")
    found = read_keypoints(path)
    assert found.frame == "world"
    assert np.allclose(found.points, joints)
    metres = squats.write_plain(tmp_path / "b.json", joints / 1000, frame="world")
    with pytest.raises(ValueError, match="are they metres"):
        read_keypoints(metres)


def test_what_is_written_is_read_again(tmp_path):
    _, pixels, _ = squats.squats()
    pixels = pixels.copy()
    pixels[3, 4] = np.nan
    found = read_keypoints(squats.write_plain(tmp_path / "a.json", pixels))
    write_keypoints(tmp_path / "b.json", found)
    again = read_keypoints(tmp_path / "b.json")
    # Written to a thousandth of a pixel.
    assert np.allclose(again.points, pixels, atol=0.00051, equal_nan=True)
    assert (again.frame_rate, again.image_size) == (squats.FPS, squats.SIZE)


PLAIN = {"skeleton": "lower-body-6", "keypoints": [[[1, 2]] * 6]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"skeleton": "alien-9"}, "skeleton must be among"),
        ({"skeleton": None}, "skeleton must be among"),
        ({"skeleton": ["lower-body-6"]}, "skeleton must be among"),
        ({"keypoints": []}, "must be"),
        ({"keypoints": {}}, "must be"),
        ({"keypoints": [[[1, 2]] * 5]}, "must be"),
        ({"keypoints": [[[1, 2]] * 6, [[1, 2]] * 5]}, "must be"),
        ({"keypoints": [[[1, 2]] * 5 + [[1]]]}, "must be"),
        ({"keypoints": [[[1]] * 6]}, "must be"),
        ({"keypoints": [[[1, 2, 3, 4]] * 6]}, "must be"),
        ({"keypoints": [[[1, "far"]] * 6]}, "must be"),
        ({"keypoints": [7]}, "must be"),
        ({"keypoints": [[[1, 1e9]] * 6]}, "must be within"),
        ({"fps": "fast"}, "fps must be a number"),
        ({"fps": True}, "fps must be a number"),
        ({"fps": 10**400}, "fps must be a number"),
        ({"image_size": [640]}, "image_size must be"),
        ({"image_size": [0, 480]}, "image_size must be"),
        ({"image_size": "640x480"}, "image_size must be"),
        *(({"focal": no}, "focal must be") for no in (0, -5, "50 mm", True, [50], float("nan"))),
        ({"frame": "moon"}, "frame must be among"),
        ({"frame": "world"}, "must be"),
    ],
)
def test_plain_json_that_is_wrong(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        read_keypoints(dump(tmp_path / "a.json", {**PLAIN, **change}))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "7", "{}", '"x"', "null", "\x00", "[1]"])
def test_no_keypoints_in_the_json(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r"no JSON|must be COCO"):
        read_keypoints(tmp_path / "a.json")


FIELDS = (
    "skeleton", "fps", "keypoints", "frame", "image_size", "annotations", "images", "image_id",
    "id", "bbox", "track_id",
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    content=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(FIELDS),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "a.json"
    path.write_text(json.dumps(content))
    with contextlib.suppress(ValueError):
        assert len(read_keypoints(path, rate=10.0)) > 0


def test_large_files_are_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(keypoint_file, "LARGEST_FILE", 100)
    path = dump(tmp_path / "a.json", {**PLAIN, "keypoints": [[[1, 2]] * 6] * 20})
    with pytest.raises(ValueError, match="up to 100 bytes"):
        read_keypoints(path)
    with pytest.raises(ValueError, match="keypoint files are"):
        read_keypoints(dump(tmp_path / "a.pkl", PLAIN))


# COCO


def test_results_of_predict(tmp_path):
    """As predict.py leaves them: six joints, an image without a person, ids from 0."""
    predictions = Predictions()
    rng = np.random.default_rng(0)
    points, scores = rng.uniform(0, 90, (6, 2)), rng.uniform(0.5, 1, 6)
    for frame in range(3):
        predictions.add_image(frame, frame, np.zeros((96, 128, 3), np.uint8))
        if frame != 1:
            predictions.add_person(frame, 0, points, scores, (0, 0, 128, 96))
    predictions.write(tmp_path)
    found = read_keypoints(tmp_path / "coco_results.json", rate=10.0)
    assert found.skeleton is LOWER_BODY_6
    assert np.array_equal(found.points[[0, 2]], [points, points])
    assert np.isnan(found.points[1]).all()
    assert found.scores[0] == pytest.approx(scores)
    assert found.image_size == (128, 96)
    assert found.names == ("0", "1", "2")
    table = read_keypoints(tmp_path / "joints.csv", rate=10.0)
    # The table has three decimals, and no row for the frame without a person.
    assert np.allclose(table.points, found.points, atol=0.00051, equal_nan=True)
    assert table.skeleton is LOWER_BODY_6


def test_without_a_list_of_images_ids_are_frames_if_there_is_a_time(tmp_path):
    path = dump(tmp_path / "a.json", [row(5, body()), row(7, body())])
    assert len(read_keypoints(path)) == 2
    found = read_keypoints(path, rate=10.0)
    assert found.names == ("5", "6", "7")
    assert np.isnan(found.points[1]).all()
    far = dump(tmp_path / "b.json", [row(1, body()), row(10**9, body())])
    assert len(read_keypoints(far)) == 2
    with pytest.raises(ValueError, match="no frame numbers"):
        read_keypoints(far, rate=10.0)


def test_the_visibility_of_annotations_is_no_score(tmp_path):
    points = np.concatenate([body(), np.full((17, 1), 2)], 1)
    points[3] = 0
    points[4, 2] = 1
    annotation = {**row(1, points), "keypoints": points.ravel().tolist()}
    images = [{"id": 1, "file_name": "a.jpg", "width": 200, "height": 100}]
    path = dump(tmp_path / "a.json", {"images": images, "annotations": [annotation]})
    found = read_keypoints(path)
    assert found.scores is None
    assert np.isnan(found.points[0, 3]).all()
    assert np.array_equal(found.points[0, 4], points[4, :2])
    assert (found.names, found.image_sizes) == (("a.jpg",), ((200, 100),))


def test_the_largest_person_is_followed(tmp_path):
    """A small one at the left; a large one at the right who is away in frame 1."""
    small, large = body(0, 50), body(300, 100)
    rows = [row(0, small), row(0, large), row(1, small), row(2, small), row(2, large + 5)]
    path = dump(tmp_path / "a.json", rows)
    found = read_keypoints(path, rate=10.0)
    assert np.array_equal(found.points[[0, 2]], [large, large + 5])
    assert np.isnan(found.points[1]).all()
    assert len(found.notes) == 2
    assert "up to 2 persons" in found.notes[0]
    single = read_keypoints(path)  # no motion: each picture by itself
    assert np.array_equal(single.points[1], small)
    tracked = dump(tmp_path / "b.json", [{**r, "track_id": 7 + i % 2} for i, r in enumerate(rows)])
    assert np.isnan(read_keypoints(tracked, rate=10.0, person=8).points[1:2]).all()
    with pytest.raises(ValueError, match="no frame has a person 3"):
        read_keypoints(tracked, person=3)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"keypoints": [1]}], "ids must be"),
        ([{"image_id": 1, "keypoints": [1] * 50}], "51 numbers"),
        ([{"image_id": 1, "keypoints": ["x"] * 51}], "must be numbers"),
        ([{"image_id": 1, "keypoints": [10**400] * 51}], "must be numbers"),
        ([{"image_id": 1}], "51 numbers"),
        ([row(1, body(), track_id="x")], "track_id"),
        ([row(1, body()), row("a", body())], "all integers or all strings"),
        ([row(1, np.full((17, 2), np.nan))], "no frame has anybody"),
    ],
)
def test_coco_that_is_wrong(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message):
        read_keypoints(dump(tmp_path / "a.json", rows))


# CSV


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
