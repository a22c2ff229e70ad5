import json
import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lowerpose_ops import LOWER_BODY_COCO_INDICES
from python_models.data import synthetic_squats
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.data.squat_camera import SquatCamera, sample_camera
from python_models.data.squat_clothes import dress, sample_clothes
from python_models.data.squat_figure import knee_angles, pose_figure
from python_models.data.squat_picture import Box, RoundCone, cast
from python_models.data.squat_pose import ARM_POSES, sample_body, sample_pose
from python_models.data.squat_room import draw, sample_light, sample_room

TRAIN, VAL = 200, 100
PER_SUBJECT = 4
BONES = (
    (5, 6), (5, 7), (7, 9), (6, 8), (8, 10), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16),
    (0, 1), (0, 2), (1, 3), (2, 4),
)  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("squats") / "data"
    synthetic_squats.generate(folder, train=TRAIN, val=VAL, seed=7, image_size=128)
    return folder


@pytest.fixture(scope="module")
def files(root):
    names = {s: root / "annotations" / f"person_keypoints_{s}2017.json" for s in ("train", "val")}
    return {split: json.loads(path.read_text()) for split, path in names.items()}


@pytest.fixture(scope="module")
def rows(files):
    return [row for split in ("train", "val") for row in files[split]["annotations"]]


def contents(folder):
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def camera_joints(row):
    return np.array(row["joints_3d"])


def world_joints(row):
    rotation, shift = np.array(row["camera"]["R"]), np.array(row["camera"]["t"])
    return (camera_joints(row) - shift) @ rotation


def keypoints(row):
    return np.array(row["keypoints"]).reshape(17, 3)


def scene(seed, arms="hanging"):
    rng = np.random.default_rng(seed)
    body = sample_body(rng)
    figure = pose_figure(body, sample_pose(body, rng, arms=arms))
    return figure, sample_camera(figure.joints, 128, rng), dress(figure, sample_clothes(rng))


def test_same_seed_same_bytes_whatever_the_processes(tmp_path):
    options = {"train": 6, "val": 3, "image_size": 64}
    synthetic_squats.generate(tmp_path / "a", **options, seed=3, processes=1)
    synthetic_squats.generate(tmp_path / "b", **options, seed=3, processes=2)
    synthetic_squats.generate(tmp_path / "c", **options, seed=4, processes=1)
    first = contents(tmp_path / "a")
    assert len(first) == 6 + 3 + 2
    assert first == contents(tmp_path / "b")
    assert not set(first.values()) & set(contents(tmp_path / "c").values())


def test_more_images_leave_the_first_ones_as_they_are(files):
    picture = synthetic_squats.render("val", 5, seed=7, image_size=128)
    assert picture.annotation["joints_3d"] == files["val"]["annotations"][5]["joints_3d"]


def test_camera_projects_joints_3d_to_the_keypoints(rows):
    checked = 0
    for row in rows:
        camera, points, given = row["camera"], camera_joints(row), keypoints(row)
        x = camera["fx"] * points[:, 0] / points[:, 2] + camera["cx"]
        y = camera["fy"] * points[:, 1] / points[:, 2] + camera["cy"]
        labelled = given[:, 2] > 0
        np.testing.assert_allclose(given[labelled, 0], x[labelled], rtol=0, atol=1e-3)
        np.testing.assert_allclose(given[labelled, 1], y[labelled], rtol=0, atol=1e-3)
        inside = (x >= -0.5) & (x < 127.5) & (y >= -0.5) & (y < 127.5)
        np.testing.assert_array_equal(labelled, inside)
        assert (given[~labelled] == 0).all()
        assert row["num_keypoints"] == labelled.sum()
        checked += labelled.sum()
    assert checked > 10 * len(rows)


def test_cameras_are_rotations_on_the_full_circle(rows):
    azimuths = []
    for row in rows:
        rotation = np.array(row["camera"]["R"])
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(rotation) == pytest.approx(1)
        position = -rotation.T @ row["camera"]["t"]
        assert position[2] > 0
        azimuths.append(math.atan2(position[1], position[0]))
    counts, _ = np.histogram(azimuths, bins=8, range=(-math.pi, math.pi))
    assert counts.min() > 0.05 * len(rows)


