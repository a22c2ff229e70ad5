from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from python_models.motion.camera import Camera
from python_models.motion.detector_noise import NOISES, DetectorNoise
from python_models.motion.draws import Draws
from python_models.motion.lifter_pairs import LifterPairs
from python_models.motion.mirror import exchanged, mirrored_keypoints, mirrored_points
from python_models.motion.skeletons import COCO_17, HUMAN36M_16, HUMAN36M_17, LOWER_BODY_6
from python_models.motion.views import MotionViews, PictureViews
from python_models.motion.virtual_cameras import VirtualCameras
from python_models.training.order import scoring_blocks, training_blocks
from tests.made_up_motions import made_up_motion

EVERYTHING = {"noise": NOISES["hard"], "flip": 0.5}


def views(frames: int = 12, **options) -> MotionViews:
    motions = [made_up_motion(frames), made_up_motion(frames, seed=1, subject="s02", action="walk")]
    return MotionViews(motions, LOWER_BODY_6, HUMAN36M_17, **options)


def test_the_keypoints_are_the_joints_in_the_cameras_picture():
    """The depth, which the pair does not tell, is found from two joints; the rest must agree."""
    data = views()
    index = np.arange(len(data))
    draws = Draws(0, 1, index)
    view = data.see(index, draws)
    joints = np.concatenate([made_up_motion().joints, made_up_motion(seed=1).joints])
    camera = VirtualCameras().around(joints[:, _seen()], draws)
    legs = HUMAN36M_17.indices(*LOWER_BODY_6.joints)
    root = camera.to_camera(joints[:, [0]])
    np.testing.assert_allclose(view.points + root, camera.to_camera(joints), atol=1e-8)
    pixels = camera.project_camera(view.points[:, legs] + root)
    np.testing.assert_allclose(view.keypoints, pixels, atol=1e-6)  # 1e-16 of 1e4 mm, times 1e6
    assert camera.sees(view.keypoints).all()
    np.testing.assert_array_equal(view.points[:, 0], 0)


def _seen() -> list[int]:
    names = dict.fromkeys(LOWER_BODY_6.joints + HUMAN36M_17.joints)
    return HUMAN36M_17.indices(*names)


@pytest.mark.parametrize("batch_size", [1, 5])
def test_a_pair_is_the_same_in_every_batch_and_order(batch_size):
    data = LifterPairs(views(), **EVERYTHING)
    expected = data.batch([(3, index) for index in range(24)])
    blocks = training_blocks(24, batch_size, 1, 7, 3)
    seen = []
    for block, batch in zip(blocks, data.batches(blocks), strict=True):
        assert batch["index"].tolist() == [index for _, index in block]
        for name, values in batch.items():
            assert torch.equal(values, expected[name][batch["index"]]), name
        seen += batch["index"].tolist()
    assert sorted(seen) == list(range(24))


def test_epochs_differ_but_scoring_always_sees_the_same():
    data = LifterPairs(views(), **EVERYTHING)
    first, second = (data.batch([(epoch, 4)]) for epoch in (1, 2))
    assert not torch.equal(first["targets"], second["targets"])
    again = LifterPairs(views(), **EVERYTHING)
    block = scoring_blocks(24, 24, 0, 1)[0]
    for name, values in data.batch(block).items():
        assert torch.equal(values, again.batch(block)[name]), name
    other = LifterPairs(views(), **EVERYTHING, seed=1)
    assert not torch.equal(other.batch(block)["targets"], data.batch(block)["targets"])


def test_what_is_scored_is_not_mirrored_and_what_is_trained_on_is_half_of_the_time():
    plain, data = LifterPairs(views(500)), LifterPairs(views(500), flip=0.5)
    block = [(0, index) for index in range(1000)]
    assert torch.equal(plain.batch(block)["keypoints"], data.batch(block)["keypoints"])
    block = [(1, index) for index in range(1000)]
    before, after = plain.batch(block), data.batch(block)
    mirrored = (before["keypoints"] != after["keypoints"]).flatten(1).any(1)
    assert 420 < mirrored.sum() < 580  # 1000 throws have a deviation of 16: five of them
    expected = mirrored_keypoints(before["keypoints"].numpy(), (1000, 1000), LOWER_BODY_6)
    # Pixels in float32: half a unit in the last place of 1000 pixels.
    np.testing.assert_allclose(after["keypoints"][mirrored], expected[mirrored], atol=6.2e-5)
    points = mirrored_points(before["targets"].numpy(), HUMAN36M_17)
    np.testing.assert_array_equal(after["targets"][mirrored], points[mirrored])


@pytest.mark.parametrize("skeleton", [LOWER_BODY_6, HUMAN36M_17])
def test_mirroring_commutes_with_projection(skeleton):
    rng = np.random.default_rng(0)
    points = rng.normal([0, 0, 3000], 400, (7, len(skeleton), 3))
    lens = (-0.1, 0.02, 0.003, -0.002, 0.001)
    camera = Camera.from_matrix(
        [[800, 0, 300.0], [0, 810, 250.0], [0, 0, 1]], (640, 480), distortion=lens
    )
    expected = mirrored_keypoints(camera.project_camera(points), camera.size, skeleton)
    got = camera.mirrored().project_camera(mirrored_points(points, skeleton))
    np.testing.assert_allclose(got, expected, atol=1e-10)
    twice = mirrored_points(mirrored_points(points, skeleton), skeleton)
    np.testing.assert_array_equal(twice, points)


