"""Keypoint files: the plain JSON, and any JSON."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_models.motion.skeletons import SKELETONS
from python_models.presentation import keypoint_file
from python_models.presentation.analysis_file import write_keypoints
from python_models.presentation.keypoint_file import read_keypoints
from tests import squat_keypoints as squats
from tests.keypoint_files import dump


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
