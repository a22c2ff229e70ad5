from __future__ import annotations

import copy
import json
import re

import numpy as np
import pytest

from python_models.motion.infinite_form import WORLD_SKELETON, read_infinite_form
from python_models.motion.skeletons import COCO_17
from tests.made_up_motions import standing
from tests.motion_files import write

FOCAL = 200.0
LIMBS = [joint for joint in WORLD_SKELETON.joints if joint not in ("pelvis", "thorax")]


def picture_row(points, image_id=1, row_id=1):
    """An annotation of points [17, 3] in millimetres before a camera of 101 x 81 pixels."""
    depth = points[:, 2:] / 1000
    pixels = points[:, :2] / points[:, 2:] * FOCAL + [50, 40]
    return {
        "id": row_id,
        "image_id": image_id,
        "pose_category": "Side_Plank",
        "keypoints_3d": np.concatenate([pixels, depth], axis=1).ravel().tolist(),
    }


def before_the_camera():
    """A person [17, 3] in millimetres, three metres away."""
    return standing(COCO_17)[:, [0, 2, 1]] * [1, -1, 1] + [0, 900, 3000]


def content_of(rows, **image):
    numbers = sorted({row["image_id"] for row in rows})
    size = {"width": 101, "height": 81}
    return {"images": [{"id": i, **size, **image} for i in numbers], "annotations": rows}


def in_the_world(moved=0.0):
    """Where the joints of a person are, in metres."""
    places = standing(WORLD_SKELETON) / 1000 + moved
    named = zip(WORLD_SKELETON.joints, places.tolist(), strict=True)
    return {joint: place for joint, place in named if joint in LIMBS}


def world_row(number, joints, field="armature_keypoints"):
    named = {
        name: {f"{axis}_global": value for axis, value in zip("xyz", place, strict=True)}
        for name, place in joints.items()
    }
    return {"id": number, "image_id": number, field: named}


def read(tmp_path, content, **arguments):
    return read_infinite_form(write(tmp_path / "video.json", json.dumps(content)), **arguments)


def test_pixels_and_depths_become_points_before_the_camera(tmp_path):
    points = before_the_camera()
    row = picture_row(points)
    row["keypoints_3d"][:3] = [0, 0, 0]  # the nose is not in the data
    (motion,) = read(tmp_path, content_of([row]), focal=FOCAL)
    assert (motion.skeleton, motion.frame, motion.action) == (COCO_17, "camera", "side plank")
    assert np.isnan(motion.joints[0, 0]).all()
    np.testing.assert_allclose(motion.joints[0, 1:], points[1:])


def test_each_person_of_each_picture_is_its_own_motion(tmp_path):
    points = before_the_camera()
    rows = [picture_row(points, 1, 1), picture_row(points, 1, 2), picture_row(points, 2, 3)]
    motions = read(tmp_path, content_of(rows), focal=FOCAL)
    assert [motion.name for motion in motions] == ["video/1/1", "video/1/2", "video/2/3"]
    assert len({motion.subject for motion in motions}) == 3


def test_without_a_focal_length_pixels_are_refused(tmp_path):
    row = picture_row(np.full((17, 3), 1000.0))
    for focal in (None, 0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="focal must be the camera's focal length"):
            read(tmp_path, content_of([row]), focal=focal)


