"""Persons of a COCO keypoint data set, cropped, with their six lower-body joints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from lowerpose_ops import LOWER_BODY_FLIP_PAIRS
from python_models.data.coco_persons import Array, Person, read_persons
from python_models.interrupt import leave_to_parent

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Sample(TypedDict):
    """A cropped person: image [3, H, W], joints [6, 2] in its pixels, visible [6] (0 or 1).

    Or a batch of them, each with B in front.
    """

    image: Tensor
    joints: Tensor
    visible: Tensor
    annotation_id: int


@dataclass(frozen=True)
class Unreadable:
    """What stands for a sample whose image cannot be decoded, so that the epoch goes on."""

    image_path: Path
    reason: str


class Batch(TypedDict):
    """The readable samples of a batch, stacked (None if there is none), and the others."""

    samples: Sample | None
    unreadable: list[Unreadable]


@dataclass(frozen=True)
class Crop:
    """The part of an image that becomes the network's input; its edges need not be whole pixels."""

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def around(
        cls,
        box: tuple[float, float, float, float],
        aspect_ratio: float,
        scale: float,
    ) -> Crop:
        """The box, grown on its shorter side to width / height = aspect_ratio, then scaled."""
        x, y, width, height = box
        center_x, center_y = x + width / 2, y + height / 2
        width, height = max(width, height * aspect_ratio), max(height, width / aspect_ratio)
        width, height = width * scale, height * scale
        return cls(center_x - width / 2, center_y - height / 2, width, height)

    def image(self, image: Image.Image, size: tuple[int, int]) -> Image.Image:
        """The crop, resized to (W, H) bilinearly; black where it leaves the image."""
        left, top = int(np.floor(self.left)), int(np.floor(self.top))
        right = int(np.ceil(self.left + self.width))
        bottom = int(np.ceil(self.top + self.height))
        inner_left, inner_top = self.left - left, self.top - top
        inner = (inner_left, inner_top, inner_left + self.width, inner_top + self.height)
        part = image.crop((left, top, right, bottom))
        return part.resize(size, Image.Resampling.BILINEAR, box=inner)

    def points(self, points: Array, size: tuple[int, int]) -> Array:
        """Image pixels [N, 2] to pixels of the resized crop; pixel centres at integers in both."""
        factor = np.array([size[0] / self.width, size[1] / self.height])
        moved = (points + 0.5 - [self.left, self.top]) * factor - 0.5
        return np.asarray(moved, np.float32)


class CocoLowerBody(Dataset[Sample | Unreadable]):
    """Every non-crowd person with a visible lower-body joint and usable labels.

    `skipped` counts the other annotations by reason. A joint is visible where COCO's flag is at
    least `min_visibility` (1: labelled, 2: labelled and seen). With `flip`, half the samples are
    mirrored, left and right joints exchanged. Batch the samples with `collate`.

    Args:
        annotation_file: A person_keypoints_*.json in COCO's layout.
        image_folder: Where its file names lead; names that lead elsewhere are refused.
        input_size: (W, H) of the samples.
        box_scale: Factor on the person's box, after it has grown to the input's aspect ratio.
        min_visibility: 1 or 2.
        min_joints: How many visible joints a person needs.
        flip: Whether to mirror at random.

    Raises:
        FileNotFoundError: The file or the folder does not exist.
        ValueError: The file is no COCO annotation file, a file name leaves the folder, or no person
            is left.
    """

    def __init__(
        self,
        annotation_file: str | Path,
        image_folder: str | Path,
        *,
        input_size: tuple[int, int] = (192, 256),
        box_scale: float = 1.0,
        min_visibility: int = 1,
        min_joints: int = 1,
        flip: bool = False,
    ) -> None:
        self.input_size = input_size
        self.box_scale = box_scale
        self.min_visibility = min_visibility
        self.min_joints = min_joints
        self.flip = flip
        self.persons, self.skipped = read_persons(Path(annotation_file), Path(image_folder))
        self._keep_labelled()
        if not self.persons:
            raise ValueError(f"{annotation_file}: no person to train on ({dict(self.skipped)})")

    @classmethod
    def from_root(cls, root: str | Path, split: str, **options: Any) -> CocoLowerBody:
        """COCO's own folders: annotations/person_keypoints_{split}2017.json, {split}2017/."""
        root = Path(root)
        annotations = root / "annotations" / f"person_keypoints_{split}2017.json"
        return cls(annotations, root / f"{split}2017", **options)

    def _keep_labelled(self) -> None:
        kept = []
        for person in self.persons:
            visible = int((person.visibility >= self.min_visibility).sum())
            if visible == 0:
                self.skipped["no visible lower-body joint"] += 1
            elif visible < self.min_joints:
                self.skipped[f"fewer than {self.min_joints} visible lower-body joints"] += 1
            else:
                kept.append(person)
        self.persons = kept

    def __len__(self) -> int:
        return len(self.persons)

    def summary(self) -> str:
        """How many persons there are, and how many annotations were left out for which reason."""
        skipped = ", ".join(f"{count} {reason}" for reason, count in self.skipped.items())
        return f"{len(self)} persons (skipped: {skipped or 'none'})"

    def labels(self, index: int) -> tuple[Array, Array]:
        """Joints [6, 2] in input pixels and their visibility [6], without reading the image."""
        person = self.persons[index]
        visible = (person.visibility >= self.min_visibility).astype(np.float32)
        return self._crop(person).points(person.joints, self.input_size), visible

    def _crop(self, person: Person) -> Crop:
        width, height = self.input_size
        return Crop.around(person.box, width / height, self.box_scale)

    def __getitem__(self, index: int) -> Sample | Unreadable:
        person = self.persons[index]
        try:
            with Image.open(person.image_path) as image:
                crop = self._crop(person).image(image.convert("RGB"), self.input_size)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            return Unreadable(person.image_path, str(error))
        pixels = np.asarray(crop, np.float32)
        joints, visible = self.labels(index)
        if self.flip and torch.rand(()) < 0.5:
            pixels, joints, visible = mirrored(pixels, joints, visible)
        normalised = (pixels / 255 - IMAGENET_MEAN) / IMAGENET_STD
        return Sample(
            image=torch.from_numpy(normalised.transpose(2, 0, 1).astype(np.float32)),
            joints=torch.from_numpy(joints),
            visible=torch.from_numpy(visible),
            annotation_id=person.annotation_id,
        )


def loader(
    data: CocoLowerBody, batch_size: int, *, workers: int = 0, shuffle: bool = False
) -> Iterable[Batch]:
    """Batches of the data, read by `workers` processes, or by this one."""
    return DataLoader(
        data,
        batch_size,
        shuffle=shuffle,
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=leave_to_parent,
    )


def collate(samples: Sequence[Sample | Unreadable]) -> Batch:
    """Stacks the samples whose image could be read, and lists the others."""
    good = [sample for sample in samples if not isinstance(sample, Unreadable)]
    return Batch(
        samples=default_collate(good) if good else None,
        unreadable=[sample for sample in samples if isinstance(sample, Unreadable)],
    )


def mirrored(pixels: Array, joints: Array, visible: Array) -> tuple[Array, Array, Array]:
    """The horizontal mirror image of a sample: pixels [H, W, 3], joints [6, 2], visible [6]."""
    order = list(range(len(joints)))
    for left, right in LOWER_BODY_FLIP_PAIRS:
        order[left], order[right] = right, left
    width = pixels.shape[1]
    flipped = joints[order]
    flipped[:, 0] = width - 1 - flipped[:, 0]
    return pixels[:, ::-1], flipped, visible[order]
