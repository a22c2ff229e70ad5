"""Files whose lengths are in another unit are refused by every reader."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from python_models.motion.body_size import checked_size
from python_models.motion.cmu import read_cmu_amc, read_cmu_bvh
from python_models.motion.cmu_asf import read_asf
from python_models.motion.human36m import read_human36m
from python_models.motion.infinite_form import WORLD_SKELETON, read_infinite_form
from python_models.motion.motion import Motion
from python_models.motion.skeletons import COCO_17, HUMAN36M_17, LOWER_BODY_6, skeleton
from python_models.motion.sources import open_motions
from python_models.motion.synthetic_squat_poses import read_synthetic_squats
from python_models.motion.text_files import read_text
from python_models.motion.ui_prmd import read_kinect, read_vicon
from python_models.motion.views import MotionViews
from tests.made_up_motions import made_up_motion, standing
from tests.motion_files import comma_lines, write

REFUSED = r"from hip to ankle a leg is .* mm long, expected 300 to 1300; its lengths must be in "
SMALLER = [0.1, 0.001, 1 / 25.4]  # centimetres, metres and inches where millimetres are expected


def scaled(factor, **fields):
    return made_up_motion(**fields).map(lambda joints: joints * factor)


@pytest.mark.parametrize("factor", [*SMALLER, 10, 25.4, 1000, 1e300])
def test_a_body_in_another_unit_is_refused(factor):
    with pytest.raises(ValueError, match="^a file: " + REFUSED + "metres$"):
        checked_size(scaled(factor), "a file", "metres")
    with pytest.raises(ValueError, match="Motion made up: " + REFUSED + "millimetres$"):
        MotionViews([scaled(factor)], LOWER_BODY_6, LOWER_BODY_6)


@pytest.mark.parametrize("factor", [0.45, 1, 1.3])  # a child of 85 cm to a man of 2.3 m
def test_children_and_tall_people_pass(factor):
    motion = scaled(factor)
    assert checked_size(motion, "a file") is motion


def test_lost_joints_and_skeletons_without_legs_say_nothing():
    motion = made_up_motion()
    joints = motion.joints.copy()
    joints[:, motion.skeleton.index("left_knee")] = np.nan
    joints[:5, motion.skeleton.index("right_ankle")] *= 1e6  # less than half of the frames
    checked_size(motion.map(lambda _: joints), "a file")
    checked_size(motion.map(lambda joints: joints * np.nan), "a file")
    arm = skeleton("arm", ("left_shoulder", "left_elbow"))
    checked_size(Motion(np.zeros((2, 2, 3)), arm, 30.0, "s", "a", "n"), "a file")


def test_one_leg_is_enough():
    joints = made_up_motion().joints / 1000
    joints[:, HUMAN36M_17.index("left_knee")] = np.nan
    with pytest.raises(ValueError, match=REFUSED):
        checked_size(made_up_motion().map(lambda _: joints), "a file")


def test_human36m_in_millimetres(tmp_path):
    np.savez(tmp_path / "a.npz", **{"S1/Eating": made_up_motion().joints})
    with pytest.raises(ValueError, match=r"a\.npz: S1/Eating: " + REFUSED + "metres"):
        read_human36m(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=REFUSED):
        open_motions("human36m", tmp_path / "a.npz")


@pytest.mark.parametrize("video", [False, True])
def test_infinite_form_in_millimetres(tmp_path, video):
    named = {
        joint: {f"{axis}_global": value for axis, value in zip("xyz", place, strict=True)}
        for joint, place in zip(WORLD_SKELETON.joints, standing(WORLD_SKELETON), strict=True)
    }
    image = {"id": 1, **({"frame_number": 1} if video else {})}
    row = {"id": 1, "image_id": 1, "armature_keypoints": named}
    path = write(tmp_path / "a.json", json.dumps({"images": [image], "annotations": [row]}))
    with pytest.raises(ValueError, match=re.escape(str(path)) + ".*" + REFUSED + "metres"):
        read_infinite_form(path)


def test_infinite_form_with_a_wrong_focal_length_or_unit(tmp_path):
    points = standing(COCO_17)[:, [0, 2, 1]] + [0, 0, 3000]
    pixels = points[:, :2] / points[:, 2:] * 200
    row = {"id": 1, "image_id": 1}
    image = {"id": 1, "width": 1, "height": 1}
    path = tmp_path / "a.json"
    for depth, focal, passes in ((0.001, 200, True), (0.001, 40, False), (1, 200, False)):
        row["keypoints_3d"] = np.hstack([pixels, points[:, 2:] * depth]).ravel().tolist()
        write(path, json.dumps({"images": [image], "annotations": [row]}))
        if passes:
            assert len(read_infinite_form(path, focal=focal)) == 1
            continue
        with pytest.raises(ValueError, match=REFUSED + "metres, and focal right"):
            read_infinite_form(path, focal=focal)


def test_synthetic_squats_in_metres(tmp_path):
    from python_models.data.synthetic_squats import generate

    folder = tmp_path / "data"
    generate(folder, train=0, val=1, image_size=64, processes=1)
    path = folder / "annotations" / "person_keypoints_val2017.json"
    content = json.loads(path.read_text())
    for row in content["annotations"]:
        row["joints_3d"] = (np.array(row["joints_3d"]) / 1000).tolist()
    write(path, json.dumps(content))
    with pytest.raises(ValueError, match=re.escape(str(path)) + ": " + REFUSED + "millimetres"):
        read_synthetic_squats(folder, "val")


def real(data_folder, name):
    if not (data_folder / name).is_dir():
        pytest.skip(f"needs {data_folder / name}")
    return data_folder / name


def table_of(path):
    return np.array([line.split(",") for line in read_text(path).splitlines()], float)


@pytest.mark.parametrize("factor", SMALLER)
def test_vicon_in_another_unit(data_folder, tmp_path, factor):
    """Also with the millimetres that the hips' regression adds."""
    folder = real(data_folder, "ui-prmd") / "vicon-positions"
    rows = table_of(folder / "m01_s02_e01_positions.txt.gz")
    path = write(tmp_path / "m01_s02_e01_positions.txt", comma_lines(rows * factor))
    with pytest.raises(ValueError, match=re.escape(str(path)) + ": " + REFUSED + "millimetres"):
        read_vicon(path)


