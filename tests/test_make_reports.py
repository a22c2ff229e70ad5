from __future__ import annotations

import json

import pytest

from python_models import make_reports, train_heatmap
from python_models.training import options
from tests import coco_files


@pytest.fixture
def squats(tmp_path, monkeypatch):
    """Two persons, and an experiment that is over at once."""
    (tmp_path / "experiments" / "heatmap").mkdir(parents=True)
    (tmp_path / "experiments" / "heatmap" / "squats_dilated_cnn.toml").write_text(
        'model = "dilated_cnn"\ninput_size = [48, 64]\nepochs = 1\n'
    )
    monkeypatch.setattr(options, "EXPERIMENTS", tmp_path / "experiments")
    for split in ("train", "val"):
        coco_files.write(tmp_path / "squats", [coco_files.person(i) for i in (1, 2)], split=split)
    return tmp_path / "squats"


def make(squats, tmp_path, *flags):
    arguments = ["--squats", str(squats), "--runs", str(tmp_path / "runs"), "--models"]
    output = ("--output", str(tmp_path / "reports"))
    return make_reports.main([*arguments, "dilated_cnn", *output, *flags])


def test_a_report_has_its_pictures_and_no_path_of_the_machine(squats, tmp_path):
    assert make(squats, tmp_path) == 0
    folder = tmp_path / "reports" / "squats_dilated_cnn"
    assert {path.name for path in folder.iterdir()} == {
        *("report.md", "curves.png", "predictions.jpg", "heatmaps.jpg")
    }
    text = (folder / "report.md").read_text()
    assert str(tmp_path) not in text
    settings = json.loads(text.split("```json")[1].split("```")[0])["settings"]
    assert settings["model"] == "dilated_cnn"


def test_a_run_that_is_there_is_gone_on_with(squats, tmp_path, capsys):
    assert make(squats, tmp_path) == 0
    capsys.readouterr()
    assert make(squats, tmp_path) == 0
    assert "train_loss" not in capsys.readouterr().out  # no epoch was trained again


def test_other_peoples_pictures_stay_out(squats, tmp_path, monkeypatch):
    """Even those that an earlier check has left in the folder of the run."""
    (tmp_path / "runs" / "one_batch_dilated_cnn").mkdir(parents=True)
    (tmp_path / "runs" / "one_batch_dilated_cnn" / "predictions.jpg").write_bytes(b"theirs")
    rows = [coco_files.person(i) for i in (1, 2)]
    coco = coco_files.write(tmp_path / "coco", rows)
    real = train_heatmap.main

    def quick(arguments):
        size = ["--input-size", "48", "64", "--steps", "1"]
        checked = "--overfit-one-batch" in arguments
        assert not checked or "--no-pictures" in arguments
        status = real([*arguments, *size] if checked else arguments)
        return 0 if checked else status  # one step learns nothing

    monkeypatch.setattr(train_heatmap, "main", quick)
    assert make(squats, tmp_path, "--coco", str(coco)) == 0
    kept = {path.name for path in (tmp_path / "reports" / "one_batch_dilated_cnn").iterdir()}
    assert kept == {"report.md", "curves.png"}


def test_a_run_that_fails_ends_it(squats, tmp_path, capsys):
    (squats / "annotations" / "person_keypoints_val2017.json").unlink()
    assert make(squats, tmp_path) == 2
    assert not (tmp_path / "reports").exists()
