"""The flip test: heatmaps of an image and of its mirror image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ._kinds import is_numpy

if TYPE_CHECKING:
    import torch

    Array = np.ndarray[Any, Any]


@overload
def flip_merge(
    heatmaps: Array, flipped: Array, flip_pairs: Sequence[Sequence[int]], shift: bool = ...
) -> Array: ...
@overload
def flip_merge(
    heatmaps: torch.Tensor,
    flipped: torch.Tensor,
    flip_pairs: Sequence[Sequence[int]],
    shift: bool = ...,
) -> torch.Tensor: ...
def flip_merge(
    heatmaps: Any, flipped: Any, flip_pairs: Sequence[Sequence[int]], shift: bool = False
) -> Any:
    """Averages heatmaps with those that the model gives for the mirrored image.

    merged[k, y, x] = (heatmaps[k, y, x] + g[k, y, x]) / 2, where g is `flipped` mirrored and with
    the joints of each pair exchanged: g[k, y, x] = flipped[partner(k), y, W - 1 - x].

    A mirrored image of width s * W, seen by a model of stride s, gives heatmaps that lie 1 - 1/s
    pixels too far to the left when they are mirrored back. With shift=True they move one pixel to
    the right: g'[x] = g[x - 1], and column 0 keeps its value. Heatmaps that are aligned as in UDP
    need no shift.

    Args:
        heatmaps: [B, K, H, W] or [K, H, W], float32, float16, bfloat16 or float64, of any strides,
            of at most 1024 joints.
        flipped: Those of the mirrored image, as the model gives them: neither mirrored back nor
            exchanged. Of the same shape and dtype, of any strides.
        flip_pairs: Pairs of joint indices that exchange their places, such as
            LOWER_BODY_FLIP_PAIRS, each joint at most once. A joint in no pair keeps its place. From
            a list of partners, as MMPose's flip_indices: [(a, b) for a, b in enumerate(partners) if
            a < b].
        shift: Whether the mirrored heatmaps move.

    Returns:
        The merged heatmaps, of the same shape, dtype and memory layout. Arithmetic is in float32 at
        least, and its result is rounded once. No gradient flows through: tensors that require one
        are refused, so call it under torch.no_grad().

    Raises:
        TypeError: An argument is of another type, or the dtypes differ.
        ValueError: The shapes differ; flip_pairs are no pairs, name a joint twice or one that is
            not there.

    Example:
        >>> heatmaps, flipped = np.zeros((6, 64, 48), np.float32), np.zeros((6, 64, 48), np.float32)
        >>> heatmaps[0, 20, 10] = 1.0
        >>> flipped[3, 20, 37] = 0.5  # the other side's joint, 10 pixels from the other border
        >>> float(flip_merge(heatmaps, flipped, [(0, 3), (1, 4), (2, 5)])[0, 20, 10])
        0.75

    The flip test is that of HRNet and MMPose; so is the shift, there SHIFT_HEATMAP and
    shift_heatmap.
    """
    if is_numpy("flip_merge", "heatmaps", heatmaps):
        from ..arrays import flip_merge as merge_arrays

        return merge_arrays(heatmaps, flipped, flip_pairs, shift)
    from ..ops.flip_merge import flip_merge as merge_tensors

    return merge_tensors(heatmaps, flipped, flip_pairs, shift)
