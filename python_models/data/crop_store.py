"""The crops of a data set in memory-mapped files: a crop cache, opened and checked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL
from PIL import features

from python_models.arrays import Array
from python_models.data.view import Size

if TYPE_CHECKING:
    from python_models.data.coco_lower_body import CocoLowerBody

KIND = "lowerpose crop cache"
VERSION = 2  # of the files, and of how crops are cut
INDEX = "cache.json"  # written last
PLAIN, WIDE = "plain.npy", "wide.npy"


class CropCache:
    """What `crop_cache.prepare` has made, read-only.

    `plain` [N, H, W, 3] has the un-augmented crops; `wide` [N, H', W', 3], where the data set's
    augmentation moves its crops, what lies around them too; both are memory-mapped uint8.
    `unreadable` has the reason for each position whose image cannot be decoded.
    """

    def __init__(self, folder: Path, made_for: str) -> None:
        self.folder = folder
        self._made_for = made_for
        index = read_index(folder)
        if index.get("fingerprint") != made_for:
            raise ValueError(
                f"{folder}: the crop cache is of other persons, settings or files: annotations, "
                "images, input size, box scale, augmentation or Pillow have changed since it was "
                "made; make it anew"
            )
        try:
            size, wide_size, persons = index["size"], index["wide_size"], index["persons"]
            self.sizes = (persons, tuple(size), wide_size and tuple(wide_size))
            bad = index["unreadable"]
            self.unreadable = {int(position): str(reason) for position, reason in bad}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{folder / INDEX}: not the index of a crop cache: {error}") from error
        self.plain = _mapped(folder / PLAIN, size, persons)
        self.wide = self.plain
        if wide_size not in (None, size):
            self.wide = _mapped(folder / WIDE, wide_size, persons)

    @classmethod
    def open(cls, folder: str | Path, data: CocoLowerBody) -> CropCache:
        """The cache of a data set.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It is another data set's, or was made from what has changed since, or is
                not whole.
        """
        folder = Path(folder)
        read_index(folder)  # before the data are looked through
        return cls(folder, fingerprint(data))

    def __len__(self) -> int:
        return len(self.plain)

    def __reduce__(self) -> tuple[type[CropCache], tuple[Path, str]]:
        """Another process maps the files itself: a mapped array would be sent as a copy."""
        return CropCache, (self.folder, self._made_for)


def read_index(folder: Path) -> dict[str, Any]:
    """What a cache says about itself.

    Raises:
        FileNotFoundError: There is no cache in the folder.
        ValueError: It cannot be read, or is of another version.
    """
    path = folder / INDEX
    try:
        index = json.loads(path.read_text())
    except FileNotFoundError:
        raise FileNotFoundError(f"{folder}: no crop cache there") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not the index of a crop cache: {error}") from error
    if not isinstance(index, dict) or index.get("kind") != KIND:
        raise ValueError(f"{path}: not the index of a crop cache")
    if index.get("version") != VERSION:
        raise ValueError(f"{path}: version must be {VERSION}, got {index.get('version')}")
    return index


def wide_size(data: CocoLowerBody) -> Size | None:
    """The (W, H) that augmented samples are cut from; None where the plain crop is enough."""
    if data.augmentation is None or not data.augmentation.moves:
        return None
    return data.augmentation.wide_size(data.input_size)


def fingerprint(data: CocoLowerBody) -> str:
    """A hash of all that the crops are made from.

    The content of the annotation files, the persons, their boxes, the names, sizes and times of
    their images, the sizes of the crops, and the versions of this format and of Pillow and its
    JPEG decoder. Where the folders lie does not matter.
    """
    digest = hashlib.sha256()

    def add(*values: object) -> None:
        digest.update(repr(values).encode() + b"\n")

    add(KIND, VERSION, PIL.__version__, features.version("jpg"))
    add(tuple(data.input_size), data.box_scale, wide_size(data), len(data))
    for source in data.sources:
        with Path(source.annotation_file).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    folders = [Path(source.image_folder).resolve() for source in data.sources]
    seen: dict[Path, tuple[object, ...]] = {}
    for person in data.persons:
        path = person.image_path
        if path not in seen:
            seen[path] = (str(path.relative_to(folders[person.source])), *_state(path))
        add(person.source, person.annotation_id, person.box, *seen[path])
    return digest.hexdigest()


def _state(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns


def _mapped(path: Path, size: list[int], persons: int) -> Array:
    shape = (persons, size[1], size[0], 3)
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: not a whole file of a crop cache: {error}") from error
    header = path.stat().st_size - array.nbytes
    if array.shape != shape or array.dtype != np.uint8 or not 0 < header < 1024:
        raise ValueError(
            f"{path}: must be uint8 {list(shape)}, got {array.dtype} {list(array.shape)}"
        )
    return np.asarray(array)
