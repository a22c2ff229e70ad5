"""The synthetic squats' poses: joints in the camera's frame with their exact keypoints.

`python_models.data.synthetic_squats` writes them with its pictures; of the pictures nothing is
read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from python_models.motion.body_size import checked_size
from python_models.motion.motion import Floats, Motion
from python_models.motion.skeletons import COCO_17
from python_models.motion.text_files import read_lists

ACTION = "squat"
SKELETON = COCO_17


@dataclass(frozen=True)
class PicturePoses:
    """N persons, each in a picture of its own.

    Attributes:
        keypoints: [N, 17, 2], where the joints are in pixels: exact, also outside of the picture
            and behind other things (COCO's own field has neither).
        points: [N, 17, 3], millimetres, in the camera's frame.
        size: (W, H) of the pictures [N, 2].
        focal: [N, 2], pixels.
        center: [N, 2], pixels.
        rotation: [N, 3, 3]; x_camera = rotation @ x_world + translation, the world's Z is up.
        translation: [N, 3], millimetres.
        knee_angles: [N, 2], interior, left and right, degrees.
        phase: [N], 0 standing to 1 at the deepest point.
        subjects: Whose body it is.
        names: Split and picture, e.g. "val2017/000000000017".
    """

    keypoints: Floats
    points: Floats
    size: Floats
    focal: Floats
    center: Floats
    rotation: Floats
    translation: Floats
    knee_angles: Floats
    phase: Floats
    subjects: tuple[str, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def actions(self) -> tuple[str, ...]:
        """What the persons do: all the same."""
        return (ACTION,) * len(self)

    def motions(self) -> list[Motion]:
        """Each as a motion of one frame; its frame rate, 1, has no meaning."""
        return [
            Motion(self.points[i : i + 1], SKELETON, 1.0, subject, ACTION, name, "camera")
            for i, (subject, name) in enumerate(zip(self.subjects, self.names, strict=True))
        ]


def read_synthetic_squats(folder: Path, split: str) -> PicturePoses:
    """The poses of a split, "train" or "val", of a folder that the generator wrote.

    Raises:
        FileNotFoundError: The folder has no such split.
        ValueError: The file is not the generator's, or not all of it; its bodies are not of a
            person's size.
    """
    if split not in ("train", "val"):
        raise ValueError(f"split must be train or val, got {split!r}")
    path = folder / "annotations" / f"person_keypoints_{split}2017.json"
    content = read_lists(path, "images", "annotations")
    try:
        images = {image["id"]: image for image in content["images"]}
        rows = [_Row(row, images, split) for row in content["annotations"]]
    except _UNREADABLE as error:
        raise ValueError(
            f"{path}: expected the annotations of the synthetic squats: {type(error).__name__} "
            f"{error}"
        ) from error
    points = np.stack([row.points for row in rows])
    checked_size(Motion(points, SKELETON, 1.0, "", ACTION, path.name, "camera"), path)
    focal, center = np.stack([row.focal for row in rows]), np.stack([row.center for row in rows])
    flat = points[..., :2] / points[..., 2:]
    return PicturePoses(
        keypoints=flat * focal[:, None] + center[:, None],
        points=points,
        size=np.stack([row.size for row in rows]),
        focal=focal,
        center=center,
        rotation=np.stack([row.rotation for row in rows]),
        translation=np.stack([row.translation for row in rows]),
        knee_angles=np.stack([row.knee_angles for row in rows]),
        phase=np.array([row.phase for row in rows]),
        subjects=tuple(row.subject for row in rows),
        names=tuple(row.name for row in rows),
    )


_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


class _Row:
    """One annotation, its shapes checked."""

    def __init__(self, row: Mapping[str, Any], images: Mapping[Any, Any], split: str) -> None:
        image, camera = images[row["image_id"]], row["camera"]
        self.points = _array(row["joints_3d"], len(SKELETON), 3)
        if not (self.points[:, 2] > 0).all():
            raise ValueError(f"annotation {row['id']}: joints must be before the camera")
        self.size = _array([image["width"], image["height"]], 2)
        self.focal = _array([camera["fx"], camera["fy"]], 2)
        self.center = _array([camera["cx"], camera["cy"]], 2)
        self.rotation, self.translation = _array(camera["R"], 3, 3), _array(camera["t"], 3)
        self.knee_angles = _array(row["knee_angles"], 2)
        self.phase = float(row["phase"])
        self.subject = str(row["subject"])
        self.name = f"{split}2017/{Path(image['file_name']).stem}"


def _array(value: Any, *shape: int) -> Floats:
    array = np.array(value, np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"expected finite numbers {list(shape)}, got {list(array.shape)}")
    return array
