"""The command as a whole, and everything that goes wrong."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from python_models import analyse, trained
from python_models.models.lifters import make_lifter
from python_models.motion.skeletons import SKELETONS
from python_models.presentation import outputs, sources
from python_models.presentation.curves import panels
from python_models.training import checkpoint
from tests import squat_keypoints as squats
from tests.predict_inputs import read_video
from tests.trained_files import write_checkpoint

FILES = ["analysis.json", "curves.png", "keypoints.json", "overlay.mp4", "report.html"]
FILES_3D = [*FILES, "views_3d.png"]
HIP, KNEE, ANKLE = 11, 13, 15  # COCO's left ones; the right ones come next


@pytest.fixture(autouse=True)
def _quick(request, monkeypatch):
    """Charts take most of the time: only the tests that ask for them have real ones."""
    if "charts" not in request.fixturenames:

        def write(path, *arguments):
            drawn = len(arguments) > 1 or bool(panels(*arguments))
            if drawn:
                Image.new("RGB", (1, 1)).save(path)
            return drawn

        monkeypatch.setattr(outputs, "save_curves", write)
        monkeypatch.setattr(outputs, "save_views", write)


@pytest.fixture
def charts():
    """Real ones."""


def run(source, output, *flags):
    return analyse.main([str(a) for a in ("--input", source, "--output", output, *flags)])


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


# What goes well


def test_keypoints_in_3d(tmp_path, charts, capsys):
    joints, _, flexions = squats.squats()
    source = squats.write_plain(tmp_path / "a.json", joints, frame="world")
    output = tmp_path / "out"
    assert run(source, output) == 0
    assert files(output) == sorted(FILES_3D)
    assert "3 whole repetitions" in capsys.readouterr().out
    found = np.stack([curve(output, f"{side}_knee_flexion") for side in ("left", "right")], 1)
    # The same formula on the same joints: rounding alone.
    assert np.allclose(found, flexions, atol=1e-6)
    tags = page(output)
    assert "3 whole repetitions" in tags.text
    assert sum(tag == "img" for tag, _ in tags.found) == 2 + 3  # curves, views, three bottoms
    frames, fps = read_video(output / "overlay.mp4")
    assert (len(frames), fps) == (squats.FRAMES, squats.FPS)
    report = analysis(output)
    assert report["dimensions"] == 3
    assert {a["verdict"] for a in report["advice"]} <= {"good", "fault", "not sure", "refused"}


def test_keypoints_in_2d_say_that_they_are(tmp_path, charts, capsys):
    _, pixels, _ = squats.squats()
    source = squats.write_plain(tmp_path / "a.json", pixels[:, squats.LOWER_BODY])
    output = tmp_path / "out"
    assert run(source, output) == 0
    assert files(output) == sorted(FILES)
    assert "the analysis is 2D" in capsys.readouterr().err
    assert "analysis is 2D" in page(output).text
    # What was found can be analysed again.
    assert run(output / "keypoints.json", tmp_path / "again") == 0
    first, again = analysis(output), analysis(tmp_path / "again")
    depth = [rep["measures"]["depth"]["value"] for rep in first["repetitions"]]
    same = [rep["measures"]["depth"]["value"] for rep in again["repetitions"]]
    # The file has a thousandth of a pixel; a shank has 60.
    assert same == pytest.approx(depth, abs=0.01)


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


@pytest.fixture
def finder(monkeypatch):
    """Finds the squats' joints in any pictures."""
    _, pixels, _ = squats.squats()
    kind = type("SquatsFound", (Found,), {"joints": pixels[:, squats.LOWER_BODY]})
    monkeypatch.setattr(analyse, "Predictor", kind)
    model = type("Model", (), {"task": type("Task", (), {"refine": "dark"})})
    monkeypatch.setattr(trained, "load", lambda _: model)
    return kind


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


def test_a_video(tmp_path, finder):
    video = write_video(tmp_path / "a.mp4", squats.FRAMES)
    output = tmp_path / "out"
    assert run(video, output, "--checkpoint", "best.pt") == 0
    assert files(output) == sorted(FILES)
    assert len(analysis(output)["repetitions"]) == 3
    frames, fps = read_video(output / "overlay.mp4")
    assert (len(frames), fps) == (squats.FRAMES, squats.FPS)
    x, y = finder.joints[10, 1]  # the left knee, of grey 10
    red, _, blue = frames[10][round(y), round(x)].astype(int)
    assert blue > red + 80
    assert frames[10][5, 5] == pytest.approx([10, 10, 10], abs=12)  # the codec's
    assert len(frames[0]) > squats.SIZE[1]  # and text below
    page(output)


