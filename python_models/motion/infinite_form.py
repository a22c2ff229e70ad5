"""InfiniteForm and its relatives: COCO-like JSON of synthetic persons with 3D keypoints.

What is read is what the makers' pages describe; it was never tried on their files, which have to be
asked for. Two kinds of annotations are known:

- InfiniteForm: pictures. `keypoints_3d` is x, y in pixels and the depth from the camera, 17 times
  in COCO's order; nose and ears are not in it. The page gives no unit for the depth (other lengths
  are in metres, so this is taken to be) and no focal length: the caller has to know it. The depth
  is taken along the camera's axis. Hips are moved outward, to where people label them.
- InfiniteRep's and VisionFit's videos, and the set made for fitness lifters: `armature_keypoints`,
  or `joint_keypoints`, an object of joints with x_global, y_global, z_global, metres in a world
  whose Z is up. Such files are one video of one person if their images have a `frame_number`.

Weitz, Colucci, Primas and Bent, "InfiniteForm: A synthetic, minimal bias dataset for fitness
applications", 2021, CC BY 4.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from python_models.motion.body_size import checked_size
from python_models.motion.motion import Floats, Motion
from python_models.motion.skeletons import COCO_17, skeleton
from python_models.motion.text_files import read_lists, stem

WORLD_SKELETON = skeleton("infinite-form", (
    "pelvis", "left_hip", "left_knee", "left_ankle", "right_hip", "right_knee", "right_ankle",
    "thorax", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow",
    "right_wrist",
))  # fmt: skip
"""Of the joints in the world: those whose names mean the same in all of the files. The pelvis is
the middle of the hips, the thorax that of the shoulders."""

VIDEO_RATE = 24.0
_WORLD_FIELDS = ("armature_keypoints", "joint_keypoints")
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


def read_infinite_form(
    path: Path, *, focal: float | None = None, frame_rate: float = VIDEO_RATE
) -> list[Motion]:
    """The persons of an annotation file.

    Args:
        path: The JSON file.
        focal: The focal length in pixels, for files with `keypoints_3d`; the principal point is the
            middle of the picture.
        frame_rate: Of a video; the file does not have it.

    Returns:
        Of pictures one motion of one frame for each person (its frame rate, 1, has no meaning, and
        its subject is the person in this picture); of a video one motion.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such file; it needs a focal length; a video has two persons in a frame;
            a body is not of a person's size.
    """
    content = read_lists(path, "images", "annotations")
    try:
        images = {image["id"]: image for image in content["images"]}
        rows = [row for row in content["annotations"] if _field(row) is not None]
        poses = [_pose(path, row, images[row["image_id"]], focal) for row in rows]
    except _UNREADABLE as error:
        if str(error).startswith(str(path)):
            raise
        raise ValueError(
            f"{path}: expected InfiniteForm's annotations: {type(error).__name__} {error}"
        ) from error
    if not rows:
        raise ValueError(
            f"{path}: no annotation has keypoints_3d, {' or '.join(_WORLD_FIELDS)} in it"
        )
    if all("frame_number" in images[row["image_id"]] for row in rows):
        return [_video(path, rows, images, poses, frame_rate)]
    found = []
    for row, joints in zip(rows, poses, strict=True):
        name = f"{stem(path)}/{row['image_id']}/{row.get('id', 0)}"
        world = _field(row) in _WORLD_FIELDS
        unit = "metres" if world else "metres, and focal right"
        motion = Motion(
            joints[None],
            WORLD_SKELETON if world else COCO_17,
            1.0,
            name,
            _action(row, images[row["image_id"]]),
            name,
            "world" if world else "camera",
        )
        found.append(checked_size(motion, f"{path}, {name}", unit))
    return found


def _field(row: Mapping[str, Any]) -> str | None:
    """The field that has the 3D joints, the world's before the camera's."""
    fields = (*_WORLD_FIELDS, "keypoints_3d")
    return next((field for field in fields if row.get(field)), None)


def _action(row: Mapping[str, Any], image: Mapping[str, Any]) -> str:
    given = row.get("pose_category") or row.get("exercise") or image.get("avatar_exercise")
    return str(given or "unknown").lower().replace("_", " ")


def _pose(
    path: Path, row: Mapping[str, Any], image: Mapping[str, Any], focal: float | None
) -> Floats:
    """[K, 3] in millimetres."""
    field = _field(row)
    if field in _WORLD_FIELDS:
        return _world_pose(row[field])
    if focal is None or not 0 < focal < np.inf:
        raise ValueError(
            f"{path}: its joints are pixels and depths; focal must be the camera's focal length in "
            f"pixels, got {focal}"
        )
    values = np.array(row["keypoints_3d"], np.float64).reshape(len(COCO_17), 3)
    if not np.isfinite(values).all():
        raise ValueError("keypoints_3d must be finite")
    center = (np.array([image["width"], image["height"]], np.float64) - 1) / 2
    depth = values[:, 2:] * 1000
    points = np.concatenate([(values[:, :2] - center) / focal * depth, depth], axis=1)
    points[values[:, 2] <= 0] = np.nan  # not in the file, as nose and ears
    return points


def _world_pose(joints: Mapping[str, Mapping[str, Any]]) -> Floats:
    found = {
        name: np.array([float(value[f"{axis}_global"]) for axis in "xyz"]) * 1000
        for name, value in joints.items()
        if name in WORLD_SKELETON.joints
    }
    for middle, joint in (("pelvis", "hip"), ("thorax", "shoulder")):
        found.pop(middle, None)
        sides = [found.get(f"{side}_{joint}", np.full(3, np.nan)) for side in ("left", "right")]
        found[middle] = (sides[0] + sides[1]) / 2
    pose = np.stack([found.get(joint, np.full(3, np.nan)) for joint in WORLD_SKELETON.joints])
    if np.isnan(pose).all() or np.isinf(pose).any():
        raise ValueError(f"expected joints as {WORLD_SKELETON.joints}, got {tuple(joints)}")
    return pose


def _video(
    path: Path,
    rows: list[dict[str, Any]],
    images: Mapping[Any, Mapping[str, Any]],
    poses: list[Floats],
    frame_rate: float,
) -> Motion:
    """The poses in the order of their frames; a frame without the person is a gap."""
    numbers = [_frame_number(path, images[row["image_id"]]["frame_number"]) for row in rows]
    if len(set(numbers)) != len(numbers):
        raise ValueError(f"{path}: a video with two persons in a frame cannot be told apart")
    if len({_field(row) in _WORLD_FIELDS for row in rows}) > 1:
        raise ValueError(f"{path}: poses in the world and before the camera in one video")
    first, last = min(numbers), max(numbers)
    if last - first >= 1_000_000:
        raise ValueError(f"{path}: frame numbers from {first} to {last}")
    joints = np.full((last - first + 1, *poses[0].shape), np.nan)
    for number, pose in zip(numbers, poses, strict=True):
        joints[number - first] = pose
    world = _field(rows[0]) in _WORLD_FIELDS
    motion = Motion(
        joints,
        WORLD_SKELETON if world else COCO_17,
        frame_rate,
        stem(path),
        _action(rows[0], images[rows[0]["image_id"]]),
        stem(path),
        "world" if world else "camera",
    )
    return checked_size(motion, path, "metres")


def _frame_number(path: Path, given: object) -> int:
    if isinstance(given, float) and given.is_integer():
        return int(given)
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    raise ValueError(f"{path}: frame_number must be a whole number, got {str(given)[:40]!r}")
