"""Both legs drawn over an image: left blue, right red."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np

from python_models.arrays import Array

LEGS = ((0, 1, 2), (3, 4, 5))  # hip, knee, ankle of the left and of the right side
Colour = tuple[int, int, int]  # red, green, blue
LEFT: Colour = (31, 119, 255)
RIGHT: Colour = (224, 36, 36)
TRUTH: Colour = (34, 197, 94)
_EDGE: Colour = (255, 255, 255)
_FRACTION_BITS = 4  # OpenCV draws at sixteenths of a pixel
_FARTHEST = 1e6  # OpenCV's coordinates are 32 bits


def hex_colour(colour: Colour) -> str:
    """As matplotlib and the web write it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def draw_joints(image: Array, joints: Array | Sequence[Array]) -> Array:
    """A copy of the image with the legs of each person.

    Args:
        image: uint8 [H, W, 3], red first.
        joints: [P, 6, 2], or P times [6, 2]: (x, y) in its pixels, pixel centres at integers.
    """
    drawn: Array = np.ascontiguousarray(image).copy()
    width = max(2, round(max(image.shape[:2]) / 200))
    for person in np.asarray(joints, np.float64):
        for leg, colour in zip(LEGS, (LEFT, RIGHT), strict=True):
            places = _places(person[list(leg)])
            for start, end in itertools.pairwise(places):
                cv2.line(drawn, start, end, colour, width, cv2.LINE_AA, _FRACTION_BITS)
            for place in places:
                radius = round((width + 1) * 2**_FRACTION_BITS)
                cv2.circle(drawn, place, radius, colour, -1, cv2.LINE_AA, _FRACTION_BITS)
                if width > 2:  # a small joint would be all edge
                    cv2.circle(drawn, place, radius, _EDGE, 1, cv2.LINE_AA, _FRACTION_BITS)
    return drawn


def _places(points: Array) -> list[tuple[int, int]]:
    near = np.clip(points, -_FARTHEST, _FARTHEST)
    return [(round(x * 2**_FRACTION_BITS), round(y * 2**_FRACTION_BITS)) for x, y in near.tolist()]
