"""Coordinates and flipped heatmaps, as in HRNet's `utils/transforms.py`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import _arguments as arguments
from ...arrays import to_image
from .._checks import Array, as_array, check_array, check_writable, width_height


def flip_back(
    output_flipped: Array, matched_parts: Sequence[Sequence[int]], *, fixed: bool = False
) -> Array:
    """The heatmaps of mirrored images as those of the images themselves.

    `lowerpose_ops.flip_merge` does this and the mean with the other heatmaps, and the shift, in one
    pass.

    Args:
        output_flipped: [B, J, H, W].
        matched_parts: Pairs of joints that exchange places in a mirror.
        fixed: A new array is returned. Without it, a view of output_flipped with a negative stride,
            in which the joints have exchanged places: copy it, and use output_flipped no more.

    Returns:
        [B, J, H, W].

    Raises:
        TypeError: The maps are no NumPy array.
        ValueError: They have another number of dimensions; a pair names a joint that is not there.

    Example:
        >>> heatmaps = np.arange(6.0).reshape(1, 2, 1, 3)
        >>> flip_back(heatmaps, [(0, 1)], fixed=True).tolist()
        [[[[5.0, 4.0, 3.0]], [[2.0, 1.0, 0.0]]]]
    """
    name = "flip_back"
    check_array(name, "output_flipped", output_flipped, {4: "[B, J, H, W]"})
    pairs = arguments.index_pairs(name, "matched_parts", matched_parts)
    num_joints = output_flipped.shape[1]
    if pairs and max(pairs) >= num_joints:
        expected = f"pairs of joints below {num_joints}"
        raise arguments.value_error(name, "matched_parts", expected, matched_parts)
    source = list(range(num_joints))
    for left, right in zip(pairs[::2], pairs[1::2], strict=True):
        source[left], source[right] = source[right], source[left]
    mirrored = output_flipped[..., ::-1]
    if arguments.check_flag(name, "fixed", fixed):
        return np.ascontiguousarray(mirrored[:, source])
    check_writable(name, "output_flipped", output_flipped)
    moved = [joint for joint in range(num_joints) if source[joint] != joint]
    mirrored[:, moved] = mirrored[:, [source[joint] for joint in moved]]
    return mirrored


def transform_preds(
    coords: Array,
    center: Array | Sequence[float],
    scale: Array | Sequence[float] | float,
    output_size: Sequence[int],
    *,
    fixed: bool = False,
) -> Array:
    """Takes a person's coordinates from the heatmap to the image.

    Args:
        coords: [J, 2 or more], (x, y) first, in heatmap pixels.
        center: [2], the box's middle in image pixels.
        scale: [2], the box's sides in 200 image pixels, or one number. Only the width is read.
        output_size: (W, H) of the heatmap.
        fixed: The height of scale is read too.

    Returns:
        [J, 2 or more] in float64, (x, y) in image pixels; what coords have beyond that is 0.

    Raises:
        TypeError: coords are no NumPy array.
        ValueError: A shape does not fit.

    Example:
        >>> transform_preds(np.array([[12.0, 16.0]]), [100, 200], 0.48, (48, 64)).tolist()
        [[76.0, 168.0]]
    """
    name = "transform_preds"
    arguments.check_flag(name, "fixed", fixed)
    check_array(name, "coords", coords, {2: "[J, 2]"})
    if coords.shape[1] < 2:
        raise arguments.value_error(name, "coords", "[J, 2]", list(coords.shape))
    box_center = as_array(name, "center", center, {1: "[2]"})
    box_scale = as_array(name, "scale", scale, {0: "one number", 1: "[2]"})
    if box_scale.size == 1:
        box_scale = np.broadcast_to(box_scale.reshape(1), (2,))
    size = width_height(name, "output_size", output_size)
    moved = np.zeros(coords.shape)
    moved[:, :2] = to_image(
        coords[:, :2].astype(np.float64),
        box_center,
        box_scale,
        size,
        pixel_std=200.0,
        scale_axes="xy" if fixed else "x_only",
    )
    return moved
