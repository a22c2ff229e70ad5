"""Pairs of joints that a detector found in pictures and the true ones in space, for fine-tuning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_models.motion.conversion import convert
from python_models.motion.motion import Floats
from python_models.motion.skeletons import COCO_17, Skeleton
from python_models.motion.synthetic_squat_poses import PicturePoses, read_synthetic_squats
from python_models.motion.views import PictureViews

MIN_PCK = 0.6
WAIST = 0.5  # a joint within this part of the hips' distance is found


def detected_pairs(
    folder: Path,
    split: str,
    results: Path,
    source: Skeleton,
    target: Skeleton,
    *,
    min_pck: float = MIN_PCK,
) -> PictureViews:
    """What a detector found in pictures of the synthetic squats, with the true joints in space.

    Pictures in which it went wrong are left out: those whose PCK is below `min_pck`. A person whom
    the file has several times counts with the highest score; one whom it has not is left out.

    Args:
        folder: Of the synthetic squats.
        split: "train" or "val".
        results: A JSON file in COCO's result format, with the 17 keypoints, as `evaluate --coco`
            writes it. Keypoints of the value 0 are not found.
        source: Of the keypoints: its joints are taken of what was found, or worked out of it.
        target: Of the points.
        min_pck: From 0 to 1.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: A file is another one; no picture is left.
    """
    poses = read_synthetic_squats(folder, split)
    found = _found(results, poses)
    keypoints = convert(found, COCO_17, source)
    truth = convert(poses.keypoints, COCO_17, source)
    hips = poses.keypoints[:, COCO_17.indices("left_hip", "right_hip")]
    width = np.linalg.norm(hips[:, 0] - hips[:, 1], axis=-1)
    kept = np.flatnonzero(pck(keypoints, truth, width) >= min_pck)
    if not kept.size:
        raise ValueError(f"{results}: no picture of {split} has a PCK of {min_pck} or more")
    return PictureViews(
        keypoints[kept],
        convert(poses.points, COCO_17, target)[kept],
        poses.size[kept],
        source,
        target,
        subjects=[poses.subjects[row] for row in kept],
        actions=[poses.actions[row] for row in kept],
        names=[poses.names[row] for row in kept],
    )


def pck(found: Floats, truth: Floats, width: Floats, part: float = WAIST) -> NDArray[np.float64]:
    """The share [N] of joints [N, K, 2] that are closer to the truth than part of a width [N].

    A joint that is not found is not close. The document takes half of the waist's width, the
    distance of the hips: a person seen from the side has hardly any, and is left out.
    """
    close = np.linalg.norm(found - truth, axis=-1) < part * width[:, None]
    return np.asarray(close.mean(axis=-1, dtype=np.float64))


def _found(path: Path, poses: PicturePoses) -> Floats:
    """The best row's keypoints [N, 17, 2] of each picture; NaN: not found."""
    try:
        rows = json.loads(path.read_text())
        best: dict[int, dict[str, Any]] = {}
        for row in rows:
            image = int(row["image_id"])
            if image not in best or row["score"] > best[image]["score"]:
                best[image] = row
        read = {i: np.array(row["keypoints"], np.float64).reshape(17, 3) for i, row in best.items()}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{path}: must be a list of COCO results with 17 keypoints: "
            f"{type(error).__name__} {error}"
        ) from error
    missing = np.full((17, 3), np.nan)
    found = np.stack([read.get(int(Path(name).name), missing) for name in poses.names])
    return np.where((found == 0).all(axis=-1, keepdims=True), np.nan, found)[..., :2]
