"""Synthetic persons doing squats, in COCO's layout.

`python -m python_models.data.synthetic_squats --output DIR` writes them. A body in a pose
(`squat_pose`, `squat_figure`), dressed (`squat_clothes`), is ray-cast (`squat_picture`) in a room
(`squat_room`) before a camera (`squat_camera`). Pixel centres are at whole coordinates. The world
frame is in millimetres, Z up, floor at 0, the figure over the origin facing +Y; the camera frame
has x right, y down, z forward. Each annotation has, besides COCO's own fields:

- `joints_3d`: [17, 3], millimetres, camera frame.
- `camera`: fx, fy, cx, cy in pixels; R [3, 3] and t [3]: x_camera = R @ x_world + t.
- `knee_angles`: [left, right], interior hip-knee-ankle angles in degrees, 180 is straight.
- `phase`: 0 standing to 1 at the deepest point of the repetition.
- `subject`: which body; those of train and of val differ. `body_height`: millimetres.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from python_models.data.squat_camera import SquatCamera, sample_camera
from python_models.data.squat_clothes import dress, sample_clothes
from python_models.data.squat_figure import (
    Figure,
    knee_angles,
    pose_figure,
)
from python_models.data.squat_picture import Buffers, Solid, cast
from python_models.data.squat_pose import sample_body, sample_pose
from python_models.data.squat_room import draw, sample_light, sample_room, sample_things

Item = TypeVar("Item")
Result = TypeVar("Result")

VERSION = 1  # of the generator: other pictures from the same seed have another number
SPLITS = ("train", "val")
KEYPOINT_NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee",
    "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
SKELETON = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9),
    (8, 10), (9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip

# How far a joint lies under its own skin and clothes, as a share of the body's height. What lies
# further before the joint than this hides it.
_SKIN_DEPTH = np.array([0.02] * 3 + [0.03] * 2 + [0.055, 0.055, 0.045, 0.045, 0.04, 0.04]
                       + [0.095, 0.095, 0.06, 0.06, 0.055, 0.055])  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """One image and what COCO's file says about the person in it."""

    image: Image.Image
    annotation: dict[str, Any]


def generate(
    folder: str | Path,
    *,
    train: int,
    val: int,
    seed: int = 0,
    image_size: int = 256,
    images_per_subject: int = 4,
    processes: int | None = None,
) -> None:
    """Writes annotations/person_keypoints_{train,val}2017.json and {train,val}2017/*.jpg.

    The same arguments give the same bytes, whatever `processes` is. The folder appears when it is
    complete: until then the files lie in a hidden folder beside it.

    Args:
        folder: Must not exist.
        train: How many images train has, one person in each; 0 leaves the split out.
        val: Likewise.
        seed: At least 0.
        image_size: Width and height in pixels.
        images_per_subject: How many images in turn show the same body in the same clothes.
        processes: How many work at a time; by default as many as there are cores.

    Raises:
        FileExistsError: The folder exists.
        ValueError: A number is out of its range.
    """
    if processes is None:
        processes = min(os.cpu_count() or 1, 16)
    options = {"seed": seed, "image_size": image_size, "images_per_subject": images_per_subject}
    given = {"train": train, "val": val, **options, "processes": processes}
    lowest = {"image_size": 64, "images_per_subject": 1, "processes": 1}
    for name, value in given.items():
        if value < lowest.get(name, 0):
            raise ValueError(f"{name} must be at least {lowest.get(name, 0)}, got {value}")
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} exists; remove it or name another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    counts = {split: count for split, count in zip(SPLITS, (train, val), strict=True) if count}
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as hidden:
        part = Path(hidden) / "data"  # the hidden folder itself is closed to other users
        (part / "annotations").mkdir(parents=True)
        for split in counts:
            (part / f"{split}2017").mkdir()
        work = functools.partial(_write_image, part, options)
        items = [(split, index) for split, count in counts.items() for index in range(count)]
        rows = _in_order(work, items, min(processes, len(items)))
        info = {"description": "Synthetic squats", "version": VERSION, **counts, **options}
        for split, count in counts.items():
            annotations = list(itertools.islice(rows, count))
            _write_annotations(part, split, annotations, info)
        part.rename(folder)


