"""Reads a person's keypoints from JSON, CSV or npz; nothing in the file is ever executed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np

from python_models.motion.array_files import read_arrays
from python_models.motion.motion import Floats
from python_models.motion.skeletons import Skeleton
from python_models.presentation.keypoint_coco import read_coco
from python_models.presentation.keypoint_csv import read_csv
from python_models.presentation.keypoints import (
    Frame,
    Keypoints,
    checked,
    focal_of,
    rate_of,
    size_of,
    skeleton_of,
    whole_points,
)

SUFFIXES = frozenset({".json", ".csv", ".npz"})
LARGEST_FILE = 64 * 2**20  # bytes
LARGEST_ARRAYS = 512 * 2**20  # bytes of an npz when it is unpacked


def read_keypoints(
    path: Path, *, rate: float | None = None, person: int | None = None
) -> Keypoints:
    """One person's keypoints.

    - COCO results (predict.py's coco_results.json, with the images.json beside it if there is one)
      or a COCO annotation file: 17 keypoints.
    - Plain JSON: {"skeleton": "human36m-17", "fps": 25, "keypoints": [T][K][x, y] or [x, y, score]}
      in image pixels; with "frame": "world" or "camera" it is [x, y, z] or [x, y, z, score] in
      millimetres. Null is a missing number, joint or frame. "image_size": [width, height];
      "focal": the camera's focal length in pixels of the images.
    - CSV: the columns of predict.py's joints.csv; with z, millimetres of a camera's frame.
    - npz: arrays keypoints [T, K, 2 or 3], skeleton, and fps, scores [T, K], image_size,
      focal, frame.

    Args:
        path: Its suffix says which.
        rate: Frames per second, over what the file says. With a rate, the numbers of frames are
            times: a missing number is a frame without a person.
        person: Which one of several; None: the largest, who is followed in time.

    Raises:
        OSError: The file cannot be read.
        ValueError: It holds something else, or too much.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: keypoint files are {', '.join(sorted(SUFFIXES))}")
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise ValueError(f"{path}: keypoint files have up to {LARGEST_FILE} bytes, got {size}")
    source = path.name
    if suffix == ".npz":
        keypoints = _read_npz(path, rate)
    elif suffix == ".csv":
        keypoints = read_csv(_text(path), source, rate=rate, frame="camera", person=person)
    else:
        content = _json(path)
        if isinstance(content, dict) and "keypoints" in content:
            keypoints = _plain(content, source, rate)
        elif isinstance(content, list) or (isinstance(content, dict) and "annotations" in content):
            beside = path.with_name("images.json")
            has_images = isinstance(content, list) and beside.is_file()
            images = _json(beside) if has_images else None
            keypoints = read_coco(content, source, images=images, rate=rate, person=person)
        else:
            raise ValueError(
                f"{source}: must be COCO results, COCO annotations, or an object with skeleton and "
                "keypoints"
            )
    return checked(keypoints, source)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}: no UTF-8 text: {error}") from error


def _json(path: Path) -> Any:
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{path.name}: JSON files have up to {LARGEST_FILE} bytes")
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name}: no JSON file: {error}") from error


def _plain(content: dict[str, Any], source: str, rate: float | None) -> Keypoints:
    skeleton = skeleton_of(content.get("skeleton"), source)
    frame = _frame(content.get("frame", "image"), source)
    rows = content["keypoints"]
    dims = 2 if frame == "image" else 3
    table = _table(rows, skeleton, dims, source)
    of_file = rate_of(content.get("fps"), source)
    return Keypoints(
        whole_points(table[..., :dims]),
        np.clip(table[..., dims], 0, 1) if table.shape[2] > dims else None,
        skeleton,
        of_file if rate is None else rate,
        _of_all(size_of(content.get("image_size"), source), len(table)),
        tuple(map(str, range(len(table)))),
        frame,
        focal=focal_of(content.get("focal"), source),
    )


def _table(rows: Any, skeleton: Skeleton, dims: int, source: str) -> Floats:
    """[T, K, dims or dims + 1]; null frames and joints are NaN."""
    what = f"[T][{len(skeleton)}][{dims} numbers, or {dims + 1} with a score]"
    if not isinstance(rows, list):
        raise ValueError(f"{source}: keypoints must be {what}")  # noqa: TRY004
    joints = [joint for frame in rows if isinstance(frame, list) for joint in frame]
    width = next((len(joint) for joint in joints if isinstance(joint, list)), dims)
    if width not in (dims, dims + 1):
        raise ValueError(f"{source}: keypoints must be {what}, got {width} numbers")
    empty = [None] * width
    filled = [
        [joint if joint is not None else empty for joint in frame]
        if isinstance(frame, list)
        else [empty] * len(skeleton)
        if frame is None
        else frame
        for frame in rows
    ]
    try:
        table: Floats = np.array(filled, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{source}: keypoints must be {what}: {error}") from error
    if table.ndim != 3 or table.shape[1] != len(skeleton):
        raise ValueError(f"{source}: keypoints must be {what}, got {list(table.shape)}")
    return table


def _frame(value: Any, source: str) -> Frame:
    frames: tuple[Frame, ...] = get_args(Frame)
    for known in frames:
        if value == known:
            return known
    raise ValueError(f"{source}: frame must be among {frames}, got {value!r}")


def _read_npz(path: Path, rate: float | None) -> Keypoints:
    source = path.name
    arrays = read_arrays(path, LARGEST_ARRAYS)
    if "keypoints" not in arrays or "skeleton" not in arrays:
        raise ValueError(f"{source}: must have the arrays keypoints and skeleton")
    points, scores = _floats(arrays["keypoints"], source), arrays.get("scores")
    one = {name: _scalar(arrays.get(name)) for name in ("skeleton", "fps", "focal", "frame")}
    of_file = rate_of(one["fps"], source)
    frames, last = (len(points), points.shape[2]) if points.ndim == 3 else (0, 0)
    return Keypoints(
        whole_points(points),
        None if scores is None else np.clip(_floats(scores, source), 0, 1),
        skeleton_of(one["skeleton"], source),
        of_file if rate is None else rate,
        _of_all(size_of(arrays.get("image_size"), source), frames),
        tuple(map(str, range(frames))),
        _frame(one["frame"] or ("camera" if last == 3 else "image"), source),
        focal=focal_of(one["focal"], source),
    )


def _floats(array: Any, source: str) -> Floats:
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{source}: keypoints and scores must be numbers, got {array.dtype}")
    return np.asarray(array, np.float64)


def _scalar(array: Any) -> Any:
    return None if array is None or array.size != 1 else array.reshape(()).item()


def _of_all(size: tuple[int, int] | None, frames: int) -> tuple[tuple[int, int], ...] | None:
    return None if size is None else (size,) * frames