def test_exchanging_swaps_left_and_right_alone():
    names = np.array(HUMAN36M_17.joints)
    got = exchanged(names, HUMAN36M_17, 0)
    for joint, other in zip(names, got, strict=True):
        assert other == joint.translate({}).replace("left_", "*").replace(
            "right_", "left_"
        ).replace("*", "right_")


def test_batches_have_the_shapes_types_and_marks_they_say():
    data = LifterPairs(views(), noise=DetectorNoise(missing=0.5))
    batch = data.batch([(1, index) for index in range(24)])
    shapes = {name: tuple(values.shape) for name, values in batch.items()}
    assert shapes == {
        "inputs": (24, 6, 2), "inputs_known": (24, 6), "targets": (24, 17, 3),
        "targets_known": (24, 17), "keypoints": (24, 6, 2), "size": (24, 2), "index": (24,),
    }  # fmt: skip
    assert {values.dtype for name, values in batch.items() if name != "index"} == {torch.float32}
    assert all(values.isfinite().all() for values in batch.values())
    gone = batch["inputs_known"] == 0
    assert 0.3 < gone.float().mean() < 0.7  # 144 joints: a deviation of 0.04, five of them
    assert (batch["inputs"][gone] == 0).all()
    assert (batch["keypoints"][gone] == 0).all()
    assert (batch["targets_known"] == 1).all()


@pytest.mark.parametrize("frame", ["image", "person"])
def test_inputs_are_the_keypoints_in_the_frame(frame):
    data = LifterPairs(views(cameras=VirtualCameras(size=(640, 480))), frame=frame)
    batch = data.batch([(1, 3), (1, 20)])
    pixels = batch["keypoints"].numpy().astype(np.float64)
    if frame == "image":
        expected = pixels / 640 * 2 - np.array([1, 480 / 640])
    else:
        away = pixels - pixels[:, [0, 3]].mean(axis=1, keepdims=True)
        expected = away / np.linalg.norm(away, axis=-1).mean(axis=1)[:, None, None]
    np.testing.assert_allclose(batch["inputs"], expected, atol=1e-5)  # float32 pixels of a person


def test_frames_are_thinned_and_each_has_its_cameras():
    data = views(frames=10, every=4, cameras_per_pose=3)
    assert len(data) == 2 * 3 * 3  # frames 0, 4, 8 of two motions
    assert [data.name(index) for index in (0, 2, 3, 8)] == [
        f"frame {frame} of made up" for frame in (0, 0, 4, 8)
    ]
    assert data.subjects == ["s01"] * 9 + ["s02"] * 9
    assert data.actions == ["squat"] * 9 + ["walk"] * 9
    view = data.see(np.arange(3), Draws(0, 0, np.arange(3)))
    assert np.abs(view.points[0] - view.points[1]).max() > 1, "another camera of the same pose"


def test_poses_with_gaps_are_left_out():
    motion = made_up_motion()
    motion.joints[3, HUMAN36M_17.index("left_knee")] = np.nan  # asked for in 2D
    motion.joints[4, HUMAN36M_17.index("nose")] = np.nan  # in 3D
    data = MotionViews([motion], LOWER_BODY_6, HUMAN36M_17)
    assert [data.name(index).split()[1] for index in range(len(data))] == [
        str(frame) for frame in range(12) if frame not in (3, 4)
    ]
    legs = MotionViews([motion], LOWER_BODY_6, LOWER_BODY_6, in_view=HUMAN36M_17)
    assert len(legs) == 11, "a joint that is only to be seen may be unknown"


def test_or_they_are_kept_and_marked():
    motion = made_up_motion()
    knee, pelvis = HUMAN36M_17.index("left_knee"), HUMAN36M_17.index("pelvis")
    motion.joints[3, knee] = np.nan
    motion.joints[5, pelvis] = np.nan
    data = LifterPairs(MotionViews([motion], LOWER_BODY_6, HUMAN36M_17, gaps=True))
    assert len(data) == 11, "a pose needs its root"
    batch = data.batch([(1, 3)])
    assert batch["inputs_known"][0].tolist() == [1, 0, 1, 1, 1, 1]
    assert batch["targets_known"][0].tolist() == [float(joint != knee) for joint in range(17)]
    assert (batch["targets"][0, knee] == 0).all()


def test_more_of_the_person_can_be_asked_into_the_picture():
    index = np.arange(24)
    pair = [
        MotionViews([made_up_motion(24)], LOWER_BODY_6, LOWER_BODY_6, in_view=more).see(
            index, Draws(0, 1, index)
        )
        for more in (None, HUMAN36M_17)
    ]
    tall = [np.ptp(view.keypoints[..., 1], axis=1).mean() for view in pair]
    assert tall[1] < 0.7 * tall[0]


