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
