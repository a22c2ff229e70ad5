"""Random changes of a sample, its joints carried along."""

from __future__ import annotations

from dataclasses import dataclass

from lowerpose_ops import LOWER_BODY_FLIP_PAIRS
from python_models.data.coco_persons import Array


@dataclass(frozen=True)
class Augmentation:
    """How likely and how large the random changes are.

    Args:
        flip: The probability that a sample is mirrored, left and right joints exchanged.
    """

    flip: float = 0.5


def mirrored(pixels: Array, joints: Array, visible: Array) -> tuple[Array, Array, Array]:
    """The horizontal mirror image of a sample: pixels [H, W, 3], joints [6, 2], visible [6]."""
    order = list(range(len(joints)))
    for left, right in LOWER_BODY_FLIP_PAIRS:
        order[left], order[right] = right, left
    width = pixels.shape[1]
    flipped = joints[order]
    flipped[:, 0] = width - 1 - flipped[:, 0]
    return pixels[:, ::-1], flipped, visible[order]