def test_pictures_by_themselves_and_as_moments(tmp_path, finder):
    folder = write_pictures(tmp_path / "in", 30)
    (folder / "5.png").write_bytes(b"no picture")
    single = tmp_path / "single"
    assert run(folder, single, "--checkpoint", "best.pt") == 0
    names = json.loads((single / "analysis.json").read_text())["input"]["frames"]
    assert names == [f"{n}.png" for n in range(30) if n != 5]  # 2 before 10
    assert {rep["kind"] for rep in analysis(single)["repetitions"]} == {"pose"}
    assert len(list((single / "overlays").iterdir())) == 29
    assert "5.png" in page(single).text
    motion = tmp_path / "motion"
    assert run(folder, motion, "--checkpoint", "best.pt", "--fps", squats.FPS) == 0
    assert analysis(motion)["frames"] == 30
    assert np.isnan(curve(motion, "left_knee_flexion")[5])
    assert len(list((motion / "overlays").iterdir())) == 30
    one = tmp_path / "one"
    assert run(folder / "0.png", one, "--checkpoint", "best.pt") == 0
    assert analysis(one)["frames"] == 1


def test_a_real_network(tmp_path):
    """Untrained: whatever it says, the way is the whole one."""
    weights = write_checkpoint(tmp_path / "best.pt")
    video = write_video(tmp_path / "a.mp4", 12)
    assert run(video, tmp_path / "out", "--checkpoint", weights) == 0
    assert analysis(tmp_path / "out")["frames"] == 12
    page(tmp_path / "out")


def write_lifter(path, source="lower-body-6"):
    """An untrained one."""
    torch.manual_seed(0)
    settings = {"model": "martinez", "width": 16, "source": source, "target": "lower-body-6"}
    known = SKELETONS[source], SKELETONS["lower-body-6"]
    model = make_lifter("martinez", *known, width=16)
    rows = [{"mpjpe": 50.0, "n_mpjpe": 40.0}]
    checkpoint.save(path, {"settings": settings, "model": model.state_dict(), "rows": rows})
    return path


def test_a_real_lifter(tmp_path, capsys):
    _, pixels, _ = squats.squats()
    pixels = pixels[:, squats.LOWER_BODY].copy()
    pixels[7, 1] = np.nan
    source = squats.write_plain(tmp_path / "a.json", pixels)
    output = tmp_path / "out"
    assert run(source, output, "--lifter", write_lifter(tmp_path / "lifter.pt")) == 0
    assert files(output) == sorted(FILES_3D)
    error = capsys.readouterr().err
    assert "a network's guess from one view" in error
    assert "off by 25 mm" in error  # 40 over 1.6
    content = json.loads((output / "analysis.json").read_text())
    assert content["analysis"]["dimensions"] == 3
    assert content["analysis_in_picture"]["dimensions"] == 2
    assert np.isnan(curve(output, "left_knee_flexion")[7])
    assert "2D" not in page(output).text
    capsys.readouterr()
    other = write_lifter(tmp_path / "coco.pt", "coco-17")
    assert "the lifter needs" in refused(capsys, source, tmp_path / "no", "--lifter", other)
    unsized = squats.write_plain(tmp_path / "b.json", pixels, image_size=None)
    flags = ("--lifter", tmp_path / "lifter.pt")
    assert "image_size" in refused(capsys, unsized, tmp_path / "no", *flags)
    heatmaps = write_checkpoint(tmp_path / "heatmaps.pt")
    assert "model must be" in refused(capsys, source, tmp_path / "no", "--lifter", heatmaps)
    missing = tmp_path / "missing.pt"
    assert "missing.pt" in refused(capsys, source, tmp_path / "no", "--lifter", missing)
    assert not (tmp_path / "no").exists()


def test_own_rules(tmp_path):
    joints, _, _ = squats.squats()
    source = squats.write_plain(tmp_path / "a.json", joints, frame="world")
    rules = tmp_path / "rules"
    rules.mkdir()
    text = (analyse.RULES / "squat.toml").read_text()
    (rules / "deep_squat.toml").write_text(text)
    assert run(source, tmp_path / "out", "--rules", rules, "--exercise", "deep_squat") == 0
    assert "Deep squat" in page(tmp_path / "out").text


