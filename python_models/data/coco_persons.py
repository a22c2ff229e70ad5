"""The persons of COCO annotation files, with their lower-body labels checked."""

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
from python_models.arrays import Array

_COCO_KEYPOINTS = 17
_SMALLEST = 1e-3  # pixels; a smaller box has no place in a float32, nor one to cut out
_LARGEST = 1e6  # pixels; no image has a tenth of it, and NaN and infinity have more


@dataclass(frozen=True)
class Source:
    """An annotation file in COCO's layout, and the folder to which its file names lead."""

    annotation_file: Path
    image_folder: Path


@dataclass(frozen=True)
class Person:
    """One annotation, in the pixels of its whole image; never a crowd."""

    annotation_id: int
    image_path: Path
    box: tuple[float, float, float, float]  # x, y, width, height
    joints: Array  # [6, 2]
    visibility: Array  # [6], COCO's 0, 1 or 2
    image_id: int
    image_width: int | None  # as the file says; None where it does not
    image_height: int | None
    area: float  # COCO's, of the segment; that of the box where the file has none
    ignore: bool  # as some files have it; COCO's own have not
    source: int = 0  # which of the data set's sources


def read_persons(source: Source, number: int = 0) -> tuple[list[Person], Counter[str]]:
    """Every non-crowd annotation with usable fields; the others are counted by reason.

    Whether the images exist is not looked at.

    Raises:
        FileNotFoundError: The file or the folder does not exist.
        ValueError: The file is no COCO annotation file, or a file name leaves the folder.
    """
    folder = Path(source.image_folder).resolve()
    if not folder.is_dir():
        raise FileNotFoundError(f"image folder {folder} does not exist")
    file = Path(source.annotation_file)
    coco = read_annotations(file)
    rows, skipped = usable_rows(coco)
    paths: dict[Any, Path] = {}
    persons = []
    for row in rows:
        image_id = row["image_id"]
        image = coco.imgs[image_id]
        if image_id not in paths:
            paths[image_id] = _image_path(file, image, folder)
        joints, visibility = lower_body(row)
        x, y, width, height = map(float, row["bbox"])
        persons.append(
            Person(
                annotation_id=row["id"],
                image_path=paths[image_id],
                box=(x, y, width, height),
                joints=joints,
                visibility=visibility,
                image_id=image_id,
                image_width=_size(image.get("width")),
                image_height=_size(image.get("height")),
                area=_positive(row.get("area")) or width * height,
                ignore=bool(row.get("ignore")),
                source=number,
            )
        )
    return persons, skipped


def usable_rows(coco: COCO) -> tuple[list[dict[str, Any]], Counter[str]]:
    """The rows of a file that `read_persons` takes, in order, and the others by reason."""
    rows = []
    skipped: Counter[str] = Counter()
    for row in coco.dataset["annotations"]:
        problem = _problem(row, coco.imgs)
        if problem is None:
            rows.append(row)
        else:
            skipped[problem] += 1
    return rows, skipped


def lower_body(row: Mapping[str, Any]) -> tuple[Array, Array]:
    """The six joints [6, 2] of a row and their flags [6]."""
    keypoints = np.asarray(row["keypoints"], np.float32).reshape(_COCO_KEYPOINTS, 3)
    joints = keypoints[list(LOWER_BODY_COCO_INDICES)]
    return joints[:, :2], joints[:, 2]


def read_annotations(annotation_file: Path) -> COCO:
    """The file as pycocotools reads it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no COCO annotation file.
    """
    if not annotation_file.is_file():
        raise FileNotFoundError(f"annotation file {annotation_file} does not exist")
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports its progress
            coco = COCO(str(annotation_file))
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or without an end
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
    if box is None or not _are_numbers(box, 4) or min(box[2:]) < _SMALLEST:
        return "bbox is not four numbers of sensible, positive size"
    return None


def _are_numbers(values: Any, count: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == count
        and all(isinstance(value, (int, float)) and abs(value) <= _LARGEST for value in values)
    )


def _positive(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and 0 < value <= _LARGEST**2 else None


def _size(value: Any) -> int | None:
    size = _positive(value)
    return None if size is None else int(size)


def _image_path(annotation_file: Path, image: Mapping[str, Any], folder: Path) -> Path:
    if "file_name" not in image:
        raise ValueError(f"{annotation_file}: image {image.get('id')!r} has no file_name")
    name = str(image["file_name"])
    # The name must stay inside; a link that somebody has laid there may lead where it likes.
    path = Path(os.path.normpath(folder / name))
    if not path.is_relative_to(folder) or path == folder:
        raise ValueError(f"{annotation_file}: file_name {name!r} leaves the image folder {folder}")
    return path
