"""Persons of COCO keypoint data sets, cropped, with their six lower-body joints."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from python_models.arrays import Array
from python_models.data.augmentation import Augmentation
from python_models.data.coco_persons import Person, Source, read_persons
from python_models.data.crop import UNREADABLE, Crop, rgb_image
from python_models.data.crop_store import CropCache, wide_size
from python_models.data.samples import Batch, Key, Sample, Unreadable, collate, loader
from python_models.data.subsets import Subset
from python_models.data.view import View, exchanged, widened

__all__ = [
    "Augmentation",
    "Batch",
    "CocoLowerBody",
    "Crop",
    "Key",
    "Sample",
    "Source",
    "Subset",
    "Unreadable",
    "collate",
    "loader",
]


class CocoLowerBody(Dataset[Sample | Unreadable]):
    """Every non-crowd person with a visible lower-body joint and usable labels.

    `data[i]` is person i without any randomness, `data[epoch, i]` the same person with the
    augmentation's changes, whose random numbers follow from (seed, epoch, i) alone: neither order,
    workers nor ranks change a sample. `skipped` counts the other annotations by reason. A joint is
    visible where COCO's flag is at least `min_visibility` (1: labelled, 2: labelled and seen).
    Batch the samples with `collate`, or read them by `loader`.

    Args:
        sources: Annotation files, each with its image folder; names that lead elsewhere are
            refused.
        input_size: (W, H) of the samples.
        box_scale: Factor on the person's box, after it has grown to the input's aspect ratio.
        min_visibility: 1 or 2.
        min_joints: How many visible joints a person needs.
        subset: Which persons are used, chosen among those of all sources together.
        augmentation: The changes of `data[epoch, i]`; None: there are none.
        seed: Of the augmentation, at least 0.

    Raises:
        FileNotFoundError: A file or a folder does not exist.
        ValueError: A file is no COCO annotation file, a file name leaves its folder, there are
            fewer persons than the subset asks for, or no person is left.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        input_size: tuple[int, int] = (192, 256),
        box_scale: float = 1.0,
        min_visibility: int = 1,
        min_joints: int = 1,
        subset: Subset | None = None,
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self.sources = tuple(sources)
        self.input_size = input_size
        self.box_scale = box_scale
        self.min_visibility = min_visibility
        self.min_joints = min_joints
        self.augmentation = augmentation
        self.seed = seed
        self._cache: CropCache | None = None
        read = [read_persons(source, number) for number, source in enumerate(self.sources)]
        self._skipped = [skipped for _, skipped in read]
        persons = [person for part, _ in read for person in part]
        self.persons = self._usable(self._chosen(persons, subset))
        if not self.persons:
            names = ", ".join(str(source.annotation_file) for source in self.sources)
            raise ValueError(f"{names}: no person is left ({dict(self.skipped)})")

    @classmethod
    def from_root(cls, root: str | Path, split: str, **options: Any) -> CocoLowerBody:
        """COCO's own folders: annotations/person_keypoints_{split}2017.json, {split}2017/.

        Raises:
            ValueError: The split is no plain name: it would lead out of the folder.
        """
        if split in ("", ".", "..") or {"/", "\\"} & set(split):
            raise ValueError(f"split must be a plain name, got {split!r}")
        root = Path(root)
        annotations = root / "annotations" / f"person_keypoints_{split}2017.json"
        return cls([Source(annotations, root / f"{split}2017")], **options)

    def use(self, cache: CropCache | None) -> None:
        """Takes the pixels of all further samples from a crop cache, or again from the images.

        Raises:
            ValueError: The cache has another number of persons, or other sizes.
        """
        if cache is not None:
            self.check(cache)
        self._cache = cache

    def check(self, cache: CropCache) -> None:
        """Raises a ValueError where a crop cache has not this data set's sizes."""
        expected = (len(self), tuple(self.input_size), wide_size(self))
        if cache.sizes != expected:
            raise ValueError(
                f"{cache.folder}: the crop cache must be of (persons, size, wide size) "
                f"{expected}, got {cache.sizes}"
            )

    def _chosen(self, persons: list[Person], subset: Subset | None) -> list[Person]:
        if subset is None or not persons:
            return persons
        identifiers = [person.annotation_id for person in persons]
        chosen = subset.choose(identifiers, np.stack([person.visibility for person in persons]))
        left_out = Counter(person.source for person in persons)
        left_out.subtract(persons[position].source for position in chosen)
        for source, count in left_out.items():
            if count:
                self._skipped[source]["not in the subset"] += count
        return [persons[position] for position in chosen]

    def _usable(self, persons: list[Person]) -> list[Person]:
        kept = []
        exists: dict[Path, bool] = {}
        for person in persons:
            path = person.image_path
            if path not in exists:
                exists[path] = _is_file(path)
            visible = int((person.visibility >= self.min_visibility).sum())
            skipped = self._skipped[person.source]
            if not exists[path]:
                skipped["image file is missing"] += 1
            elif visible == 0:
                skipped["no visible lower-body joint"] += 1
            elif visible < self.min_joints:
                skipped[f"fewer than {self.min_joints} visible lower-body joints"] += 1
            else:
                kept.append(person)
        return kept

    @property
    def skipped(self) -> Counter[str]:
        """How many annotations were left out, by reason, of all sources."""
        return sum(self._skipped, Counter())

    def __len__(self) -> int:
        return len(self.persons)

    def summary(self) -> str:
        """How many persons there are, and how many annotations were left out for which reason.

        Of several sources, each with its file's name.
        """
        if len(self.sources) == 1:
            return _count(len(self), self.skipped)
        counts = Counter(person.source for person in self.persons)
        parts = [
            f"{source.annotation_file}: {_count(counts[number], self._skipped[number])}"
            for number, source in enumerate(self.sources)
        ]
        return f"{len(self)} persons; " + "; ".join(parts)

    def digest(self) -> str:
        """Another one where another person, box or joint is in the data, or another crop."""
        digest = hashlib.sha256(repr((self.input_size, self.box_scale)).encode())
        for person in self.persons:
            digest.update(repr((person.annotation_id, person.image_path.name, person.box)).encode())
            digest.update(np.concatenate([person.joints.ravel(), person.visibility]).tobytes())
        return digest.hexdigest()[:16]

    def crop(self, index: int) -> Crop:
        """What of its image person `index` has as input, without augmentation."""
        width, height = self.input_size
        return Crop.around(self.persons[index].box, width / height, self.box_scale)

    def view(self, key: Key) -> View:
        """What of its image a sample shows, and how."""
        epoch, index = key if isinstance(key, tuple) else (None, key)
        crop, person = self.crop(index), self.persons[index]
        if epoch is None or self.augmentation is None:
            return View(crop)
        visible = person.visibility >= self.min_visibility
        return self.augmentation.view(crop, person.joints, visible, (self.seed, epoch, index))

    def labels(self, key: Key) -> tuple[Array, Array]:
        """Joints [6, 2] in input pixels and their visibility [6], without reading the image.

        A joint that the augmentation has moved out of the input counts as not visible. Those that
        the un-augmented crop leaves out stay visible there: the score must not lose them.
        """
        index = key[1] if isinstance(key, tuple) else key
        return self.labels_of(index, self.view(key))

    def labels_of(self, index: int, view: View) -> tuple[Array, Array]:
        """The same of a view that `view` has given."""
        person = self.persons[index]
        visible = (person.visibility >= self.min_visibility).astype(np.float32)
        if view.flip:
            visible = exchanged(visible)
        if view.shows(self.crop(index)):
            joints = self.crop(index).points(person.joints, self.input_size)
            if view.flip:
                joints = exchanged(joints)
                joints[:, 0] = self.input_size[0] - 1 - joints[:, 0]
            return joints, visible
        joints = view.joints(person.joints, self.input_size)
        inside = (joints >= -0.5) & (joints < np.array(self.input_size) - 0.5)
        return joints, visible * inside.all(1).astype(np.float32)

    def __getitem__(self, key: Key) -> Sample | Unreadable:
        index = key[1] if isinstance(key, tuple) else key
        view = self.view(key)
        if self._cache is not None and index in self._cache.unreadable:
            return Unreadable(self.persons[index].image_path, self._cache.unreadable[index])
        try:
            pixels = self._pixels(index, view)
        except UNREADABLE as error:
            return Unreadable(self.persons[index].image_path, str(error))
        joints, visible = self.labels_of(index, view)
        return Sample(
            image=torch.from_numpy(pixels).permute(2, 0, 1),  # by pixel in memory: see collate
            joints=torch.from_numpy(joints),
            visible=torch.from_numpy(visible),
            index=index,
        )

    def _pixels(self, index: int, view: View) -> Array:
        if self._cache is None:
            return view.pixels(rgb_image(self.persons[index].image_path), self.input_size)
        crop = self.crop(index)
        if view.shows(crop):
            return view.finished(np.array(self._cache.plain[index]))
        wide = self._cache.wide[index]
        around = widened(crop, self.input_size, (wide.shape[1], wide.shape[0]))
        return view.pixels_of_wide(wide, around, self.input_size)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


def _count(persons: int, skipped: Counter[str]) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
    return f"{persons} persons (skipped: {reasons or 'none'})"
