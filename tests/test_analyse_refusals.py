"""What cannot be analysed: one line says why, and nothing is left."""

from __future__ import annotations

import numpy as np
import pytest

from python_models import analyse
from python_models.presentation import joint_sources
from python_models.presentation.words import plus_or_minus
from tests import squat_keypoints as squats
from tests.analyse_runs import (
    FILES,
    files,
    page,
    refused,
    run,
    write_pictures,
    write_video,
)

pytestmark = pytest.mark.usefixtures("quick_charts")


def test_no_frame_rate_or_a_wrong_one(tmp_path, finder, capsys, monkeypatch):
    _, pixels, _ = squats.squats()
    zero = squats.write_plain(tmp_path / "a.json", pixels, fps=0)
    assert "give --fps" in refused(capsys, zero, tmp_path / "out")
    for wrong in (0, -5, "nan", "inf"):
        line = refused(capsys, zero, tmp_path / "out", "--fps", wrong)
        assert "--fps must be positive" in line
    assert run(zero, tmp_path / "out", "--fps", squats.FPS) == 0
    video = write_video(tmp_path / "a.mp4", squats.FRAMES)
    real = joint_sources.video.VideoFrames.__init__

    def without_rate(self, path):
        real(self, path)
        self.frames_per_second = 0.0

    monkeypatch.setattr(joint_sources.video.VideoFrames, "__init__", without_rate)
    capsys.readouterr()
    flags = ("--checkpoint", "best.pt")
    assert "give --fps" in refused(capsys, video, tmp_path / "video", *flags)
    assert not (tmp_path / "video").exists()
    assert run(video, tmp_path / "video", *flags, "--fps", 15) == 0


def test_inputs_that_are_none(tmp_path, finder, capsys):
    output, flags = tmp_path / "out", ("--checkpoint", "best.pt")
    assert "does not exist" in refused(capsys, tmp_path / "a.mp4", output, *flags)
    (tmp_path / "empty").mkdir()
    assert "no picture in it" in refused(capsys, tmp_path / "empty", output, *flags)
    (tmp_path / "a.mp4").write_bytes(b"no video at all" * 100)
    assert "cannot be read" in refused(capsys, tmp_path / "a.mp4", output, *flags)
    (tmp_path / "a.doc").write_text("text")
    assert "must be a folder" in refused(capsys, tmp_path / "a.doc", output, *flags)
    folder = write_pictures(tmp_path / "broken", 2)
    for path in folder.iterdir():
        path.write_bytes(b"")
    assert "no picture could be read" in refused(capsys, folder, output, *flags)
    assert not output.exists()


def test_a_video_that_was_cut_off(tmp_path, finder, capsys):
    """OpenCV writes the index last: with none, there is no video."""
    video = write_video(tmp_path / "a.mp4", squats.FRAMES)
    video.write_bytes(video.read_bytes()[:-600])
    assert "a.mp4" in refused(capsys, video, tmp_path / "out", "--checkpoint", "best.pt")


def test_keypoints_of_an_unknown_skeleton(tmp_path, capsys):
    source = squats.write_plain(tmp_path / "a.json", np.zeros((3, 17, 2)), skeleton="robot-17")
    line = refused(capsys, source, tmp_path / "out")
    assert "robot-17" in line
    assert "coco-17" in line


def test_an_exercise_that_the_joints_do_not_show(tmp_path, capsys):
    _, pixels, _ = squats.squats()
    source = squats.write_plain(tmp_path / "a.json", pixels[:, squats.LOWER_BODY])
    assert run(source, tmp_path / "out", "--exercise", "push_up") == 0
    assert "no left shoulder" in page(tmp_path / "out").text
    capsys.readouterr()
    line = refused(capsys, source, tmp_path / "none", "--exercise", "../squat")
    assert "no rules for" in line


def test_an_output_that_exists(tmp_path, capsys):
    joints, pixels, _ = squats.squats()
    three = squats.write_plain(tmp_path / "a.json", joints, frame="world")
    output = tmp_path / "out"
    output.mkdir()
    assert run(three, output) == 0  # it is empty
    before = (output / "report.html").read_bytes()
    capsys.readouterr()
    flat = squats.write_plain(tmp_path / "b.json", pixels)
    assert "--overwrite" in refused(capsys, flat, output)
    assert (output / "report.html").read_bytes() == before
    (output / "notes.txt").write_text("mine")
    assert run(flat, output, "--overwrite") == 0
    # Nothing of the 3D analysis is left, and nothing that is not ours is gone.
    assert files(output) == sorted([*FILES, "notes.txt"])
    capsys.readouterr()
    own = output / "keypoints.json"
    assert "written over" in refused(capsys, own, output, "--overwrite")
    assert "is a file" in refused(capsys, three, tmp_path / "b.json")


def test_pictures_are_not_drawn_over(tmp_path, finder, capsys):
    (tmp_path / "out").mkdir()
    folder = write_pictures(tmp_path / "out" / "overlays", 2)
    flags = ("--checkpoint", "best.pt", "--overwrite")
    assert "written over" in refused(capsys, folder, tmp_path / "out", *flags)
    assert "written over" in refused(capsys, folder / "0.png", tmp_path / "out", *flags)


def test_flags_that_do_not_fit(tmp_path, capsys):
    _, pixels, _ = squats.squats()
    source = squats.write_plain(tmp_path / "a.json", pixels)
    video = write_video(tmp_path / "a.mp4", 3)
    output = tmp_path / "out"
    assert "give a model by --checkpoint" in refused(capsys, video, output)
    of_pictures = (
        ("--checkpoint", "best.pt"),
        ("--box", 0, 0, 1, 1),
        ("--boxes", "boxes.json"),
        ("--refine", "dark"),
        ("--flip-test",),
        ("--device", "cuda"),
    )
    for flags in of_pictures:
        assert f"{flags[0]} is for videos" in refused(capsys, source, output, *flags)
    single = squats.write_plain(tmp_path / "b.json", pixels, fps=None)
    assert "give --fps" in refused(capsys, single, output, "--smooth")


def test_ctrl_c_ends_with_one_line(tmp_path, capsys, monkeypatch):
    _, pixels, _ = squats.squats()
    source = squats.write_plain(tmp_path / "a.json", pixels)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(analyse, "write_all", interrupted)
    assert run(source, tmp_path / "out") == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("interrupted; ")
    assert "--overwrite" in line


def test_a_deviation_that_is_not_known_is_no_number():
    assert plus_or_minus(104.0, float("inf"), "degrees") == "104.0° ± unknown"
    assert plus_or_minus(104.0, None, "degrees") == "104.0°"