# What goes wrong: a message, or a marked gap


@pytest.mark.parametrize("flags", [(), ("--smooth",)])
def test_exchanged_sides_are_a_gap(tmp_path, flags):
    _, pixels, _ = squats.squats(azimuth=45.0)
    swapped = pixels.copy()
    for left in (HIP, KNEE, ANKLE):
        swapped[40:44, [left, left + 1]] = swapped[40:44, [left + 1, left]]
    whole, output = tmp_path / "whole", tmp_path / "out"
    assert run(squats.write_plain(tmp_path / "a.json", pixels), whole, *flags) == 0
    assert run(squats.write_plain(tmp_path / "b.json", swapped), output, *flags) == 0
    found, true = curve(output, "left_knee_flexion"), curve(whole, "left_knee_flexion")
    assert np.isnan(found[40:44]).all()
    known = np.isfinite(found)
    # A filter starts anew after the gap; it may be off while it settles.
    assert np.abs(found - true)[known].max() < (2 if flags else 1e-6)
    issues = analysis(output)["reliability"]["issues"]
    assert ("swap", 40, 43) in {(i["kind"], i["first"], i["last"]) for i in issues}
    assert "left and right may be exchanged" in page(output).text
    frames, _ = read_video(output / "overlay.mp4")
    border = [frames[frame][2, 300].astype(int) for frame in (30, 41)]
    assert border[1][0] > border[0][0] + 80  # amber around the picture
    assert border[1][0] > border[1][2] + 80


def test_a_person_who_leaves_the_picture(tmp_path):
    _, pixels, _ = squats.squats()
    pixels = pixels.copy()
    pixels[60:] += 400
    output = tmp_path / "out"
    assert run(squats.write_plain(tmp_path / "a.json", pixels), output) == 0
    assert np.isnan(curve(output, "left_knee_flexion")[60:]).all()
    assert len(analysis(output)["repetitions"]) == 2
    assert "out of the picture" in page(output).text


def test_a_person_who_is_not_in_the_boxes(tmp_path, finder):
    finder.joints = np.delete(finder.joints, slice(40, 50), axis=0)
    boxes = [
        {"image_id": frame, "bbox": [0, 0, *squats.SIZE], "track_id": 4}
        for frame in range(squats.FRAMES)
        if not 40 <= frame < 50
    ]
    annotations = {"images": [{"id": f} for f in range(squats.FRAMES)], "annotations": boxes}
    (tmp_path / "boxes.json").write_text(json.dumps(annotations))
    video = write_video(tmp_path / "a.mp4", squats.FRAMES)
    flags = ("--checkpoint", "best.pt", "--boxes", tmp_path / "boxes.json")
    assert run(video, tmp_path / "out", *flags) == 0
    gap = np.isnan(curve(tmp_path / "out", "left_knee_flexion"))
    assert np.flatnonzero(gap).tolist() == list(range(40, 50))
    assert run(video, tmp_path / "none", *flags, "--person", 5) == 0
    report = analysis(tmp_path / "none")
    assert report["refused"]["code"] == "unreliable"
    assert np.isnan(curve(tmp_path / "none", "left_knee_flexion")).all()


def test_joints_of_low_score_are_not_judged(tmp_path, finder, capsys):
    finder.score = 0.05
    video = write_video(tmp_path / "a.mp4", squats.FRAMES)
    assert run(video, tmp_path / "out", "--checkpoint", "best.pt") == 0
    assert analysis(tmp_path / "out")["repetitions"] == []
    assert "not judged" in capsys.readouterr().err
    assert "Not judged" in page(tmp_path / "out").text


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("three", [False, True])
def test_one_or_two_frames(tmp_path, charts, capsys, frames, three):
    joints, pixels, flexions = squats.squats()
    points = (joints if three else pixels)[15 : 15 + frames]
    fields = {"frame": "world"} if three else {}
    in_time = squats.write_plain(tmp_path / "a.json", points, **fields)
    assert run(in_time, tmp_path / "time") == 0
    assert f"{frames} frame" in capsys.readouterr().err
    assert analysis(tmp_path / "time")["refused"]["code"] == "too-short"
    assert "Not judged" in page(tmp_path / "time").text
    assert len(read_video(tmp_path / "time" / "overlay.mp4")[0]) == frames
    single = squats.write_plain(tmp_path / "b.json", points, fps=None, **fields)
    assert run(single, tmp_path / "single") == 0
    report = analysis(tmp_path / "single")
    assert [rep["kind"] for rep in report["repetitions"]] == ["pose"] * frames
    if three:
        found = curve(tmp_path / "single", "left_knee_flexion")
        assert found == pytest.approx(flexions[15 : 15 + frames, 0])
    assert len(list((tmp_path / "single" / "overlays").iterdir())) == frames
    page(tmp_path / "single")