def test_bones_keep_their_length_within_a_subject(rows):
    subjects = {}
    for row in rows:
        joints = camera_joints(row)
        lengths = [np.linalg.norm(joints[a] - joints[b]) for a, b in BONES]
        subjects.setdefault(row["subject"], []).append(lengths)
    assert len(subjects) == (TRAIN + VAL) // PER_SUBJECT
    for lengths in subjects.values():
        assert len(lengths) == PER_SUBJECT
        assert np.ptp(lengths, axis=0).max() < 0.01  # mm
    firsts = np.array([lengths[0] for lengths in subjects.values()])
    assert len(np.unique(firsts.round(2), axis=0)) == len(firsts)


def test_left_and_right_bones_are_alike_and_left_is_left(rows):
    for row in rows:
        joints = world_joints(row)
        for pair in (((11, 13), (12, 14)), ((13, 15), (14, 16)), ((5, 7), (6, 8))):
            left, right = (np.linalg.norm(joints[a] - joints[b]) for a, b in pair)
            assert left == pytest.approx(right, abs=0.01)
        assert joints[11, 0] < joints[12, 0]  # facing +Y, the left side is -X
        assert joints[15, 0] < joints[16, 0]


def test_knee_angles_are_those_of_joints_3d(rows):
    angles = []
    for row in rows:
        joints = camera_joints(row)
        for side in (0, 1):
            thigh = joints[11 + side] - joints[13 + side]
            shank = joints[15 + side] - joints[13 + side]
            cosine = thigh @ shank / np.linalg.norm(thigh) / np.linalg.norm(shank)
            angles.append(row["knee_angles"][side])
            assert angles[-1] == pytest.approx(math.degrees(math.acos(cosine)), abs=0.01)
    flexions = 180 - np.array(angles)
    assert flexions.min() > 4.9
    assert 110 < flexions.max() < 140
    assert np.quantile(flexions, 0.1) < 25


def test_phase_deepens_the_squat(rows):
    standing = [row["knee_angles"] for row in rows if row["phase"] < 0.05]
    deep = [row["knee_angles"] for row in rows if row["phase"] > 0.95]
    assert np.mean(standing) > 165
    assert np.mean(deep) < 100


def test_feet_stay_flat_on_the_ground(rows):
    heights = {}
    for row in rows:
        ankles = world_joints(row)[15:, 2]
        heights.setdefault(row["subject"], []).extend(ankles)
        assert ankles == pytest.approx(0.045 * row["body_height"], abs=0.01)
    for ankles in heights.values():
        assert np.ptp(ankles) < 0.01


@pytest.mark.parametrize("arms", ARM_POSES)
def test_anatomy_and_balance(arms):
    rng = np.random.default_rng(2)
    for _ in range(40):
        body = sample_body(rng)
        figure = pose_figure(body, sample_pose(body, rng, arms=arms))
        assert knee_angles(figure.joints) > (40, 40)
        for side in (0, 1):
            toward_toes = figure.toes[side] - figure.heels[side]
            hip, knee, ankle = figure.joints[[11 + side, 13 + side, 15 + side]]
            shank, leg = knee - ankle, hip - ankle
            bend = shank - (shank @ leg) / (leg @ leg) * leg
            assert bend @ toward_toes > 0  # knees bend forward
            assert math.degrees(math.atan2(np.hypot(*shank[:2]), shank[2])) < 60
        heels, toes = figure.heels[:, 1], figure.toes[:, 1]
        assert heels.mean() < figure.center_of_mass[1] < toes.mean()
        assert figure.heels[0, 0] < figure.center_of_mass[0] < figure.heels[1, 0]
        lean = math.degrees(math.acos(figure.trunk_frame[2, 2]))
        assert lean < 65
        np.testing.assert_array_equal(figure.heels[:, 2], 0)
        np.testing.assert_array_equal(figure.toes[:, 2], 0)


def test_shoes_stand_on_the_floor():
    solids = scene(1)[2]
    lowest = []
    for solid in solids:
        for center, radius in ((solid.a, solid.a_radius), (solid.b, solid.b_radius)):
            reach = radius
            if solid.map is not None:
                reach *= np.linalg.norm(solid.map[2])
            lowest.append(center[2] - reach)
    assert min(lowest) == pytest.approx(0, abs=1e-6)