@pytest.mark.parametrize("field", ["armature_keypoints", "joint_keypoints"])
def test_a_video_of_joints_in_the_world(tmp_path, field):
    rng = np.random.default_rng(0)
    poses = {number: in_the_world(rng.normal(0, 0.1, 3)) for number in (7, 5, 8)}
    rows = [world_row(number, {**joints, "pelvis": [9, 9, 9], "jaw": [1, 1, 1]}, field)
            for number, joints in poses.items()]  # fmt: skip
    content = content_of(rows)
    for image in content["images"]:
        image.update(frame_number=image["id"], avatar_exercise="BACK_SQUAT")
    (motion,) = read(tmp_path, content, frame_rate=12)
    assert (len(motion), motion.frame_rate, motion.frame) == (4, 12, "world")
    assert (motion.subject, motion.action) == ("video", "back squat")
    assert np.isnan(motion.joints[1]).all()  # frame 6 has nobody in it
    np.testing.assert_allclose(
        motion.of("left_knee")[2, 0], np.multiply(poses[7]["left_knee"], 1000)
    )
    # The pelvis of the files lies elsewhere: ours is the middle of the hips everywhere.
    hips = motion.of("left_hip", "right_hip").mean(axis=1)
    np.testing.assert_allclose(motion.of("pelvis")[:, 0], hips)


def test_a_joint_that_is_not_there_is_a_gap(tmp_path):
    joints = {joint: at for joint, at in in_the_world().items() if joint != "left_hip"}
    (motion,) = read(tmp_path, content_of([world_row(1, joints)]))
    missing = np.isnan(motion.joints[0]).any(axis=-1)
    assert {WORLD_SKELETON.joints[i] for i in np.flatnonzero(missing)} == {"left_hip", "pelvis"}


def test_two_persons_in_a_video_are_refused(tmp_path):
    rows = [world_row(1, dict.fromkeys(LIMBS, (0, 0, 1))) for _ in range(2)]
    with pytest.raises(ValueError, match="two persons in a frame"):
        read(tmp_path, content_of(rows, frame_number=4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["annotations"][0].pop("keypoints_3d"), "no annotation has keypoints_3d"),
        (lambda c: c["annotations"][0]["keypoints_3d"].pop(), "ValueError cannot reshape"),
        (lambda c: c["annotations"][0]["keypoints_3d"].__setitem__(4, "x"), "ValueError could not"),
        (lambda c: c["annotations"][0]["keypoints_3d"].__setitem__(4, float("nan")), "be finite"),
        (lambda c: c["annotations"][0].update(image_id=5), "KeyError 5"),
        (lambda c: c["annotations"][0].update(armature_keypoints={"jaw": 1}), "expected joints as"),
        (lambda c: c["annotations"][0].update(joint_keypoints={"left_hip": {"x": 1}}), "x_global"),
        (lambda c: c.pop("images"), "expected a list 'images'"),
        (lambda c: c.update(annotations=[]), "expected a list 'annotations'"),
    ],
)  # fmt: skip
def test_other_files_are_refused(tmp_path, change, message):
    content = copy.deepcopy(content_of([picture_row(np.full((17, 3), 1000.0))]))
    change(content)
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read(tmp_path, content, focal=FOCAL)
    assert "video.json" in str(error.value)


@pytest.mark.parametrize("number", [float("inf"), float("nan"), 1.5, [1], "x", None, True, {}])
def test_frame_numbers_must_be_whole_numbers(tmp_path, number):
    content = content_of([world_row(1, in_the_world())], frame_number=number)
    with pytest.raises(ValueError, match=r"video\.json: frame_number must be a whole number, got"):
        read(tmp_path, content)


@pytest.mark.parametrize("digits", [400, 5000])  # Python itself refuses to read the second
def test_numbers_that_no_float_holds_are_refused(tmp_path, digits):
    huge = "1" + "0" * digits
    for row in (picture_row(before_the_camera()), world_row(1, in_the_world())):
        text = json.dumps(content_of([row]))
        place = re.search(r"-?\d+\.\d+", text)
        path = write(tmp_path / "video.json", text[: place.start()] + huge + text[place.end() :])
        with pytest.raises(ValueError, match=r"video\.json"):
            read_infinite_form(path, focal=FOCAL)


def test_a_cut_file_is_refused(tmp_path):
    path = write(tmp_path / "a.json", json.dumps(content_of([picture_row(np.ones((17, 3)))]))[:-9])
    with pytest.raises(ValueError, match="line 1: no JSON"):
        read_infinite_form(path)
