from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from python_models import evaluate_angles
from python_models.data.synthetic_squats import generate
from python_models.decoding import ALL_DECODINGS
from python_models.lifter_task import LifterTask
from python_models.models.lifters import make_lifter
from python_models.training import checkpoint
from tests.trained_files import write_checkpoint


@pytest.fixture(scope="module")
def squats(tmp_path_factory):
    folder = tmp_path_factory.mktemp("angles") / "squats"
    generate(folder, train=0, val=8, seed=1, image_size=96, processes=1)
    return folder


def write_lifter(path, **settings):
    """An untrained lifter's best.pt."""
    task = LifterTask.from_settings(settings)
    torch.manual_seed(0)
    model = make_lifter("martinez", task.source_skeleton, task.target_skeleton, width=8)
    run = {"model": "martinez", "width": 8, "blocks": None, "dropout": None, "frame": "person"}
    checkpoint.save(path, {"settings": {**run, **settings}, "model": model.state_dict()})
    return path


def run(squats, tmp_path, *flags, lifter=None):
    model = write_checkpoint(tmp_path / "heatmaps" / "best.pt")
    lifter = lifter or write_lifter(tmp_path / "lifter.pt")
    arguments = ["--checkpoint", model, "--lifter", lifter, "--data", squats, "--device", "cpu"]
    output = tmp_path / "out"
    status = evaluate_angles.main([str(a) for a in (*arguments, "--output", output, *flags)])
    return status, output


def test_every_stage_is_in_the_table_and_the_json(squats, tmp_path, capsys):
    status, output = run(squats, tmp_path)
    assert status == 0
    stages = json.loads((output / "angles.json").read_text())["stages"]
    plain = sum(not decoding.flip for decoding in ALL_DECODINGS)
    assert len(stages) == 2 + plain + 3 * len(ALL_DECODINGS)
    table = (output / "angles.md").read_text()
    assert table in capsys.readouterr().out
    assert table.count("\n| ") == len(stages) + 1
    legs = {row["legs"] for row in stages}
    assert len(legs) == 1
    assert 2 <= legs.pop() <= 16
    exact = next(row for row in stages if row["stage"] == "the picture's angle, exact joints")
    assert 0 < exact["mean_degrees"] < 60, "a projected angle is not that of the body"


def test_a_lifter_that_knows_cameras_is_told_their_focal_lengths(squats, tmp_path):
    lifter = write_lifter(tmp_path / "lifter.pt", frame="image", calibrated=True)
    assert run(squats, tmp_path, lifter=lifter)[0] == 0


def test_the_truth_is_that_of_the_annotations(squats):
    file = squats / "annotations" / "person_keypoints_val2017.json"
    rows = json.loads(file.read_text())["annotations"][::-1]
    flexion, focal = evaluate_angles.truth_of(file, [row["id"] for row in rows])
    np.testing.assert_array_equal(flexion, 180 - np.array([row["knee_angles"] for row in rows]))
    np.testing.assert_array_equal(focal, [row["camera"]["fx"] for row in rows])


@pytest.mark.parametrize("split", ["../squats/val", "val/../val", "", "..", "/val", "a\\b"])
def test_a_split_cannot_lead_out_of_the_folder(squats, tmp_path, capsys, split):
    assert run(squats, tmp_path, "--split", split)[0] == 2
    assert f"split must be a plain name, got {split!r}" in capsys.readouterr().err


def test_what_it_refuses(squats, tmp_path, capsys):
    other = write_lifter(tmp_path / "coco.pt", source="coco-17", target="coco-17")
    assert run(squats, tmp_path, lifter=other)[0] == 2
    assert "six joints" in capsys.readouterr().err
    folder = tmp_path / "coco"
    (folder / "annotations").mkdir(parents=True)
    (folder / "val2017").symlink_to(squats / "val2017")
    content = json.loads((squats / "annotations" / "person_keypoints_val2017.json").read_text())
    for row in content["annotations"]:
        del row["knee_angles"]
    file = folder / "annotations" / "person_keypoints_val2017.json"
    file.write_text(json.dumps(content))
    assert run(folder, tmp_path)[0] == 2
    assert "must have knee_angles and camera" in capsys.readouterr().err
    assert run(tmp_path / "no", tmp_path)[0] == 2
    assert "error: " in capsys.readouterr().err
