"""Lifters are scored on persons whom they were not trained on, wherever the data come from."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from python_models import train_lifter
from python_models.evaluation import lifting
from python_models.training import checkpoint
from tests.lifter_inputs import write_vicon

SMALL = ["--width", "16", "--batch-size", "16", "--epochs", "1", "--accelerator", "cpu"]
POSES = 2 * 3  # of a subject: two movements of 12 frames, every fifth of them


def motions(folder):
    return ["--motions", "ui-prmd-vicon", str(folder)]


def train(data, output, *flags):
    assert train_lifter.main([*motions(data), *SMALL, "--output", str(output), *flags]) == 0
    return output / "best.pt"


def score(weights, output, *flags):
    return lifting.main(["--weights", str(weights), "--output", str(output), *flags])


def pairs(output):
    return json.loads((output / "report.json").read_text())["all"]["pairs"]


def changed(weights, path, **settings):
    """A checkpoint with other settings; those that are None are left out."""
    state = checkpoint.load(weights)
    state["settings"].update(settings)
    state["settings"] = {name: value for name, value in state["settings"].items()
                         if name not in settings or value is not None}  # fmt: skip
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_vicon(tmp_path_factory.mktemp("data") / "vicon-positions")


@pytest.fixture(scope="module")
def drawn(data, tmp_path_factory):
    """A run on two of three subjects that were drawn."""
    return train(data, tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def trained(drawn):
    return checkpoint.load(drawn)["settings"]["train_subjects"]


def others(folder, *subjects):
    return write_vicon(folder / "other" / "vicon-positions", subjects)


def test_the_checkpoint_says_whom_it_was_trained_on(drawn, trained):
    assert len(trained) == 2
    assert set(trained) < {"s01", "s02", "s03"}
    config = json.loads((drawn.parent / "config.json").read_text())
    assert config["train_subjects"] == trained


def test_data_that_were_moved_are_the_same_data(drawn, data, tmp_path, capsys):
    moved = shutil.copytree(data, tmp_path / "moved" / "vicon-positions")
    assert score(drawn, tmp_path / "a") == score(drawn, tmp_path / "b", *motions(moved)) == 0
    assert "note:" not in capsys.readouterr().out
    one, other = ((tmp_path / name / "report.json").read_text() for name in "ab")
    assert one == other
    assert pairs(tmp_path / "a") == POSES


def test_of_other_data_only_new_persons_are_scored(drawn, trained, tmp_path, capsys):
    data = others(tmp_path, trained[0], "s08", "s09")
    assert score(drawn, tmp_path, *motions(data)) == 0
    printed = capsys.readouterr().out
    assert "note: these are not the data" in printed
    assert f"{2 * POSES} pairs, 2 subjects" in printed
    assert pairs(tmp_path) == 2 * POSES


def test_where_all_are_new_the_baselines_are_of_the_runs_own_data(drawn, data, tmp_path, capsys):
    new = others(tmp_path, "s08")
    assert score(drawn, tmp_path, *motions(new)) == 0
    assert pairs(tmp_path) == POSES
    gone = [["ui-prmd-vicon", str(tmp_path / "gone")]]
    assert score(changed(drawn, tmp_path / "x.pt", motions=gone), tmp_path, *motions(new)) == 2
    assert "gone does not exist" in capsys.readouterr().err


def test_without_new_persons_there_is_no_score(drawn, trained, tmp_path, capsys):
    data = others(tmp_path, *trained)
    assert score(drawn, tmp_path, *motions(data)) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert f"trained on all subjects of these motions, {trained}" in message


def test_a_run_that_does_not_say_whom_it_was_trained_on(drawn, data, tmp_path, capsys):
    old = changed(drawn, tmp_path / "old.pt", train_subjects=None)
    moved = shutil.copytree(data, tmp_path / "moved" / "vicon-positions")
    assert score(old, tmp_path, *motions(moved)) == 0, "the very data that it was scored on"
    assert score(old, tmp_path, *motions(others(tmp_path, "s07", "s08", "s09"))) == 2
    assert "does not say whom it was trained on" in capsys.readouterr().err


def test_such_a_run_may_name_whom_it_was_scored_on(data, tmp_path, capsys):
    weights = train(data, tmp_path / "run", "--val-subjects", "s02")
    old = changed(weights, tmp_path / "old.pt", train_subjects=None)
    assert score(old, tmp_path, *motions(others(tmp_path, "s01", "s02", "s08"))) == 0
    assert pairs(tmp_path) == POSES
    assert score(old, tmp_path, *motions(others(tmp_path / "b", "s01", "s08"))) == 2
    assert "nobody is left to be scored" in capsys.readouterr().err


def test_settings_that_a_run_had_not_have_their_defaults(drawn, data, tmp_path, capsys):
    new = ("balance", "without", "varied_legs", "val_cameras", "calibrated", "seed", "detections")
    old = changed(drawn, tmp_path / "old.pt", **dict.fromkeys(new))
    assert score(old, tmp_path / "old") == score(drawn, tmp_path / "new") == 0
    one, other = ((tmp_path / name / "report.json").read_text() for name in ("old", "new"))
    assert one == other
    none = changed(drawn, tmp_path / "none.pt", motions=None, squats=None)
    assert score(none, tmp_path) == 2
    assert "its settings name no data: give --motions" in capsys.readouterr().err
    assert score(none, tmp_path, *motions(data)) == 0


def test_other_motions_are_for_runs_on_motions(data, tmp_path, capsys):
    flags = ["--squats", "20", "--val-squats", "4", "--output", str(tmp_path)]
    assert train_lifter.main([*SMALL, *flags]) == 0
    assert score(tmp_path / "best.pt", tmp_path) == 0
    assert score(tmp_path / "best.pt", tmp_path, *motions(data)) == 2
    assert "--motions is for runs on motions" in capsys.readouterr().err


def test_fine_tuning_is_not_scored_on_whom_it_began_with(drawn, trained, data, tmp_path, capsys):
    flags = ["--val-subjects", trained[0], "--weights", str(drawn), "--output", str(tmp_path / "a")]
    assert train_lifter.main([*motions(data), *SMALL, *flags]) == 2
    assert f"was trained on ['{trained[0]}'], whom this run would be" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_fine_tuning_adds_to_whom_a_lifter_has_seen(drawn, trained, tmp_path):
    data = others(tmp_path, "s08", "s09")
    start = shutil.copy(drawn, tmp_path / "start.pt")
    flags = ["--val-subjects", "s09", "--weights", str(start)]
    tuned = train(data, tmp_path / "tuned", *flags)
    both = sorted([*trained, "s08"])
    assert checkpoint.load(tuned)["settings"]["train_subjects"] == both
    assert "none of them was trained on. " in (tuned.parent / "report.md").read_text()
    start.unlink()
    train(data, tmp_path / "tuned", *flags, "--resume", "--epochs", "2")
    assert checkpoint.load(tmp_path / "tuned" / "last.pt")["settings"]["train_subjects"] == both
    # Of a run that does not say it, nothing is known.
    old = changed(drawn, tmp_path / "old.pt", train_subjects=None)
    tuned = train(data, tmp_path / "b", "--val-subjects", "s09", "--weights", str(old))
    assert checkpoint.load(tuned)["settings"]["train_subjects"] is None
    assert "trained on in this run; whom the one before" in (tuned.parent / "report.md").read_text()