def test_train_and_val_share_no_subject(files):
    subjects = [{row["subject"] for row in files[s]["annotations"]} for s in ("train", "val")]
    heights = [{row["body_height"] for row in files[s]["annotations"]} for s in ("train", "val")]
    assert not subjects[0] & subjects[1]
    assert not heights[0] & heights[1]


def test_heights_spread(files):
    for split in ("train", "val"):
        heights = [row["body_height"] for row in files[split]["annotations"]]
        assert max(heights) / min(heights) > 1.1


def test_standing_bodies_are_as_high_as_they_say():
    rng = np.random.default_rng(0)
    for _ in range(20):
        body = sample_body(rng)
        pose = replace(
            sample_pose(body, rng, arms="hanging"),
            phase=0.0, knee_flexion=5.0, stance=body.hip_width, stagger=0.0, sway=0.0,
            gaze=(0.0, 0.0, 0.0),
        )  # fmt: skip
        figure = pose_figure(body, pose)
        assert figure.head[2] + 1.15 * body.head == pytest.approx(body.height, rel=0.02)


def test_layout_is_cocos(root, files):
    for split, count in (("train", TRAIN), ("val", VAL)):
        content = files[split]
        images, annotations = content["images"], content["annotations"]
        assert len(images) == len(annotations) == count
        assert [row["image_id"] for row in annotations] == [image["id"] for image in images]
        assert min(row["id"] for row in annotations) >= 1
        (category,) = content["categories"]
        assert (category["id"], category["name"]) == (1, "person")
        assert len(category["keypoints"]) == 17
        assert len(category["skeleton"]) == 19
        for image, row in zip(images, annotations, strict=True):
            with Image.open(root / f"{split}2017" / image["file_name"]) as picture:
                assert picture.size == (image["width"], image["height"]) == (128, 128)
            assert row["iscrowd"] == 0
            assert row["category_id"] == 1
            x, y, width, height = row["bbox"]
            assert min(x, y) >= 0
            assert width > 0
            assert max(x + width, y + height) <= 128
            assert 0 < row["area"] <= width * height


def test_box_holds_the_keypoints(rows):
    hips_to_ankles = list(LOWER_BODY_COCO_INDICES)
    for row in rows:
        x, y, width, height = row["bbox"]
        for joint_x, joint_y, flag in keypoints(row)[hips_to_ankles]:
            if flag:  # joints lie within the flesh
                assert x <= joint_x + 0.5 <= x + width
                assert y <= joint_y + 0.5 <= y + height


def test_loader_reads_it(root):
    for split, count in (("train", TRAIN), ("val", VAL)):
        data = CocoLowerBody.from_root(root, split, input_size=(96, 128))
        assert len(data) == count
        assert not data.skipped
        sample = data[0]
        assert sample["image"].shape == (3, 128, 96)
        seen = sample["visible"] > 0
        assert (sample["joints"][seen] > -1).all()


def test_visibility_has_all_kinds(rows):
    flags = np.stack([keypoints(row)[:, 2] for row in rows])
    assert 0.5 < (flags == 2).mean() < 0.9
    assert (flags == 1).mean() > 0.1
    assert (flags == 0).any()


def test_a_box_before_a_joint_hides_it_alone():
    checked = 0
    for seed in range(12):
        figure, camera, solids = scene(seed)
        before = synthetic_squats.joint_visibility(figure, camera, cast(solids, camera))
        for joint in (15, 16):
            if before[joint] != 2:
                continue
            place = figure.joints[joint] + 0.15 * (camera.position - figure.joints[joint])
            box = Box(place, np.eye(3), np.full(3, 40.0), (0.5, 0.5, 0.5))
            after = synthetic_squats.joint_visibility(figure, camera, cast([*solids, box], camera))
            assert after[joint] == 1
            assert (after[:13] == before[:13]).sum() >= 12
            away = figure.joints[joint] - 0.3 * (camera.position - figure.joints[joint])
            behind = Box(away, np.eye(3), np.full(3, 40.0), (0.5, 0.5, 0.5))
            same = synthetic_squats.joint_visibility(
                figure, camera, cast([*solids, behind], camera)
            )
            np.testing.assert_array_equal(same, before)
            checked += 1
    assert checked >= 6


