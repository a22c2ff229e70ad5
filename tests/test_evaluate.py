from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from python_models import evaluate, trained, whole_file
from python_models.heatmap_task import HeatmapTask
from tests import evaluation_scenes as scenes
from tests.trained_files import write_checkpoint


@pytest.fixture
def scene(tmp_path):
    content = scenes.annotations(images=4)
    return content, scenes.write(tmp_path / "coco", content)


@pytest.fixture
def best(tmp_path):
    return write_checkpoint(tmp_path / "run" / "best.pt")


def refuse_constants(name):
    raise AssertionError(f"{name} is no JSON")


def run(best, output, *flags):
    return evaluate.main(
        ["--checkpoint", str(best), "--output", str(output), "--device", "cpu", *map(str, flags)]
    )


def test_the_command_leaves_its_files(scene, best, tmp_path, capsys):
    content, root = scene
    output = tmp_path / "deep" / "results"
    assert run(best, output, "--data", root, "--mean-pose-of", "val", "--batch-size", 2) == 0
    printed = capsys.readouterr().out
    results = json.loads((output / "results.json").read_text(), parse_constant=refuse_constants)
    assert results["persons"] == len(content["annotations"])
    assert results["detailed"] == "quarter"
    assert len(results["methods"]) == 15
    assert results["settings"]["box_scale"] == 1.25
    pck = results["methods"]["mean pose"]["pck"]["0.1"]["all"]
    assert 0 < pck < 1
    assert f"{pck:.3f}" in next(line for line in printed.splitlines() if "mean pose" in line)
    assert len(json.loads((output / "coco_results.json").read_text())) == results["persons"]
    assert len(results["worst_persons"]) == results["persons"]
    for name in ("joints", "ratios", "decodings", "predictions", "worst"):
        with Image.open(output / f"{name}.png") as image:
            assert min(image.size) > 100
            assert len(image.convert("RGB").getcolors(1 << 24)) > 10
    assert len(list(output.iterdir())) == 7, "nothing half written is left"


def test_the_model_is_asked_with_its_own_crops_and_decoding(scene, tmp_path, monkeypatch):
    """The whole way with a network whose heatmaps are known."""
    content, root = scene
    peaks = scenes.peaks_near(content)
    task = HeatmapTask(input_size=scenes.INPUT, refine="parabola")
    model = trained.Trained(
        scenes.KnownHeatmaps(peaks), task, {"box_scale": scenes.BOX_SCALE, "min_visibility": 1}
    )
    monkeypatch.setattr(trained, "load", {tmp_path / "best.pt": model}.get)
    flags = ("--annotations", root / "annotations" / "person_keypoints_val2017.json")
    assert run(tmp_path / "best.pt", tmp_path / "out", *flags, "--images", root / "val2017") == 0
    results = json.loads((tmp_path / "out" / "coco_results.json").read_text())
    for row, found, result in zip(content["annotations"], peaks.plain, results, strict=True):
        assert result["image_id"] == row["image_id"]
        assert result["bbox"] == row["bbox"]
        keypoints = np.array(result["keypoints"]).reshape(17, 3)
        assert not keypoints[:11].any()
        for joint, index in enumerate(scenes.LOWER_BODY):
            expected = scenes.to_image(found[joint] + (1 / 6, 0), row["bbox"])
            assert keypoints[index, :2] == pytest.approx(expected, abs=1e-3)  # float32
    written = json.loads((tmp_path / "out" / "results.json").read_text())
    assert written["detailed"] == "parabola"


def test_min_visibility_is_that_of_the_training(scene, tmp_path):
    content, root = scene
    for flag in (1, 2):
        best = write_checkpoint(tmp_path / f"{flag}.pt", min_visibility=flag)
        assert run(best, tmp_path / str(flag), "--data", root) == 0
        results = json.loads((tmp_path / str(flag) / "results.json").read_text())
        counted = sum(results["methods"]["none"]["joints"].values())
        flags = np.concatenate([scenes.lower_body(row)[:, 2] for row in content["annotations"]])
        assert counted == (flags >= flag).sum()


