from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from python_models import train_heatmap
from python_models.data.person_batches import PersonBatches
from python_models.heatmap_task import HeatmapTask
from python_models.models.dilated_cnn import DilatedCNN
from python_models.training import checkpoint
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


def rows_of(folder):
    with (folder / "log.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_its_files(trained):
    folder, printed = trained
    rows = rows_of(folder)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert set(rows[0]) == {
        *("epoch", "train_loss", "val_loss", "pck_0.05", "pck_0.1", "learning_rate")
    }
    assert float(rows[1]["train_loss"]) < float(rows[0]["train_loss"])
    assert "train: 3 persons (skipped: none)" in printed
    for method in ("mean pose of the training data", "best epoch", "last epoch (2)"):
        assert f"\n| {method}" in printed
    for picture in ("curves.png", "predictions.jpg", "heatmaps.jpg"):
        with Image.open(folder / picture) as image:
            assert min(image.size) > 100
            assert len(image.convert("RGB").getcolors(1 << 24)) > 10
    assert json.loads((folder / "config.json").read_text())["epochs"] == 2
    (environment,) = json.loads((folder / "environment.json").read_text())
    assert environment["torch"] == torch.__version__
    report = (folder / "report.md").read_text()
    pictures = re.findall(r"\]\((.*?)\)", report)
    assert sorted(pictures) == ["curves.png", "heatmaps.jpg", "predictions.jpg"]
    assert f"| {float(rows[1]['pck_0.05']):.3f} |" in report


def test_tensorboard_has_the_same_numbers(trained):
    folder, _ = trained
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    for name in ("train/loss", "val/loss", "pck/0.05", "pck/0.1"):
        scalars = events.Scalars(name)
        assert [scalar.step for scalar in scalars] == [1, 2]
        logged = [float(row[name.replace("/", "_")]) for row in rows_of(folder)]
        assert [scalar.value for scalar in scalars] == pytest.approx(logged)


def test_checkpoints_hold_the_model(trained):
    folder, _ = trained
    last = checkpoint.load(folder / "last.pt")
    rows = last["progress"]["rows"]
    assert [row["epoch"] for row in rows] == [1, 2]
    model = DilatedCNN()
    model.load_state_dict(last["model"])
    best = checkpoint.load(folder / "best.pt")
    assert best["rows"][-1]["pck_0.05"] == max(row["pck_0.05"] for row in rows)


def run(coco, folder, *flags):
    return train_heatmap.main(
        ["--data", str(coco), "--output", str(folder), "--input-size", "48", "64", *flags]
    )


def test_a_resumed_run_gives_the_numbers_of_an_unbroken_one(tiny_coco, tmp_path):
    """Flips and order included: they follow from the seed, the epoch and the person."""
    flags = ("--schedule", "cosine", "--batch-size", "2")
    assert run(tiny_coco, tmp_path / "whole", "--epochs", "4", *flags) == 0
    stop_after(tiny_coco, tmp_path / "parts", 2, "--epochs", "4", *flags)
    assert run(tiny_coco, tmp_path / "parts", "--epochs", "4", "--resume", *flags) == 0
    assert (tmp_path / "parts" / "log.csv").read_text() == (
        tmp_path / "whole" / "log.csv"
    ).read_text()
    whole, parts = (checkpoint.load(tmp_path / name / "last.pt") for name in ("whole", "parts"))
    for name, value in whole["model"].items():
        assert torch.equal(value, parts["model"][name]), name
    events = EventAccumulator(str(tmp_path / "parts" / "tensorboard")).Reload()
    assert [scalar.step for scalar in events.Scalars("val/loss")] == [1, 2, 3, 4]


def stop_after(coco, folder, epochs, *flags):
    """Ctrl-C in the first step of the epoch after `epochs`."""
    reads = 0
    real_batches = PersonBatches.batches

    def interrupted(self, blocks):
        nonlocal reads
        for batch in real_batches(self, blocks):
            if self.data.augmentation is not None:  # it is read to train on
                reads += 1
                if reads == 2 * epochs + 1:  # two steps an epoch
                    signal.raise_signal(signal.SIGINT)
            yield batch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PersonBatches, "batches", interrupted)
        assert run(coco, folder, *flags) == 130


