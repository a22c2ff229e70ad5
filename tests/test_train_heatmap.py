from __future__ import annotations

import csv
import json

import pytest
import torch
from PIL import Image

from python_models import checkpoint, engine, train_heatmap
from python_models.models.dilated_cnn import DilatedCNN
from tests import coco_files


@pytest.fixture
def tiny_coco(tmp_path):
    """Three persons on one picture, for train and val."""
    root = tmp_path / "coco"
    for split in ("train", "val"):
        coco_files.write(root, [coco_files.person(i) for i in (1, 2, 3)], split=split)
    return root


@pytest.fixture
def trained(tiny_coco, tmp_path, capsys):
    folder = tmp_path / "run"
    status = train_heatmap.main(
        ["--data", str(tiny_coco), "--epochs", "2", "--batch-size", "2", "--output", str(folder)]
    )
    assert status == 0
    return folder, capsys.readouterr().out


def test_a_run_leaves_its_files(trained):
    folder, printed = trained
    rows = list(csv.DictReader((folder / "log.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert set(rows[0]) == {"epoch", "train_loss", "val_loss", "pck_0.05", "pck_0.1"}
    assert float(rows[1]["train_loss"]) < float(rows[0]["train_loss"])
    assert "train: 3 persons (skipped: none)" in printed
    assert "last: PCK@0.05" in printed
    for picture in ("curves.png", "predictions.png"):
        with Image.open(folder / picture) as image:
            assert min(image.size) > 100
            assert len(image.convert("RGB").getcolors(1 << 24)) > 10
    assert json.loads((folder / "config.json").read_text())["epochs"] == "2"


def test_checkpoints_hold_the_model(trained):
    folder, _ = trained
    last = checkpoint.load(folder / "last.pt")
    assert last["epoch"] == 2
    model = DilatedCNN()
    model.load_state_dict(last["model"])
    best = checkpoint.load(folder / "best.pt")
    rows = list(csv.DictReader((folder / "log.csv").open()))
    assert best["score"]["pck_0.05"] == max(float(row["pck_0.05"]) for row in rows)


def test_same_seed_same_run(tiny_coco, tmp_path):
    logs = []
    for name in ("a", "b"):
        train_heatmap.main(
            ["--data", str(tiny_coco), "--epochs", "1", "--output", str(tmp_path / name)]
        )
        logs.append((tmp_path / name / "log.csv").read_text())
    assert logs[0] == logs[1]


class Known(torch.nn.Module):
    """Returns the heatmaps that it was given, whatever the image."""

    def __init__(self, heatmaps):
        super().__init__()
        self.heatmaps = heatmaps

    def forward(self, images):
        return self.heatmaps[: len(images)]


def test_evaluation_pools_the_joints_of_all_batches():
    task = engine.HeatmapTask()
    joints = torch.full((3, 6, 2), 80.0)
    heatmaps = torch.zeros(3, 6, 64, 48)
    heatmaps[:, :, 20, 20] = 1.0  # (80, 80) in input pixels
    joints[0, :3, 0] += 20  # 20 of 256 pixels: wrong at 0.05, right at 0.1
    visible = torch.ones(3, 6)
    visible[1, :] = 0

    def batch(first, last):
        images = torch.zeros(last - first, 3, 256, 192)
        part = slice(first, last)
        return {"image": images, "joints": joints[part], "visible": visible[part]}

    score = engine.evaluate(Known(heatmaps), [batch(0, 2), batch(2, 3)], task)
    # 12 joints count; 3 are 20 pixels off. Averaging the batches would give 0.75.
    assert score.pck == {0.05: pytest.approx(9 / 12), 0.1: 1.0}
    whole = engine.evaluate(Known(heatmaps), [batch(0, 3)], task)
    assert score.loss == pytest.approx(whole.loss, rel=1e-6)


def test_one_batch_of_coco_mini_is_learnt(coco_mini, tmp_path, capsys):
    """The document's check: the first 16 persons with at least four lower-body joints."""
    status = train_heatmap.main(
        ["--data", str(coco_mini), "--overfit-one-batch", "--output", str(tmp_path)]
    )
    printed = capsys.readouterr().out
    assert "16 persons, 200 steps" in printed
    assert status == 0, printed  # loss down by 95 %, PCK@0.05 in eval mode at least 0.9
    assert (tmp_path / "overfit.png").is_file()
