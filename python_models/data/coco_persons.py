"""The persons of a COCO annotation file, with their lower-body labels checked."""

from __future__ import annotations

import contextlib
import io
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from lowerpose_ops import LOWER_BODY_COCO_INDICES

Array = np.ndarray[Any, np.dtype[Any]]

_COCO_KEYPOINTS = 17
_LARGEST = 1e6  # pixels; no image has a tenth of it, and NaN and infinity have more


@dataclass(frozen=True)
class Person:
    """One annotation, in the pixels of its whole image."""

    annotation_id: int
    image_path: Path
    box: tuple[float, float, float, float]  # x, y, width, height
    joints: Array  # [6, 2]
    visibility: Array  # [6], COCO's 0, 1 or 2


def read_persons(annotation_file: Path, image_folder: Path) -> tuple[list[Person], Counter[str]]:
    """Every non-crowd annotation with usable fields; the others are counted by reason.

    Raises:
        FileNotFoundError: The file or the folder does not exist.
        ValueError: The file is no COCO annotation file, or a file name leaves the folder.
    """
    folder = image_folder.resolve()
    if not folder.is_dir():
        raise FileNotFoundError(f"image folder {folder} does not exist")
    coco = _load(annotation_file)
    persons = []
    skipped: Counter[str] = Counter()
    paths: dict[Any, Path] = {}
    for row in coco.dataset["annotations"]:
        problem = _problem(row, coco.imgs)
        if problem is None:
            image_id = row["image_id"]
            if image_id not in paths:
                paths[image_id] = _image_path(annotation_file, coco.imgs[image_id], folder)
            if not paths[image_id].is_file():
                problem = "image file is missing"
        if problem is not None:
            skipped[problem] += 1
            continue
        keypoints = np.asarray(row["keypoints"], np.float32).reshape(_COCO_KEYPOINTS, 3)
        lower_body = keypoints[list(LOWER_BODY_COCO_INDICES)]
        x, y, width, height = map(float, row["bbox"])
        persons.append(
            Person(
                row["id"],
                paths[row["image_id"]],
                (x, y, width, height),
                lower_body[:, :2],
                lower_body[:, 2],
            )
        )
    return persons, skipped


def _load(annotation_file: Path) -> COCO:
    if not annotation_file.is_file():
        raise FileNotFoundError(f"annotation file {annotation_file} does not exist")
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports its progress
            coco = COCO(str(annotation_file))
    except ValueError as error:  # not JSON, or not UTF-8
        raise ValueError(f"{annotation_file}: not a JSON file: {error}") from error
    except (AssertionError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{annotation_file}: no COCO annotation file; a field is missing or of another type: "
            f"{type(error).__name__} {error}"
        ) from error
    missing = [n for n in ("images", "annotations") if not isinstance(coco.dataset.get(n), list)]
    if missing:
        raise ValueError(f"{annotation_file}: field {missing[0]!r} is missing or no list")
    return coco


def _problem(row: Mapping[str, Any], images: Mapping[Any, Any]) -> str | None:
    """Why a row cannot be used; None if it can."""
    if row.get("iscrowd"):
        return "crowd"
    if row.get("image_id") not in images:
        return "image_id names no image"
    if not _are_numbers(row.get("keypoints"), 3 * _COCO_KEYPOINTS):
        return "keypoints is not 17 times three numbers of sensible size"
    box = row.get("bbox")
    if box is None or not _are_numbers(box, 4) or not (box[2] > 0 and box[3] > 0):
        return "bbox is not four numbers of sensible, positive size"
    return None


def _are_numbers(values: Any, count: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == count
        and all(isinstance(value, (int, float)) and abs(value) <= _LARGEST for value in values)
    )


def _image_path(annotation_file: Path, image: Mapping[str, Any], folder: Path) -> Path:
    if "file_name" not in image:
        raise ValueError(f"{annotation_file}: image {image.get('id')!r} has no file_name")
    name = str(image["file_name"])
    # The name must stay inside; a link that somebody has laid there may lead where it likes.
    path = Path(os.path.normpath(folder / name))
    if not path.is_relative_to(folder) or path == folder:
        raise ValueError(f"{annotation_file}: file_name {name!r} leaves the image folder {folder}")
    return path
