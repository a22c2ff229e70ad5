from __future__ import annotations

import json
import re

import numpy as np
import pytest

from python_models.data.synthetic_squats import generate
from python_models.motion.synthetic_squat_poses import read_synthetic_squats


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six small pictures of three bodies."""
    folder = tmp_path_factory.mktemp("squats") / "data"
    generate(folder, train=4, val=2, image_size=64, images_per_subject=2, processes=1)
    return folder


def annotations(folder, split="train"):
    return json.loads((folder / "annotations" / f"person_keypoints_{split}2017.json").read_text())


def test_exact_keypoints_are_those_of_the_annotations_where_these_have_them(folder):
    poses = read_synthetic_squats(folder, "train")
    assert len(poses) == 4
    for found, row in zip(poses.keypoints, annotations(folder)["annotations"], strict=True):
        given = np.array(row["keypoints"], float).reshape(17, 3)
        labelled = given[:, 2] > 0
        assert labelled.any()
        # They are rounded to a thousandth of a pixel, the joints to 1e-4 mm.
        np.testing.assert_allclose(found[labelled], given[labelled, :2], atol=6e-4)


def test_knee_angles_are_those_of_the_points(folder):
    poses = read_synthetic_squats(folder, "val")
    for side in (0, 1):
        hip, knee, ankle = (poses.points[:, joint + side] for joint in (11, 13, 15))
        thigh, shank = hip - knee, ankle - knee
        cosine = (thigh * shank).sum(axis=-1) / (
            np.linalg.norm(thigh, axis=-1) * np.linalg.norm(shank, axis=-1)
        )
        # Both are rounded to 4 digits.
        np.testing.assert_allclose(
            np.degrees(np.arccos(cosine)), poses.knee_angles[:, side], atol=1e-3
        )


def test_the_world_has_its_floor_at_zero(folder):
    poses = read_synthetic_squats(folder, "train")
    away = poses.points - poses.translation[:, None]
    world = np.einsum("nkj,nji->nki", away, poses.rotation)
    ankles = world[:, 15:, 2]
    assert (ankles > 0).all()
    assert (ankles < 250).all()
    assert (world[:, 0, 2] > ankles.max(axis=1)).all()


def test_names_subjects_and_motions(folder):
    train, val = read_synthetic_squats(folder, "train"), read_synthetic_squats(folder, "val")
    assert train.subjects == ("train-00000", "train-00000", "train-00001", "train-00001")
    assert set(val.subjects) == {"val-00000"}
    assert train.names[0] == "train2017/000000000001"
    assert train.size.tolist() == [[64, 64]] * 4
    motions = train.motions()
    assert [motion.name for motion in motions] == list(train.names)
    assert {(len(motion), motion.action, motion.frame) for motion in motions} == {
        (1, "squat", "camera")
    }
    np.testing.assert_array_equal(motions[2].joints[0], train.points[2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: row.pop("joints_3d"), "KeyError 'joints_3d'"),
        (lambda row: row["joints_3d"].pop(), "expected finite numbers [17, 3], got [16, 3]"),
        (lambda row: row["joints_3d"].__setitem__(3, [1, 2, -5]), "must be before the camera"),
        (lambda row: row["camera"].update(R=[1, 2]), "expected finite numbers [3, 3], got [2]"),
        (lambda row: row.update(image_id=99), "KeyError 99"),
        (lambda row: row.update(phase="deep"), "ValueError could not convert"),
    ],
)  # fmt: skip
def test_other_annotations_are_refused(folder, tmp_path, change, message):
    content = annotations(folder)
    change(content["annotations"][1])
    path = tmp_path / "annotations" / "person_keypoints_train2017.json"
    path.parent.mkdir()
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read_synthetic_squats(tmp_path, "train")
    assert str(path) in str(error.value)


def test_a_cut_file_a_missing_one_and_another_split(folder, tmp_path):
    path = tmp_path / "annotations" / "person_keypoints_train2017.json"
    path.parent.mkdir()
    path.write_text(json.dumps(annotations(folder))[:-100])
    with pytest.raises(ValueError, match=r"train2017\.json, line 1: no JSON"):
        read_synthetic_squats(tmp_path, "train")
    path.write_text('{"images": [], "annotations": []}')
    with pytest.raises(ValueError, match="expected a list 'images' that is not empty"):
        read_synthetic_squats(tmp_path, "train")
    with pytest.raises(FileNotFoundError):
        read_synthetic_squats(tmp_path, "val")
    with pytest.raises(ValueError, match="split must be train or val"):
        read_synthetic_squats(tmp_path, "../train")
