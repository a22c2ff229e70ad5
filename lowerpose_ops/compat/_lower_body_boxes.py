"""The lower-body joint prediction project's boxes: from a person in a picture to the input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import _arguments as arguments
from ._checks import Array, as_array, check_array, width_height

if TYPE_CHECKING:
    from PIL import Image


def _box(name: str, bbox: Sequence[float]) -> list[float]:
    """[x, y, w, h], finite."""
    box = as_array(name, "bbox", bbox, {1: "[4]"})
    if len(box) != 4:
        raise arguments.value_error(name, "bbox", "[x, y, w, h]", bbox)
    return [arguments.number(name, "bbox", value) for value in box.tolist()]


def match_bbox(
    bbox: Sequence[float],
    img_size: tuple[int, int],
    ratio: float = 192 / 256,
    scale: float = 1.0,
) -> list[float]:
    """Grows a box to a ratio of sides about its centre, and clips it to the image.

    Where the grown box begins outside the image it is moved inside, and is not made smaller there.

    Args:
        bbox: [x, y, w, h] in image pixels.
        img_size: (W, H) of the image.
        ratio: Width / height that the box grows to.
        scale: Factor on both sides before that.

    Returns:
        [x, y, w, h], each side at least 2 pixels.

    Raises:
        ValueError: The box has no height.

    Example:
        >>> match_bbox([100, 50, 30, 80], (640, 480))
        [85.0, 50.0, 60.0, 80.0]
    """
    x, y, width, height = _box("match_bbox", bbox)
    image_width, image_height = width_height("match_bbox", "img_size", img_size)
    ratio, scale = (
        arguments.number("match_bbox", argument, value)
        for argument, value in (("ratio", ratio), ("scale", scale))
    )
    if ratio <= 0 or scale <= 0:
        raise arguments.value_error("match_bbox", "ratio, scale", "positive", (ratio, scale))
    center_x, center_y = x + width / 2, y + height / 2
    width, height = width * scale, height * scale
    if height == 0:
        raise arguments.value_error("match_bbox", "bbox", "of a height that is not 0", bbox)
    if width / height > ratio:
        height = width / ratio
    else:
        width = height * ratio
    left, top = max(0.0, center_x - width / 2), max(0.0, center_y - height / 2)
    return [
        *(left, top),
        *(max(2.0, min(width, image_width - left)), max(2.0, min(height, image_height - top))),
    ]


def crop_and_resize(
    src_img: Image.Image,
    bbox: Sequence[float],
    input_size: tuple[int, int] = (192, 256),
    *,
    fixed: bool = False,
) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """Cuts a box out of an image and resizes it, bilinearly; the whole image if the box is empty.

    Args:
        src_img: A Pillow image.
        bbox: [x, y, w, h] in image pixels.
        input_size: (W, H) of the result.
        fixed: The box is cut where it lies; without it, its edges are truncated to whole pixels.

    Returns:
        The image, and (x0, y0, sx, sy) for `transform_keypoints_to_input`: the corner of what was
        cut out, and the scale along either axis. It needs Pillow.

    Example:
        >>> from PIL import Image
        >>> image, crop = crop_and_resize(Image.new("RGB", (640, 480)), [10.7, 20, 96, 128])
        >>> image.size, crop
        ((192, 256), (10, 20, 2.0, 2.0))
    """
    from PIL import Image

    name = "crop_and_resize"
    arguments.check_flag(name, "fixed", fixed)
    if not isinstance(src_img, Image.Image):
        raise arguments.type_error(name, "src_img", "a Pillow image", src_img)
    x, y, width, height = _box(name, bbox)
    input_size = width_height(name, "input_size", input_size)
    edges = x, y, x + width, y + height
    if not fixed:
        edges = tuple(int(edge) for edge in edges)  # type: ignore[assignment]
    left, top = max(0, edges[0]), max(0, edges[1])
    right, bottom = min(src_img.size[0], edges[2]), min(src_img.size[1], edges[3])
    if right <= left or bottom <= top:
        left, top, (right, bottom) = 0, 0, src_img.size
    bilinear = Image.Resampling.BILINEAR
    if fixed:
        resized = src_img.resize(input_size, bilinear, box=(left, top, right, bottom))
    else:
        # Cut first: the filter must not see what lies beside the box.
        resized = src_img.crop((left, top, right, bottom)).resize(input_size, bilinear)
    scales = input_size[0] / (right - left), input_size[1] / (bottom - top)
    return resized, (left, top, *scales)


def transform_keypoints_to_input(
    keypoints_xy: Array, crop_to_input: tuple[float, float, float, float], *, fixed: bool = False
) -> Array:
    """Takes keypoints from the image to the network's input.

    Args:
        keypoints_xy: [J, 2 or more], (x, y) first, in image pixels; the rest is kept.
        crop_to_input: What `crop_and_resize` returns.
        fixed: With pixel centres at integers in image and input, as the heatmaps have them:
            (x - x0 + 0.5) * sx - 0.5. Without it, (x - x0) * sx.

    Returns:
        A new array like keypoints_xy.

    Example:
        >>> transform_keypoints_to_input(np.array([[12.0, 24.0]]), (10, 20, 2.0, 2.0)).tolist()
        [[4.0, 8.0]]
    """
    name = "transform_keypoints_to_input"
    arguments.check_flag(name, "fixed", fixed)
    check_array(name, "keypoints_xy", keypoints_xy, {2: "[J, 2]"})
    if keypoints_xy.shape[1] < 2:
        shape = list(keypoints_xy.shape)
        raise arguments.value_error(name, "keypoints_xy", "[J, 2]", shape)
    floating = keypoints_xy.dtype if keypoints_xy.dtype.kind == "f" else np.dtype(np.float64)
    crop = as_array(name, "crop_to_input", crop_to_input, {1: "[4]"})
    if len(crop) != 4:
        raise arguments.value_error(name, "crop_to_input", "(x0, y0, sx, sy)", crop_to_input)
    values = crop.astype(floating)
    half = floating.type(0.5 if fixed else 0.0)
    moved = keypoints_xy.copy()
    moved[:, :2] = (keypoints_xy[:, :2] - values[:2] + half) * values[2:] - half
    return moved
