"""Differentiable joint coordinates from heatmaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ._kinds import is_numpy

if TYPE_CHECKING:
    import torch

    Array = np.ndarray[Any, Any]


@overload
def soft_argmax2d(heatmaps: Array, beta: float | Array, *, normalized: bool = ...) -> Array: ...
@overload
def soft_argmax2d(
    heatmaps: torch.Tensor, beta: float | torch.Tensor, *, normalized: bool = ...
) -> torch.Tensor: ...
def soft_argmax2d(heatmaps: Any, beta: Any, *, normalized: bool = False) -> Any:
    """Finds the joint in each heatmap as the mean place of a softmax, with gradients.

    With p = softmax(beta * heatmap) over all pixels of a map, x is the sum of p times the column
    and y the sum of p times the row. Each map is read once, and once more for the gradients.

    beta has no default, because nothing fits every heatmap: the place depends on beta times the
    peak's height. On Gaussians of sigma 2 and peak 1, beta = 100 is nearly the hard maximum (RMSE
    0.31 pixels), 25 gives 0.08, 15 is best (0.02), 10 is drawn towards the centre of the map
    (0.76), and a map of zeros gives that centre.

    A NaN or a positive infinity in beta * heatmap gives NaN coordinates, and so does a map of
    nothing but negative infinities; next to finite pixels those count as probability 0.

    Args:
        heatmaps: [B, K, H, W] or [K, H, W], float32, float16, bfloat16 or float64, of any strides:
            contiguous and channels_last maps are read in place.
        beta: A finite number, or a tensor (an array for arrays) of one number or of [K], one a
            joint. It may be negative: then the minimum is looked for.
        normalized: Coordinates from -1 to 1, at the centres of the first and the last pixel,
            instead of pixels; -1 along an axis of one pixel.

    Returns:
        The coordinates, [B, K, 2] or [K, 2], (x, y) in heatmap pixels, pixel centres at integers:
        float64 for float64 heatmaps, else float32. Arithmetic is in that type at least. Tensors
        have gradients for heatmaps and for a beta that is a tensor; those cannot be differentiated
        again, and forward-mode differentiation is refused.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: heatmaps have another number of dimensions or no pixels; beta is another shape,
            on another device, or a number that is not finite.

    Example:
        >>> heatmaps = np.zeros((1, 6, 64, 48), np.float32)
        >>> heatmaps[0, 0, 20, 10:12] = 1.0
        >>> soft_argmax2d(heatmaps, 100.0)[0, 0].tolist()
        [10.5, 20.0]

    The formula is that of integral regression (Sun et al., 2018) and DSNT's normalised coordinates
    (Nibali et al., 2018). kornia's spatial_soft_argmax2d takes 1 / beta as its temperature
    since 0.9, and beta before.
    """
    if is_numpy("soft_argmax2d", "heatmaps", heatmaps):
        from ..arrays import soft_argmax2d as decode_arrays

        return decode_arrays(heatmaps, beta, normalized=normalized)
    from ..ops.soft_argmax import soft_argmax2d as decode_tensors

    return decode_tensors(heatmaps, beta, normalized=normalized)