@pytest.mark.parametrize("three", [False, True])
def test_missing_joints(tmp_path, charts, three):
    joints, pixels, _ = squats.squats()
    points = (joints if three else pixels).copy()
    fields = {"frame": "world"} if three else {}
    points[30:40, KNEE] = np.nan
    points[50] = np.nan
    output = tmp_path / "out"
    assert run(squats.write_plain(tmp_path / "a.json", points, **fields), output) == 0
    gap = np.flatnonzero(np.isnan(curve(output, "left_knee_flexion"))).tolist()
    assert gap == [*range(30, 40), 50]
    assert "missing" in page(output).text
    points[:] = np.nan
    nothing = squats.write_plain(tmp_path / "b.json", points, **fields)
    assert run(nothing, tmp_path / "none") == 0
    assert analysis(tmp_path / "none")["refused"]["code"] == "unreliable"
    assert "curves.png" not in files(tmp_path / "none")
    page(tmp_path / "none")


def refused(capsys, *arguments):
    """The one line that says why, of a run that leaves nothing."""
    assert run(*arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return lines[0]


def test_no_frame_rate_or_a_wrong_one(tmp_path, finder, capsys, monkeypatch):
    _, pixels, _ = squats.squats()
    zero = squats.write_plain(tmp_path / "a.json", pixels, fps=0)
    assert "give --fps" in refused(capsys, zero, tmp_path / "out")
    for wrong in (0, -5, "nan", "inf"):
        line = refused(capsys, zero, tmp_path / "out", "--fps", wrong)
        assert "--fps must be positive" in line
    assert run(zero, tmp_path / "out", "--fps", squats.FPS) == 0
    video = write_video(tmp_path / "a.mp4", squats.FRAMES)
    real = sources.video.VideoFrames.__init__

    def without_rate(self, path):
        real(self, path)
        self.frames_per_second = 0.0

    monkeypatch.setattr(sources.video.VideoFrames, "__init__", without_rate)
    capsys.readouterr()
    flags = ("--checkpoint", "best.pt")
    assert "give --fps" in refused(capsys, video, tmp_path / "video", *flags)
    assert not (tmp_path / "video").exists()
    assert run(video, tmp_path / "video", *flags, "--fps", 15) == 0


def test_inputs_that_are_none(tmp_path, finder, capsys):
    output, flags = tmp_path / "out", ("--checkpoint", "best.pt")
    assert "does not exist" in refused(capsys, tmp_path / "a.mp4", output, *flags)
    (tmp_path / "empty").mkdir()
    assert "no picture in it" in refused(capsys, tmp_path / "empty", output, *flags)
    (tmp_path / "a.mp4").write_bytes(b"no video at all" * 100)
    assert "cannot be read" in refused(capsys, tmp_path / "a.mp4", output, *flags)
    (tmp_path / "a.doc").write_text("text")
    assert "must be a folder" in refused(capsys, tmp_path / "a.doc", output, *flags)
    folder = write_pictures(tmp_path / "broken", 2)
    for path in folder.iterdir():
        path.write_bytes(b"")
    assert "no picture could be read" in refused(capsys, folder, output, *flags)
    assert not output.exists()


def test_a_video_that_was_cut_off(tmp_path, finder, capsys):
    """OpenCV writes the index last: with none, there is no video."""
    video = write_video(tmp_path / "a.mp4", squats.FRAMES)
    video.write_bytes(video.read_bytes()[:-600])
    assert "a.mp4" in refused(capsys, video, tmp_path / "out", "--checkpoint", "best.pt")


def test_keypoints_of_an_unknown_skeleton(tmp_path, capsys):
    source = squats.write_plain(tmp_path / "a.json", np.zeros((3, 17, 2)), skeleton="robot-17")
    line = refused(capsys, source, tmp_path / "out")
    assert "robot-17" in line
    assert "coco-17" in line


def test_an_exercise_that_the_joints_do_not_show(tmp_path, capsys):
    _, pixels, _ = squats.squats()
    source = squats.write_plain(tmp_path / "a.json", pixels[:, squats.LOWER_BODY])
    assert run(source, tmp_path / "out", "--exercise", "push_up") == 0
    assert "no left shoulder" in page(tmp_path / "out").text
    line = refused(capsys_cleared(capsys), source, tmp_path / "none", "--exercise", "../squat")
    assert "no rules for" in line


def capsys_cleared(capsys):
    capsys.readouterr()
    return capsys


def test_an_output_that_exists(tmp_path, capsys):
    joints, pixels, _ = squats.squats()
    three = squats.write_plain(tmp_path / "a.json", joints, frame="world")
    output = tmp_path / "out"
    output.mkdir()
    assert run(three, output) == 0  # it is empty
    before = (output / "report.html").read_bytes()
    capsys.readouterr()
    flat = squats.write_plain(tmp_path / "b.json", pixels)
    assert "--overwrite" in refused(capsys, flat, output)
    assert (output / "report.html").read_bytes() == before
    (output / "notes.txt").write_text("mine")
    assert run(flat, output, "--overwrite") == 0
    # Nothing of the 3D analysis is left, and nothing that is not ours is gone.
    assert files(output) == sorted([*FILES, "notes.txt"])
    capsys.readouterr()
    own = output / "keypoints.json"
    assert "written over" in refused(capsys, own, output, "--overwrite")
    assert "is a file" in refused(capsys, three, tmp_path / "b.json")


def test_pictures_are_not_drawn_over(tmp_path, finder, capsys):
    (tmp_path / "out").mkdir()
    folder = write_pictures(tmp_path / "out" / "overlays", 2)
    flags = ("--checkpoint", "best.pt", "--overwrite")
    assert "written over" in refused(capsys, folder, tmp_path / "out", *flags)
    assert "written over" in refused(capsys, folder / "0.png", tmp_path / "out", *flags)


def test_flags_that_do_not_fit(tmp_path, capsys):
    _, pixels, _ = squats.squats()
    source = squats.write_plain(tmp_path / "a.json", pixels)
    video = write_video(tmp_path / "a.mp4", 3)
    output = tmp_path / "out"
    assert "give a model by --checkpoint" in refused(capsys, video, output)
    assert "--checkpoint is for" in refused(capsys, source, output, "--checkpoint", "best.pt")
    assert "--box is for" in refused(capsys, source, output, "--box", 0, 0, 1, 1)
    single = squats.write_plain(tmp_path / "b.json", pixels, fps=None)
    assert "give --fps" in refused(capsys, single, output, "--smooth")


NASTY = "<img src=x onerror=alert(1)>\"'&amp;{x}$title"


def test_names_are_text_and_no_html(tmp_path, finder):
    folder = write_pictures(tmp_path / NASTY, 2, names=f"{{}} {NASTY.replace('{x}', '')}.png")
    assert run(folder, tmp_path / "out", "--checkpoint", "best.pt") == 0
    tags = page(tmp_path / "out")
    assert f"Squat: {NASTY}" in tags.text
    assert all(attributes.get("src") != "x" for _, attributes in tags.found)


def test_names_in_a_keypoint_file_name_no_file(tmp_path):
    _, pixels, _ = squats.squats()
    names = ["../../../escaped.png", NASTY]
    table = np.concatenate([pixels[:2], np.full((2, 17, 1), 0.9)], 2)
    rows = [{"image_id": n, "keypoints": t.ravel().tolist()} for n, t in enumerate(table)]
    images = [{"id": n, "file_name": name} for n, name in enumerate(names)]
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    (folder / "images.json").write_text(json.dumps({"images": images}))
    (folder / "x.json").write_text(json.dumps(rows))
    assert run(folder / "x.json", folder / "out") == 0
    assert files(folder / "out" / "overlays") == ["000000.png", "000001.png"]
    assert not list(tmp_path.rglob("escaped*"))
    text = page(folder / "out").text
    assert all(name in text for name in names)
