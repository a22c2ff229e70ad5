"""From heatmap pixels to image pixels, on arrays."""

from __future__ import annotations

import numpy as np

from .. import _arguments as arguments
from .. import _native
from ._checks import Array, check_arrays


def to_image(
    coords: Array,
    center: Array | None = None,
    scale: Array | None = None,
    heatmap_size: tuple[int, int] | None = None,
    convention: str = "corner",
    *,
    matrix: Array | None = None,
    pixel_std: float = 1.0,
    scale_axes: str = "xy",
) -> Array:
    """`lowerpose_ops.to_image` for arrays."""
    name = "to_image"
    options = arguments.box_or_matrix(
        *(name, center, scale, heatmap_size, convention, matrix, pixel_std, scale_axes)
    )
    given = {"center": center, "scale": scale, "matrix": matrix}
    arrays = {argument: array for argument, array in given.items() if array is not None}
    check_arrays(name, coords=coords, **arrays)
    arguments.check_ndim(name, "coords", coords, {2: "[K, 2]", 3: "[B, K, 2]"})
    single = coords.ndim == 2
    if single:
        for argument, array in arrays.items():
            arguments.check_ndim(name, argument, array, arguments.ONE_BOX[argument])
        coords = coords[None]
        center, scale = (None if array is None else array[None] for array in (center, scale))
    out = np.empty(coords.shape, np.float64 if coords.dtype == np.float64 else np.float32)
    _native.core.to_image(
        *(coords, center, scale, matrix, out, *options, "affine", arguments.threads())
    )
    return out[0] if single else out
