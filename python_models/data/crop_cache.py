"""Makes a crop cache: `python -m python_models.data.crop_cache --help`.

Decoding an image and resizing a crop take milliseconds; from a cache a sample is a copy of
memory. Un-augmented, mirrored or coloured samples have the same bytes with a cache as without.
Where the augmentation scales, turns or shows half the body, the cache has, besides, what lies
around each crop, at the crop's own scale, as far as scale and rotation can reach. Such samples are
made from that: details that only a closer look would show are lost, and where half a body lies at
the edge of its person, what is beyond the cache is black. The disk needs 3 bytes a pixel: 144 KiB a
person at 192 x 256, and 3.7 times as much more with a scale of 0.35 and a rotation of 40 degrees.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import glob
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from python_models.data.augmentation import Augmentation
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.data.crop_build import CropFile, ImageCrops, cut_all
from python_models.data.crop_store import (
    INDEX,
    KIND,
    PLAIN,
    VERSION,
    WIDE,
    CropCache,
    fingerprint,
    read_index,
    wide_size,
)
from python_models.data.subsets import Subset
from python_models.data.view import widened
from python_models.training.options import positive, positive_number

_WORTH_A_PROCESS = 500  # images: decoded while another process starts


def prepare(data: CocoLowerBody, folder: str | Path, *, processes: int | None = None) -> CropCache:
    """The data set's cache in a folder; made first if there is none, or anew if it is stale.

    The folder appears when it is complete: until then the files lie in a hidden folder beside it,
    which the next builder removes if this one is killed. Of several processes one builds, and the
    others wait for it. Give the result to `CocoLowerBody.use`.

    Args:
        data: Whose crops.
        folder: Must not exist, or be empty, or hold a crop cache.
        processes: How many build; by default as many as there are cores, for small data sets
            fewer. More than one are spawned: a script that calls this needs
            `if __name__ == "__main__"`.

    Raises:
        FileExistsError: The folder holds something else, alone or beside a stale cache.
        ValueError: An image or the annotations changed while the cache was made.
        OSError: The disk is full.
    """
    folder = Path(folder)
    with contextlib.suppress(FileNotFoundError, ValueError):
        return CropCache.open(folder, data)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        with contextlib.suppress(FileNotFoundError, ValueError):
            return CropCache.open(folder, data)  # another process has made it meanwhile
        _check_replaceable(folder)
        with tempfile.TemporaryDirectory(
            prefix=f".{folder.name}-", suffix=".partial", dir=folder.parent
        ) as hidden:
            part = Path(hidden) / "cache"  # the hidden folder itself is closed to other users
            part.mkdir()
            _build(data, part, processes)
            if folder.exists():
                folder.rename(Path(hidden) / "stale")
            try:
                part.rename(folder)
            except OSError:
                if not (folder / INDEX).exists():  # else somebody was faster
                    raise
    return CropCache.open(folder, data)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Waits until no other process builds there; clears what a killed one has left."""
    path = folder.with_name(f".{folder.name}.lock")
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)  # the system gives it back when a process ends
        except OSError:  # a file system without locks: each builds its own, the first one counts
            pass
        else:
            for left in folder.parent.glob(f".{glob.escape(folder.name)}-*.partial"):
                shutil.rmtree(left, ignore_errors=True)
        yield


def _check_replaceable(folder: Path) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        read_index(folder)
        others = {path.name for path in folder.iterdir()} - {INDEX, PLAIN, WIDE}
        if others:
            raise FileExistsError(
                f"{folder}: the crop cache is stale, but {min(others)} is there too; remove one "
                "of them or name another folder"
            )
    except FileExistsError:
        raise
    except (OSError, ValueError) as error:
        if "version must be" not in str(error):
            raise FileExistsError(
                f"{folder} exists and holds no crop cache; remove it or name another folder"
            ) from error


def _build(data: CocoLowerBody, folder: Path, processes: int | None) -> None:
    size, wide = data.input_size, wide_size(data)
    before = fingerprint(data)
    files = [CropFile.create(folder / PLAIN, size, len(data))]
    if wide is not None and wide != size:
        files.append(CropFile.create(folder / WIDE, wide, len(data)))
    by_image: dict[Path, list[int]] = {}
    for index, person in enumerate(data.persons):
        by_image.setdefault(person.image_path, []).append(index)
    work = [
        ImageCrops(
            path,
            tuple(
                (i, tuple(widened(data.crop(i), size, file.size) for file in files))
                for i in indices
            ),
        )
        for path, indices in by_image.items()
    ]
    if processes is None:
        processes = min(len(os.sched_getaffinity(0)), 1 + len(work) // _WORTH_A_PROCESS)
    cut = cut_all(work, files, processes)
    progress = tqdm(cut, "crop cache", len(work), unit="image", leave=False, disable=None)
    unreadable = sorted(bad for bad_ones in progress for bad in bad_ones)
    if fingerprint(data) != before:
        raise ValueError(f"{folder}: the images or annotations changed while they were read")
    for file in files:
        with file.path.open("r+b") as stream:
            os.fsync(stream.fileno())
    content = {
        "kind": KIND,
        "version": VERSION,
        "fingerprint": before,
        "persons": len(data),
        "size": size,
        "wide_size": wide,
        "unreadable": unreadable,
    }
    with (folder / INDEX).open("w") as stream:
        json.dump(content, stream)
        stream.flush()
        os.fsync(stream.fileno())


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = argparse.ArgumentParser(
        description="Makes a crop cache of a data set in COCO's layout.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="a folder in COCO's layout")
    add("--split", default="train")
    add("--output", type=Path, required=True, help="the folder to make")
    add("--input-size", type=positive, nargs=2, default=(192, 256), metavar=("W", "H"))
    add("--box-scale", type=positive_number, default=1.0)
    add("--min-visibility", type=int, choices=(1, 2), default=1)
    add("--min-joints", type=int, default=1)
    add("--persons", type=int, help="of a subset")
    add("--fully-visible", action="store_true", help="the subset with all six joints annotated")
    add("--subset-seed", type=int, default=0)
    add("--scale", type=float, default=0.0, help="of the augmentation")
    add("--rotation", type=float, default=0.0, help="of the augmentation, degrees")
    add("--half-body", type=float, default=0.0, help="of the augmentation")
    add("--processes", type=positive, help="by default as many as there are cores")
    args = parser.parse_args(arguments)
    try:
        data = CocoLowerBody.from_root(
            args.data,
            args.split,
            input_size=tuple(args.input_size),
            box_scale=args.box_scale,
            min_visibility=args.min_visibility,
            min_joints=args.min_joints,
            subset=Subset(args.persons, args.fully_visible, seed=args.subset_seed),
            augmentation=Augmentation(
                scale=args.scale, rotation=args.rotation, half_body=args.half_body
            ),
        )
        cache = prepare(data, args.output, processes=args.processes)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    megabytes = sum(path.stat().st_size for path in args.output.iterdir()) / 1e6
    print(
        f"{len(cache)} persons ({len(cache.unreadable)} of unreadable images), "
        f"{megabytes:.1f} MB in {args.output}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