@pytest.mark.parametrize("epochs", [0, 1])
def test_ctrl_c_leaves_a_checkpoint_and_the_curves_so_far(tiny_coco, tmp_path, capsys, epochs):
    folder = tmp_path / "run"
    stop_after(tiny_coco, folder, epochs, "--epochs", "4", "--batch-size", "2")
    state = checkpoint.load(folder / "last.pt")
    assert (len(state["progress"]["rows"]), state["progress"]["step"]) == (epochs, 1)
    DilatedCNN().load_state_dict(state["model"])
    assert (folder / "curves.png").is_file() == (epochs > 0)
    assert (folder / "predictions.jpg").is_file()
    assert "interrupted; the same command with --resume" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("workers", "number"), [("0", signal.SIGINT), ("1", signal.SIGINT), ("1", signal.SIGTERM)]
)
def test_a_real_signal_ends_a_real_process(tiny_coco, tmp_path, workers, number):
    """To the whole process group, as a terminal sends it: loader workers get it too."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "python_models.train_heatmap", "--data", str(tiny_coco)),
            *("--output", str(tmp_path / "run"), "--input-size", "48", "64", "--epochs", "9999"),
            *("--workers", workers),
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
        start_new_session=True,
    )
    try:
        for line in process.stdout:
            if line.startswith("epoch 2 "):  # the first is in the checkpoint
                os.killpg(process.pid, number)
                break
        printed, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 128 + number
    assert "interrupted" in printed
    assert checkpoint.load(tmp_path / "run" / "last.pt")["progress"]["rows"]


def test_resuming_another_model_is_refused(trained, tiny_coco, capsys):
    folder, _ = trained
    state = checkpoint.load(folder / "last.pt")
    settings = state["settings"] | {"model": "hourglass"}
    checkpoint.save(folder / "last.pt", state | {"settings": settings})
    status = train_heatmap.main(
        ["--data", str(tiny_coco), "--output", str(folder), "--batch-size", "2", "--resume"]
    )
    assert status == 2
    assert "model must be hourglass as before, got dilated_cnn" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "has a run of 1 epochs and 0 steps: go on with --resume, or choose another --output"),
        (("--overfit-one-batch", "--steps", "1"), "has a run of 1 epochs and 0 steps"),
        (
            ("--resume", "--learning-rate", "1e-5"),
            "learning_rate must be 0.001 as before, got 1e-05",
        ),
        (("--resume", "--epochs", "6"), "epochs must be 1 as before, got 6"),
        (("--resume", "--schedule", "constant"), "schedule must be cosine as before"),
    ],
)
def test_a_run_is_neither_overwritten_nor_changed(tiny_coco, tmp_path, capsys, flags, message):
    folder = tmp_path / "run"
    first = ("--schedule", "cosine", "--epochs", "1")
    assert run(tiny_coco, folder, *first) == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert run(tiny_coco, folder, *first, *flags) == 2
    assert message in capsys.readouterr().err
    assert before == {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_weights_without_their_checkpoint_are_not_written_over(tiny_coco, tmp_path, capsys):
    folder = tmp_path / "run"
    assert run(tiny_coco, folder, "--epochs", "1") == 0
    best = (folder / "best.pt").read_bytes()
    (folder / "last.pt").unlink()
    assert run(tiny_coco, folder, "--epochs", "1") == 2
    assert "would be written over: choose another --output" in capsys.readouterr().err
    assert (folder / "best.pt").read_bytes() == best


@pytest.mark.parametrize("content", ["{", "5"])
def test_a_broken_list_of_starts_is_named(tiny_coco, tmp_path, capsys, content):
    folder = tmp_path / "run"
    assert run(tiny_coco, folder, "--epochs", "1") == 0
    (folder / "environment.json").write_text(content)
    assert run(tiny_coco, folder, "--epochs", "2", "--resume") == 2
    assert "environment.json: must be the list of a run's starts" in capsys.readouterr().err


def test_without_a_subset_nobody_is_not_in_it(tiny_coco, tmp_path, capsys):
    joints = dict.fromkeys(range(6), (0, 0, 0))
    coco_files.write(tiny_coco, [coco_files.person(1), coco_files.person(2, joints=joints)])
    assert run(tiny_coco, tmp_path / "run", "--epochs", "1") == 0
    assert "1 no visible lower-body joint" in capsys.readouterr().out


def test_resuming_nothing_or_a_broken_checkpoint_is_one_line(tiny_coco, tmp_path, capsys):
    assert run(tiny_coco, tmp_path / "run", "--resume") == 2
    assert "last.pt" in capsys.readouterr().err
    (tmp_path / "run").mkdir(exist_ok=True)
    (tmp_path / "run" / "last.pt").write_bytes(b"half")
    assert run(tiny_coco, tmp_path / "run", "--resume") == 2
    assert "must be a whole checkpoint" in capsys.readouterr().err


def test_unreadable_images_are_reported_and_the_epoch_goes_on(tiny_coco, tmp_path, capsys):
    rows = [coco_files.person(1), coco_files.person(2, image_id=2)]
    file = tiny_coco / "annotations" / "person_keypoints_train2017.json"
    coco_files.write(tiny_coco, rows)
    content = json.loads(file.read_text())
    content["images"].append(content["images"][0] | {"id": 2, "file_name": "2.jpg"})
    file.write_text(json.dumps(content))
    (tiny_coco / "train2017" / "2.jpg").write_bytes(b"\xff\xd8 no image")
    assert run(tiny_coco, tmp_path / "run", "--epochs", "1", "--batch-size", "1") == 0
    assert "left out, because its image cannot be read" in capsys.readouterr().out


def test_no_readable_image_at_all_is_an_error(tiny_coco, tmp_path, capsys):
    (tiny_coco / "train2017" / "1.jpg").write_bytes(b"no image")
    assert run(tiny_coco, tmp_path / "run", "--epochs", "1") == 2
    assert "error: epoch 1: no sample of the training data could be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--ema", "1"), ("--learning-rate", "1e300"), ("--seed", "99999999999999999999")],
)
def test_numbers_that_mean_nothing_are_refused(tiny_coco, tmp_path, flag, value):
    with pytest.raises(SystemExit):
        run(tiny_coco, tmp_path, flag, value)


@pytest.mark.parametrize("flag", ["--epochs", "--batch-size", "--steps"])
def test_counts_must_be_positive(tiny_coco, tmp_path, flag):
    with pytest.raises(SystemExit):
        run(tiny_coco, tmp_path, flag, "0")


def test_missing_data_is_one_line(tmp_path, capsys):
    assert run(tmp_path / "nothing", tmp_path / "run") == 2
    assert capsys.readouterr().err.startswith("error: image folder")


def test_same_seed_same_run(tiny_coco, tmp_path):
    logs = []
    for name in ("a", "b"):
        assert run(tiny_coco, tmp_path / name, "--epochs", "1") == 0
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
    task = HeatmapTask()
    joints = torch.full((3, 6, 2), 80.0)
    heatmaps = torch.zeros(3, 6, 64, 48)
    heatmaps[:, :, 20, 20] = 1.0  # (80, 80) in input pixels
    joints[0, :3, 0] += 20  # 20 of 256 pixels: wrong at 0.05, right at 0.1
    visible = torch.ones(3, 6)
    visible[1, :] = 0

    def batch(first, last, index=0):
        images = torch.zeros(last - first, 3, 256, 192, dtype=torch.uint8)
        part = slice(first, last)
        indices = torch.full((last - first,), index)
        return {"image": images, "joints": joints[part], "visible": visible[part], "index": indices}

    def score(*batches):
        return task.score(Known(heatmaps), batches, lambda values: values)

    result = score(batch(0, 2), batch(2, 3))
    # 12 joints count; 3 are 20 pixels off. Averaging the batches would give 0.75.
    assert (result["pck_0.05"], result["pck_0.1"]) == (pytest.approx(9 / 12), 1.0)
    whole = score(batch(0, 3))
    assert result["val_loss"] == pytest.approx(whole["val_loss"], rel=1e-6)
    assert score(batch(0, 3), batch(0, 1, index=-1)) == whole  # a batch without readable images


def test_one_batch_of_coco_mini_is_learnt(coco_mini, tmp_path, capsys):
    """The document's check: the first 16 persons with at least four lower-body joints."""
    status = train_heatmap.main(
        ["--data", str(coco_mini), "--overfit-one-batch", "--output", str(tmp_path)]
    )
    printed = capsys.readouterr().out
    assert "16 persons, 200 steps" in printed
    assert status == 0, printed  # loss down by 95 %, PCK@0.05 in eval mode at least 0.95
    assert (tmp_path / "predictions.jpg").is_file()


