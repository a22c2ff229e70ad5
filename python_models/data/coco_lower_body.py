"""Persons of a COCO keypoint data set, cropped, with their six lower-body joints."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch
from PIL import Image
from pycocotools.coco import COCO
from torch import Tensor
from torch.utils.data import Dataset

from lowerpose_ops import LOWER_BODY_COCO_INDICES, LOWER_BODY_FLIP_PAIRS

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_COCO_KEYPOINTS = 17


class Sample(TypedDict):
    """One cropped person: image [3, H, W], joints [6, 2] in its pixels, visible [6] (0 or 1)."""

    image: Tensor
    joints: Tensor
    visible: Tensor
    annotation_id: int


@dataclass(frozen=True)
class Person:
    """One annotation, in the pixels of its whole image."""

    annotation_id: int
    image_path: Path
    box: tuple[float, float, float, float]  # x, y, width, height
    joints: np.ndarray[Any, np.dtype[np.float32]]  # [6, 2]
    visibility: np.ndarray[Any, np.dtype[np.float32]]  # [6], COCO's 0, 1 or 2


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

    def points(
        self, points: np.ndarray[Any, np.dtype[np.float32]], size: tuple[int, int]
    ) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Image pixels [N, 2] to pixels of the resized crop; pixel centres at integers in both."""
        factor = np.array([size[0] / self.width, size[1] / self.height])
        moved = (points + 0.5 - [self.left, self.top]) * factor - 0.5
        return np.asarray(moved, np.float32)


class CocoLowerBody(Dataset[Sample]):
    """Every non-crowd person with a labelled lower-body joint.

    `skipped` counts the other annotations by reason. A joint is visible where COCO's flag is at
    least `min_visibility` (1: labelled, 2: labelled and seen). With `flip`, half the samples are
    mirrored, left and right joints exchanged.

    Args:
        annotation_file: A person_keypoints_*.json in COCO's layout.
        image_folder: Where its file names lead; names that lead elsewhere are refused.
        input_size: (W, H) of the samples.
        box_scale: Factor on the person's box, after it has grown to the input's aspect ratio.
        min_visibility: 1 or 2.
        min_joints: How many visible joints a person needs.
        flip: Whether to mirror at random.
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
        self.flip = flip
        self.skipped: Counter[str] = Counter()
        self._folder = Path(image_folder).resolve()
        if not self._folder.is_dir():
            raise FileNotFoundError(f"image folder {self._folder} does not exist")
        self.persons = self._read(Path(annotation_file), min_joints)
        if not self.persons:
            raise ValueError(f"{annotation_file}: no person to train on ({dict(self.skipped)})")

    @classmethod
    def from_root(cls, root: str | Path, split: str, **options: Any) -> CocoLowerBody:
        """COCO's own folders: annotations/person_keypoints_{split}2017.json, {split}2017/."""
        root = Path(root)
        annotations = root / "annotations" / f"person_keypoints_{split}2017.json"
        return cls(annotations, root / f"{split}2017", **options)

    def _read(self, annotation_file: Path, min_joints: int) -> list[Person]:
        if not annotation_file.is_file():
            raise FileNotFoundError(f"annotation file {annotation_file} does not exist")
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports its progress
            coco = COCO(str(annotation_file))
        persons = []
        for row in coco.loadAnns(coco.getAnnIds()):
            keypoints = np.asarray(row["keypoints"], np.float32).reshape(_COCO_KEYPOINTS, 3)
            lower_body = keypoints[list(LOWER_BODY_COCO_INDICES)]
            visible = int((lower_body[:, 2] >= self.min_visibility).sum())
            if row["iscrowd"]:
                self.skipped["crowd"] += 1
            elif visible == 0:
                self.skipped["no visible lower-body joint"] += 1
            elif visible < min_joints:
                self.skipped[f"fewer than {min_joints} visible lower-body joints"] += 1
            else:
                image = coco.loadImgs(row["image_id"])[0]
                persons.append(
                    Person(
                        annotation_id=row["id"],
                        image_path=self._image_path(image["file_name"]),
                        box=tuple(row["bbox"]),
                        joints=lower_body[:, :2],
                        visibility=lower_body[:, 2],
                    )
                )
        return persons

    def _image_path(self, file_name: str) -> Path:
        path = (self._folder / file_name).resolve()
        if not path.is_relative_to(self._folder):
            raise ValueError(f"file_name {file_name!r} leaves the image folder {self._folder}")
        return path

    def __len__(self) -> int:
        return len(self.persons)

    def __getitem__(self, index: int) -> Sample:
        person = self.persons[index]
        width, height = self.input_size
        crop = Crop.around(person.box, width / height, self.box_scale)
        with Image.open(person.image_path) as image:
            pixels = np.asarray(crop.image(image.convert("RGB"), self.input_size), np.float32)
        joints = crop.points(person.joints, self.input_size)
        visible = (person.visibility >= self.min_visibility).astype(np.float32)
        if self.flip and torch.rand(()) < 0.5:
            pixels, joints, visible = mirrored(pixels, joints, visible)
        normalised = (pixels / 255 - IMAGENET_MEAN) / IMAGENET_STD
        return Sample(
            image=torch.from_numpy(normalised.transpose(2, 0, 1).astype(np.float32)),
            joints=torch.from_numpy(joints),
            visible=torch.from_numpy(visible),
            annotation_id=person.annotation_id,
        )


def mirrored(
    pixels: np.ndarray[Any, Any], joints: np.ndarray[Any, Any], visible: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The horizontal mirror image of a sample: pixels [H, W, 3], joints [6, 2], visible [6]."""
    order = list(range(len(joints)))
    for left, right in LOWER_BODY_FLIP_PAIRS:
        order[left], order[right] = right, left
    width = pixels.shape[1]
    flipped = joints[order]
    flipped[:, 0] = width - 1 - flipped[:, 0]
    return pixels[:, ::-1], flipped, visible[order]
