"""Target heatmaps, as in MMPose's `codecs/utils/gaussian_heatmap.py` and `offset_heatmap.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import _arguments as arguments
from ...arrays import gaussian_targets
from .._checks import Array, as_array, width_height
from ._checks import check_keypoints


def _draw(
    size: tuple[int, int],
    keypoints: Array,
    visible: Array,
    sigma: float | Array,
    preset: str,
    fixed: bool,
) -> tuple[Array, Array]:
    """The maps of all instances, and a copy of visible with 0 where nothing could be drawn."""
    options = {"preset": preset, "fixed": fixed, "instance_weights": True}
    maps, weights = gaussian_targets(
        keypoints[None],
        visible[None],
        size,
        sigma,
        **options,  # type: ignore[arg-type]
    )
    return maps[0], np.where(weights[0, ..., 0] != 0, visible, visible.dtype.type(0))


def generate_gaussian_heatmaps(
    heatmap_size: tuple[int, int],
    keypoints: Array,
    keypoints_visible: Array,
    sigma: float | Sequence[float] | Array,
    *,
    fixed: bool = False,
) -> tuple[Array, Array]:
    """Draws Gaussians about the keypoints' pixels, within 3 sigma; of several the largest.

    Args:
        heatmap_size: (W, H).
        keypoints: [N, K, 2], (x, y) in heatmap pixels.
        keypoints_visible: [N, K]; drawn where it is at least 0.5.
        sigma: Standard deviation in heatmap pixels: a number, or one for each instance.
        fixed: The window is |i - c| <= 3 sigma about c = floor(x + 0.5), for every sigma; a weight
            is 0 where the window holds no pixel of the map.

    Returns:
        The maps, [K, H, W] float32, and keypoints_visible, with 0 where a keypoint is out of range,
        [N, K].

    Raises:
        TypeError: An argument is of another type.
        ValueError: A shape does not fit; sigma is not positive.

    Example:
        >>> keypoints = np.array([[[10.0, 20.0]], [[30.0, 20.0]]], np.float32)
        >>> maps, weights = generate_gaussian_heatmaps((48, 64), keypoints, np.ones((2, 1)), (2, 1))
        >>> maps.shape, maps[0, 20, [10, 30]].tolist(), weights.tolist()
        ((1, 64, 48), [1.0, 1.0], [[1.0], [1.0]])
    """
    name = "generate_gaussian_heatmaps"
    check_keypoints(name, keypoints, keypoints_visible)
    if isinstance(sigma, (list, tuple, np.ndarray)):
        spread: Any = as_array(name, "sigma", sigma, {1: f"[{len(keypoints)}]"}).astype(np.float64)
        if spread.shape != (len(keypoints),):
            expected = f"a number or [{len(keypoints)}]"
            raise arguments.value_error(name, "sigma", expected, list(spread.shape))
        spread = spread[None]
    else:
        spread = sigma
    size = width_height(name, "heatmap_size", heatmap_size)
    return _draw(size, keypoints, keypoints_visible, spread, "mmpose_msra", fixed)


def generate_udp_gaussian_heatmaps(
    heatmap_size: tuple[int, int],
    keypoints: Array,
    keypoints_visible: Array,
    sigma: float,
    *,
    fixed: bool = False,
) -> tuple[Array, Array]:
    """Draws Gaussians about the keypoints themselves, within 3 sigma of their pixels.

    Arguments and results are those of `generate_gaussian_heatmaps`, with a number for sigma.

    Example:
        >>> keypoints = np.array([[[10.25, 20.0]]], np.float32)
        >>> maps, _ = generate_udp_gaussian_heatmaps((48, 64), keypoints, np.ones((1, 1)), 2.0)
        >>> maps[0, 20, 10:12].round(4).tolist()
        [0.9922000169754028, 0.9320999979972839]
    """
    name = "generate_udp_gaussian_heatmaps"
    check_keypoints(name, keypoints, keypoints_visible)
    number = arguments.number(name, "sigma", sigma)
    size = width_height(name, "heatmap_size", heatmap_size)
    return _draw(size, keypoints, keypoints_visible, number, "mmpose_udp", fixed)


def generate_unbiased_gaussian_heatmaps(
    heatmap_size: tuple[int, int],
    keypoints: Array,
    keypoints_visible: Array,
    sigma: float,
    *,
    fixed: bool = False,
) -> tuple[Array, Array]:
    """Draws Gaussians about the keypoints themselves, over the whole map.

    Arguments and results are those of `generate_gaussian_heatmaps`, with a number for sigma. A
    weight is 0 where x - 3 sigma is not less than W, or x + 3 sigma + 1 is negative; likewise y.
    A keypoint that is NaN makes its map NaN and keeps its weight; with `fixed` its weight is 0.

    Example:
        >>> keypoints = np.array([[[10.5, 20.0]]], np.float32)
        >>> maps, _ = generate_unbiased_gaussian_heatmaps((48, 64), keypoints, np.ones((1, 1)), 2.0)
        >>> bool(maps[0, 20, 10] == maps[0, 20, 11]), bool(maps[0, 20, 20] > 0)
        (True, True)
    """
    name = "generate_unbiased_gaussian_heatmaps"
    check_keypoints(name, keypoints, keypoints_visible)
    arguments.check_flag(name, "fixed", fixed)
    radius = 3 * arguments.number(name, "sigma", sigma)
    size = width_height(name, "heatmap_size", heatmap_size)
    drawn = ~(keypoints_visible < 0.5)
    missed = ((keypoints - radius >= size) | (keypoints + radius + 1 < 0)).any(-1)
    nan = np.isnan(keypoints).any(-1)
    empty = drawn & (missed | nan if fixed else missed)
    seen = drawn & ~missed & ~nan
    maps, _ = gaussian_targets(keypoints[None], seen[None], size, sigma, preset="exact")
    if not fixed:
        maps[0, (drawn & nan & ~missed).any(0)] = np.nan
    return maps[0], np.where(empty, keypoints_visible.dtype.type(0), keypoints_visible)


def generate_offset_heatmap(
    heatmap_size: tuple[int, int],
    keypoints: Array,
    keypoints_visible: Array,
    radius_factor: float,
    *,
    fixed: bool = False,
) -> tuple[Array, Array]:
    """Draws three maps a keypoint: 1 within a radius of it, and the offsets to it over that radius.

    Args:
        heatmap_size: (W, H).
        keypoints: [N, K, 2], (x, y) in heatmap pixels. The last visible instance counts.
        keypoints_visible: [N, K]; drawn where it is at least 0.5.
        radius_factor: The radius over the longer side of the map.
        fixed: A keypoint without a pixel within its radius is not drawn and has weight 0.

    Returns:
        The maps, [3 K, H, W] float32, and a copy of keypoints_visible, [N, K].

    Raises:
        TypeError: An argument is of another type.
        ValueError: A shape does not fit; radius_factor is not positive.

    Example:
        >>> keypoints = np.array([[[10.0, 20.0]]], np.float32)
        >>> maps, _ = generate_offset_heatmap((48, 64), keypoints, np.ones((1, 1)), 0.0625)
        >>> maps[:, 20, 8].tolist()
        [1.0, 0.5, 0.0]
    """
    name = "generate_offset_heatmap"
    check_keypoints(name, keypoints, keypoints_visible)
    arguments.check_flag(name, "fixed", fixed)
    width, height = width_height(name, "heatmap_size", heatmap_size)
    radius = arguments.number(name, "radius_factor", radius_factor) * max(width, height)
    if radius <= 0:
        raise arguments.value_error(name, "radius_factor", "positive", radius_factor)
    count = keypoints.shape[1]
    maps = np.zeros((count, 3, height, width), np.float32)
    weights = keypoints_visible.copy()
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)))
    for instance, seen in enumerate(keypoints_visible):
        places = keypoints[instance].astype(np.float64)[..., None, None]
        with np.errstate(invalid="ignore"):
            offsets = (places - pixels) / radius
            inside = (offsets**2).sum(1) <= 1
        drawn = ~(seen < 0.5)
        if fixed:
            missed = drawn & ~inside.any((1, 2))
            weights[instance, missed] = 0
            drawn &= ~missed
        maps[drawn, 0] = inside[drawn]
        maps[drawn, 1:] = offsets[drawn]
    return maps.reshape(3 * count, height, width), weights
