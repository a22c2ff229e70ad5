"""The command with videos and pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests import squat_keypoints as squats
from tests.analyse_runs import (
    FILES,
    analysis,
    curve,
    files,
    page,
    run,
    write_pictures,
    write_video,
)
from tests.predict_inputs import read_video
from tests.trained_files import write_checkpoint

pytestmark = pytest.mark.usefixtures("quick_charts")


def test_a_video(tmp_path, finder):
    video = write_video(tmp_path / "a.mp4", squats.FRAMES)
    output = tmp_path / "out"
    assert run(video, output, "--checkpoint", "best.pt") == 0
    assert files(output) == sorted(FILES)
    assert len(analysis(output)["repetitions"]) == 3
    frames, fps = read_video(output / "overlay.mp4")
    assert (len(frames), fps) == (squats.FRAMES, squats.FPS)
    x, y = finder.joints[10, 1]  # the left knee, of grey 10
    red, _, blue = frames[10][round(y), round(x)].astype(int)
    assert blue > red + 80
    assert frames[10][5, 5] == pytest.approx([10, 10, 10], abs=12)  # the codec's
    assert len(frames[0]) > squats.SIZE[1]  # and text below
    page(output)


def test_pictures_by_themselves_and_as_moments(tmp_path, finder):
    folder = write_pictures(tmp_path / "in", 30)
    (folder / "5.png").write_bytes(b"no picture")
    single = tmp_path / "single"
    assert run(folder, single, "--checkpoint", "best.pt") == 0
    names = json.loads((single / "analysis.json").read_text())["input"]["frames"]
    assert names == [f"{n}.png" for n in range(30) if n != 5]  # 2 before 10
    assert {rep["kind"] for rep in analysis(single)["repetitions"]} == {"pose"}
    assert len(list((single / "overlays").iterdir())) == 29
    assert "5.png" in page(single).text
    motion = tmp_path / "motion"
    assert run(folder, motion, "--checkpoint", "best.pt", "--fps", squats.FPS) == 0
    assert analysis(motion)["frames"] == 30
    assert np.isnan(curve(motion, "left_knee_flexion")[5])
    assert len(list((motion / "overlays").iterdir())) == 30
    one = tmp_path / "one"
    assert run(folder / "0.png", one, "--checkpoint", "best.pt") == 0
    assert analysis(one)["frames"] == 1


def test_a_real_network(tmp_path):
    """Untrained: whatever it says, the way is the whole one."""
    weights = write_checkpoint(tmp_path / "best.pt")
    video = write_video(tmp_path / "a.mp4", 12)
    assert run(video, tmp_path / "out", "--checkpoint", weights) == 0
    assert analysis(tmp_path / "out")["frames"] == 12
    page(tmp_path / "out")


def test_a_person_who_is_not_in_the_boxes(tmp_path, finder):
    finder.joints = np.delete(finder.joints, slice(40, 50), axis=0)
    boxes = [
        {"image_id": frame, "bbox": [0, 0, *squats.SIZE], "track_id": 4}
        for frame in range(squats.FRAMES)
        if not 40 <= frame < 50
    ]
    annotations = {"images": [{"id": f} for f in range(squats.FRAMES)], "annotations": boxes}
    (tmp_path / "boxes.json").write_text(json.dumps(annotations))
    video = write_video(tmp_path / "a.mp4", squats.FRAMES)
    flags = ("--checkpoint", "best.pt", "--boxes", tmp_path / "boxes.json")
    assert run(video, tmp_path / "out", *flags) == 0
    gap = np.isnan(curve(tmp_path / "out", "left_knee_flexion"))
    assert np.flatnonzero(gap).tolist() == list(range(40, 50))
    assert run(video, tmp_path / "none", *flags, "--person", 5) == 0
    report = analysis(tmp_path / "none")
    assert report["refused"]["code"] == "unreliable"
    assert np.isnan(curve(tmp_path / "none", "left_knee_flexion")).all()


def test_joints_of_low_score_are_not_judged(tmp_path, finder, capsys):
    finder.score = 0.05
    video = write_video(tmp_path / "a.mp4", squats.FRAMES)
    assert run(video, tmp_path / "out", "--checkpoint", "best.pt") == 0
    assert analysis(tmp_path / "out")["repetitions"] == []
    assert "not judged" in capsys.readouterr().err
    assert "Not judged" in page(tmp_path / "out").text
