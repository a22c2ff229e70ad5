"""predict.py on videos."""

from __future__ import annotations

import itertools
import json
import math

import cv2
import numpy as np
import pytest

from python_models import whole_file
from python_models.prediction import video
from python_models.prediction.smoothing import OneEuro
from tests import predict_inputs as inputs
from tests.predict_runs import (
    LEFT_HIP,
    PLACES,
    boxes_file,
    results,
    run,
    save,
    table,
)


def test_a_video(bright, tmp_path, capsys):
    source = inputs.write_video(tmp_path / "squat.mp4", PLACES)
    output = tmp_path / "out"
    assert run(source, output) == 0
    rows = table(output / "joints.csv")
    assert [row["frame"] for row in rows[::6]] == [str(i) for i in range(10)]
    found = [(float(row["x"]), float(row["y"])) for row in rows[::6]]
    assert found == [inputs.seen(x, y) for x, y in PLACES]
    assert [row["image_id"] for row in results(output)] == list(range(10))
    assert not (output / "joints_found.csv").exists()
    before, _ = inputs.read_video(source)
    after, fps = inputs.read_video(output / "overlay.mp4")
    assert (len(after), fps) == (10, 25)
    for (x, y), old, new in zip(PLACES, before, after, strict=True):
        assert new.shape == old.shape
        column, row = (round(value) for value in inputs.seen(x, y + 1))
        red, _, blue = new[row, column].astype(int)
        assert blue > red + 60, "the left knee; the video's colours are coarse"
    jitter = json.loads((output / "jitter.json").read_text())
    second = np.diff(np.array(PLACES), 2, axis=0) * 8.0
    expected = math.sqrt((second**2).sum(1).mean())
    assert jitter["frames_per_second"] == 25
    assert jitter["found"]["frame_triples"] == 8
    assert jitter["found"]["pixels"]["left_hip"] == pytest.approx(expected, rel=1e-5)
    assert jitter["found"]["parts_of_box"]["all"] == pytest.approx(expected / 128, rel=1e-5)
    assert "smoothed" not in jitter
    assert f"{expected:.3f}" in capsys.readouterr().out
    assert sorted(path.name for path in output.iterdir()) == [
        *("coco_results.json", "images.json", "jitter.json", "jitter.png", "joints.csv"),
        "overlay.mp4",
    ]


def test_a_smoothed_video(bright, tmp_path):
    source = inputs.write_video(tmp_path / "squat.mp4", PLACES)
    output = tmp_path / "out"
    flags = ("--smooth", "--min-cutoff", 2, "--beta", 5, "--speed-cutoff", 1.5, "--fps", 10)
    assert run(source, output, *flags) == 0
    # 10 frames a second, as said, not 25 as in the file; beta is of the box's side.
    one_euro = OneEuro(2, 5 / 128, 1.5)
    found = np.array([inputs.seen(x, y) for x, y in PLACES])
    expected = [one_euro(place, frame / 10) for frame, place in enumerate(found)]
    rows = table(output / "joints.csv")[::6]
    smoothed = np.array([(float(row["x"]), float(row["y"])) for row in rows])
    np.testing.assert_allclose(smoothed, expected, rtol=0, atol=6e-4)  # three decimals
    assert np.abs(smoothed - found).max() > 1
    rows = table(output / "joints_found.csv")[::6]
    assert [(float(row["x"]), float(row["y"])) for row in rows] == [tuple(p) for p in found]
    hips = [row["keypoints"][3 * LEFT_HIP : 3 * LEFT_HIP + 2] for row in results(output)]
    np.testing.assert_allclose(hips, expected, rtol=0, atol=1e-4)
    jitter = json.loads((output / "jitter.json").read_text())
    second = np.diff(np.array(expected), 2, axis=0)
    assert jitter["smoothed"]["pixels"]["left_hip"] == pytest.approx(
        math.sqrt((second**2).sum(1).mean()), rel=1e-5
    )
    assert jitter["smoothed"]["pixels"]["all"] < 0.8 * jitter["found"]["pixels"]["all"]
    assert inputs.read_video(output / "overlay.mp4")[1] == 10


def test_a_huge_box_leaves_its_frame_without_persons(bright, tmp_path, capsys):
    source = inputs.write_video(tmp_path / "two.mp4", [(5, 6)] * 2)
    rows = [
        {"image_id": 0, "bbox": [0, 0, 900000, 900000]},
        {"image_id": 1, "bbox": [0, 0, 96, 128]},
    ]
    rows.append({"image_id": 8, "bbox": [0, 0, 96, 128]})
    boxes = boxes_file(tmp_path / "boxes.json", [{"id": i} for i in (0, 1, 8)], rows)
    assert run(source, tmp_path / "out", "--boxes", boxes) == 0
    error = capsys.readouterr().err
    assert "left out: the persons of frame 0: a box is too large" in error
    assert "boxes of 1 other images, id 8 first, are not used" in error
    assert {row["frame"] for row in table(tmp_path / "out" / "joints.csv")} == {"1"}
    assert len(inputs.read_video(tmp_path / "out" / "overlay.mp4")[0]) == 2


