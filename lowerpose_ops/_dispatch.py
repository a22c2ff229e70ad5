"""The public functions that take NumPy arrays as well as torch tensors.

NumPy arrays go to arrays.py, tensors to ops/. Torch is imported only by who has a tensor.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from . import _arguments as arguments

if TYPE_CHECKING:
    import torch

    Array = np.ndarray[Any, Any]
    Visible = Any


def _is_numpy(operation: str, argument: str, value: object) -> bool:
    if isinstance(value, np.ndarray):
        return True
    # Whoever holds a tensor has imported torch, whole.
    if isinstance(value, getattr(sys.modules.get("torch"), "Tensor", ())):
        return False
    raise arguments.type_error(operation, argument, "a NumPy array or a torch tensor", value)


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
    if _is_numpy("gaussian_targets", "joints", joints):
        from .arrays import gaussian_targets as draw_arrays

        return draw_arrays(joints, visible, heatmap_size, sigma, preset=preset, dtype=dtype)
    from .ops.gaussian_targets import gaussian_targets as draw_tensors

    return draw_tensors(joints, visible, heatmap_size, sigma, preset=preset, dtype=dtype)


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
    if _is_numpy("decode_heatmaps", "heatmaps", heatmaps):
        from .arrays import decode_heatmaps as decode_arrays

        return decode_arrays(heatmaps, refine, preset=preset)
    from .ops.heatmap_decode import decode_heatmaps as decode_tensors

    return decode_tensors(heatmaps, refine, preset=preset)


def pck_counts(
    pred: Any,
    gt: Any,
    valid: Any,
    norm: Any,
    thresholds: float | Sequence[float],
    *,
    cmp: Literal["lt", "le"] = "lt",
    norm_layout: Literal["auto", "axis", "joint"] = "auto",
) -> tuple[Any, Any]:
    """Counts correct keypoints per threshold and joint; sum the counts over batches and ranks.

    A joint is correct if |pred - gt| / norm < threshold. It is counted where it is valid, its
    ground truth is finite and at most 2^30 in size, and its norm is positive and finite. A
    prediction that is not finite is wrong. All arithmetic is in float64.

    Args:
        pred: [B, K, 2], (x, y). uint8, a signed integer or a floating type; likewise below.
        gt: [B, K, 2], in the same unit.
        valid: [B, K] or [B, K, 1], bool or number: valid where at least 0.5.
        norm: A number, or an array [B] (one an instance), [B, 2] (x and y divided apart) or [B, K]
            (one a joint).
        thresholds: A number or a sequence of T numbers on the host.
        cmp: "lt" for <, "le" for <=.
        norm_layout: What a [B, 2] norm means when there are two joints: "axis" or "joint".

    Returns:
        The correct joints, [T, K], and the counted joints, [K], both int64.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: A shape does not fit; a number among the thresholds, or a norm given as a
            number, is not finite or negative (a norm: or zero); norm_layout is "auto" although
            both meanings fit.

    Example:
        >>> gt = np.zeros((1, 6, 2))
        >>> valid = np.ones((1, 6))
        >>> correct, counted = pck_counts(gt + 9, gt, valid, norm=256, thresholds=(0.04, 0.05))
        >>> correct.sum(1).tolist(), counted.tolist()
        ([0, 6], [1, 1, 1, 1, 1, 1])

    PCK: Yang and Ramanan, "Articulated Human Detection with Flexible Mixtures of Parts", 2013.
    """
    if _is_numpy("pck_counts", "pred", pred):
        from .arrays import pck_counts as count_arrays

        return count_arrays(pred, gt, valid, norm, thresholds, cmp=cmp, norm_layout=norm_layout)
    from .ops.pck import pck_counts as count_tensors

    return count_tensors(pred, gt, valid, norm, thresholds, cmp=cmp, norm_layout=norm_layout)


def pck(
    pred: Any,
    gt: Any,
    valid: Any,
    norm: Any,
    threshold: float = 0.05,
    *,
    cmp: Literal["lt", "le"] = "lt",
    norm_layout: Literal["auto", "axis", "joint"] = "auto",
) -> Any:
    """The percentage of correct keypoints as a fraction: correct / counted over all joints.

    Arguments and rules are those of `pck_counts`, for one threshold. For a whole data set, sum
    the counts of its batches instead of averaging this: batches differ in how many joints count.

    Returns:
        A float for NumPy arrays, a float64 tensor without dimensions for tensors; NaN if no joint
        counts.

    Raises:
        TypeError: As `pck_counts`.
        ValueError: As `pck_counts`.

    Example:
        >>> gt = np.zeros((1, 6, 2))
        >>> pck(gt + 9, gt, np.ones((1, 6)), norm=256, threshold=0.05)
        1.0
    """
    if _is_numpy("pck", "pred", pred):
        from .arrays import pck as score_arrays

        return score_arrays(pred, gt, valid, norm, threshold, cmp=cmp, norm_layout=norm_layout)
    from .ops.pck import pck as score_tensors

    return score_tensors(pred, gt, valid, norm, threshold, cmp=cmp, norm_layout=norm_layout)
