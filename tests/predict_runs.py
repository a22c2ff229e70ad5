"""Runs of predict.py, their inputs, and what they leave."""

from __future__ import annotations

import csv
import json

from PIL import Image

from python_models import predict, trained
from tests import predict_inputs as inputs

LEFT_HIP, RIGHT_HIP = 11, 12  # COCO's
# Of the spot in a video, in heatmap pixels.
PLACES = [(3, 5), (4, 5), (5, 6), (5, 7), (4, 8), (6, 8), (7, 9), (6, 9), (6, 8), (5, 8)]


def find_bright_spots(monkeypatch):
    """Has the command load a network that finds bright spots."""
    monkeypatch.setattr(trained, "load", {inputs.Path("best.pt"): inputs.model()}.get)


def run(source, output, *flags, checkpoint="best.pt"):
    arguments = ["--checkpoint", checkpoint, "--input", source, "--output", output]
    return predict.main([str(a) for a in (*arguments, "--device", "cpu", *flags)])


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def results(output):
    return json.loads((output / "coco_results.json").read_text())


def save(path, image):
    Image.fromarray(image).save(path)
    return path


def boxes_file(path, images, rows):
    path.write_text(json.dumps({"images": images, "annotations": rows}))
    return path
