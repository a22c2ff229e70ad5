"""What goes wrong while people train: a clear error each, and nothing lost."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from python_models import train_heatmap, trained
from python_models.training import checkpoint
from tests import coco_files

ROOT = Path(__file__).parent.parent
SMALL = ("--input-size", "48", "64", "--batch-size", "2", "--epochs", "1")


@pytest.fixture
def coco(tmp_path):
    for split in ("train", "val"):
        coco_files.write(tmp_path / "coco", [coco_files.person(i) for i in (1, 2)], split=split)
    return tmp_path / "coco"


def run(coco, folder, *flags):
    return train_heatmap.main(["--data", str(coco), "--output", str(folder), *SMALL, *flags])


def annotations(coco, split="train"):
    return coco / "annotations" / f"person_keypoints_{split}2017.json"


def test_a_truncated_json(coco, tmp_path, capsys):
    file = annotations(coco)
    file.write_text(file.read_text()[:200])
    assert run(coco, tmp_path / "run") == 2
    error = capsys.readouterr().err
    assert f"error: {file}: not a JSON file" in error
    assert "\n" not in error.strip()


@pytest.mark.parametrize("split", ["train", "val"])
def test_an_empty_data_set(coco, tmp_path, capsys, split):
    file = annotations(coco, split)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"annotations": []}))
    assert run(coco, tmp_path / "run") == 2
    assert f"error: {file}: no person is left" in capsys.readouterr().err


def test_more_persons_than_there_are(coco, tmp_path, capsys):
    assert run(coco, tmp_path / "run", "--persons", "3") == 2
    assert "3 persons asked for, but only 2" in capsys.readouterr().err


def test_a_corrupt_jpeg_is_left_out_and_named_once(coco, tmp_path, capsys):
    """Cut off in the middle: the decoder notices only after half of the picture."""
    rows = [coco_files.person(1), coco_files.person(2, image_id=2)]
    coco_files.write(coco, rows)
    content = json.loads(annotations(coco).read_text())
    content["images"].append(content["images"][0] | {"id": 2, "file_name": "2.jpg"})
    annotations(coco).write_text(json.dumps(content))
    whole = (coco / "train2017" / "1.jpg").read_bytes()
    (coco / "train2017" / "2.jpg").write_bytes(whole[: len(whole) // 2])
    assert run(coco, tmp_path / "run", "--epochs", "3") == 0
    printed = capsys.readouterr().out
    assert printed.count("left out, because its image cannot be read") == 1
    assert "2.jpg" in printed


def test_a_full_disk(coco, tmp_path):
    """A limit on files' size stops writing as a full disk does; the checkpoint before is kept."""
    assert run(coco, tmp_path / "run") == 0
    before = (tmp_path / "run" / "last.pt").read_bytes()
    command = [sys.executable, "-m", "python_models.train_heatmap", "--data", str(coco)]
    small = len(before) // 2
    result = subprocess.run(
        [*command, "--output", str(tmp_path / "run"), *SMALL, "--epochs", "2", "--resume"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (small, small)),
    )
    assert result.returncode == 2
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert "while the checkpoint was written; the one before is kept" in line
    assert str(tmp_path / "run") in line
    assert "Traceback" not in result.stderr
    assert (tmp_path / "run" / "last.pt").read_bytes() == before
    assert not list((tmp_path / "run").glob(".*partial"))


def test_a_checkpoint_that_is_none(coco, tmp_path, capsys):
    folder = tmp_path / "run"
    folder.mkdir()
    torch.save([1, 2, 3], folder / "last.pt")
    assert run(coco, folder, "--resume") == 2
    assert "must be a whole checkpoint, got a list" in capsys.readouterr().err
    torch.save({"epoch": 3}, folder / "last.pt")
    assert run(coco, folder, "--resume") == 2
    assert "no training can go on from it, it has no model" in capsys.readouterr().err


def test_a_checkpoint_of_another_model(coco, tmp_path, capsys):
    folder = tmp_path / "run"
    assert run(coco, folder) == 0
    assert run(coco, folder, "--resume", "--model", "resnet18") == 2
    assert "model must be dilated_cnn as before, got resnet18" in capsys.readouterr().err


def test_a_run_on_several_sources_leaves_its_settings_and_goes_on(coco, tmp_path, capsys):
    other = coco_files.write(tmp_path / "other", [coco_files.person(11)])
    also = ("--also", str(annotations(other)), str(other / "train2017"))
    assert run(coco, tmp_path / "run", *also) == 0
    assert "train: 3 persons" in capsys.readouterr().out
    settings = json.loads((tmp_path / "run" / "config.json").read_text())
    assert settings["also"] == [list(also[1:])]
    assert trained.load(tmp_path / "run" / "best.pt").settings["also"] == settings["also"]
    assert run(coco, tmp_path / "run", *also, "--epochs", "2", "--resume") == 0
    assert run(coco, tmp_path / "run", "--epochs", "3", "--resume") == 2
    assert "also must be" in capsys.readouterr().err


