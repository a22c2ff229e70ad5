"""Where the persons of pictures or of a video are looked for."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Box = tuple[float, float, float, float]  # x, y, width, height in image pixels

_LARGEST = 1e6  # pixels; no image has a tenth of it


@dataclass(frozen=True)
class PersonBoxes:
    """The boxes of each frame, with the person's number.

    One box for every frame; or those of a COCO annotation file, by the image's id for a video,
    whose frames are 0, 1, ..., or by its file name for pictures; or, without either, one person
    that is the whole image.
    """

    one: Box | None = None
    by_id: dict[Any, list[tuple[int, Box]]] | None = None
    ids: dict[str, Any] = field(default_factory=dict)  # the annotation file's, by file name

    def of_frame(self, number: int, size: tuple[int, int]) -> list[tuple[int, Box]]:
        """Of a video's frame; size is (W, H)."""
        return self._of(number, size)

    def of_picture(self, name: str, size: tuple[int, int]) -> list[tuple[int, Box]]:
        """Of the picture with this file name."""
        return self._of(self.ids.get(name), size)

    def check_picture(self, name: str) -> None:
        """Raises ValueError for a picture that the annotation file does not list."""
        if self.by_id is not None and name not in self.ids:
            raise ValueError(f"{name}: not among the images of the boxes")

    def say_unused(self, used: Container[Any]) -> None:
        """Prints a line if there are boxes of images whose ids are not among those used."""
        rows = (self.by_id or {}).items()
        unused = [key for key, persons in rows if persons and key not in used]
        if unused:
            line = f"boxes of {len(unused)} other images, id {unused[0]} first, are not used"
            print(line, file=sys.stderr)

    def _of(self, key: Any, size: tuple[int, int]) -> list[tuple[int, Box]]:
        if self.by_id is not None:
            return self.by_id.get(key, [])
        return [(0, self.one or (0.0, 0.0, float(size[0]), float(size[1])))]


def boxes_of(one: Sequence[float] | None, file: Path | None) -> PersonBoxes:
    """What --box or --boxes say; without either, one person that is the whole image.

    Raises:
        OSError: The file cannot be read.
        ValueError: A box is none, or the file is no COCO annotation file.
    """
    if one:
        return one_box(one)
    return read_boxes(file) if file else PersonBoxes()


def one_box(values: Sequence[float]) -> PersonBoxes:
    """The same box in every frame.

    Raises:
        ValueError: It is no box.
    """
    return PersonBoxes(one=_box(list(values), "box"))


def read_boxes(path: Path) -> PersonBoxes:
    """The boxes of a COCO annotation file; crowds are left out.

    A person's number is the row's track_id where it has one, else its place among those of its
    image. Smoothing takes the same number in two frames for the same person.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no COCO annotation file, a box is none, an image has a number twice, or a
            file name is that of two images.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a JSON file: {error}") from error
    fields: dict[str, Any] = content if isinstance(content, dict) else {}
    rows: Any = fields.get("annotations")
    images: Any = fields.get("images")
    if not _are_objects(rows) or not _are_objects(images):
        raise ValueError(f"{path}: must be a COCO annotation file, with images and annotations")
    by_id: dict[Any, list[tuple[int, Box]]] = {_id(path, image.get("id")): [] for image in images}
    ids = {str(image["file_name"]): image["id"] for image in images if "file_name" in image}
    if len(ids) < sum("file_name" in image for image in images):
        raise ValueError(f"{path}: every file_name must be listed once, some are listed twice")
    for row in rows:
        if row.get("iscrowd"):
            continue
        image_id = _id(path, row.get("image_id"))
        persons = by_id.setdefault(image_id, [])
        number = row.get("track_id", len(persons))
        if not isinstance(number, int) or number in dict(persons):
            raise ValueError(
                f"{path}: track_id must be an integer, once an image, got {number!r} in image "
                f"{image_id}"
            )
        persons.append((number, _box(row.get("bbox"), f"{path}: bbox of image {image_id}")))
    return PersonBoxes(by_id=by_id, ids=ids)


def _are_objects(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, dict) for value in values)


def _id(path: Path, value: Any) -> int | str:
    if not isinstance(value, (int, str)):
        raise ValueError(f"{path}: ids must be integers or strings, got {value!r}")  # noqa: TRY004
    return value


def _box(values: Any, name: str) -> Box:
    numbers = isinstance(values, list) and len(values) == 4
    if numbers and all(isinstance(value, (int, float)) for value in values):
        x, y, width, height = map(float, values)
        near = all(math.isfinite(v) and abs(v) <= _LARGEST for v in (x, y, width, height))
        if near and width > 0 and height > 0:
            return x, y, width, height
    raise ValueError(f"{name} must be x, y, width, height, the last two positive, got {values!r}")