def render(
    split: str, index: int, *, seed: int = 0, image_size: int = 256, images_per_subject: int = 4
) -> Picture:
    """The picture number `index` of a split, whatever the number of the others.

    Raises:
        ValueError: There is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be among {SPLITS}, got {split!r}")
    subject, turn = divmod(index, images_per_subject)
    key = (seed, SPLITS.index(split), subject)
    person, rng = np.random.default_rng(key), np.random.default_rng((*key, turn + 1))
    body, clothes = sample_body(person), sample_clothes(person)
    figure = pose_figure(body, sample_pose(body, rng))
    camera = sample_camera(figure.joints, image_size, rng)
    room, light = sample_room(camera, rng), sample_light(rng)
    occluders = int(rng.choice(3, p=(0.75, 0.19, 0.06)))
    things, hiding = sample_things(camera, rng, occluders=occluders)
    flesh = dress(figure, clothes)
    solids: list[Solid] = [*flesh, *things, *hiding]
    buffers = cast(solids, camera)
    image = draw(camera, room, light, buffers, solids, rng)
    annotation = annotate(figure, camera, buffers)
    annotation["subject"] = f"{split}-{subject:05d}"
    return Picture(image, annotation)


def annotate(figure: Figure, camera: SquatCamera, buffers: Buffers) -> dict[str, Any]:
    """COCO's fields, without the ids, and the further ones that this module's docstring lists."""
    joints = camera.to_camera(figure.joints)
    keypoints = camera.project(joints)
    visibility = joint_visibility(figure, camera, buffers)
    labelled = visibility > 0
    rows = [
        (round(float(x), 3), round(float(y), 3), int(v)) if v else (0, 0, 0)
        for (x, y), v in zip(keypoints, visibility, strict=True)
    ]
    samples = buffers.depth.shape[0] // camera.size[1]
    return {
        "category_id": 1,
        "iscrowd": 0,
        "segmentation": [],
        "keypoints": [value for row in rows for value in row],
        "num_keypoints": int(labelled.sum()),
        "bbox": _box(buffers.person, samples),
        "area": float(buffers.body.sum()) / samples**2,
        "joints_3d": joints.round(4).tolist(),
        "camera": {
            "fx": camera.focal,
            "fy": camera.focal,
            "cx": camera.center[0],
            "cy": camera.center[1],
            "R": camera.rotation.tolist(),
            "t": camera.translation.tolist(),
        },
        "knee_angles": [round(angle, 4) for angle in knee_angles(figure.joints)],
        "phase": round(figure.pose.phase, 4),
        "body_height": round(figure.body.height, 1),
    }


def joint_visibility(figure: Figure, camera: SquatCamera, buffers: Buffers) -> NDArray[np.int64]:
    """COCO's flags [17]: 2 seen, 1 hidden by the body or by something before it, 0 outside."""
    joints = camera.to_camera(figure.joints)
    pixels = camera.project(joints)
    inside = ((pixels >= -0.5) & (pixels < np.array(camera.size) - 0.5)).all(axis=1)
    before = np.linalg.norm(joints, axis=1) - buffers.depth_at(pixels)
    seen = before <= _SKIN_DEPTH * figure.body.height
    return np.where(inside, np.where(seen, 2, 1), 0)


def _box(person: NDArray[np.bool_], samples: int) -> list[float]:
    """COCO's x, y, width, height of what the person covers, before other things hide it."""
    columns, rows = np.flatnonzero(person.any(axis=0)), np.flatnonzero(person.any(axis=1))
    left, top = columns[0] / samples, rows[0] / samples
    return [left, top, (columns[-1] + 1) / samples - left, (rows[-1] + 1) / samples - top]


def _write_image(folder: Path, options: dict[str, int], item: tuple[str, int]) -> dict[str, Any]:
    split, index = item
    picture = render(split, index, **options)
    picture.image.save(folder / f"{split}2017" / _file_name(index + 1), quality=92)
    return {"id": index + 1, "image_id": index + 1, **picture.annotation}


def _write_annotations(
    folder: Path, split: str, annotations: list[dict[str, Any]], info: dict[str, Any]
) -> None:
    size = {"width": info["image_size"], "height": info["image_size"]}
    numbers = [row["image_id"] for row in annotations]
    person = {
        "id": 1,
        "name": "person",
        "supercategory": "person",
        "keypoints": KEYPOINT_NAMES,
        "skeleton": SKELETON,
    }
    content = {
        "info": info,
        "licenses": [],
        "images": [{"id": i, "file_name": _file_name(i), **size} for i in numbers],
        "annotations": annotations,
        "categories": [person],
    }
    path = folder / "annotations" / f"person_keypoints_{split}2017.json"
    path.write_text(json.dumps(content) + "\n")


def _in_order(
    work: Callable[[Item], Result], items: Sequence[Item], processes: int
) -> Iterator[Result]:
    """What work makes of each item, in their order."""
    if processes <= 1:
        yield from map(work, items)
        return
    # spawn: a fork would copy the locks of torch's threads, if the caller has any.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield from pool.map(work, items, chunksize=8)


def _file_name(image_id: int) -> str:
    return f"{image_id:012d}.jpg"


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add = parser.add_argument
    add("--output", type=Path, required=True, help="the folder to make")
    add("--train", type=int, default=600, help="images to train on")
    add("--val", type=int, default=150, help="images to score on: other bodies")
    add("--seed", type=int, default=0)
    add("--image-size", type=int, default=256, help="width and height in pixels")
    add("--processes", type=int, help="by default as many as there are cores")
    args = parser.parse_args(arguments)
    generate(
        args.output,
        train=args.train,
        val=args.val,
        seed=args.seed,
        image_size=args.image_size,
        processes=args.processes,
    )
    print(f"{args.train} + {args.val} images written to {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
