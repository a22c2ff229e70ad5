from __future__ import annotations

import numpy as np
import pytest

from python_models.data.squat_views import squat_views
from python_models.data.synthetic_squats import generate
from python_models.motion.draws import Draws
from python_models.motion.skeletons import COCO_17, HUMAN36M_16, LOWER_BODY_6
from python_models.motion.synthetic_squat_poses import read_synthetic_squats


def see(views):
    index = np.arange(len(views))
    return views.see(index, Draws(0, 0, index))


def test_they_are_the_pictures_without_the_pictures(tmp_path):
    generate(tmp_path / "squats", train=0, val=5, image_size=64, processes=1)
    read = read_synthetic_squats(tmp_path / "squats", "val")
    views = squat_views("val", 5, COCO_17, COCO_17)
    seen = see(views)
    root = read.points[:, [11, 12]].mean(1, keepdims=True)
    # The file has four decimals. The pictures are smaller: so are the distances between joints.
    np.testing.assert_allclose(seen.points, read.points - root, atol=2e-4)
    scale = 64 / 256
    np.testing.assert_allclose(
        np.diff(seen.keypoints, axis=1) * scale, np.diff(read.keypoints, axis=1), atol=1e-3
    )
    assert (seen.size == 256).all()
    bodies = [subject.removeprefix("squats-") for subject in views.subjects]
    assert bodies == list(read.subjects)


def test_each_pose_has_its_cameras_and_its_body():
    views = squat_views("train", 6, LOWER_BODY_6, HUMAN36M_16, cameras=3)
    assert len(views) == 18
    assert len(set(views.subjects)) == 2
    assert views.name(4) == "train pose 1, camera 1"
    seen = see(views)
    legs = seen.points[:, HUMAN36M_16.indices("left_hip", "left_knee", "left_ankle")]
    bones = np.linalg.norm(np.diff(legs, axis=1), axis=-1).reshape(6, 3, 2)
    np.testing.assert_allclose(bones, np.broadcast_to(bones[:, :1], bones.shape), rtol=1e-9)
    assert np.ptp(seen.keypoints[:3], axis=0).max() > 1  # other cameras, other pictures
    assert set(views.subjects).isdisjoint(squat_views("val", 6, COCO_17, COCO_17).subjects)


def test_a_known_focal_length_puts_keypoints_into_one_camera():
    plain, known = (
        see(squat_views("val", 4, COCO_17, COCO_17, calibrated=calibrated))
        for calibrated in (False, True)
    )
    assert np.array_equal(plain.points, known.points)
    # Of one camera of 90 degrees: what differs between x / z of two joints does so in pixels / 128.
    flat = (known.keypoints - 127.5) / 128
    depth = _depth(known.points, flat)
    restored = np.concatenate([flat, np.ones_like(flat[..., :1])], -1) * depth[..., None]
    root = restored[:, [11, 12]].mean(1, keepdims=True)
    np.testing.assert_allclose(restored - root, known.points, atol=1e-6)
    assert np.abs(plain.keypoints - known.keypoints).max() > 10


def _depth(points, flat):
    """How far away the joints [B, K] are, of points from the root and their x / z, y / z."""
    z = points[..., 2]
    # x_i + X = u_i (z_i + Z) for the root at (X, Y, Z): linear in X and Z.
    depths = []
    for p, u in zip(points, flat[..., 0], strict=True):
        rows = np.stack([np.ones(17), -u], -1)
        depths.append(np.linalg.lstsq(rows, u * p[:, 2] - p[:, 0], rcond=None)[0][1])
    return z + np.array(depths)[:, None]


def test_what_is_out_of_range_is_refused():
    for bad in ({"cameras": 0}, {"poses_per_subject": 0}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            squat_views("train", 2, COCO_17, COCO_17, **bad)
    with pytest.raises(ValueError, match="split"):
        squat_views("test", 2, COCO_17, COCO_17)
    with pytest.raises(ValueError, match="poses"):
        squat_views("val", 0, COCO_17, COCO_17)
