"""How a sample looks at its image: which part, how turned, mirrored, and in which colours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from lowerpose_ops import LOWER_BODY_FLIP_PAIRS
from python_models.arrays import Array
from python_models.data.crop import Crop

# Crops are small, and whoever forks (a loader) after OpenCV has started threads waits for them for
# ever in its workers.
cv2.setNumThreads(1)

Size = tuple[int, int]  # (W, H)

LUMA = (0.299, 0.587, 0.114)  # of red, green, blue, as in JPEG


@dataclass(frozen=True)
class Colors:
    """Factors on an image's values; 1 changes nothing."""

    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0

    @property
    def factors(self) -> tuple[float, float, float]:
        """Of brightness, contrast and saturation."""
        return self.brightness, self.contrast, self.saturation

    def apply(self, pixels: Array) -> Array:
        """uint8 pixels [H, W, 3] with the three factors at once, rounded and clipped once.

        Brightness multiplies; contrast keeps the mean grey of the brightened image, saturation
        the grey of each pixel.
        """
        if self == Colors():
            return pixels
        around = self.saturation * np.eye(3) + (1 - self.saturation) * np.ones((3, 1)) * LUMA
        gray = float(np.dot(LUMA, cv2.mean(pixels)[:3]))
        factors = self.brightness * self.contrast * around
        offset = np.full((3, 1), (1 - self.contrast) * self.brightness * gray)
        return np.asarray(cv2.transform(pixels, np.hstack([factors, offset])))


@dataclass(frozen=True)
class View:
    """A crop that is turned about its centre, and then perhaps mirrored."""

    crop: Crop
    angle: float = 0.0  # degrees, clockwise as one sees it
    flip: bool = False
    colors: Colors = Colors()  # frozen

    def shows(self, crop: Crop) -> bool:
        """Whether it is the upright crop, mirrored or not, in whatever colours."""
        return self.crop == crop and self.angle == 0

    def matrix(self, size: Size) -> Array:
        """[2, 3], from image pixels to input pixels; pixel centres at integers in both."""
        # In Python's numbers: NumPy takes ten times as long for six of them.
        width, height = size
        x, y = width / self.crop.width, height / self.crop.height
        cos, sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        xx, xy, yx, yy = cos * x, -sin * y, sin * x, cos * y
        center_x = self.crop.left + self.crop.width / 2 - 0.5
        center_y = self.crop.top + self.crop.height / 2 - 0.5
        x0 = (width - 1) / 2 - xx * center_x - xy * center_y
        y0 = (height - 1) / 2 - yx * center_x - yy * center_y
        if self.flip:
            xx, xy, x0 = -xx, -xy, width - 1 - x0
        return np.array([[xx, xy, x0], [yx, yy, y0]])

    def joints(self, joints: Array, size: Size) -> Array:
        """Joints [6, 2] of the image, in input pixels; left and right exchanged if mirrored."""
        moved = transformed(self.matrix(size), joints).astype(np.float32)
        return exchanged(moved) if self.flip else moved

    def pixels(self, image: Image.Image, size: Size) -> Array:
        """uint8 [H, W, 3] of an RGB image, without aliasing; black outside the image.

        An upright crop is resized as everywhere else. For another, what the turned rectangle
        covers is resized upright to the input's scale first, and then turned bilinearly: turning
        alone skips no pixel.
        """
        if self.angle == 0:
            return self.finished(np.array(self.crop.image(image, size)))
        wide = covering(size, self.angle)
        around = widened(self.crop, size, wide)
        return self.pixels_of_wide(np.asarray(around.image(image, wide)), around, size)

    def pixels_of_wide(self, wide: Array, around: Crop, size: Size) -> Array:
        """The same from the part `around` of the image, resized before to wide [H', W', 3].

        Bilinearly from there: sharper details than it holds are lost, and what lies beyond is
        black.
        """
        matrix = self.within(around, (wide.shape[1], wide.shape[0])).matrix(size)
        return self.colors.apply(warped(wide, matrix, size))

    def within(self, around: Crop, wide: Size) -> View:
        """The same of the part `around` of the image when that is resized to (W', H')."""
        x, y = wide[0] / around.width, wide[1] / around.height
        crop = self.crop
        left, top = (crop.left - around.left) * x, (crop.top - around.top) * y
        inside = Crop(left, top, crop.width * x, crop.height * y)
        return View(inside, self.angle, self.flip, self.colors)

    def finished(self, pixels: Array) -> Array:
        """Pixels of the crop as it stands, mirrored and coloured."""
        if self.flip:
            pixels = np.asarray(cv2.flip(pixels, 1))
        return self.colors.apply(pixels)


def exchanged(values: Array) -> Array:
    """A copy of values [6, ...] with those of left and right joints exchanged."""
    order = list(range(len(values)))
    for left, right in LOWER_BODY_FLIP_PAIRS:
        order[left], order[right] = right, left
    return values[order]


def transformed(matrix: Array, points: Array) -> Array:
    """Points [N, 2] through a matrix [2, 3]."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def inverse(matrix: Array) -> Array:
    """The matrix [2, 3] that undoes another."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def covering(size: Size, angle: float, scale: float = 1.0) -> Size:
    """The upright (W, H) that a rectangle, scaled and turned by up to `angle`, stays within.

    With a pixel's margin on each side for interpolation, if it turns.
    """
    width, height = size
    turn = math.radians(min(abs(angle), 90))

    def reach(along: float, across: float) -> int:
        worst = min(turn, math.atan2(across, along))
        extent = scale * (along * math.cos(worst) + across * math.sin(worst))
        return math.ceil(extent - 1e-9) + (2 if turn else 0)

    return reach(width, height), reach(height, width)


def widened(crop: Crop, size: Size, wide: Size) -> Crop:
    """The crop about the same centre that has `wide` pixels where `crop` has `size`."""
    width, height = crop.width * wide[0] / size[0], crop.height * wide[1] / size[1]
    left = crop.left - (width - crop.width) / 2
    return Crop(left, crop.top - (height - crop.height) / 2, width, height)


def warped(pixels: Array, matrix: Array, size: Size) -> Array:
    """uint8 pixels [H, W, 3] through a matrix [2, 3], bilinearly; black outside."""
    return np.asarray(cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR))
