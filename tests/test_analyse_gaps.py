"""What is not known is a marked gap."""

from __future__ import annotations

import numpy as np
import pytest

from tests import squat_keypoints as squats
from tests.analyse_runs import (
    ANKLE,
    HIP,
    KNEE,
    analysis,
    curve,
    files,
    page,
    run,
)
from tests.predict_inputs import read_video


@pytest.mark.usefixtures("quick_charts")
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


@pytest.mark.usefixtures("quick_charts")
def test_knees_exchanged_in_every_frame_are_refused_and_said(tmp_path):
    _, pixels, _ = squats.squats(azimuth=60.0)
    wrong = pixels.copy()
    wrong[:, [KNEE, KNEE + 1]] = pixels[:, [KNEE + 1, KNEE]]
    true, output = tmp_path / "true", tmp_path / "out"
    assert run(squats.write_plain(tmp_path / "a.json", pixels), true) == 0
    assert run(squats.write_plain(tmp_path / "b.json", wrong), output) == 0
    assert analysis(true)["refused"] is None
    assert analysis(output)["refused"]["code"] == "unreliable"
    assert "left and right look alike and may be exchanged" in page(output).text
    assert "left and right cannot be told" in page(output).text
    for folder in (true, output):
        assert "Which leg is the left one is the word of whoever found" in page(folder).text


@pytest.mark.usefixtures("quick_charts")
def test_a_person_who_leaves_the_picture(tmp_path):
    _, pixels, _ = squats.squats()
    pixels = pixels.copy()
    pixels[60:] += 400
    output = tmp_path / "out"
    assert run(squats.write_plain(tmp_path / "a.json", pixels), output) == 0
    assert np.isnan(curve(output, "left_knee_flexion")[60:]).all()
    assert len(analysis(output)["repetitions"]) == 2
    assert "out of the picture" in page(output).text


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("three", [False, True])
def test_one_or_two_frames(tmp_path, capsys, frames, three):
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
def test_missing_joints(tmp_path, three):
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
