"""CMU's recordings as motions: AMC beside BVH, labels, and what people do in them."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from python_models.motion.cmu import (
    MILLIMETRES,
    SKELETON,
    labelled_parts,
    read_cmu_amc,
    read_cmu_bvh,
    read_labels,
)
from python_models.motion.cmu_asf import read_asf, read_offsets
from python_models.motion.motion import Motion
from python_models.motion.skeletons import LOWER_BODY_6
from tests.motion_files import knee_flexion, write


@pytest.fixture(scope="module")
def folder(data_folder):
    if not (data_folder / "cmu-mocap").is_dir():
        pytest.skip(f"needs {data_folder / 'cmu-mocap'}")
    return data_folder / "cmu-mocap"


@pytest.fixture(scope="module")
def jumps(folder):
    """01_01 from its AMC."""
    return read_cmu_amc(folder / "01_01.amc.gz", read_asf(folder / "01.asf"))


def test_names_without_a_subject_are_refused(folder, tmp_path):
    asf, text = read_asf(folder / "02.asf"), gzip.decompress((folder / "02_01.amc.gz").read_bytes())
    with pytest.raises(ValueError, match="expected a name of subject and trial, as 13_29"):
        read_cmu_amc(write(tmp_path / "walk.amc", text.decode()), asf)


def test_labels_cut_a_recording(tmp_path):
    path = write(tmp_path / "a.truelabels.txt", "1 3 3\n3 2\n")
    joints = np.arange(60.0 * 18).reshape(60, 6, 3)
    motion = Motion(joints, LOWER_BODY_6, 100, "07", "07_01", "07_01")
    parts = labelled_parts(motion, read_labels(path))
    assert [(part.name, part.action, len(part)) for part in parts] == [
        ("07_01_00000", "label 1", 10),
        ("07_01_00010", "squat", 30),
        ("07_01_00040", "label 2", 20),  # the last label holds to the end
    ]
    np.testing.assert_array_equal(np.concatenate([part.joints for part in parts]), joints)
    for text in ("", "1 2.5", "1 two"):
        with pytest.raises(ValueError, match=r"truelabels\.txt"):
            read_labels(write(path, text))


def test_amc_and_bvh_are_the_same_joints(folder, jumps):
    """To 1e-4 of the files' unit (56 mm): the BVH's numbers have five digits."""
    bvh = read_cmu_bvh(folder / "01_01.bvh.gz", read_asf(folder / "01.asf"))
    assert (len(bvh), bvh.frame_rate) == (len(jumps), jumps.frame_rate) == (2751, 120)
    assert (bvh.subject, bvh.name, bvh.skeleton) == ("01", "01_01", SKELETON)
    assert np.abs(bvh.joints - jumps.joints).max() < 1e-4 * MILLIMETRES


def test_without_the_bone_that_a_bvh_lacks_the_upper_body_is_not_known(folder, jumps):
    bvh = read_cmu_bvh(folder / "01_01.bvh.gz")
    unknown = [
        joint
        for joint, missing in zip(
            SKELETON.joints, np.isnan(bvh.joints).any(axis=(0, 2)), strict=True
        )
        if missing
    ]
    arms = {f"{side}_{joint}" for side in ("left", "right")
            for joint in ("shoulder", "elbow", "wrist")}  # fmt: skip
    assert set(unknown) == {"thorax", "neck", "head"} | arms
    known = ~np.isnan(bvh.joints)
    assert np.abs(bvh.joints - jumps.joints)[known].max() < 1e-4 * MILLIMETRES


def test_bones_keep_their_length_and_a_person_stands_upright(jumps):
    for parent, child in SKELETON.bones:
        names = SKELETON.joints[parent], SKELETON.joints[child]
        lengths = np.linalg.norm(jumps.joints[:, parent] - jumps.joints[:, child], axis=-1)
        assert 30 < lengths.mean() < 500, names
        if not {"pelvis", "thorax", "spine"} & set(names):  # those of one bone of the ASF
            assert np.ptp(lengths) < 1e-6, names
    pose = {joint: jumps.of(joint)[0, 0] for joint in SKELETON.joints}
    assert 500 < pose["head"][2] - pose["pelvis"][2] < 900
    assert 600 < pose["pelvis"][2] - pose["left_ankle"][2] < 1000
    # Left is where it is when up and forward are: forward x left = up.
    across = pose["left_hip"] - pose["right_hip"]
    ahead = pose["left_toe"] - pose["left_ankle"] + pose["right_toe"] - pose["right_ankle"]
    assert np.cross(ahead, across)[2] > 0


def test_squats_of_subject_13(folder):
    """20 to 147 degrees, as the left knee has them; with the thigh and shank of the person."""
    offsets = read_offsets(folder / "subject13_bvh_offsets.json")
    motion = read_cmu_amc(folder / "13_29.amc.gz", read_asf(folder / "01.asf", offsets))
    assert (len(motion), motion.frame_rate, motion.subject) == (4592, 120, "13")
    thigh = np.linalg.norm(motion.of("left_hip") - motion.of("left_knee"), axis=-1)
    length = np.linalg.norm(offsets["lfemur"]) * MILLIMETRES
    np.testing.assert_allclose(thigh, length)
    parts = labelled_parts(motion, read_labels(folder / "13_29.truelabels.txt"))
    assert sum(map(len, parts)) == len(motion)
    (squats,) = [part for part in parts if part.action == "squat"]
    flexion = knee_flexion(squats)
    # To the degree that the text is rounded to.
    np.testing.assert_allclose(flexion[:, 0].min(), 20, atol=1)
    np.testing.assert_allclose(flexion[:, 0].max(), 147, atol=1)
    assert flexion[:, 1].min() > 19
    assert flexion[:, 1].max() < 151


def test_a_motion_of_another_skeleton_walks(folder):
    walk = read_cmu_amc(folder / "02_01.amc.gz", read_asf(folder / "02.asf"))
    assert len(walk) == 343
    assert 50 < knee_flexion(walk).max() < 90
    speed = np.linalg.norm(walk.of("pelvis")[-1, 0] - walk.of("pelvis")[0, 0]) / (343 / 120)
    assert 700 < speed < 2000  # millimetres a second
