from __future__ import annotations

import json

import pytest

from python_models import train_heatmap
from python_models.models.registry import MODELS
from python_models.training import options

HEATMAP = options.EXPERIMENTS / "heatmap"
# The lower-body document's six runs: model, persons (0: all), all six joints annotated, epochs.
DOCUMENT = {
    "resnet18_mini20k": ("resnet18", 20000, False, 30),
    "resnet18_mini20k_50": ("resnet18", 20000, False, 50),
    "resnet18_fpn_full": ("resnet18_fpn", 0, False, 30),
    "resnet18_fpn_60k": ("resnet18_fpn", 0, True, 30),
    "dilated_cnn_60k": ("dilated_cnn", 0, True, 80),
    "dilated_cnn_60k_160": ("dilated_cnn", 0, True, 160),
}


def parse(*flags):
    return train_heatmap.parse(["--data", "coco", *flags])


@pytest.mark.parametrize("name", DOCUMENT)
def test_every_run_of_the_document_is_an_experiment(name):
    args = parse("--experiment", name)
    assert (args.model, args.persons, args.fully_visible, args.epochs) == DOCUMENT[name]
    assert (args.learning_rate, args.weight_decay) == (1e-3, 1e-4)  # Adam's, in the document
    assert tuple(args.input_size) == (192, 256)
    assert (args.sigma, args.target_preset) == (2.0, "exact")


@pytest.mark.parametrize("path", sorted(HEATMAP.glob("*.toml")), ids=lambda path: path.stem)
def test_every_experiment_is_understood(path):
    args = parse("--experiment", path.stem)
    assert args.model in MODELS
    assert args.experiment == path.stem
    json.dumps(options.settings_of(args))


def test_flags_go_before_the_experiment():
    args = parse("--experiment", "resnet18_fpn_60k", "--epochs", "3", "--no-fully-visible")
    assert (args.epochs, args.fully_visible, args.model) == (3, False, "resnet18_fpn")
    args = parse("--epochs", "3", "--experiment", "resnet18_fpn_60k")  # wherever they stand
    assert args.epochs == 3


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        ("batch_size = 32", ["--batch-size", "32"]),
        ("learning_rate = 1e-3", ["--learning-rate", "0.001"]),
        ("input_size = [96, 128]", ["--input-size", "96", "128"]),
        ("fully_visible = true\ncompile = false", ["--fully-visible", "--no-compile"]),
    ],
)
def test_a_file_is_a_command_line(tmp_path, content, arguments):
    (tmp_path / "x.toml").write_text(content)
    assert options.arguments_of(tmp_path / "x.toml") == arguments


@pytest.mark.parametrize("content", ["epoch = 3", "epochs = 0", 'model = "hourglass"'])
def test_mistakes_in_an_experiment_are_refused(tmp_path, monkeypatch, capsys, content):
    (tmp_path / "heatmap").mkdir()
    (tmp_path / "heatmap" / "mine.toml").write_text(content)
    monkeypatch.setattr(options, "EXPERIMENTS", tmp_path)
    with pytest.raises(SystemExit):
        parse("--experiment", "mine")
    assert content.split()[0] in capsys.readouterr().err.replace("-", "_")


def test_an_unknown_experiment_is_refused(capsys):
    with pytest.raises(SystemExit):
        parse("--experiment", "resnet99")
    assert "resnet18_mini20k" in capsys.readouterr().err  # the names that there are


def test_a_cosine_needs_the_same_number_of_epochs_to_go_on():
    assert "epochs" not in options.settled_of(parse())
    assert "epochs" in options.settled_of(parse("--schedule", "cosine"))
    assert {"model", "batch_size", "sigma", "seed", "flip"} <= options.settled_of(parse())