def test_ids_of_images_may_be_anything(scene, best, tmp_path):
    content, root = scene
    assert run(best, tmp_path / "plain", "--data", root) == 0
    first = content["images"][0]["id"]
    plain = json.loads((tmp_path / "plain" / "results.json").read_text())["methods"]
    for place, identifier in enumerate(["first", 10**30, 1.5, None]):
        images = [i | {"id": identifier} if i["id"] == first else i for i in content["images"]]
        rows = [
            row | {"image_id": identifier} if row["image_id"] == first else row
            for row in content["annotations"]
        ]
        named, other = tmp_path / f"named{place}", tmp_path / f"other{place}"
        scenes.write(other, {**content, "images": images, "annotations": rows})
        assert run(best, named, "--data", other) == 0
        found = json.loads((named / "results.json").read_text())["methods"]
        assert found == plain, identifier


@pytest.mark.parametrize(
    "settings",
    [
        {"model": ["dilated_cnn"]},
        {"box_scale": 0},
        {"box_scale": [1]},
        {"min_visibility": None},
        {"sigma": "x"},
        {"sigma": float("nan")},
        {"stride": 0},
        {"input_size": [48.5, 64.0]},
    ],
)
def test_settings_that_are_none_are_one_line(scene, best, tmp_path, capsys, settings):
    _, root = scene
    state = torch.load(best, weights_only=True)
    state["settings"].update(settings)
    torch.save(state, best)
    assert run(best, tmp_path / "out", "--data", root) == 2
    assert "error: " + str(best) in capsys.readouterr().err


def test_what_cannot_be_evaluated_is_a_clear_error(scene, best, tmp_path, capsys):
    content, root = scene

    def error(*arguments):
        assert run(*arguments) == 2
        return capsys.readouterr().err

    output = tmp_path / "out"
    assert "does not exist" in error(tmp_path / "no.pt", output, "--data", root)
    broken = tmp_path / "broken.pt"
    broken.write_bytes(best.read_bytes()[:1000])
    assert "must be a whole checkpoint" in error(broken, output, "--data", root)
    other = write_checkpoint(tmp_path / "other.pt", weights_of="resnet18")
    assert "not those of a dilated_cnn" in error(other, output, "--data", root)
    unknown = write_checkpoint(tmp_path / "unknown.pt", model="hourglass")
    assert "'hourglass'" in error(unknown, output, "--data", root)
    assert "does not exist" in error(best, output, "--data", root, "--split", "test")
    empty = scenes.write(tmp_path / "empty", {**content, "annotations": []})
    assert "no person" in error(best, output, "--data", empty)
    annotations = empty / "annotations" / "person_keypoints_val2017.json"
    annotations.write_text(annotations.read_text()[:-20])
    assert "not a JSON file" in error(best, output, "--data", empty)
    for image in (root / "val2017").iterdir():
        image.write_bytes(b"no picture")
    message = error(best, output, "--data", root)
    assert "no image could be read" in message
    assert "1.png" in message
    assert "no_device" in error(best, output, "--data", root, "--device", "no_device")
    assert not output.exists()


def test_a_full_disk_is_a_clear_error_and_leaves_the_old_results(
    scene, best, tmp_path, monkeypatch, capsys
):
    _, root = scene
    output = tmp_path / "out"
    output.mkdir()
    (output / "results.json").write_text("the old one")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole_file.os, "fsync", full)
    assert run(best, output, "--data", root) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert [file.name for file in output.iterdir()] == ["results.json"]
    assert (output / "results.json").read_text() == "the old one"


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--data", "x", "--annotations", "y"),
        ("--annotations", "y"),
        ("--images", "y", "--data", "x"),
        ("--annotations", "y", "--images", "x", "--mean-pose-of", "train"),
        ("--data", "x", "--batch-size", "0"),
        ("--data", "x", "--refine", "no"),
    ],
)
def test_options_that_do_not_go_together(flags, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        run("best.pt", tmp_path, *flags)
    assert stopped.value.code == 2
