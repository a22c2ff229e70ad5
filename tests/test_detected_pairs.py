from __future__ import annotations

import json

import numpy as np
import pytest

from python_models.data.synthetic_squats import generate
from python_models.motion.detected_pairs import detected_pairs, pck
from python_models.motion.draws import Draws
from python_models.motion.skeletons import COCO_17, LOWER_BODY_6
from python_models.motion.synthetic_squat_poses import read_synthetic_squats


@pytest.fixture(scope="module")
def squats(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "squats"
    generate(folder, train=6, val=0, image_size=64, processes=1)
    return folder


def result(image, keypoints, score=0.9):
    rows = np.concatenate([keypoints, np.ones((17, 1))], axis=1)
    return {"image_id": image, "category_id": 1, "keypoints": rows.ravel().tolist(), "score": score}


def write(path, rows):
    path.write_text(json.dumps(rows))
    return path


def test_pck_counts_joints_within_half_of_the_waist():
    truth = np.zeros((2, 5, 2))
    found = truth.copy()
    found[0, :, 0] = [0, 4.9, 5.1, -4.9, np.nan]
    found[1, :, 1] = 5.1
    np.testing.assert_allclose(pck(found, truth, np.array([10.0, 10.4])), [0.6, 1.0])
    # Seen from the side, the hips have no distance, and nothing counts as found.
    np.testing.assert_allclose(pck(truth, truth, np.zeros(2)), [0, 0])


def test_pictures_with_a_pck_of_at_least_0_6_are_kept(tmp_path, squats):
    """Four of six joints right are kept, three of six are not; nor is who was not found."""
    poses = read_synthetic_squats(squats, "train")
    wrong = [COCO_17.index(joint) for joint in ("left_knee", "left_ankle", "right_ankle")]
    rows = []
    for number in range(5):  # nobody found the sixth
        keypoints = poses.keypoints[number].copy()
        keypoints[:11] = 0  # as a lower-body model writes what it does not have
        keypoints[wrong[: number if number < 4 else 0]] += 40  # pixels, of 64
        rows.append(result(number + 1, keypoints))
    rows.append(result(5, poses.keypoints[4] + 100, score=0.1))  # a worse row of the fifth
    hips = poses.keypoints[:, 11] - poses.keypoints[:, 12]
    assert np.linalg.norm(hips, axis=1).min() > 1e-3  # or PCK says nothing
    results = write(tmp_path / "results.json", rows)
    pairs = detected_pairs(squats, "train", results, LOWER_BODY_6, LOWER_BODY_6)
    assert pairs.subjects == [poses.subjects[n] for n in (0, 1, 2, 4)]
    assert pairs.name(3) == poses.names[4]
    view = pairs.see(np.arange(4), Draws(0, 0, np.arange(4)))
    legs = COCO_17.indices(*LOWER_BODY_6.joints)
    kept = poses.keypoints[[0, 1, 2, 4]][:, legs]
    off = np.abs(view.keypoints - kept).max(axis=(1, 2))
    np.testing.assert_allclose(off, [0, 40, 40, 0], atol=1e-9)  # what was found, not the truth
    expected = poses.points[[0, 1, 2, 4]][:, legs]
    expected -= poses.points[[0, 1, 2, 4]][:, [11, 12]].mean(1, keepdims=True)
    np.testing.assert_allclose(view.points, expected, atol=1e-9)
    every = detected_pairs(squats, "train", results, LOWER_BODY_6, LOWER_BODY_6, min_pck=0)
    assert len(every) == 6
    strict = detected_pairs(squats, "train", results, LOWER_BODY_6, LOWER_BODY_6, min_pck=1)
    assert len(strict) == 2


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "{}[",
        '[{"image_id": 1}]',
        '[{"image_id": 1, "keypoints": [1], "score": 1}]',
        '[{"image_id": "x", "keypoints": [], "score": 1}]',
        "3",
    ],
)
def test_other_files_are_refused(tmp_path, squats, content):
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"results.json: must be a list of COCO results"):
        detected_pairs(squats, "train", path, LOWER_BODY_6, LOWER_BODY_6)


def test_nobody_is_left(tmp_path, squats):
    path = write(tmp_path / "results.json", [])
    with pytest.raises(ValueError, match=r"no picture of train has a PCK of 0\.6"):
        detected_pairs(squats, "train", path, LOWER_BODY_6, LOWER_BODY_6)
