"""The command as a whole, with keypoint files."""

from __future__ import annotations

import numpy as np
import pytest

from python_models import analyse
from tests import squat_keypoints as squats
from tests.analyse_runs import (
    FILES,
    FILES_3D,
    analysis,
    curve,
    files,
    page,
    run,
)
from tests.predict_inputs import read_video


def test_keypoints_in_3d(tmp_path, capsys):
    joints, _, flexions = squats.squats()
    source = squats.write_plain(tmp_path / "a.json", joints, frame="world")
    output = tmp_path / "out"
    assert run(source, output) == 0
    assert files(output) == sorted(FILES_3D)
    assert "3 whole repetitions" in capsys.readouterr().out
    found = np.stack([curve(output, f"{side}_knee_flexion") for side in ("left", "right")], 1)
    # The same formula on the same joints: rounding alone.
    assert np.allclose(found, flexions, atol=1e-6)
    tags = page(output)
    assert "3 whole repetitions" in tags.text
    assert sum(tag == "img" for tag, _ in tags.found) == 2 + 3  # curves, views, three bottoms
    frames, fps = read_video(output / "overlay.mp4")
    assert (len(frames), fps) == (squats.FRAMES, squats.FPS)
    report = analysis(output)
    assert report["dimensions"] == 3
    assert {a["verdict"] for a in report["advice"]} <= {"good", "fault", "not sure", "refused"}


def test_keypoints_in_2d_say_that_they_are(tmp_path, capsys):
    _, pixels, _ = squats.squats()
    source = squats.write_plain(tmp_path / "a.json", pixels[:, squats.LOWER_BODY])
    output = tmp_path / "out"
    assert run(source, output) == 0
    assert files(output) == sorted(FILES)
    assert "the analysis is 2D" in capsys.readouterr().err
    assert "analysis is 2D" in page(output).text
    # What was found can be analysed again.
    assert run(output / "keypoints.json", tmp_path / "again") == 0
    first, again = analysis(output), analysis(tmp_path / "again")
    depth = [rep["measures"]["depth"]["value"] for rep in first["repetitions"]]
    same = [rep["measures"]["depth"]["value"] for rep in again["repetitions"]]
    # The file has a thousandth of a pixel; a shank has 60.
    assert same == pytest.approx(depth, abs=0.01)


@pytest.mark.usefixtures("quick_charts")
def test_own_rules(tmp_path):
    joints, _, _ = squats.squats()
    source = squats.write_plain(tmp_path / "a.json", joints, frame="world")
    rules = tmp_path / "rules"
    rules.mkdir()
    text = (analyse.RULES / "squat.toml").read_text()
    (rules / "deep_squat.toml").write_text(text)
    assert run(source, tmp_path / "out", "--rules", rules, "--exercise", "deep_squat") == 0
    assert "Deep squat" in page(tmp_path / "out").text
