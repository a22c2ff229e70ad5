"""Gaussian target heatmaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ._kinds import is_numpy

if TYPE_CHECKING:
    import torch

    Array = np.ndarray[Any, Any]


@overload
def gaussian_targets(
    joints: Array,
    visible: Array,
    heatmap_size: tuple[int, int],
    sigma: float = ...,
    *,
    preset: str = ...,
    dtype: Any = ...,
) -> tuple[Array, Array]: ...
@overload
def gaussian_targets(
    joints: torch.Tensor,
    visible: torch.Tensor,
    heatmap_size: tuple[int, int],
    sigma: float = ...,
    *,
    preset: str = ...,
    dtype: torch.dtype | None = ...,
) -> tuple[torch.Tensor, torch.Tensor]: ...
def gaussian_targets(
    joints: Any,
    visible: Any,
    heatmap_size: tuple[int, int],
    sigma: float = 2.0,
    *,
    preset: str = "exact",
    dtype: Any = None,
) -> tuple[Any, Any]:
    """Draws one Gaussian heatmap per joint, with peak 1.

    The value at pixel (i, j) is exp(-((i - cx)^2 + (j - cy)^2) / (2 sigma^2)). Under the preset
    "exact", (cx, cy) is the joint and the whole map is drawn. Under "lower_body" it is
    trunc(x + 0.5), trunc(y + 0.5), and only the pixels from trunc(c - 3 sigma) up to, not
    including, trunc(c + 3 sigma + 1) are drawn, along either axis. "hrnet" is the same, but where
    3 * sigma is no integer the peak may lie a pixel beside the joint, as it does there.

    A joint is drawn, with weight 1, when it is visible and its coordinates are finite and at most
    2^30 in size; else its map and its weight are 0. A visible joint outside the map keeps weight 1.
    Under "hrnet" the weight is the visibility itself, and 0 for a joint whose window misses the map
    (but not if it ends exactly before the first pixel, as there). Float values that are subnormal
    numbers in float32, or in float64 for that type, are 0.

    Args:
        joints: [B, K, 2] or [K, 2], (x, y) in heatmap pixels, pixel centres at integers. uint8,
            a signed integer or a floating type.
        visible: [B, K], [B, K, 1], or the same without B. Any of these types, or bool. A joint is
            visible where this is at least 0.5 ("hrnet": above 0.5); so COCO's flags 1 and 2 are.
        heatmap_size: (W, H), as in HRNet and MMPose.
        sigma: Standard deviation in heatmap pixels.
        preset: "exact", "lower_body" or "hrnet".
        dtype: Of the targets: float32 (the default), float16, bfloat16 (tensors only) or float64.

    Returns:
        The targets, [B, K, H, W] or [K, H, W], and the float32 weights, [B, K, 1] or [K, 1]. NumPy
        for NumPy, tensors on the joints' device for tensors. No gradient flows to joints or
        visible: tensors that require one are refused.

    Raises:
        TypeError: An argument is of another type, dtype or layout.
        ValueError: A shape does not fit; sigma is not positive; under "lower_body", 3 * sigma has
            a fractional part between 0 and 0.5, where the original stops with an error.

    Example:
        >>> joints = np.array([[[10.0, 20.0], [30.5, 40.25]]], np.float32)
        >>> targets, weights = gaussian_targets(joints, np.ones((1, 2)), heatmap_size=(48, 64))
        >>> targets.shape, float(targets[0, 0, 20, 10])
        ((1, 2, 64, 48), 1.0)

    The formula is that of the lower-body joint prediction project (CS566): "exact" as its text
    has it, "lower_body" as its training script computes it. "hrnet" is that of HRNet and
    SimpleBaseline.
    """
    if is_numpy("gaussian_targets", "joints", joints):
        from ..arrays import gaussian_targets as draw_arrays

        return draw_arrays(joints, visible, heatmap_size, sigma, preset=preset, dtype=dtype)
    from ..ops.gaussian_targets import gaussian_targets as draw_tensors

    return draw_tensors(joints, visible, heatmap_size, sigma, preset=preset, dtype=dtype)