def test_joints_that_a_motion_has_not_are_named():
    motion = made_up_motion(skeleton=LOWER_BODY_6)
    with pytest.raises(ValueError, match=r"never known: .*left_shoulder"):
        MotionViews([motion], LOWER_BODY_6, HUMAN36M_16)
    with pytest.raises(ValueError, match="no pose of 0 motions"):
        MotionViews([], LOWER_BODY_6, HUMAN36M_16)


@pytest.mark.parametrize("wrong", [{"every": 0}, {"cameras_per_pose": 0}])
def test_counts_of_none_are_refused(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        views(**wrong)


@pytest.mark.parametrize(("wrong", "word"), [
    ({"flip": 2}, "flip"), ({"frame": "torso"}, "torso"), ({"seed": -1}, "seed"),
])  # fmt: skip
def test_options_out_of_range_are_refused(wrong, word):
    with pytest.raises(ValueError, match=f"LifterPairs: .*{word}"):
        LifterPairs(views(), **wrong)


def test_names_tell_the_pose_and_the_epoch():
    assert LifterPairs(views()).names([(2, 1), (0, 13)]) == (
        "frame 1 of made up (epoch 2), frame 1 of made up (epoch 0)"
    )


def test_the_digest_tells_data_and_options_apart():
    @dataclass
    class Case:
        views: MotionViews
        options: dict

    cases = [
        Case(views(), {}), Case(views(), {"flip": 0.5}), Case(views(), {"seed": 1}),
        Case(views(), {"noise": NOISES["mild"]}), Case(views(), {"frame": "image"}),
        Case(views(every=2), {}), Case(views(cameras=VirtualCameras(roll=1)), {}),
        Case(views(13), {}), Case(views(in_view=COCO_17), {}),
    ]  # fmt: skip
    digests = [LifterPairs(case.views, **case.options).digest() for case in cases]
    assert len(set(digests)) == len(digests)
    assert LifterPairs(views()).digest() == digests[0]


def pictures(count: int = 6, **options) -> PictureViews:
    rng = np.random.default_rng(0)
    given = {
        "keypoints": rng.uniform(0, 255, (count, 6, 2)),
        "points": rng.normal([0, 0, 3000], 300, (count, 17, 3)),
        "size": np.array([256, 256]),
        "subjects": ["a"] * count,
        "actions": ["squat"] * count,
        "names": [f"picture {number}" for number in range(count)],
    } | options
    return PictureViews(source=LOWER_BODY_6, target=COCO_17, **given)


def test_pairs_of_pictures_are_as_they_were_given():
    points = np.random.default_rng(1).normal([0, 0, 3000], 300, (6, 17, 3))
    keypoints = np.random.default_rng(2).uniform(0, 255, (6, 6, 2))
    keypoints[2, 1] = np.nan
    data = LifterPairs(pictures(keypoints=keypoints, points=points))
    batch = data.batch([(1, 5), (1, 2)])
    expected = points - points[:, COCO_17.indices("left_hip", "right_hip")].mean(axis=1)[:, None]
    np.testing.assert_allclose(batch["targets"], expected[[5, 2]], atol=1e-4)  # float32 of 1000 mm
    np.testing.assert_array_equal(batch["keypoints"][0], keypoints[5].astype(np.float32))
    assert batch["inputs_known"].tolist() == [[1] * 6, [1, 0, 1, 1, 1, 1]]
    assert batch["size"].tolist() == [[256, 256]] * 2
    assert data.names([(1, 5)]) == "picture 5 (epoch 1)"
    assert data.subjects == ["a"] * 6
    other = LifterPairs(pictures(keypoints=keypoints + 1, points=points))
    assert other.digest() != data.digest()


@pytest.mark.parametrize(("wrong", "word"), [
    ({"keypoints": np.zeros((6, 5, 2))}, "keypoints"),
    ({"points": np.zeros((5, 17, 3))}, "points"),
    ({"names": ["one"]}, "names"),
    ({"points": np.full((6, 17, 3), np.nan)}, "no root"),
])  # fmt: skip
def test_pictures_of_another_shape_are_refused(wrong, word):
    with pytest.raises(ValueError, match=f"PictureViews: .*{word}"):
        pictures(**wrong)


def test_a_sample_has_every_pair_of_few_and_follows_from_its_seed():
    data = LifterPairs(views(), **EVERYTHING)
    (one,), (again,), (other,) = (list(data.sample(seed, 1)) for seed in (3, 3, 4))
    assert sorted(one["index"].tolist()) == list(range(len(data)))
    assert torch.equal(one["index"], again["index"])
    assert not torch.equal(one["index"], other["index"])
    same = data.batch([(1, index) for index in one["index"].tolist()])
    assert torch.equal(one["inputs"], same["inputs"])


def test_a_sample_of_many_is_20000_pairs_in_blocks_of_500():
    data = LifterPairs(views(cameras_per_pose=900))
    data.batch = lambda block: block
    blocks = list(data.sample(0, 0))
    assert {len(block) for block in blocks} == {500}
    assert len(set().union(*blocks)) == 20000 < len(data)