@pytest.mark.parametrize("split", ["train", "val"])
def test_other_data_than_before(coco, tmp_path, capsys, split):
    folder = tmp_path / "run"
    assert run(coco, folder) == 0
    coco_files.write(coco, [coco_files.person(i) for i in (1, 2, 3)], split=split)
    assert run(coco, folder, "--epochs", "2", "--resume") == 2
    assert f"{split}_data must be" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settings": [1, 2]}, "its settings must be named"),
        ({"model": [1, 2]}, "its model is another one"),
        ({"progress": {"steps": 1}}, "it does not say how far it is"),
        ({"progress": {"rows": 5}}, "it does not say how far it is"),
        ({"progress": {"rows": [], "step": "a"}}, "it does not say how far it is"),
    ],
)
def test_a_checkpoint_of_another_form(coco, tmp_path, capsys, change, message):
    folder = tmp_path / "run"
    assert run(coco, folder) == 0
    checkpoint.save(folder / "last.pt", checkpoint.load(folder / "last.pt") | change)
    assert run(coco, folder, "--resume") == 2
    assert f"error: {folder / 'last.pt'}: {message}" in capsys.readouterr().err


def test_trained_models_are_ready_for_use(coco, tmp_path):
    folder = tmp_path / "run"
    assert run(coco, folder, "--ema", "0.5", "--sigma", "1.5", "--batch-size", "1") == 0
    best, last = (trained.load(folder / name) for name in ("best.pt", "last.pt"))
    assert best.task.input_size == (48, 64)
    assert best.task.sigma == 1.5
    assert not best.model.training
    state = checkpoint.load(folder / "last.pt")
    weights = last.model.state_dict()
    for name, tensor in weights.items():  # the average, not what is trained
        assert torch.equal(tensor, state["average"][f"module.{name}"])
        assert torch.equal(tensor, best.model.state_dict()[name])
    assert not torch.equal(weights["head.0.weight"], state["model"]["head.0.weight"])


def test_what_cannot_be_used_is_refused(coco, tmp_path):
    folder = tmp_path / "run"
    assert run(coco, folder) == 0
    state = checkpoint.load(folder / "best.pt")
    path = tmp_path / "other.pt"
    for change, message in (
        ({"settings": state["settings"] | {"model": "hourglass"}}, "model must be among"),
        ({"settings": state["settings"] | {"model": "resnet18"}}, "not those of a resnet18"),
        ({"settings": None}, "must be the checkpoint of a training run"),
        ({"settings": state["settings"] | {"input_size": 5}}, "settings are not those of a run"),
        ({"settings": state["settings"] | {"refine": "best"}}, "refine must be among"),
        ({"average": torch.zeros(3)}, "not those of a dilated_cnn"),
        ({"model": [1]}, "not those of a dilated_cnn"),
    ):
        checkpoint.save(path, state | change)
        with pytest.raises(ValueError, match=message):
            trained.load(path)
    with pytest.raises(FileNotFoundError, match=r"missing\.pt"):
        trained.load(tmp_path / "missing.pt")
    path.write_bytes((folder / "best.pt").read_bytes()[:-100])
    with pytest.raises(ValueError, match="must be a whole checkpoint"):
        trained.load(path)


def test_a_loss_that_is_no_number(coco, tmp_path, capsys, monkeypatch):
    """Weights of NaN, as a learning rate far too high leaves them."""
    real = train_heatmap.make_model

    def broken(args):
        model = real(args)
        torch.nn.init.constant_(model.head[-1].weight, float("nan"))
        return model

    monkeypatch.setattr(train_heatmap, "make_model", broken)
    assert run(coco, tmp_path / "run") == 2
    error = capsys.readouterr().err
    assert "epoch 1, step 1: the loss is nan. Its batch: annotation" in error
    assert "1.jpg" in error


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--accelerator", "cpu", "--precision", "16-mixed"), "precision must be 32-true or bf16"),
        (("--milestones", "1"), "milestones belong to the kind step"),
        (("--schedule", "step"), "milestones belong to the kind step"),
        (("--accumulate", "3"), "at least one sample for each of the 3 batches"),
        (("--pretrained", "none.pth", "--model", "resnet18"), "no file none.pth"),
    ],
)
def test_options_that_cannot_be(coco, tmp_path, capsys, flags, message):
    assert run(coco, tmp_path / "run", *flags) == 2
    assert message in capsys.readouterr().err
