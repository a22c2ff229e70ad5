from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from python_models.motion.human36m import KEPT, read_cameras, read_human36m
from python_models.motion.skeletons import HUMAN36M_17
from tests.made_up_motions import made_up_motion
from tests.motion_files import write

CAMERA = {
    "focal": [1145.0, 1143.8], "center": [512.5, 515.4], "size": [1000, 1002],
    "rotation": [[1, 0, 0], [0, 0, -1], [0, 1, 0]], "translation": [0, 900, 5000],
    "distortion": [-0.2, 0.24, 0.0, 0.0, -0.002],
}  # fmt: skip


class Unpickled:
    """Fails the test when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("the file was unpickled",)


def converted(path, arrays):
    """As the snippet of docs/motion-data.md writes it."""
    np.savez_compressed(path, **arrays)
    return path


def recording(frames, joints=32):
    """A person in metres."""
    narrow = made_up_motion(frames).joints / 1000
    if joints == 17:
        return narrow
    wide = np.random.default_rng(0).normal(size=(frames, 32, 3)).astype("f")
    wide[:, KEPT] = narrow
    return wide


def test_recordings_in_millimetres_and_the_17_joints(tmp_path):
    wide, narrow = recording(4), recording(2, 17)
    path = converted(tmp_path / "h36m.npz", {"S9/Sitting": narrow, "S1/Directions 1": wide})
    first, second = read_human36m(path)
    assert (first.subject, first.action, first.name) == ("S1", "Directions", "S1/Directions 1")
    assert (second.subject, second.action, second.name) == ("S9", "Sitting", "S9/Sitting")
    assert (first.frame_rate, first.frame, first.skeleton) == (50, "world", HUMAN36M_17)
    np.testing.assert_allclose(first.joints, wide[:, KEPT].astype("d") * 1000)
    np.testing.assert_allclose(second.joints, narrow * 1000)


def test_the_joints_are_videopose3ds(tmp_path):
    """Its removed joints are 4 5 9 10 11 16 20 to 24 and 28 to 31; the right leg comes first."""
    removed = {4, 5, 9, 10, 11, 16, *range(20, 25), *range(28, 32)}
    assert set(KEPT) == set(range(32)) - removed
    assert list(KEPT) == sorted(KEPT)
    names = dict(zip(KEPT, HUMAN36M_17.joints, strict=True))
    assert (names[1], names[6], names[15]) == ("right_hip", "left_hip", "head_top")
    assert (names[17], names[25]) == ("left_shoulder", "right_shoulder")


def test_pickled_objects_are_refused_and_never_run(tmp_path):
    """The layout as VideoPose3D publishes it: a dict of dicts in an array of objects."""
    path = tmp_path / "data_3d_h36m.npz"
    recordings = {"S1": {"Directions 1": np.zeros((2, 32, 3)), "x": Unpickled()}}
    np.savez_compressed(path, positions_3d=np.array(recordings, dtype=object))
    with pytest.raises(ValueError, match=r"positions_3d holds pickled objects.*motion-data\.md"):
        read_human36m(path)


def test_the_page_says_how_to_convert(tmp_path, monkeypatch):
    """Its snippet turns VideoPose3D's layout into the one that is read."""
    page = (Path(__file__).parent.parent / "docs" / "motion-data.md").read_text()
    snippets = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (snippet,) = [code for code in snippets if "allow_pickle" in code]
    recordings = {
        "S1": {"Directions 1": recording(2)},
        "S5": {"Walking": recording(1)},
    }
    monkeypatch.chdir(tmp_path)
    np.savez_compressed("data_3d_h36m.npz", positions_3d=np.array(recordings, dtype=object))
    exec(compile(snippet, "motion-data.md", "exec"), {})
    (found,) = [path for path in tmp_path.iterdir() if path.name != "data_3d_h36m.npz"]
    names = [(motion.subject, motion.action, len(motion)) for motion in read_human36m(found)]
    assert names == [("S1", "Directions", 2), ("S5", "Walking", 1)]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"positions": np.zeros((2, 32, 3))}, "expected names as 'S1/Directions 1', got"),
        ({"S1/Sitting": np.zeros((2, 16, 3))}, "S1/Sitting must be floats"),
        ({"S1/Sitting": np.zeros((0, 32, 3))}, "S1/Sitting must be floats"),
        ({"S1/Sitting": np.zeros((2, 32, 3), int)}, "S1/Sitting must be floats"),
        ({"S1/Sitting": np.full((2, 32, 3), np.inf)}, "S1/Sitting must be finite"),
        ({}, "no array in it"),
    ],
)  # fmt: skip
def test_other_arrays_are_refused(tmp_path, arrays, message):
    path = converted(tmp_path / "a.npz", arrays)
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read_human36m(path)
    assert str(path) in str(error.value)


def test_a_file_cut_anywhere_is_refused(tmp_path):
    whole = converted(
        tmp_path / "a.npz", {"S1/Sitting": np.random.default_rng(0).random((2, 32, 3))}
    ).read_bytes()
    broken = tmp_path / "broken.npz"
    for end in (0, 10, len(whole) // 2, len(whole) - 30):
        broken.write_bytes(whole[:end])
        with pytest.raises(ValueError, match=r"broken\.npz: no npz file, or not all of it"):
            read_human36m(broken)
    changed = bytearray(whole)
    changed[len(whole) // 3] ^= 255
    broken.write_bytes(changed)
    with pytest.raises(ValueError, match=r"broken\.npz"):
        read_human36m(broken)
    with zipfile.ZipFile(broken, "w") as content:
        header = io.BytesIO()
        np.save(header, np.zeros((2, 17, 3)))
        content.writestr("S1/Sitting.npy", header.getvalue().replace(b"}", b" ", 1))
    with pytest.raises(ValueError, match=r"broken\.npz: no whole npz file"):
        read_human36m(broken)
    with zipfile.ZipFile(broken, "w") as content:
        content.writestr("remark.txt", "no array")
    with pytest.raises(ValueError, match=r"broken\.npz: remark\.txt is no array"):
        read_human36m(broken)


def test_cameras(tmp_path):
    short = {name: value for name, value in CAMERA.items() if name != "distortion"}
    text = json.dumps({"S1": {"54138969": CAMERA, "other": short}})
    cameras = read_cameras(write(tmp_path / "cameras.json", text))["S1"]
    assert cameras["54138969"].size == (1000, 1002)
    assert cameras["other"].distortion.tolist() == [0] * 5
    # A point one metre beside the origin, five before the camera, 0.9 below its axis.
    x, y = cameras["other"].project(np.array([[1000.0, 0, 0]]))[0]
    assert (x, y) == (pytest.approx(512.5 + 1145 / 5), pytest.approx(515.4 + 1143.8 * 0.9 / 5))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"focal": [1, 2, 3]}, "focal must be finite [2]"),
        ({"focal": "far"}, "focal must be numbers"),
        ({"translation": [0, 0, float("nan")]}, "translation must be finite [3]"),
        ({"rotation": [[1, 0, 0], [0, 0, 1], [0, 1, 0]]}, "Camera: rotation must be"),
        ({"orientation": [1, 0, 0, 0]}, "expected an object with"),
        ({"size": [1000, 0]}, "Camera: size must be"),
    ],
)
def test_other_cameras_are_refused(tmp_path, change, message):
    path = write(tmp_path / "cameras.json", json.dumps({"S1": {"a": CAMERA | change}}))
    with pytest.raises(ValueError, match=re.escape(f"{path}, S1/a: {message}")):
        read_cameras(path)
