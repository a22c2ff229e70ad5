from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest

from python_models.motion.skeletons import COCO_17
from python_models.motion.sources import SOURCES, Options, main, open_motions
from tests.made_up_motions import made_up_motion, standing
from tests.motion_files import comma_lines, write


def vicon_rows():
    """Two frames; the four markers of the pelvis are the corners of a square."""
    rows = np.arange(1.0, 1 + 2 * 117).reshape(2, 39, 3)
    rows[:, 23:27] = (100, 100, 900), (100, -100, 900), (-100, 100, 900), (-100, -100, 900)
    return rows


def vicon_file(folder, name="m01_s01_e01_positions.txt"):
    return write(folder / name, comma_lines(vicon_rows()))


def ui_prmd(root):
    """Both recorders, a wrong squat, and files that are none of theirs."""
    vicon_file(root / "vicon-positions", "m01_s02_e01_positions.txt.gz")
    vicon_file(root / "vicon-positions-incorrect", "m01_s02_e01_positions_inc.txt")
    for folder, kind in (("Positions", "positions"), ("Angles", "angles")):
        rows = np.arange(3 * 66.0).reshape(3, 66) / 4
        write(root / "Kinect" / folder / f"m02_s01_e01_{kind}.txt", comma_lines(rows))
    write(root / "vicon-positions" / "README.txt", "not a motion")
    return root


def test_ui_prmd(tmp_path):
    root = ui_prmd(tmp_path / "data")
    found = [(motion.name, motion.action) for motion in open_motions("ui-prmd-vicon", root)]
    assert found == [
        ("m01_s02_e01_positions", "deep squat"),
        ("m01_s02_e01_positions_inc", "deep squat, incorrect"),
    ]
    (kinect,) = open_motions("ui-prmd-kinect", root)
    assert (kinect.subject, kinect.action, len(kinect)) == ("s01", "hurdle step", 3)
    # The recorder's folder itself is a root as well.
    assert len(open_motions("ui-prmd-vicon", root / "vicon-positions")) == 1


def test_the_table(tmp_path, capsys):
    root = ui_prmd(tmp_path / "data")
    rows = vicon_rows()
    rows[1, -1] = 0  # RTOE
    write(root / "vicon-positions" / "m01_s03_e01_positions.txt", comma_lines(rows))
    assert main(["--source", "ui-prmd-vicon", "--root", str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "subject", "action", "joints", "frames", "seconds", "gaps"]
    assert lines[1].split() == [
        "m01_s02_e01_positions",
        "s02",
        "deep",
        "squat",
        "20",
        "2",
        "0.02",
        "0",
    ]
    assert lines[3].split()[-1] == "1"
    assert lines[-1] == "3 motions of 2 subjects"


def test_errors_of_the_command(tmp_path, capsys):
    assert main(["--source", "cmu", "--root", str(tmp_path / "none")]) == 2
    assert "none does not exist" in capsys.readouterr().err
    broken = write(tmp_path / "vicon" / "m01_s01_e01_positions.txt", "1,2\n")
    assert main(["--source", "ui-prmd-vicon", "--root", str(tmp_path)]) == 2
    assert f"{broken}, line 1: expected 117 numbers" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--source", "mixamo", "--root", str(tmp_path)])


def test_other_sources_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"source must be among ui-prmd-vicon, .* got 'mixamo'"):
        open_motions("mixamo", tmp_path)
    for source in SOURCES:
        with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path))):
            open_motions(source, tmp_path)


def test_links_out_of_the_folder_are_refused(tmp_path):
    outside = vicon_file(tmp_path / "elsewhere")
    root = tmp_path / "data"
    (root / "vicon").mkdir(parents=True)
    (root / "vicon" / outside.name).symlink_to(outside)
    with pytest.raises(ValueError, match="leads out of"):
        open_motions("ui-prmd-vicon", root)


