"""Pictures in files: which there are, how they are read and written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from python_models.arrays import Array
from python_models.data.crop import UNREADABLE, rgb_image
from python_models.whole_file import whole_file

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
_WRITTEN = frozenset({".jpg", ".jpeg", ".png"})


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder, without those of its folders, by name.

    Raises:
        ValueError: There is none.
    """
    paths = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    found = sorted(path for path in paths if path.is_file() and not path.name.startswith("."))
    if not found:
        raise ValueError(f"{folder}: no picture in it; known are {', '.join(sorted(SUFFIXES))}")
    return found


def image_ids(paths: list[Path]) -> dict[str, int]:
    """An id for each file name: its number, as COCO names its files; else 1, 2, ... for all."""
    stems = [path.stem for path in paths]
    numbers = [int(stem) for stem in stems if stem.isascii() and stem.isdigit()]
    if len(set(numbers)) != len(stems):
        numbers = list(range(1, len(stems) + 1))
    return {path.name: number for path, number in zip(paths, numbers, strict=True)}


def read_picture(path: Path, *, turned: bool = True) -> Array:
    """uint8 [H, W, 3], red first; `turned` as its EXIF data says, or as it is stored.

    Raises:
        OSError: The file is not there or cannot be read.
        ValueError: It is no whole picture.
    """
    try:
        return np.array(rgb_image(path, turned=turned))
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.errno is not None:  # the system's, no decoder's
            raise
        raise ValueError(f"{path}: no whole picture: {error}") from error


def overlay_name(name: str) -> str:
    """What the picture drawn over `name` is called: the same if we write its format, else a PNG."""
    return name if Path(name).suffix.lower() in _WRITTEN else f"{name}.png"


def check_overlays(paths: list[Path], folder: Path) -> None:
    """Raises ValueError where an overlay would be written over a picture, or over another one."""
    drawn: dict[str, Path] = {}
    for path in paths:
        name = overlay_name(path.name)
        if (folder / name).resolve() == path.resolve():
            raise ValueError(f"{path} would be written over: choose another --output")
        if name in drawn:
            raise ValueError(f"{drawn[name]} and {path} would both be drawn as {name}: rename one")
        drawn[name] = path


def write_picture(path: Path, image: Array) -> None:
    """Writes uint8 [H, W, 3], red first, as its suffix says."""
    with whole_file(path) as file:
        Image.fromarray(image).save(file, quality=92)
