"""The synthetic squats without their pictures: bodies in poses before cameras, many in a second.

The same bodies, poses and cameras as those of `synthetic_squats`, which spends its time on drawing:
picture number `index` of a split is pose number `index` before its first camera.
"""

from __future__ import annotations

import numpy as np

from python_models.data.squat_camera import sample_camera
from python_models.data.squat_figure import pose_figure
from python_models.data.squat_pose import sample_body, sample_pose
from python_models.data.synthetic_squats import SPLITS
from python_models.motion.conversion import convert
from python_models.motion.keypoint_frames import in_standard_camera
from python_models.motion.skeletons import COCO_17, Skeleton
from python_models.motion.views import PictureViews

IMAGE_SIZE = 256  # pixels


def squat_views(
    split: str,
    poses: int,
    source: Skeleton,
    target: Skeleton,
    *,
    cameras: int = 1,
    seed: int = 0,
    poses_per_subject: int = 4,
    calibrated: bool = False,
) -> PictureViews:
    """Poses of synthetic squats before random cameras, with exact keypoints.

    Args:
        split: "train" or "val": their bodies differ.
        poses: How many.
        source: Of the keypoints; its joints are worked out of COCO's in the picture.
        target: Of the points; likewise in space.
        cameras: How many see each pose.
        seed: Of bodies, poses and cameras.
        poses_per_subject: How many poses in turn have the same body.
        calibrated: Whether the cameras' focal lengths are known: keypoints are then where one
            camera of 90 degrees would see them, in its picture or beyond. Else a focal length is
            as large as the person shall be in the picture, and nothing says which.

    Raises:
        ValueError: A number is out of its range, or there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"squat_views: split must be among {SPLITS}, got {split!r}")
    for name, value in (
        ("poses", poses),
        ("cameras", cameras),
        ("poses_per_subject", poses_per_subject),
    ):
        if value < 1:
            raise ValueError(f"squat_views: {name} must be at least 1, got {value}")
    keypoints, points = np.empty((poses, cameras, 17, 2)), np.empty((poses, cameras, 17, 3))
    focal = np.empty((poses, cameras))
    for number in range(poses):
        subject, turn = divmod(number, poses_per_subject)
        key = (seed, SPLITS.index(split), subject)
        rng = np.random.default_rng((*key, turn + 1))
        body = sample_body(np.random.default_rng(key))
        joints = pose_figure(body, sample_pose(body, rng)).joints
        for view in range(cameras):
            camera = sample_camera(joints, IMAGE_SIZE, rng)
            points[number, view] = camera.to_camera(joints)
            keypoints[number, view] = camera.project(points[number, view])
            focal[number, view] = camera.focal
    seen = keypoints.reshape(-1, 17, 2)
    size = np.array([IMAGE_SIZE, IMAGE_SIZE], np.float64)
    if calibrated:
        seen, size = in_standard_camera(seen, size, focal.reshape(-1))
    of_view = np.repeat(np.arange(poses), cameras)
    return PictureViews(
        convert(seen, COCO_17, source),
        convert(points.reshape(-1, 17, 3), COCO_17, target),
        size,
        source,
        target,
        subjects=[f"squats-{split}-{pose // poses_per_subject:05d}" for pose in of_view],
        actions=["synthetic squat"] * len(of_view),
        names=[f"{split} pose {pose}, camera {n % cameras}" for n, pose in enumerate(of_view)],
    )