def test_two_motions_of_one_name_are_refused(tmp_path):
    for folder in ("vicon/a", "vicon/b"):
        vicon_file(tmp_path / folder)
    with pytest.raises(ValueError, match="2 motions of ui-prmd-vicon are called m01_s01_e01"):
        open_motions("ui-prmd-vicon", tmp_path)


def test_human36m_prefers_what_is_converted(tmp_path):
    np.savez(tmp_path / "data_3d_h36m.npz", positions_3d=np.array({}, dtype=object))
    with pytest.raises(ValueError, match="pickled objects"):
        open_motions("human36m", tmp_path)
    np.savez(tmp_path / "human36m.npz", **{"S1/Eating": made_up_motion(2).joints / 1000})
    for root in (tmp_path, tmp_path / "human36m.npz"):
        assert [motion.action for motion in open_motions("human36m", root)] == ["Eating"]


def test_infinite_form_takes_its_focal_length(tmp_path, capsys):
    person = standing(COCO_17) / 1000  # upside down before a camera of focal length 100
    depth = person[:, 1:2] + 4
    picture = np.hstack([person[:, [0, 2]] / depth * 100 + 4.5, depth]).ravel().tolist()
    row = {"id": 1, "image_id": 1, "keypoints_3d": picture}
    image = {"id": 1, "width": 10, "height": 10}
    write(tmp_path / "a.json", json.dumps({"images": [image], "annotations": [row]}))
    assert len(open_motions("infinite-form", tmp_path, Options(focal=100))) == 1
    assert main(["--source", "infinite-form", "--root", str(tmp_path), "--focal", "90"]) == 0
    assert main(["--source", "infinite-form", "--root", str(tmp_path)]) == 2
    assert "focal must be" in capsys.readouterr().err


def test_synthetic_squats(tmp_path):
    from python_models.data.synthetic_squats import generate

    generate(tmp_path / "data", train=1, val=1, image_size=64, processes=1)
    names = [motion.name for motion in open_motions("synthetic-squats", tmp_path / "data")]
    assert names == ["train2017/000000000001", "val2017/000000000001"]


def test_cmu_needs_its_skeleton_beside_it(tmp_path):
    write(tmp_path / "05_01.amc", ":DEGREES\n")
    with pytest.raises(ValueError, match=r"05_01\.amc: no skeleton 05\.asf beside it"):
        open_motions("cmu", tmp_path)


@pytest.mark.parametrize(
    ("source", "folder", "motions", "subjects"),
    [
        ("ui-prmd-vicon", "ui-prmd", 39, 8),
        ("ui-prmd-kinect", "ui-prmd", 16, 8),
        ("cmu", "cmu-mocap", 9, 3),  # 13_29 is six parts by its labels
        ("cmu-bvh", "cmu-mocap", 1, 1),
    ],
)
def test_real_data(data_folder, source, folder, motions, subjects):
    if not (data_folder / folder).is_dir():
        pytest.skip(f"needs {data_folder / folder}")
    found = open_motions(source, data_folder / folder)
    assert len(found) == motions
    assert len({motion.subject for motion in found}) == subjects
    assert all(np.isfinite(motion.joints).mean() > 0.9 for motion in found)
    for motion in found:  # Z is up
        trunk = motion.of("thorax")[0, 0] - motion.of("pelvis")[0, 0]
        assert trunk[2] > 300


def test_a_subject_without_a_skeleton_of_its_own(data_folder, tmp_path):
    folder = data_folder / "cmu-mocap"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    shutil.copy(folder / "13_29.amc.gz", tmp_path)
    shutil.copy(folder / "01.asf", tmp_path)
    with pytest.raises(ValueError, match=r"no skeleton 13\.asf"):
        open_motions("cmu", tmp_path)
    shutil.copy(folder / "subject13_bvh_offsets.json", tmp_path)
    (motion,) = open_motions("cmu", tmp_path)
    assert (motion.action, len(motion)) == ("13_29", 4592)
