"""Joint coordinates from heatmaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from ._kinds import is_numpy

if TYPE_CHECKING:
    import torch

    Array = np.ndarray[Any, Any]


@overload
def decode_heatmaps(
    heatmaps: Array, refine: Literal["none", "quarter"] = ..., *, preset: None = ...
) -> tuple[Array, Array]: ...
@overload
def decode_heatmaps(
    heatmaps: torch.Tensor, refine: Literal["none", "quarter"] = ..., *, preset: None = ...
) -> tuple[torch.Tensor, torch.Tensor]: ...
def decode_heatmaps(
    heatmaps: Any, refine: Literal["none", "quarter"] = "quarter", *, preset: None = None
) -> tuple[Any, Any]:
    """Finds the joint in each heatmap: its first maximum in row-major order.

    With "quarter" the maximum at (x, y) moves by a quarter pixel along each axis towards the
    larger of its two neighbours, and stays where they are equal. As in HRNet, it moves only if
    1 < x < W - 1 and 1 < y < H - 1.

    A map that holds a NaN has no maximum: its score and its coordinates are NaN. Nothing else makes
    a joint invalid; judge low scores yourself.

    Args:
        heatmaps: [B, K, H, W] or [K, H, W], float32, float16, bfloat16 or float64, of any strides:
            contiguous and channels_last maps are read in place. No gradient flows through.
        refine: "none" or "quarter".
        preset: None; no other project's decoding has a name here yet.

    Returns:
        The coordinates, [B, K, 2] or [K, 2], float32, (x, y) in heatmap pixels, pixel centres at
        integers; and the scores, [B, K] or [K], float32: each map's maximum.

    Raises:
        TypeError: heatmaps are of another type or dtype.
        ValueError: They have another number of dimensions or no pixels; refine or preset is another
            word.

    Example:
        >>> heatmaps = np.zeros((1, 6, 64, 48), np.float32)
        >>> heatmaps[0, 0, 20, 10:12] = 1.0, 0.5
        >>> coords, scores = decode_heatmaps(heatmaps)
        >>> coords[0, 0].tolist(), float(scores[0, 0])
        ([10.25, 20.0], 1.0)

    The quarter offset is that of HRNet and SimpleBaseline.
    """
    if is_numpy("decode_heatmaps", "heatmaps", heatmaps):
        from ..arrays import decode_heatmaps as decode_arrays

        return decode_arrays(heatmaps, refine, preset=preset)
    from ..ops.heatmap_decode import decode_heatmaps as decode_tensors

    return decode_tensors(heatmaps, refine, preset=preset)