def test_persons_of_a_video_are_smoothed_apart(bright, tmp_path):
    """Two tracks whose rows change places, and one that is away for a frame."""
    source = inputs.write_video(tmp_path / "two.mp4", [(5, 6)] * 4)
    first, second = [0, 0, 96, 128], [8, 8, 96, 128]
    rows = [
        {"image_id": 0, "bbox": first, "track_id": 7},
        {"image_id": 0, "bbox": second, "track_id": 9},
        {"image_id": 1, "bbox": second, "track_id": 9},
        {"image_id": 1, "bbox": first, "track_id": 7},
        {"image_id": 3, "bbox": first, "track_id": 7},
    ]
    boxes = boxes_file(tmp_path / "boxes.json", [{"id": i} for i in range(4)], rows)
    output = tmp_path / "out"
    assert run(source, output, "--boxes", boxes, "--smooth") == 0
    rows = table(output / "joints.csv")[::6]
    persons = [(row["frame"], row["person"]) for row in rows]
    assert persons == [("0", "7"), ("0", "9"), ("1", "9"), ("1", "7"), ("3", "7")]
    assert all((float(row["x"]), float(row["y"])) == inputs.seen(5, 6) for row in rows)
    jitter = json.loads((output / "jitter.json").read_text())
    assert jitter["found"]["frame_triples"] == 0, "no person is there three frames in a row"
    assert jitter["found"]["pixels"]["all"] is None
    assert len(inputs.read_video(output / "overlay.mp4")[0]) == 4


def test_videos_that_cannot_be_read(bright, tmp_path, capsys, monkeypatch):
    source = inputs.write_video(tmp_path / "whole.mp4", PLACES)
    broken = tmp_path / "broken.mp4"
    for content in (b"", b"no video", source.read_bytes()[: source.stat().st_size // 2]):
        broken.write_bytes(content)
        assert run(broken, tmp_path / "out") == 2
        assert "broken.mp4: cannot be read as a video" in capsys.readouterr().err
    monkeypatch.setattr(video.VideoFrames, "__iter__", lambda _: iter(()))
    assert run(source, tmp_path / "out") == 2
    assert "0 of 0 frames" in capsys.readouterr().err
    assert not any((tmp_path / "out").glob("*"))


def test_a_video_that_ends_early_is_said(bright, tmp_path, capsys, monkeypatch):
    source = inputs.write_video(tmp_path / "whole.mp4", PLACES)
    every = video.VideoFrames.__iter__
    monkeypatch.setattr(video.VideoFrames, "__iter__", lambda fs: itertools.islice(every(fs), 4))
    assert run(source, tmp_path / "out") == 0
    assert "only 4 of 10 frames could be read" in capsys.readouterr().err
    assert len(inputs.read_video(tmp_path / "out" / "overlay.mp4")[0]) == 4


def test_a_video_without_a_rate_needs_one(bright, tmp_path, capsys, monkeypatch):
    source = inputs.write_video(tmp_path / "squat.mp4", PLACES)
    real = cv2.VideoCapture

    class WithoutRate:
        def __init__(self, path):
            self.real = real(path)

        def get(self, number):
            return 0.0 if number == cv2.CAP_PROP_FPS else self.real.get(number)

        def __getattr__(self, name):
            return getattr(self.real, name)

    monkeypatch.setattr(video.cv2, "VideoCapture", WithoutRate)
    assert run(source, tmp_path / "out", "--smooth") == 2
    assert "frames per second must be positive, got 0" in capsys.readouterr().err
    assert run(source, tmp_path / "out", "--fps", 0) == 2
    assert "give --fps" in capsys.readouterr().err
    assert run(source, tmp_path / "out", "--fps", 12) == 0
    monkeypatch.undo()
    assert inputs.read_video(tmp_path / "out" / "overlay.mp4")[1] == 12


def test_a_full_disk_leaves_no_half_video(bright, tmp_path, capsys, monkeypatch):
    source = inputs.write_video(tmp_path / "squat.mp4", PLACES)
    output = tmp_path / "out"
    output.mkdir()
    (output / "overlay.mp4").write_bytes(b"the old one")
    real = cv2.VideoWriter

    class Full:
        """OpenCV's writer on a full disk: it says nothing."""

        fourcc = real.fourcc

        def __init__(self, path, *_):
            inputs.Path(path).write_bytes(b"")

        def isOpened(self):  # noqa: N802
            return True

        def write(self, frame):
            pass

        def release(self):
            pass

    monkeypatch.setattr(video.cv2, "VideoWriter", Full)
    assert run(source, output) == 2
    assert "0 of 10 frames could be written" in capsys.readouterr().err
    assert [path.name for path in output.iterdir()] == ["overlay.mp4"]
    assert (output / "overlay.mp4").read_bytes() == b"the old one"

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole_file.os, "fsync", full)
    picture = save(tmp_path / "a.png", inputs.spot(3, 5))
    assert run(picture, tmp_path / "pictures") == 2
    assert "No space left on device" in capsys.readouterr().err
    assert not any((tmp_path / "pictures" / "overlays").iterdir())
