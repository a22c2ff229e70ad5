"""Persons of COCO keypoint data sets, cropped, with their six lower-body joints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from python_models.data.augmentation import Augmentation, mirrored
from python_models.data.coco_persons import Array, Person, Source, read_persons
from python_models.data.crop import Crop
from python_models.data.samples import Batch, Key, Sample, Unreadable, collate, loader
from python_models.data.subsets import Subset

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
        read = [read_persons(source, number) for number, source in enumerate(self.sources)]
        self._skipped = [skipped for _, skipped in read]
        persons = [person for part, _ in read for person in part]
        self.persons = self._usable(self._chosen(persons, subset))
        if not self.persons:
            names = ", ".join(str(source.annotation_file) for source in self.sources)
            raise ValueError(f"{names}: no person to train on ({dict(self.skipped)})")

    @classmethod
    def from_root(cls, root: str | Path, split: str, **options: Any) -> CocoLowerBody:
        """COCO's own folders: annotations/person_keypoints_{split}2017.json, {split}2017/."""
        root = Path(root)
        annotations = root / "annotations" / f"person_keypoints_{split}2017.json"
        return cls([Source(annotations, root / f"{split}2017")], **options)

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
                exists[path] = path.is_file()
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

    def crop(self, index: int) -> Crop:
        """What of its image person `index` has as input, without augmentation."""
        width, height = self.input_size
        return Crop.around(self.persons[index].box, width / height, self.box_scale)

    def labels(self, index: int) -> tuple[Array, Array]:
        """Joints [6, 2] in input pixels and their visibility [6], without reading the image."""
        person = self.persons[index]
        visible = (person.visibility >= self.min_visibility).astype(np.float32)
        return self.crop(index).points(person.joints, self.input_size), visible

    def __getitem__(self, key: Key) -> Sample | Unreadable:
        epoch, index = key if isinstance(key, tuple) else (None, key)
        person = self.persons[index]
        try:
            with Image.open(person.image_path) as image:
                crop = self.crop(index).image(image.convert("RGB"), self.input_size)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            return Unreadable(person.image_path, str(error))
        pixels = np.array(crop)
        joints, visible = self.labels(index)
        if epoch is not None and self.augmentation is not None:
            numbers = np.random.default_rng((self.seed, epoch, index)).random(1)
            if numbers[0] < self.augmentation.flip:
                pixels, joints, visible = mirrored(pixels, joints, visible)
        return Sample(
            # Pixel by pixel in memory, as collate takes them.
            image=torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1),
            joints=torch.from_numpy(joints),
            visible=torch.from_numpy(visible),
            index=index,
        )


def _count(persons: int, skipped: Counter[str]) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
    return f"{persons} persons (skipped: {reasons or 'none'})"
