"""The part of an image that becomes the network's input."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:  # crop_build must start fast, and pycocotools does not
    from python_models.arrays import Array


# What Pillow raises for a file that is no whole image.
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


# Of those that Pillow knows. Others it hands to programs (EPS to Ghostscript), or they are rare.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP")  # MPO is among JPEG

# What Pillow's decoders raise besides, for bytes that nobody has tried on them.
_SURPRISES = (RuntimeError, struct.error, TypeError, LookupError, EOFError, ArithmeticError)


def rgb_image(path: Path, *, turned: bool = False) -> Image.Image:
    """The decoded image, as it is stored, or `turned` as its EXIF data says.

    Of 16 bits the upper 8 are taken. Raises one of UNREADABLE if it cannot be decoded, has another
    format than FORMATS, or numbers without a range (32 bits, floating point).
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            upright = ImageOps.exif_transpose(image) if turned else image
            if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
                return Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8)).convert("RGB")
            if image.mode in ("I", "F"):
                raise ValueError(f"pixels must have 8 or 16 bits, got Pillow's mode {image.mode}")
            return upright.convert("RGB")
    except _SURPRISES as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class Crop:
    """A rectangle in an image's pixels; its edges need not be whole pixels.

    Pixel (0, 0) covers 0 to 1, so that its centre is at 0.5 of `left` and `top`; points have pixel
    centres at integers, in the image as in the input.
    """

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
        """The crop, resized to (W, H) bilinearly without aliasing; black outside the image."""
        left, top = int(np.floor(self.left)), int(np.floor(self.top))
        right = int(np.ceil(self.left + self.width))
        bottom = int(np.ceil(self.top + self.height))
        inner_left, inner_top = self.left - left, self.top - top
        inner = (inner_left, inner_top, inner_left + self.width, inner_top + self.height)
        part = image.crop((left, top, right, bottom))
        return part.resize(size, Image.Resampling.BILINEAR, box=inner)

    def points(self, points: Array, size: tuple[int, int]) -> Array:
        """Image pixels [N, 2] to pixels of the crop when it is resized to (W, H)."""
        factor = np.array([size[0] / self.width, size[1] / self.height])
        moved = (points + 0.5 - [self.left, self.top]) * factor - 0.5
        return np.asarray(moved, np.float32)

    def to_image(self, points: Array, size: tuple[int, int]) -> Array:
        """Pixels [..., 2] of the crop, resized to (W, H), to image pixels; undoes `points`."""
        factor = np.array([self.width / size[0], self.height / size[1]])
        moved = (points + 0.5) * factor + [self.left, self.top] - 0.5
        return np.asarray(moved, np.float32)
