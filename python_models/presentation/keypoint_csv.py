"""Keypoints in a table: frame, person, joint, x, y, score, as predict.py writes it."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np

from python_models.motion.motion import Floats
from python_models.motion.skeletons import SKELETONS, Skeleton
from python_models.presentation.keypoints import MOST_FRAMES, Frame, Keypoints
from python_models.presentation.person_choice import Follower, extent

_NEEDED = ("frame", "joint", "x", "y")
_Person = dict[str, tuple[float, ...]]  # x, y, z, score of each joint


def read_csv(
    text: str, source: str, *, rate: float | None, frame: Frame, person: int | None
) -> Keypoints:
    """One person of a table with a row a joint.

    Columns: frame (a number or a file name), joint (a known skeleton's name of it), x, y; and, if
    there are any, person (an integer), z (then the points are 3D), score.

    Raises:
        ValueError: The table is another one.
    """
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        columns = tuple(reader.fieldnames or ())
        lacking = [name for name in _NEEDED if name not in columns]
        if lacking:
            raise ValueError(f"{source}: must have the columns {_NEEDED}, got {columns}")
        frames = _frames(reader, source)
    except csv.Error as error:
        raise ValueError(f"{source}: no CSV file: {error}") from error
    if not frames:
        raise ValueError(f"{source}: has no rows")
    skeleton = _skeleton(frames, source)
    names = _names(frames, source, in_time=rate is not None)
    choose = Follower(person, follow=rate is not None)
    table = np.full((len(names), len(skeleton), 4), np.nan)
    for t, name in enumerate(names):
        persons = list(frames.get(name, {}).items())
        place = choose([(number, extent(_places(joints))) for number, joints in persons])
        if place is not None:
            for joint, values in persons[place][1].items():
                table[t, skeleton.index(joint)] = values
    if np.isnan(table[..., :2]).all():
        who = "anybody" if person is None else f"a person {person}"
        raise ValueError(f"{source}: no frame has {who} with a keypoint")
    flat = "z" not in columns
    scores = np.clip(table[..., 3], 0, 1) if "score" in columns else None
    return Keypoints(
        table[..., :2] if flat else table[..., :3],
        scores,
        skeleton,
        rate,
        None,
        tuple(map(str, names)),
        "image" if flat else frame,
        tuple(choose.notes()),
    )


def _frames(reader: csv.DictReader[str], source: str) -> dict[Any, dict[int, _Person]]:
    frames: dict[Any, dict[int, _Person]] = {}
    for line, row in enumerate(reader, 2):
        where = f"{source}, line {line}"
        if None in row or None in row.values():
            raise ValueError(f"{where}: must have {len(reader.fieldnames or ())} cells")
        values = tuple(_number(row, name, where) for name in ("x", "y", "z", "score"))
        try:
            number = int(row.get("person") or 0)
        except ValueError as error:
            raise ValueError(
                f"{where}: person must be an integer, got {row['person']!r}"
            ) from error
        joints = frames.setdefault(row["frame"], {}).setdefault(number, {})
        if row["joint"] in joints:
            raise ValueError(f"{where}: {row['joint']!r} is there twice in a frame")
        joints[row["joint"]] = values
    numbers = {name: _frame_number(name) for name in frames}
    if None not in numbers.values() and len(set(numbers.values())) == len(frames):
        return {numbers[name]: persons for name, persons in frames.items()}
    return frames


def _frame_number(name: str) -> int | None:
    return int(name) if name.isascii() and name.isdigit() and len(name) < 16 else None


def _number(row: dict[str, str], name: str, where: str) -> float:
    cell = (row.get(name) or "").strip()
    try:
        return float(cell) if cell else float("nan")
    except ValueError as error:
        raise ValueError(f"{where}: {name} must be a number or empty, got {cell!r}") from error


def _skeleton(frames: dict[Any, dict[int, _Person]], source: str) -> Skeleton:
    """The smallest known one with all joints of the table."""
    named = {
        joint for persons in frames.values() for joints in persons.values() for joint in joints
    }
    fitting = [known for known in SKELETONS.values() if named <= set(known.joints)]
    if not fitting:
        best = max(SKELETONS.values(), key=lambda known: len(named & set(known.joints)))
        raise ValueError(
            f"{source}: no known skeleton has all of its joints; {best.name} lacks "
            f"{sorted(named - set(best.joints))[:5]}"
        )
    return min(fitting, key=len)


def _names(frames: dict[Any, Any], source: str, *, in_time: bool) -> list[Any]:
    """Frames in order. In time a number that is missing is an empty frame."""
    if not all(isinstance(name, int) for name in frames):
        return list(frames)  # file names: as the table has them
    first, last = min(frames), max(frames)
    if not in_time:
        return sorted(frames)
    if last - first >= MOST_FRAMES:
        raise ValueError(f"{source}: frames from {first} to {last} are more than {MOST_FRAMES}")
    return list(range(first, last + 1))


def _places(joints: _Person) -> Floats:
    return np.array([values[:2] for values in joints.values()], np.float64)
