"""The command with a lifter."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests import squat_keypoints as squats
from tests.analyse_runs import (
    FILES_3D,
    curve,
    files,
    page,
    refused,
    run,
    write_lifter,
    write_video,
)
from tests.trained_files import write_checkpoint

pytestmark = pytest.mark.usefixtures("quick_charts")


def test_a_real_lifter(tmp_path, capsys):
    _, pixels, _ = squats.squats()
    pixels = pixels[:, squats.LOWER_BODY].copy()
    pixels[7, 1] = np.nan
    source = squats.write_plain(tmp_path / "a.json", pixels)
    output = tmp_path / "out"
    assert run(source, output, "--lifter", write_lifter(tmp_path / "lifter.pt")) == 0
    assert files(output) == sorted(FILES_3D)
    error = capsys.readouterr().err
    assert "a network's guess from one view" in error
    assert "off by 25 mm" in error  # 40 over 1.6
    content = json.loads((output / "analysis.json").read_text())
    assert content["analysis"]["dimensions"] == 3
    assert content["analysis_in_picture"]["dimensions"] == 2
    assert np.isnan(curve(output, "left_knee_flexion")[7])
    assert "2D" not in page(output).text
    capsys.readouterr()
    other = write_lifter(tmp_path / "coco.pt", "coco-17")
    assert "the lifter needs" in refused(capsys, source, tmp_path / "no", "--lifter", other)
    unsized = squats.write_plain(tmp_path / "b.json", pixels, image_size=None)
    flags = ("--lifter", tmp_path / "lifter.pt")
    assert "image_size" in refused(capsys, unsized, tmp_path / "no", *flags)
    heatmaps = write_checkpoint(tmp_path / "heatmaps.pt")
    assert "model must be" in refused(capsys, source, tmp_path / "no", "--lifter", heatmaps)
    missing = tmp_path / "missing.pt"
    assert "missing.pt" in refused(capsys, source, tmp_path / "no", "--lifter", missing)
    assert not (tmp_path / "no").exists()


def test_a_lifter_that_knows_cameras(tmp_path, capsys):
    _, pixels, _ = squats.squats()
    pixels = pixels[:, squats.LOWER_BODY]
    source = squats.write_plain(tmp_path / "a.json", pixels)
    lifter = ("--lifter", write_lifter(tmp_path / "lifter.pt", calibrated=True, frame="image"))
    found = {}
    for focal in (400, 800):
        assert run(source, tmp_path / str(focal), *lifter, "--focal", focal) == 0
        assert f"focal length is taken to be {focal} pixels" in capsys.readouterr().err
        found[focal] = curve(tmp_path / str(focal), "left_knee_flexion")
    # The network is told, and says something else of a larger person.
    assert np.nanmax(np.abs(found[400] - found[800])) > 0.1
    # The keypoints remember the camera; the command knows better.
    again = tmp_path / "400" / "keypoints.json"
    assert run(again, tmp_path / "again", *lifter) == 0
    # They are written to a thousandth of a pixel.
    assert np.allclose(curve(tmp_path / "again", "left_knee_flexion"), found[400], atol=0.01)
    assert run(again, tmp_path / "other", *lifter, "--focal", 800) == 0
    assert np.allclose(curve(tmp_path / "other", "left_knee_flexion"), found[800], atol=0.01)
    # A lifter that knows nothing of cameras does not mind the file's.
    plain = write_lifter(tmp_path / "plain.pt")
    capsys.readouterr()
    assert run(again, tmp_path / "plain", "--lifter", plain) == 0
    assert "focal" not in capsys.readouterr().err


def test_focal_lengths_that_do_not_fit(tmp_path, finder, capsys):
    _, pixels, _ = squats.squats()
    source = squats.write_plain(tmp_path / "a.json", pixels[:, squats.LOWER_BODY])
    output = tmp_path / "out"
    calibrated = ("--lifter", write_lifter(tmp_path / "calibrated.pt", calibrated=True))
    plain = ("--lifter", write_lifter(tmp_path / "plain.pt"))
    assert "--lifter" in refused(capsys, source, output, "--focal", 500)
    assert "plain.pt was not" in refused(capsys, source, output, *plain, "--focal", 500)
    assert "by --focal" in refused(capsys, source, output, *calibrated)
    for wrong in (0, -5, "nan", "inf"):
        line = refused(capsys, source, output, *calibrated, f"--focal={wrong}")
        assert "--focal: focal must be pixels, positive" in line
    # A video is not looked through first.
    finder.with_covariance = None
    video = write_video(tmp_path / "a.mp4", 3)
    assert "by --focal" in refused(capsys, video, output, "--checkpoint", "best.pt", *calibrated)
    assert not output.exists()
