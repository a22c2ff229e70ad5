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
    inside: tuple[float, float] | None = None,
    above: float | None = None,
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
            (one a joint); or two joints, such as (0, 3): the distance of their ground truths, where
            both are valid.
        thresholds: A number or a sequence of T numbers on the host.
        cmp: "lt" for <, "le" for <=.
        norm_layout: What a [B, 2] norm means when there are two joints: "axis" or "joint".
        inside: (W, H): only joints count whose ground truth has 0 <= x < W and 0 <= y < H.
        above: Only joints count whose ground truth has x > above and y > above.

    Returns:
        The correct joints, [T, K], and the counted joints, [K], both int64.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: A shape does not fit; a number among the thresholds, or a norm given as a
            number, is not finite or negative (a norm: or zero); norm_layout is "auto" although
            both meanings fit; the two joints of a norm are the same, or are not there.

    Example:
        >>> gt = np.zeros((1, 6, 2))
        >>> valid = np.ones((1, 6))
        >>> correct, counted = pck_counts(gt + 9, gt, valid, norm=256, thresholds=(0.04, 0.05))
        >>> correct.sum(1).tolist(), counted.tolist()
        ([0, 6], [1, 1, 1, 1, 1, 1])

    The norms in use, for boxes [B, 4] of (left, top, width, height):

    - the image or the network's input: max(width, height), a number
    - the person's box: `box[:, 2:].max(-1)`, in torch `box[:, 2:].amax(-1)`
    - the head's box, PCKh: `0.6 * np.hypot(box[:, 2], box[:, 3])`
    - the torso, the hips or the eyes: a pair of joints
    - the heatmap by HRNet's `accuracy`: a tenth of it as [B, 2], in the order (H, W). That is
      `norm[:, ::-1]` of the right one, in torch `norm.flip(-1)`

    An instance whose norm is zero does not count. For its joints to be wrong instead, give
    `np.maximum(norm, 1e-9)`.

    PCK: Yang and Ramanan, "Articulated Human Detection with Flexible Mixtures of Parts", 2013.
    PCKh: Andriluka et al., "2D Human Pose Estimation: New Benchmark and State of the Art Analysis",
    2014.
    """
    rules: dict[str, Any] = {"cmp": cmp, "norm_layout": norm_layout}
    rules |= {"inside": inside, "above": above}
    if is_numpy("pck_counts", "pred", pred):
        from ..arrays import pck_counts as count_arrays

        return count_arrays(pred, gt, valid, norm, thresholds, **rules)
    from ..ops.pck import pck_counts as count_tensors

    return count_tensors(pred, gt, valid, norm, thresholds, **rules)


def pck(
    pred: Any,
    gt: Any,
    valid: Any,
    norm: Any,
    threshold: float = 0.05,
    *,
    cmp: Literal["lt", "le"] = "lt",
    norm_layout: Literal["auto", "axis", "joint"] = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
    joints: Sequence[int] | None = None,
    reduce: Literal["pooled", "joint_mean", "joint_count_weighted"] = "pooled",
) -> Any:
    """The percentage of correct keypoints as a fraction: correct / counted over all joints.

    Arguments and rules are those of `pck_counts`, for one threshold. For a whole data set, sum
    the counts of its batches instead of averaging this: batches differ in how many joints count.

    Args:
        pred: [B, K, 2], as for `pck_counts`; likewise gt, valid, norm, cmp, norm_layout, inside and
            above.
        gt: [B, K, 2].
        valid: [B, K] or [B, K, 1].
        norm: A number, an array or two joints.
        threshold: A number on the host.
        cmp: "lt" or "le".
        norm_layout: "auto", "axis" or "joint".
        inside: (W, H) or None.
        above: A number or None.
        joints: The indices of the joints that the score is made of; None for all.
        reduce: "pooled": all counted joints are the same; "joint_mean": first the fraction of each
            joint, then the mean over the joints of which any counts, as HRNet's and MMPose's
            `accuracy`. "joint_count_weighted", the mean of MPII's PCKh, weights each joint's
            fraction by how often it counts; that is what "pooled" is.

    Returns:
        A float for NumPy arrays, a float64 tensor without dimensions for tensors; NaN if no joint
        counts (`np.nan_to_num(score, nan=-1.0)` where another value is expected).

    Raises:
        TypeError: As `pck_counts`.
        ValueError: As `pck_counts`; joints are not there, or there twice.

    Example:
        >>> gt = np.zeros((1, 6, 2))
        >>> pck(gt + 9, gt, np.ones((1, 6)), norm=256, threshold=0.05)
        1.0
    """
    rules: dict[str, Any] = {"cmp": cmp, "norm_layout": norm_layout}
    rules |= {"inside": inside, "above": above, "joints": joints, "reduce": reduce}
    if is_numpy("pck", "pred", pred):
        from ..arrays import pck as score_arrays

        return score_arrays(pred, gt, valid, norm, threshold, **rules)
    from ..ops.pck import pck as score_tensors

    return score_tensors(pred, gt, valid, norm, threshold, **rules)
