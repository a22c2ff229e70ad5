"""Joints from heatmaps, and how many of them are correct."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from ._kinds import is_numpy

if TYPE_CHECKING:
    import torch

    Array = np.ndarray[Any, Any]

_Refine = Literal["none", "quarter", "gradient", "parabola", "log_parabola", "dark", "dark_udp"]
_Border = Literal["both_axes", "per_axis_mm", "full_interior", "clamp"]


@overload
def decode_and_score(
    heatmaps: Array,
    gt: Array,
    valid: Array,
    norm: float | tuple[int, int] | Array,
    thresholds: float | Sequence[float] | Array,
    refine: _Refine = ...,
    *,
    preset: str | None = ...,
    fixed: bool = ...,
    border: _Border | None = ...,
    blur_kernel: int | None = ...,
    flipped: Array | None = ...,
    flip_pairs: Sequence[Sequence[int]] | None = ...,
    shift: bool = ...,
    center: Array | None = ...,
    scale: Array | None = ...,
    convention: Literal["corner", "udp", "half_pixel"] = ...,
    matrix: Array | None = ...,
    pixel_std: float = ...,
    scale_axes: Literal["xy", "x_only"] = ...,
    cmp: Literal["lt", "le"] = ...,
    norm_layout: Literal["auto", "axis", "joint"] = ...,
    inside: tuple[float, float] | None = ...,
    above: float | None = ...,
) -> tuple[Array, Array, Array, Array]: ...
@overload
def decode_and_score(
    heatmaps: torch.Tensor,
    gt: torch.Tensor,
    valid: torch.Tensor,
    norm: float | tuple[int, int] | torch.Tensor,
    thresholds: float | Sequence[float] | Array,
    refine: _Refine = ...,
    *,
    preset: str | None = ...,
    fixed: bool = ...,
    border: _Border | None = ...,
    blur_kernel: int | None = ...,
    flipped: torch.Tensor | None = ...,
    flip_pairs: Sequence[Sequence[int]] | None = ...,
    shift: bool = ...,
    center: torch.Tensor | None = ...,
    scale: torch.Tensor | None = ...,
    convention: Literal["corner", "udp", "half_pixel"] = ...,
    matrix: torch.Tensor | None = ...,
    pixel_std: float = ...,
    scale_axes: Literal["xy", "x_only"] = ...,
    cmp: Literal["lt", "le"] = ...,
    norm_layout: Literal["auto", "axis", "joint"] = ...,
    inside: tuple[float, float] | None = ...,
    above: float | None = ...,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]: ...
def decode_and_score(
    heatmaps: Any,
    gt: Any,
    valid: Any,
    norm: Any,
    thresholds: Any,
    refine: str = "quarter",
    *,
    preset: str | None = None,
    fixed: bool = False,
    border: str | None = None,
    blur_kernel: int | None = None,
    flipped: Any = None,
    flip_pairs: Sequence[Sequence[int]] | None = None,
    shift: bool = False,
    center: Any = None,
    scale: Any = None,
    convention: str = "corner",
    matrix: Any = None,
    pixel_std: float = 1.0,
    scale_axes: str = "xy",
    cmp: str = "lt",
    norm_layout: str = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
) -> tuple[Any, Any, Any, Any]:
    """Finds the joint in each heatmap, and counts those that are near enough to their truth.

    The same bits as `decode_heatmaps`, `to_image` and `pck_counts` one behind the other, in one
    pass: the maps are read once, and nothing waits for a GPU.

    Args:
        heatmaps: [B, K, H, W], as for `decode_heatmaps`. No gradient flows through.
        gt: [B, K, 2], (x, y) in heatmap pixels; in image pixels where the joints are mapped back.
            uint8, a signed integer or a floating type; likewise below.
        valid: [B, K] or [B, K, 1], bool or number: valid where at least 0.5.
        norm: What distances are divided by, as for `pck_counts`: a number, an array [B], [B, 2] or
            [B, K], or two joints.
        thresholds: A number or a sequence of T numbers on the host.
        refine: As for `decode_heatmaps`, like preset, fixed, border and blur_kernel.
        preset: A project's decoding.
        fixed: Without its bugs.
        border: Which maxima move.
        blur_kernel: Pixels of the blur of "dark" and "dark_udp".
        flipped: The heatmaps of the mirrored images, [B, K, H, W]: what is decoded is their mean
            with heatmaps, as in `decode_heatmaps`, like flip_pairs and shift.
        flip_pairs: Pairs of joints that exchange places in a mirror.
        shift: The mirrored maps move one pixel to the right.
        center: [B, 2]: the middle of the box that the maps show, (x, y) in image pixels. With scale
            the joints are mapped back to the image by `to_image`, whose heatmap_size is that of
            the maps; convention, pixel_std and scale_axes are as there.
        scale: [B, 2] or [B]: its size, in pixel_std pixels.
        convention: "corner", "udp" or "half_pixel".
        matrix: [2, 3] or [B, 2, 3]: maps the joints back in place of center and scale.
        pixel_std: The unit of scale in image pixels.
        scale_axes: "xy" or "x_only".
        cmp: "lt" for <, "le" for <=.
        norm_layout: What a [B, 2] norm means when there are two joints: "axis" or "joint".
        inside: (W, H): only joints count whose ground truth has 0 <= x < W and 0 <= y < H.
        above: Only joints count whose ground truth has x > above and y > above.

    Returns:
        The coordinates, [B, K, 2], float32, in heatmap pixels, or in image pixels where they are
        mapped back; the scores, [B, K], float32; the correct joints, [T, K], and the counted ones,
        [K], both int64. Sum the counts over batches and ranks.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: As for the three operations; something is said of a box where there is none.

    Example:
        >>> heatmaps = np.zeros((1, 6, 64, 48), np.float32)
        >>> heatmaps[0, :, 20, 10] = 1
        >>> gt = np.full((1, 6, 2), (12.0, 20.0))
        >>> coords, scores, correct, counted = decode_and_score(
        ...     heatmaps, gt, np.ones((1, 6)), norm=64, thresholds=(0.03, 0.05)
        ... )
        >>> correct.sum(1).tolist(), counted.tolist()
        ([0, 6], [1, 1, 1, 1, 1, 1])
    """
    arrays = heatmaps, gt, valid, norm, center, scale, matrix, flipped
    choice = (
        *(thresholds, refine, preset, fixed, border, blur_kernel),
        *(convention, pixel_std, scale_axes, cmp, norm_layout, inside, above),
    )
    if is_numpy("decode_and_score", "heatmaps", heatmaps):
        from ..arrays.decode_and_score import decode_and_score as score_arrays

        return score_arrays(*arrays, flip_pairs, shift, *choice)
    from ..ops.decode_and_score import decode_and_score as score_tensors

    return score_tensors(*arrays, flip_pairs, shift, *choice)
