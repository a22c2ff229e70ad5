"""Random changes of a sample, its joints carried along."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, fields

import numpy as np

from python_models.arrays import Array
from python_models.data.crop import Crop
from python_models.data.view import Colors, Size, View, covering

# Joints of the two halves: from hips to knees, from knees to ankles.
_HALVES = ((0, 1, 3, 4), (1, 2, 4, 5))
_HALF_BODY_JOINTS = 3  # of its four, that must be visible
_HALF_BODY_MARGIN = 1.5  # factor on the box around them, as in HRNet's half-body augmentation
_HALF_BODY_LEAST = 0.4  # of the person's crop: enlarged further there is little to see


@dataclass(frozen=True)
class Augmentation:
    """How likely and how large the random changes are; 0 leaves one out.

    A person's numbers follow from (seed, epoch, index) alone, and each change has its own among
    them: whether another change is used moves none.

    Args:
        flip: The probability that a sample is mirrored, left and right joints exchanged.
        scale: The crop's size is multiplied by a number between 1 - scale and 1 + scale.
        rotation: The image is turned by up to so many degrees about the crop's centre.
        half_body: The probability that a sample shows half of the lower body: from hips to knees,
            or from knees to ankles, whichever has at least three of its four joints visible (of
            both, one at random; of none, the whole). The crop is then the box around these joints,
            times 1.5, and between 0.4 and 1 times the size of the person's. Scale and rotation
            follow.
        brightness: The image is multiplied by a number between 1 - brightness and 1 + brightness.
        contrast: Likewise the distance of its values from their mean grey.
        saturation: Likewise the distance of its colours from grey.
    """

    flip: float = 0.5
    scale: float = 0.0
    rotation: float = 0.0
    half_body: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0

    def __post_init__(self) -> None:
        largest = {"flip": 1.0, "half_body": 1.0, "rotation": 180.0}
        for field in fields(self):
            value, most = getattr(self, field.name), largest.get(field.name, 0.99)
            if not 0 <= value <= most:
                raise ValueError(f"Augmentation: {field.name} must be 0 to {most:g}, got {value}")

    @property
    def moves(self) -> bool:
        """Whether a sample may show another part of the image."""
        return self.scale > 0 or self.rotation > 0 or self.half_body > 0

    def wide_size(self, size: Size) -> Size:
        """The (W, H), at the un-augmented scale, of all that scale and rotation can bring in."""
        return covering(size, self.rotation, 1 + self.scale)

    def view(self, crop: Crop, joints: Array, visible: Array, key: tuple[int, int, int]) -> View:
        """What becomes of a person's crop.

        Args:
            crop: The un-augmented one.
            joints: [6, 2], in image pixels.
            visible: [6], 0 or 1.
            key: Seed, epoch and index.
        """
        flip, scale, angle, half, which, *colors = _numbers(key)
        if half < self.half_body:
            crop = _half_body(crop, joints, visible, which)
        if self.scale > 0:
            box = (crop.left, crop.top, crop.width, crop.height)
            crop = Crop.around(box, crop.width / crop.height, _between(scale, self.scale))
        ranges = (self.brightness, self.contrast, self.saturation)
        return View(
            crop,
            angle=(2 * angle - 1) * self.rotation,
            flip=bool(flip < self.flip),
            colors=Colors(*(_between(u, r) for u, r in zip(colors, ranges, strict=True))),
        )


def _numbers(key: tuple[int, int, int]) -> list[float]:
    """Eight independent numbers from 0 to 1, each with its place among the changes.

    From a hash, as other versions of NumPy and Python may draw others, and a generator takes ten
    times as long to start.
    """
    digest = hashlib.blake2b(repr(key).encode(), digest_size=64).digest()
    return [number / 2**64 for number in struct.unpack("<8Q", digest)]


def _between(number: float, extent: float) -> float:
    """From 0 to 1 to 1 - extent to 1 + extent."""
    return 1 + (2 * number - 1) * extent


def _half_body(crop: Crop, joints: Array, visible: Array, which: float) -> Crop:
    fitting = [half for half in _HALVES if visible[list(half)].sum() >= _HALF_BODY_JOINTS]
    if not fitting:
        return crop
    half = fitting[int(which * len(fitting))]
    shown = joints[[joint for joint in half if visible[joint]]].astype(np.float64)
    low, high = shown.min(0) + 0.5, shown.max(0) + 0.5  # from pixel centres to edges' coordinates
    center = (low + high) / 2
    ratio = crop.width / crop.height
    height = max(high[1] - low[1], (high[0] - low[0]) / ratio) * _HALF_BODY_MARGIN
    height = min(max(height, _HALF_BODY_LEAST * crop.height), crop.height)
    width = height * ratio
    return Crop(float(center[0] - width / 2), float(center[1] - height / 2), width, height)
