"""Keypoints in COCO's layout: a results list, as predict.py writes it, or an annotation file."""

from __future__ import annotations

from typing import Any

import numpy as np

from python_models.motion.motion import Floats
from python_models.motion.skeletons import COCO_17, LOWER_BODY_6
from python_models.prediction.person_boxes import Box
from python_models.presentation.keypoints import (
    FARTHEST,
    MOST_FRAMES,
    Keypoints,
    rate_of,
    size_of,
)
from python_models.presentation.person_choice import Follower, extent

_JOINTS = len(COCO_17)
Row = tuple[int, Box, Floats]  # the person's number, its box, x, y and score or flag [17, 3]


def read_coco(
    content: Any, source: str, *, images: Any, rate: float | None, person: int | None
) -> Keypoints:
    """One person of a results list or of an annotation file.

    Args:
        content: The file's JSON.
        source: Its name, for messages.
        images: Of a results list, the JSON of the images.json beside it, or None.
        rate: Frames per second, if they are known better than from the file.
        person: The number of the one to take, which is track_id or, without it, the place among
            the image's rows; None: the largest.

    Raises:
        ValueError: It is neither, or no person has that number.
    """
    annotated = isinstance(content, dict)
    rows = content.get("annotations") if annotated else content
    if annotated:
        images, rate = content, rate_of(content.get("fps"), source) if rate is None else rate
    if not _objects(rows):
        raise ValueError(f"{source}: must be COCO results or annotations with objects in a list")
    listed = _listed(images, source)
    by_id: dict[Any, list[Row]] = {}
    for row in rows:
        if not row.get("iscrowd"):
            key = _id(row.get("image_id"), source)
            others = by_id.setdefault(key, [])
            others.append(_row(row, len(others), source, flags=annotated))
    unlisted = [key for key in by_id if listed and key not in listed]
    if unlisted:
        raise ValueError(f"{source}: image {unlisted[0]!r} is not among the listed images")
    frames = list(listed) or _frames(by_id, source, in_time=rate is not None)
    choose = Follower(person, follow=rate is not None)
    points = np.full((len(frames), _JOINTS, 3), np.nan)
    for frame, key in enumerate(frames):
        rows_here = by_id.get(key, [])
        place = choose([(number, box) for number, box, _ in rows_here])
        if place is not None:
            points[frame] = rows_here[place][2]
    if frames and np.isnan(points).all():
        who = "anybody" if person is None else f"a person {person}"
        raise ValueError(f"{source}: no frame has {who} with a keypoint")
    sizes = [size for _, size in listed.values() if size is not None]
    names = tuple(listed[key][0] if listed else str(key) for key in frames)
    scores = None if annotated else np.clip(points[..., 2], 0, 1)
    kept = COCO_17
    places = COCO_17.indices(*LOWER_BODY_6.joints)
    if np.isnan(np.delete(points, places, axis=1)).all():
        kept, points = LOWER_BODY_6, points[:, places]
        scores = None if scores is None else scores[:, places]
    return Keypoints(
        points[..., :2],
        scores,
        kept,
        rate,
        tuple(sizes) if sizes and len(sizes) == len(frames) else None,
        names,
        notes=tuple(choose.notes()),
    )


def _objects(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, dict) for value in values)


def _id(value: Any, source: str) -> int | str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f"{source}: ids must be integers or strings, got {value!r}")  # noqa: TRY004
    return value


def _listed(content: Any, source: str) -> dict[Any, tuple[str, tuple[int, int] | None]]:
    """Name and size of each image, in the order of the ids."""
    rows = content.get("images") if isinstance(content, dict) else None
    if rows is None:
        return {}
    if not _objects(rows):
        raise ValueError(f"{source}: images must be a list of objects")
    images = {}
    for row in rows:
        key = _id(row.get("id"), source)
        sides = [row.get("width"), row.get("height")]
        size = None if None in sides else size_of(sides, source)
        images[key] = (str(row.get("file_name", key)), size)
    return {key: images[key] for key in _in_order(images, source)}


def _frames(by_id: dict[Any, list[Row]], source: str, *, in_time: bool) -> list[Any]:
    """The ids in order. In time they are frame numbers: one that is missing is an empty frame."""
    keys = _in_order(by_id, source)
    if in_time and keys and all(isinstance(key, int) for key in keys):
        if keys[-1] - keys[0] >= MOST_FRAMES:
            raise ValueError(
                f"{source}: image ids from {keys[0]} to {keys[-1]} are no frame numbers"
            )
        return list(range(keys[0], keys[-1] + 1))
    return keys


def _in_order(keys: Any, source: str) -> list[Any]:
    try:
        return sorted(keys)
    except TypeError as error:
        raise ValueError(f"{source}: ids must be all integers or all strings") from error


def _row(row: dict[str, Any], place: int, source: str, *, flags: bool) -> Row:
    try:
        values = np.array(row.get("keypoints"), np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{source}: keypoints must be numbers: {error}") from error
    if values.shape != (3 * _JOINTS,):
        raise ValueError(
            f"{source}: COCO's keypoints are {3 * _JOINTS} numbers, 3 for each of {_JOINTS}, got "
            f"{list(values.shape)} in image {row.get('image_id')!r}"
        )
    points = values.reshape(_JOINTS, 3)
    # Joints that a model does not have, and joints without a label, are three zeros.
    missing = points[:, 2] == 0 if flags else (points == 0).all(axis=1)
    points[missing] = np.nan
    points[np.isnan(points[:, :2]).any(axis=1)] = np.nan
    number = row.get("track_id", place)
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"{source}: track_id must be an integer, got {number!r}")  # noqa: TRY004
    return number, _box(row.get("bbox"), points), points


def _box(values: Any, points: Floats) -> Box:
    """The row's box; without one the extent of its keypoints."""
    if isinstance(values, list) and len(values) == 4:
        numbers = [float(v) for v in values if isinstance(v, (int, float)) and abs(v) <= FARTHEST]
        if len(numbers) == 4:
            return numbers[0], numbers[1], numbers[2], numbers[3]
    return extent(points[:, :2])
