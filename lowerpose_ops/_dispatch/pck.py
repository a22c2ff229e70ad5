"""Percentages of correct keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from ._kinds import is_numpy


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
    if is_numpy("pck_counts", "pred", pred):
        from ..arrays import pck_counts as count_arrays

        return count_arrays(pred, gt, valid, norm, thresholds, cmp=cmp, norm_layout=norm_layout)
    from ..ops.pck import pck_counts as count_tensors

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
    if is_numpy("pck", "pred", pred):
        from ..arrays import pck as score_arrays

        return score_arrays(pred, gt, valid, norm, threshold, cmp=cmp, norm_layout=norm_layout)
    from ..ops.pck import pck as score_tensors

    return score_tensors(pred, gt, valid, norm, threshold, cmp=cmp, norm_layout=norm_layout)
