"""predict.py on pictures, and what it refuses."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from PIL import Image

from python_models import trained
from tests import predict_inputs as inputs
from tests.predict_runs import (
    LEFT_HIP,
    PLACES,
    RIGHT_HIP,
    boxes_file,
    results,
    run,
    save,
    table,
)
from tests.trained_files import write_checkpoint

JOINTS = ["left_hip", "left_knee", "left_ankle", "right_hip", "right_knee", "right_ankle"]


def test_a_picture(bright, tmp_path, capsys):
    picture = save(tmp_path / "a.png", inputs.spot(3, 5))
    output = tmp_path / "out"
    assert run(picture, output) == 0
    assert "1 persons in 1 pictures" in capsys.readouterr().out
    rows = table(output / "joints.csv")
    assert list(rows[0]) == ["frame", "person", "joint", "x", "y", "score"]
    assert [row["joint"] for row in rows] == JOINTS
    assert {(row["frame"], row["person"]) for row in rows} == {("a.png", "0")}
    found = {row["joint"]: (float(row["x"]), float(row["y"])) for row in rows}
    assert found["left_hip"] == inputs.seen(3, 5)
    assert found["left_knee"] == inputs.seen(3, 6)
    assert found["right_ankle"] == inputs.seen(4, 5)
    white = np.mean((1 - np.array([0.485, 0.456, 0.406])) / (0.229, 0.224, 0.225))
    (result,) = results(output)
    keypoints = np.array(result["keypoints"]).reshape(17, 3)
    assert keypoints[LEFT_HIP] == pytest.approx([*inputs.seen(3, 5), white])
    assert keypoints[RIGHT_HIP] == pytest.approx([*inputs.seen(4, 5), white / 2])
    assert not keypoints[:11].any()
    assert result["score"] == pytest.approx(0.75 * white)
    assert result["bbox"] == [0, 0, *inputs.SIZE]
    assert (result["image_id"], result["category_id"]) == (1, 1)
    (image,) = json.loads((output / "images.json").read_text())["images"]
    assert image == {"id": 1, "file_name": "a.png", "width": 96, "height": 128}


def test_the_overlay_is_blue_on_the_left_and_red_on_the_right(bright, tmp_path):
    picture = save(tmp_path / "a.png", inputs.spot(3, 5))
    run(picture, tmp_path / "out")
    drawn = np.array(Image.open(tmp_path / "out" / "overlays" / "a.png")).astype(int)
    x, y = inputs.seen(3, 6)
    red, _, blue = drawn[round(y), round(x)]
    assert blue > red + 100
    x, y = inputs.seen(4, 5)
    red, _, blue = drawn[round(y), round(x)]
    assert red > blue + 100
    # Far from the joints the picture is as it was.
    assert np.array_equal(drawn[:20], inputs.spot(3, 5)[:20])


def test_a_box_is_cropped_as_in_training(tmp_path, monkeypatch):
    """Twice the image's size, the person's box in a corner of it, the scale of the run."""
    model = inputs.model(box_scale=1.25)
    monkeypatch.setattr(trained, "load", lambda _: model)
    image = np.zeros((400, 300, 3), np.uint8)
    image[215:225, 115:125] = 255
    save(tmp_path / "a.png", image)
    # 48 : 64 grows 60 x 100 to 75 x 100, times 1.25 is 93.75 x 125 about (120, 220).
    assert run(tmp_path / "a.png", tmp_path / "out", "--box", 90, 170, 60, 100) == 0
    rows = table(tmp_path / "out" / "joints.csv")
    step = 4 * 93.75 / 48  # image pixels a heatmap pixel
    left, top = 120 - 93.75 / 2 - 0.5 + step / 8, 220 - 125 / 2 - 0.5 + step / 8
    across, down = (float(rows[0]["x"]) - left) / step, (float(rows[0]["y"]) - top) / step
    # A pixel of the heatmap, to the table's 0.001 image pixels, within one pixel of the spot.
    assert across == pytest.approx(round(across), abs=1e-3)
    assert down == pytest.approx(round(down), abs=1e-3)
    assert math.dist((float(rows[0]["x"]), float(rows[0]["y"])), (119.5, 219.5)) < step
    (result,) = results(tmp_path / "out")
    assert result["bbox"] == [90, 170, 60, 100]


def test_a_folder_with_a_corrupt_picture(bright, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    save(folder / "b.jpg", inputs.spot(4, 4))
    save(folder / "a.bmp", inputs.spot(3, 5))
    (folder / "broken.jpg").write_bytes((folder / "b.jpg").read_bytes()[:200])
    (folder / "notes.txt").write_text("no picture")
    output = tmp_path / "out"
    assert run(folder, output) == 0
    captured = capsys.readouterr()
    assert "2 persons in 2 pictures" in captured.out
    assert "left out" in captured.err
    assert "broken.jpg" in captured.err
    assert [row["frame"] for row in table(output / "joints.csv")[::6]] == ["a.bmp", "b.jpg"]
    assert sorted(p.name for p in (output / "overlays").iterdir()) == ["a.bmp.png", "b.jpg"]
    (folder / "a.bmp").write_bytes(b"")
    (folder / "b.jpg").write_bytes(b"")
    assert run(folder, tmp_path / "none") == 2
    assert "no picture could be read" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_pictures_that_are_named_by_a_number_have_it_as_id(bright, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("000000000139.jpg", "000000000285.jpg"):
        save(folder / name, inputs.spot(4, 4))
    run(folder, tmp_path / "out")
    assert [row["image_id"] for row in results(tmp_path / "out")] == [139, 285]
    save(folder / "139.png", inputs.spot(4, 4))  # the number a second time
    run(folder, tmp_path / "again")
    assert [row["image_id"] for row in results(tmp_path / "again")] == [1, 2, 3]


def test_a_photo_that_lies_on_its_side_is_turned(bright, tmp_path):
    turned = Image.fromarray(np.rot90(inputs.spot(3, 5)))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned.save(tmp_path / "a.png", exif=exif)
    run(tmp_path / "a.png", tmp_path / "out")
    row = table(tmp_path / "out" / "joints.csv")[0]
    assert (float(row["x"]), float(row["y"])) == inputs.seen(3, 5)
    with Image.open(tmp_path / "out" / "overlays" / "a.png") as drawn:
        assert drawn.size == inputs.SIZE


def test_boxes_are_of_the_picture_as_it_is_stored(bright, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(inputs.spot(3, 5)).save(tmp_path / "a.png", exif=exif)
    rows = [{"image_id": 1, "bbox": [0, 0, 96, 128]}]
    boxes = boxes_file(tmp_path / "boxes.json", [{"id": 1, "file_name": "a.png"}], rows)
    run(tmp_path / "a.png", tmp_path / "out", "--boxes", boxes)
    row = table(tmp_path / "out" / "joints.csv")[0]
    assert (float(row["x"]), float(row["y"])) == inputs.seen(3, 5)


def test_boxes_of_a_coco_file(bright, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        save(folder / name, inputs.spot(3, 5))
    whole = [0, 0, 96, 128]
    boxes = boxes_file(
        tmp_path / "boxes.json",
        [{"id": 70, "file_name": "a.png"}, {"id": 80, "file_name": "c.png"}],
        [
            {"image_id": 70, "bbox": whole},
            {"image_id": 70, "bbox": [8, 0, 96, 128]},
            {"image_id": 70, "bbox": whole, "iscrowd": 1},
        ],
    )
    output = tmp_path / "out"
    assert run(folder, output, "--boxes", boxes) == 0
    captured = capsys.readouterr()
    assert "2 persons in 2 pictures" in captured.out
    assert "b.png: not among the images of the boxes" in captured.err
    rows = table(output / "joints.csv")
    assert [(row["frame"], row["person"]) for row in rows[::6]] == [("a.png", "0"), ("a.png", "1")]
    # The second box lies a heatmap pixel further to the right, and so the spot is found again.
    assert all((float(row["x"]), float(row["y"])) == inputs.seen(3, 5) for row in rows[::6])
    assert [row["image_id"] for row in results(output)] == [70, 70]
    assert [row["id"] for row in json.loads((output / "images.json").read_text())["images"]] == [
        *(70, 80)
    ]


def test_a_huge_box_leaves_its_picture_without_persons(bright, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        save(folder / name, inputs.spot(3, 5))
    rows = [
        {"image_id": 1, "bbox": [0, 0, 900000, 900000]},
        {"image_id": 2, "bbox": [0, 0, 96, 128]},
    ]
    images = [{"id": i, "file_name": f"{name}.png"} for i, name in enumerate("abc", 1)]
    boxes = boxes_file(tmp_path / "boxes.json", images, [*rows, {**rows[1], "image_id": 3}])
    assert run(folder, tmp_path / "out", "--boxes", boxes) == 0
    captured = capsys.readouterr()
    assert "1 persons in 2 pictures" in captured.out
    assert "left out: the persons of a.png: a box is too large" in captured.err
    assert "boxes of 1 other images, id 3 first, are not used" in captured.err
    assert [row["image_id"] for row in results(tmp_path / "out")] == [2]


def test_what_it_refuses(bright, tmp_path, capsys, monkeypatch):
    picture = save(tmp_path / "a.png", inputs.spot(3, 5))

    def error(*arguments, **options):
        assert run(*arguments, **options) == 2
        return capsys.readouterr().err

    out = tmp_path / "out"
    assert "does not exist" in error(tmp_path / "no.png", out)
    (tmp_path / "empty").mkdir()
    assert "no picture in it" in error(tmp_path / "empty", out)
    assert "--smooth is for videos" in error(picture, out, "--smooth")
    for box in ((0, 0, 0, 5), (0, 0, 5, -1), (math.nan, 0, 5, 5), (0, 0, math.inf, 5)):
        assert "box must be" in error(picture, out, "--box", *box)
    (tmp_path / "alike").mkdir()
    for name in ("a.bmp", "a.bmp.png"):
        save(tmp_path / "alike" / name, inputs.spot(3, 5))
    assert "would both be drawn as a.bmp.png" in error(tmp_path / "alike", out)
    boxes = tmp_path / "boxes.json"
    for content, message in (
        ("{", "not a JSON file"),
        ("[" * 200_000, "not a JSON file"),
        ("[]", "must be a COCO annotation file"),
        ('{"images": [], "annotations": [3]}', "must be a COCO annotation file"),
        ('{"images": [{"id": []}], "annotations": []}', "ids must be"),
        ('{"images": [], "annotations": [{"image_id": 1, "bbox": [1, 2, "3", 4]}]}', "bbox of"),
        (
            '{"images": [{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "a"}],'
            ' "annotations": []}',
            "listed twice",
        ),
        (
            '{"images": [], "annotations": [{"image_id": 1, "track_id": 1, "bbox": [0, 0, 9, 9]},'
            ' {"image_id": 1, "track_id": 1, "bbox": [0, 0, 9, 9]}]}',
            "track_id must be",
        ),
    ):
        boxes.write_text(content)
        assert message in error(picture, out, "--boxes", boxes)
    assert "boxes.txt" in error(picture, out, "--boxes", tmp_path / "boxes.txt")
    source = inputs.write_video(tmp_path / "overlay.mp4", PLACES)
    assert "would be written over" in error(source, tmp_path)
    for flags in (("--min-cutoff", 0), ("--beta", -1), ("--speed-cutoff", "nan")):
        assert "OneEuro" in error(source, out, *flags, "--smooth")
    nothing = inputs.model()
    nothing.model.forward = lambda images: inputs.Brightness()(images) * math.nan
    monkeypatch.setattr(trained, "load", lambda _: nothing)
    assert "no numbers" in error(picture, out)
    (tmp_path / "overlays").mkdir()
    inside = save(tmp_path / "overlays" / "a.png", inputs.spot(3, 5))
    assert "would be written over" in error(inside, tmp_path)
    assert not out.exists() or not any(out.iterdir())


def test_a_real_checkpoint_and_what_is_none(tmp_path, capsys):
    picture = save(tmp_path / "a.jpg", inputs.spot(3, 5))
    best = write_checkpoint(tmp_path / "best.pt")
    output = tmp_path / "out"
    assert run(picture, output, "--flip-test", "--refine", "dark", checkpoint=best) == 0
    assert len(table(output / "joints.csv")) == 6
    capsys.readouterr()
    best.write_bytes(b"none")
    assert run(picture, output, checkpoint=best) == 2
    assert "must be a whole checkpoint" in capsys.readouterr().err
    other = write_checkpoint(tmp_path / "other.pt", weights_of="resnet18")
    assert run(picture, output, checkpoint=other) == 2
    assert "not those of a dilated_cnn" in capsys.readouterr().err