def test_the_body_hides_its_far_side():
    near, far = [], []
    for index in range(150):
        row = synthetic_squats.render("train", index, seed=11, image_size=64).annotation
        joints, given = camera_joints(row), keypoints(row)
        across = joints[11] - joints[12]
        if abs(across[2]) < 0.8 * np.linalg.norm(across) or (given[11:13, 2] == 0).any():
            continue  # not from the side
        side = int(joints[12, 2] < joints[11, 2])
        near.append(given[11 + side, 2])
        far.append(given[12 - side, 2])
    assert len(near) > 30
    assert np.mean(np.equal(near, 2)) > 0.6  # arms, plates and things hide the others
    assert np.mean(np.equal(far, 1)) > 0.9


def test_a_sphere_is_drawn_where_it_is():
    figure, camera, _ = scene(0)
    ball = RoundCone(figure.pelvis, figure.pelvis + 0.5, 100.0, 100.0, (1.0, 0.0, 0.0))
    buffers = cast([ball], camera)
    center = camera.to_camera(figure.pelvis[None])
    depth = buffers.depth_at(camera.project(center))[0]
    assert depth == pytest.approx(np.linalg.norm(center) - 100, abs=1.5)
    area = buffers.body.sum() / 4
    angle = math.asin(100 / np.linalg.norm(center))
    assert area == pytest.approx(math.pi * (camera.focal * math.tan(angle)) ** 2, rel=0.1)
    lengths = np.linalg.norm(buffers.normal[:, buffers.body], axis=0)
    np.testing.assert_allclose(lengths, 1, atol=1e-3)


@pytest.mark.parametrize("outdoors", [False, True])
def test_rays_along_the_walls_and_to_the_horizon_are_drawn(outdoors):
    rng = np.random.default_rng(0)
    level = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    camera = SquatCamera(60.0, (32.0, 32.0), (65, 65), level, -level @ [0.0, -3000.0, 1000.0])
    room = replace(sample_room(camera, rng), axes=np.eye(3), outdoors=outdoors)
    with np.errstate(invalid="raise", over="raise"):
        image = draw(camera, room, sample_light(rng), cast([], camera), [], rng)
    assert image.size == (65, 65)
    assert np.asarray(image).std() > 1


def test_the_mean_pose_is_a_bad_answer(root):
    """Else a network that ignores the image would score well."""

    def crops(split):
        data = CocoLowerBody.from_root(root, split)
        samples = [data[index] for index in range(len(data))]
        joints = np.stack([sample["joints"].numpy() for sample in samples])
        return joints, np.stack([sample["visible"].numpy() for sample in samples]) > 0

    joints, labelled = crops("train")
    mean = np.average(joints, axis=0, weights=np.repeat(labelled[..., None], 2, axis=2))
    joints, labelled = crops("val")
    distance = np.linalg.norm(joints - mean, axis=-1)
    assert (distance < 0.1 * 256)[labelled].mean() <= 0.45


def test_interrupted_generation_leaves_nothing(tmp_path, monkeypatch):
    def stop(split, index, **options):
        if index == 2:
            raise KeyboardInterrupt
        return render(split, index, **options)

    render = synthetic_squats.render
    monkeypatch.setattr(synthetic_squats, "render", stop)
    with pytest.raises(KeyboardInterrupt):
        synthetic_squats.generate(tmp_path / "data", train=4, val=2, image_size=64, processes=1)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_refused(tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(FileExistsError, match="data exists"):
        synthetic_squats.generate(tmp_path / "data", train=1, val=1)


@pytest.mark.parametrize(
    "wrong", [{"train": -1}, {"val": -1}, {"seed": -1}, {"image_size": 8}, {"processes": 0}]
)
def test_numbers_out_of_range_are_refused(tmp_path, wrong):
    options = {"train": 1, "val": 1} | wrong
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be at least"):
        synthetic_squats.generate(tmp_path / "data", **options)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split must be among"):
        synthetic_squats.render("test", 0)


def test_command(tmp_path, capsys):
    folder = tmp_path / "new" / "data"
    arguments = ["--output", str(folder), "--train", "2", "--val", "1", "--image-size", "64"]
    assert synthetic_squats.main([*arguments, "--processes", "1"]) == 0
    assert "2 + 1 images" in capsys.readouterr().out
    assert len(list((folder / "train2017").iterdir())) == 2
