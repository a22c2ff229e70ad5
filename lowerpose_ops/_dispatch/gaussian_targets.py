"""Gaussian target heatmaps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ._kinds import is_numpy, torch_is_imported

if TYPE_CHECKING:
    import torch

    Array = np.ndarray[Any, Any]

# Every training step comes here, and an import at each call costs it 2 us.
_draw_tensors: Any = None
if torch_is_imported():
    from ..ops.gaussian_targets import gaussian_targets as _draw_tensors


@overload
def gaussian_targets(
    joints: Array,
    visible: Array,
    heatmap_size: tuple[int, int],
    sigma: float | Array = ...,
    *,
    preset: str = ...,
    fixed: bool = ...,
    instance_weights: bool = ...,
    dtype: Any = ...,
) -> tuple[Array, Array]: ...
@overload
def gaussian_targets(
    joints: torch.Tensor,
    visible: torch.Tensor,
    heatmap_size: tuple[int, int],
    sigma: float | torch.Tensor = ...,
    *,
    preset: str = ...,
    fixed: bool = ...,
    instance_weights: bool = ...,
    dtype: torch.dtype | None = ...,
) -> tuple[torch.Tensor, torch.Tensor]: ...
def gaussian_targets(
    joints: Any,
    visible: Any,
    heatmap_size: tuple[int, int],
    sigma: Any = 2.0,
    *,
    preset: str = "exact",
    fixed: bool = False,
    instance_weights: bool = False,
    dtype: Any = None,
) -> tuple[Any, Any]:
    """Draws one Gaussian heatmap per joint, with peak 1.

    The value at pixel (i, j) is exp(-((i - cx)^2 + (j - cy)^2) / (2 sigma^2)), and of several
    instances the largest. Under the preset "exact", (cx, cy) is the joint, the whole map is drawn,
    and a joint has weight 1 where it is visible, else 0, also outside the map. The other presets
    are other projects' code, bugs included:

    | preset | center c | drawn, with r = 3 sigma | visible | weight | weight is 0 |
    |---|---|---|---|---|---|
    | "exact" | x | everything | v >= 0.5 | 1 or 0 | never |
    | "lower_body" | trunc(x + 0.5) | c - r ... c + r | v >= 0.5 | 1 or 0 | never |
    | "hrnet" | trunc(x + 0.5) | c - r ... c + r | v > 0.5 | v | window outside |
    | "mmpose_msra" | trunc(x + 0.5) | c - r ... c + r | v >= 0.5 | v | visible, window outside |
    | "mmpose_udp" | x | the same window | v >= 0.5 | v | visible, window outside |
    | "hourglass" | trunc(x) | c - r - 1 ... c + r + 1 | x > 0 | 1 or 0 | c outside |

    Their windows are from trunc(c - r) up to, not including, trunc(c + r + 1), along either axis.
    Trunc moves small negative coordinates to 0. Under "hrnet" and "mmpose_*" the peak may lie a
    pixel beside c where 3 * sigma is no integer, and a window that ends exactly before the first
    pixel is not outside: the map is empty and the weight stays. Under "hourglass" it may then lie
    between pixels.
    "lower_body" adds 0.5 in float32 if the joints are float32, and so do "mmpose_*"; all else is
    float64. "hourglass" has no weights: they are 1 where it draws.

    `fixed=True` is what the projects meant: floor in place of trunc, |i - c| <= r as the window
    (r + 1 for "hourglass"), the peak on c (on x for "mmpose_udp") for every sigma, weight 0 where
    the window holds no pixel of the map, v >= 0.5 in place of x > 0.

    Under every preset a joint with a coordinate that is not finite or beyond 2^30 in size, a
    visibility that is not finite, or an element of `sigma` that is not positive and finite, has an
    empty map and weight 0 (but "mmpose_*" does not look at the coordinates where v < 0.5). Pixels
    that are subnormal numbers in float32, or in float64 for that type, are 0.

    Args:
        joints: [B, K, 2], [K, 2], or [B, N, K, 2] for N instances on the same maps; (x, y) in
            heatmap pixels, pixel centres at integers. uint8, a signed integer or a floating type.
        visible: [B, K], [B, K, 1], the same without B, or with instances [B, N, K] or
            [B, N, K, 1]. Any of these types, or bool. COCO's flags 1 and 2 are visible.
        heatmap_size: (W, H), as in HRNet and MMPose.
        sigma: Standard deviation in heatmap pixels: a number, or an array (a tensor for tensors) of
            [K], one a joint, or [B, N], one an instance ([B, 1] for joints without instances). A
            tensor may have one number, too.
        preset: One of the table.
        fixed: Without the bugs. "exact" has none, and refuses it.
        instance_weights: Weights of each instance, as in MMPose, where joints are [B, N, K, 2].
        dtype: Of the targets: float32 (the default), float16, bfloat16 (tensors only) or float64.

    Returns:
        The targets, [B, K, H, W] or [K, H, W], and the float32 weights, [B, K, 1] or [K, 1]: the
        maximum over the instances, or [B, N, K, 1] with `instance_weights`. NumPy for NumPy,
        tensors on the joints' device for tensors. No gradient flows to joints, visible or sigma:
        tensors that require one are refused.

    Raises:
        TypeError: An argument is of another type, dtype or layout.
        ValueError: A shape does not fit; a number sigma is not positive; under "lower_body", its
            3 * sigma has a fractional part between 0 and 0.5, where the original stops with an
            error (an element of an array makes its joints invalid); fixed=True with "exact".

    Example:
        >>> joints = np.array([[[10.0, 20.0], [30.5, 40.25]]], np.float32)
        >>> targets, weights = gaussian_targets(joints, np.ones((1, 2)), heatmap_size=(48, 64))
        >>> targets.shape, float(targets[0, 0, 20, 10])
        ((1, 2, 64, 48), 1.0)
        >>> sigmas = np.array([1.5, 2.5])
        >>> targets, _ = gaussian_targets(joints, np.ones((1, 2)), (48, 64), sigmas, preset="hrnet")
        >>> int(np.count_nonzero(targets[0, 0])), int(np.count_nonzero(targets[0, 1]))
        (100, 256)

    The formulas are those of the lower-body joint prediction project (CS566; "exact" as its text
    has it, "lower_body" as its training script computes it), of HRNet and SimpleBaseline ("hrnet"),
    of MMPose 1.x's MSRAHeatmap and UDPHeatmap, and of the stacked hourglass networks' PyTorch code.
    """
    if is_numpy("gaussian_targets", "joints", joints):
        from ..arrays.gaussian_targets import gaussian_targets as draw_arrays

        draw: Callable[..., tuple[Any, Any]] = draw_arrays
    elif _draw_tensors is not None:
        draw = _draw_tensors
    else:  # not kept: torch.compile would find another function here the second time
        from ..ops.gaussian_targets import gaussian_targets as draw_tensors

        draw = draw_tensors
    return draw(
        joints,
        visible,
        heatmap_size,
        sigma,
        preset=preset,
        fixed=fixed,
        instance_weights=instance_weights,
        dtype=dtype,
    )
