"""Joints from heatmaps, as in HRNet's `core/inference.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import _arguments as arguments
from ...arrays import decode_heatmaps, to_image
from .._checks import Array, as_array, check_array, check_has, own_dtype

_BATCH = {4: "[B, J, H, W]"}


def get_max_preds(batch_heatmaps: Array) -> tuple[Array, Array]:
    """Finds the first maximum of each heatmap.

    Args:
        batch_heatmaps: [B, J, H, W], float32, float16 or float64.

    Returns:
        The places, [B, J, 2] float32, (x, y) in heatmap pixels, and the maxima, [B, J, 1] in the
        maps' dtype. Where the maximum is not positive, or NaN, the place is (0, 0).

    Raises:
        TypeError: The maps are no NumPy array, or of another dtype.
        ValueError: They have another number of dimensions.

    Example:
        >>> heatmaps = np.zeros((1, 2, 64, 48), np.float32)
        >>> heatmaps[0, 0, 20, 10] = 0.5
        >>> preds, maxvals = get_max_preds(heatmaps)
        >>> preds.tolist(), maxvals.tolist()
        ([[[10.0, 20.0], [0.0, 0.0]]], [[[0.5], [0.0]]])
    """
    check_array("get_max_preds", "batch_heatmaps", batch_heatmaps, _BATCH)
    coords, scores = decode_heatmaps(batch_heatmaps, "none", preset="hrnet")
    return coords, own_dtype(batch_heatmaps, scores)[..., None]


def get_final_preds(
    config: Any, batch_heatmaps: Array, center: Array, scale: Array, *, fixed: bool = False
) -> tuple[Array, Array]:
    """Finds the joints in the image.

    Args:
        config: Anything with config.TEST.POST_PROCESS: whether the maximum is moved by a quarter
            pixel towards the larger neighbour, along both axes.
        batch_heatmaps: [B, J, H, W], float32, float16 or float64.
        center: [B, 2], the boxes' middle in image pixels.
        scale: [B, 2], the boxes' sides in 200 image pixels. Only the width is read.
        fixed: Maxima on row or column 1 are moved too, and along one axis where the other has no
            neighbour; the height of scale is read.

    Returns:
        The places, [B, J, 2] float32, (x, y) in image pixels, and the maxima, [B, J, 1].

    Raises:
        TypeError: An array is no NumPy array, or of another dtype.
        ValueError: A shape does not fit.

    Example:
        >>> from types import SimpleNamespace
        >>> config = SimpleNamespace(TEST=SimpleNamespace(POST_PROCESS=True))
        >>> heatmaps = np.zeros((1, 1, 64, 48), np.float32)
        >>> heatmaps[0, 0, 20, 10:12] = 1.0, 0.5
        >>> center, scale = np.array([[100.0, 200.0]]), np.array([[0.48, 0.64]])
        >>> get_final_preds(config, heatmaps, center, scale)[0].tolist()
        [[[72.5, 176.0]]]
    """
    name = "get_final_preds"
    check_array(name, "batch_heatmaps", batch_heatmaps, _BATCH)
    arguments.check_flag(name, "fixed", fixed)
    check_has(name, "config", config, "TEST")
    check_has(name, "config.TEST", config.TEST, "POST_PROCESS")
    wanted = config.TEST.POST_PROCESS
    if not isinstance(wanted, (bool, int, np.bool_)):
        expected = "True or False"
        raise arguments.type_error(name, "config.TEST.POST_PROCESS", expected, wanted)
    refine = "quarter" if wanted else "none"
    coords, scores = decode_heatmaps(batch_heatmaps, refine, preset="hrnet", fixed=fixed)
    height, width = batch_heatmaps.shape[2:]
    axes = "xy" if fixed else "x_only"
    center = as_array(name, "center", center, {2: "[B, 2]"})
    scale = as_array(name, "scale", scale, {2: "[B, 2]"})
    preds = to_image(coords, center, scale, (width, height), pixel_std=200.0, scale_axes=axes)
    return preds, own_dtype(batch_heatmaps, scores)[..., None]
