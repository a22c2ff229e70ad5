"""Mean distances of keypoints and the area under the PCK curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from ._kinds import is_numpy

Reduction = Literal["pooled", "joint_mean", "joint_count_weighted", "per_joint"]


def _face(operation: str, pred: Any) -> Any:
    if is_numpy(operation, "pred", pred):
        from .. import arrays

        return getattr(arrays, operation)
    from ..ops import keypoint_errors

    return getattr(keypoint_errors, operation)


def keypoint_error_sums(
    pred: Any,
    gt: Any,
    valid: Any,
    norm: Any = 1.0,
    *,
    norm_layout: Literal["auto", "axis", "joint"] = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
) -> tuple[Any, Any]:
    """Sums each joint's distances |pred - gt| / norm; sum the sums over batches and ranks.

    Which joints count is as in `pck_counts`; the average joint distance of a data set is the sum
    of the sums over the sum of the counts. A prediction that is not finite makes its joint's sum
    NaN. All arithmetic is in float64, and the order of the additions is fixed.

    Args:
        pred: [B, K, 2], (x, y), as for `pck_counts`; likewise gt, valid, norm_layout, inside and
            above.
        gt: [B, K, 2].
        valid: [B, K] or [B, K, 1].
        norm: A number, an array or two joints, as for `pck_counts`.
        norm_layout: "auto", "axis" or "joint".
        inside: (W, H) or None.
        above: A number or None.

    Returns:
        The sums, [K] float64, and the counted joints, [K] int64.

    Raises:
        TypeError: As `pck_counts`.
        ValueError: As `pck_counts`.

    Example:
        >>> gt = np.zeros((2, 3, 2))
        >>> valid = np.array([[1, 1, 0], [1, 0, 0]])
        >>> sums, counted = keypoint_error_sums(gt + (3, 4), gt, valid)
        >>> sums.tolist(), counted.tolist()
        ([10.0, 5.0, 0.0], [2, 1, 0])
    """
    sums: tuple[Any, Any] = _face("keypoint_error_sums", pred)(
        pred, gt, valid, norm, norm_layout=norm_layout, inside=inside, above=above
    )
    return sums


def keypoint_epe(
    pred: Any,
    gt: Any,
    valid: Any,
    *,
    inside: tuple[float, float] | None = None,
    above: float | None = None,
    joints: Sequence[int] | None = None,
    reduce: Reduction = "pooled",
) -> Any:
    """The end point error: the mean distance |pred - gt| of the counted joints.

    Arguments and rules are those of `pck`, without a norm. For a data set, use
    `keypoint_error_sums`.

    Args:
        pred: [B, K, 2], (x, y), as for `pck`; likewise all others.
        gt: [B, K, 2], in the same unit, which is the result's.
        valid: [B, K] or [B, K, 1].
        inside: (W, H) or None.
        above: A number or None.
        joints: The indices of the joints of which the mean is made; None for all.
        reduce: "pooled", "joint_mean" or "joint_count_weighted", as for `pck`; or "per_joint": the
            average distance of each of these joints.

    Returns:
        A float for NumPy arrays, a float64 tensor without dimensions for tensors; with "per_joint"
        float64, one a joint. NaN if no joint counts, or a prediction that counts is not finite.

    Raises:
        TypeError: As `pck`.
        ValueError: As `pck`.

    Example:
        >>> gt = np.zeros((1, 2, 2))
        >>> pred = np.array([[[3.0, 4.0], [0.0, 1.0]]])
        >>> keypoint_epe(pred, gt, np.ones((1, 2)))
        3.0
        >>> keypoint_epe(pred, gt, np.ones((1, 2)), reduce="per_joint").tolist()
        [5.0, 1.0]
    """
    return _face("keypoint_epe", pred)(
        pred, gt, valid, inside=inside, above=above, joints=joints, reduce=reduce
    )


def keypoint_nme(
    pred: Any,
    gt: Any,
    valid: Any,
    norm: Any,
    *,
    norm_layout: Literal["auto", "axis", "joint"] = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
    joints: Sequence[int] | None = None,
    reduce: Reduction = "pooled",
) -> Any:
    """The normalised mean error: the mean of |pred - gt| / norm over the counted joints.

    Arguments and rules are those of `pck`, the results those of `keypoint_epe`.

    Args:
        pred: [B, K, 2], (x, y), as for `pck`; likewise all others.
        gt: [B, K, 2], in the same unit.
        valid: [B, K] or [B, K, 1].
        norm: A number, an array or two joints: (36, 45) for the outer corners of the eyes in 300W.
        norm_layout: "auto", "axis" or "joint".
        inside: (W, H) or None.
        above: A number or None.
        joints: The indices of the joints of which the mean is made; None for all.
        reduce: "pooled", "joint_mean", "joint_count_weighted" or "per_joint".

    Returns:
        As `keypoint_epe`, in parts of the norm.

    Raises:
        TypeError: As `pck`.
        ValueError: As `pck`.

    Example:
        >>> gt = np.array([[[0.0, 0.0], [10.0, 0.0]]])
        >>> keypoint_nme(gt + (0, 1), gt, np.ones((1, 2)), norm=(0, 1))
        0.1
    """
    rules: dict[str, Any] = {"norm_layout": norm_layout, "inside": inside, "above": above}
    return _face("keypoint_nme", pred)(pred, gt, valid, norm, joints=joints, reduce=reduce, **rules)


def keypoint_auc(
    pred: Any,
    gt: Any,
    valid: Any,
    norm: Any,
    thresholds: Sequence[float] | None = None,
    *,
    cmp: Literal["lt", "le"] = "lt",
    norm_layout: Literal["auto", "axis", "joint"] = "auto",
    inside: tuple[float, float] | None = None,
    above: float | None = None,
    joints: Sequence[int] | None = None,
    reduce: Literal["pooled", "joint_mean", "joint_count_weighted"] = "pooled",
) -> Any:
    """The area under the PCK curve: the mean of `pck` over thresholds, in one pass.

    Arguments and rules are those of `pck`. With the thresholds 0.05, 0.1 ... 1, a perfect predictor
    scores 1. MMPose's begin with 0, below which no distance is: there it scores 0.95. Its numbers
    are those of `thresholds=np.arange(20) / 20, reduce="joint_mean"`.

    Args:
        pred: [B, K, 2], (x, y), as for `pck`; likewise all others.
        gt: [B, K, 2], in the same unit.
        valid: [B, K] or [B, K, 1].
        norm: A number, an array or two joints; MMPose's number is 30 pixels.
        thresholds: A sequence of numbers on the host, at least one; None for 0.05, 0.1 ... 1.
        cmp: "lt" or "le".
        norm_layout: "auto", "axis" or "joint".
        inside: (W, H) or None.
        above: A number or None.
        joints: The indices of the joints that the score is made of; None for all.
        reduce: "pooled", "joint_mean" or "joint_count_weighted".

    Returns:
        A float for NumPy arrays, a float64 tensor without dimensions for tensors; NaN if no joint
        counts.

    Raises:
        TypeError: As `pck`.
        ValueError: As `pck`.

    Example:
        >>> gt = np.zeros((1, 2, 2))
        >>> keypoint_auc(gt, gt, np.ones((1, 2)), norm=30)
        1.0
        >>> keypoint_auc(gt, gt, np.ones((1, 2)), norm=30, thresholds=np.arange(20) / 20)
        0.95
    """
    rules: dict[str, Any] = {"norm_layout": norm_layout, "inside": inside, "above": above}
    return _face("keypoint_auc", pred)(
        pred, gt, valid, norm, thresholds, cmp=cmp, joints=joints, reduce=reduce, **rules
    )