@pytest.mark.parametrize("factor", [10, 0.01])
def test_kinect_in_another_unit(data_folder, tmp_path, factor):
    folder = real(data_folder, "ui-prmd")
    rows = table_of(folder / "kinect-positions" / "m01_s02_e01_positions.txt.gz")
    path = write(tmp_path / "m01_s02_e01_positions.txt", comma_lines(rows * factor))
    with pytest.raises(ValueError, match=re.escape(str(path)) + ": " + REFUSED + "centimetres"):
        read_kinect(path, folder / "kinect-angles" / "m01_s02_e01_angles.txt.gz")


def test_cmu_in_another_unit(data_folder, tmp_path):
    folder = real(data_folder, "cmu-mocap")
    text = (folder / "01.asf").read_text()
    assert len(re.findall(r"(?m)^\s*length\s+0\.45", text)) == 1
    (amc,) = folder.glob("01_01.amc*")
    read_cmu_amc(amc, read_asf(folder / "01.asf"))
    asf = write(tmp_path / "01.asf", re.sub(r"(?m)^(\s*length\s+)0\.45", r"\g<1>4.5", text))
    with pytest.raises(ValueError, match=re.escape(str(amc)) + ": " + REFUSED + r"units of 5\.644"):
        read_cmu_amc(amc, read_asf(asf))


def test_cmu_bvh_in_another_unit(data_folder, tmp_path):
    folder = real(data_folder, "cmu-mocap")
    (bvh,) = folder.glob("*.bvh*")
    text = re.sub(
        r"OFFSET(.*)",
        lambda line: "OFFSET " + " ".join(str(float(v) * 10) for v in line[1].split()),
        read_text(bvh),
    )
    path = write(tmp_path / bvh.name.removesuffix(".gz"), text)
    with pytest.raises(ValueError, match=re.escape(str(path)) + ": " + REFUSED + "units of"):
        read_cmu_bvh(path)
