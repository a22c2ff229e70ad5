"""Runs of analyse.py, their inputs, and what they leave."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import torch
from PIL import Image

from python_models import analyse, trained
from python_models.models.lifters import make_lifter
from python_models.motion.skeletons import SKELETONS
from python_models.prediction import predictor
from python_models.presentation import outputs
from python_models.presentation.curves import panels
from python_models.training import checkpoint
from tests import squat_keypoints as squats

FILES = ["analysis.json", "curves.png", "keypoints.json", "overlay.mp4", "report.html"]
FILES_3D = [*FILES, "views_3d.png"]
HIP, KNEE, ANKLE = 11, 13, 15  # COCO's left ones; the right ones come next


def run(source, output, *flags):
    return analyse.main([str(a) for a in ("--input", source, "--output", output, *flags)])


def refused(capsys, *arguments):
    """The one line that says why, of a run that leaves nothing."""
    assert run(*arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return lines[0]


def analysis(output):
    return json.loads((output / "analysis.json").read_text())["analysis"]


def curve(output, name):
    values = analysis(output)["curves"][name]["values"]
    return np.array([np.nan if value is None else value for value in values])


def files(output):
    return sorted(path.name for path in output.iterdir())


class Tags(HTMLParser):
    """Collects tags with their attributes, and refuses what is not closed in order."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self):
        super().__init__()
        self.found, self.open, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def page(output):
    parser = Tags()
    text = (output / "report.html").read_text()
    parser.feed(text)
    assert parser.open == []
    # One file: nothing is loaded from anywhere, and nothing runs.
    assert not re.search(r"https?:|//|url\(|@import", re.sub(r"base64,[^\"]*", "", text))
    names = [tag for tag, _ in parser.found]
    assert not {"script", "link", "iframe", "object", "form", "base"} & set(names)
    for tag, attributes in parser.found:
        assert not [name for name in attributes if name.startswith("on")]
        if tag == "img":
            assert attributes["alt"]
            assert attributes["src"].startswith(("data:image/png;base64,", "data:image/jpeg;"))
    assert ("html", {"lang": "en"}) in parser.found
    return parser


class Found:
    """Stands for a predictor: it knows where the joints are in each frame."""

    joints: np.ndarray
    score = 0.9
    variance = np.nan

    def __init__(self, *_):
        self.count = 0

    def with_covariance(self, _image, _box):
        points = self.joints[self.count]
        self.count += 1
        return points, np.full(6, self.score), np.full((6, 2, 2), self.variance * np.eye(2))


def find_squats(monkeypatch):
    """Has the command find the squats' joints in any pictures."""
    _, pixels, _ = squats.squats()
    kind = type("SquatsFound", (Found,), {"joints": pixels[:, squats.LOWER_BODY]})
    monkeypatch.setattr(predictor, "Predictor", kind)
    model = type("Model", (), {"task": type("Task", (), {"refine": "dark"})})
    monkeypatch.setattr(trained, "load", lambda _: model)
    return kind


def draw_no_charts(monkeypatch):
    """Has the command write a pixel for each chart: they take most of the time."""

    def write(path, *arguments):
        drawn = len(arguments) > 1 or bool(panels(*arguments))
        if drawn:
            Image.new("RGB", (1, 1)).save(path)
        return drawn

    monkeypatch.setattr(outputs, "save_curves", write)
    monkeypatch.setattr(outputs, "save_views", write)


def write_video(path, frames, fps=squats.FPS):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, squats.SIZE)
    assert writer.isOpened()
    for number in range(frames):
        writer.write(np.full((squats.SIZE[1], squats.SIZE[0], 3), number % 200, np.uint8))
    writer.release()
    return path


def write_pictures(folder, count, names="{}.png"):
    folder.mkdir()
    for number in range(count):
        Image.new("RGB", squats.SIZE).save(folder / names.format(number))
    return folder


def write_lifter(path, source="lower-body-6", **more):
    """An untrained one."""
    torch.manual_seed(0)
    settings = {"model": "martinez", "width": 16, "source": source, "target": "lower-body-6"}
    settings.update(more)
    known = SKELETONS[source], SKELETONS["lower-body-6"]
    model = make_lifter("martinez", *known, width=16)
    rows = [{"mpjpe": 50.0, "n_mpjpe": 40.0}]
    checkpoint.save(path, {"settings": settings, "model": model.state_dict(), "rows": rows})
    return path