def test_a_crop_cache_changes_no_number(tiny_coco, tmp_path):
    """From the disk, or in the device's memory: mirrored and plain crops are the same bytes."""
    logs = []
    for name, flags in (
        ("images", ()),
        ("cache", ("--cache", str(tmp_path / "crops"))),
        ("device", ("--cache", str(tmp_path / "crops"), "--on-device")),
    ):
        assert run(tiny_coco, tmp_path / name, "--epochs", "2", "--batch-size", "2", *flags) == 0
        logs.append((tmp_path / name / "log.csv").read_text())
    assert logs[0] == logs[1] == logs[2]
    assert {path.name for path in (tmp_path / "crops").iterdir() if path.is_dir()} == {
        *("train", "val")
    }


def test_crops_on_the_device_need_a_cache(tiny_coco, tmp_path, capsys):
    assert run(tiny_coco, tmp_path / "run", "--on-device") == 2
    assert "--on-device keeps the crops of a --cache" in capsys.readouterr().err


def test_augmentation_is_part_of_a_run(tiny_coco, tmp_path):
    flags = ("--epochs", "1", "--scale", "0.3", "--rotation", "30", "--half-body", "0.3")
    colours = ("--brightness", "0.2", "--contrast", "0.2", "--saturation", "0.2")
    assert run(tiny_coco, tmp_path / "plain", "--epochs", "1", "--flip", "0") == 0
    assert run(tiny_coco, tmp_path / "changed", *flags, *colours) == 0
    losses = [rows_of(tmp_path / name)[0]["train_loss"] for name in ("plain", "changed")]
    assert losses[0] != losses[1]
    state = checkpoint.load(tmp_path / "changed" / "last.pt")
    assert state["settings"]["rotation"] == 30.0
