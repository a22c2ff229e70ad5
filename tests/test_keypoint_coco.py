"""Keypoint files in COCO's formats."""

from __future__ import annotations

import numpy as np
import pytest

from python_models.motion.skeletons import LOWER_BODY_6
from python_models.prediction.files import Predictions
from python_models.presentation.keypoint_file import read_keypoints
from tests.keypoint_files import body, dump, row


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
