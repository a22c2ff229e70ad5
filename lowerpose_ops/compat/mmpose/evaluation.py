"""Scores of keypoints, as in MMPose's `evaluation/functional`."""

from __future__ import annotations

import numpy as np

from ... import _arguments as arguments
from ...arrays import pck_counts
from .._checks import Array, check_array, check_writable


def _distances(
    name: str,
    pred: Array,
    gt: Array,
    mask: Array,
    norm: Array,
    norm_name: str = "norm_factor",
    fixed: bool = False,
) -> tuple[Array, Array]:
    """|pred - gt| / norm in float32, and which count, [N, K] each.

    Without `fixed`, norms that are not positive become 1e6 in the caller's array.
    """
    arguments.check_flag(name, "fixed", fixed)
    check_array(name, "pred", pred, {3: "[N, K, D]"})
    check_array(name, "gt", gt, {3: "[N, K, D]"})
    check_array(name, "mask", mask, {2: "[N, K]"})
    check_array(name, norm_name, norm, {2: "[N, D]"})
    shape = pred.shape
    for argument, array, expected in (
        ("gt", gt, {shape}),
        ("mask", mask, {shape[:2]}),
        (norm_name, norm, {(shape[0], shape[2]), (shape[0], 1)}),
    ):
        if array.shape not in expected:
            layouts = " or ".join(str(list(layout)) for layout in sorted(expected, reverse=True))
            raise arguments.value_error(name, argument, layouts, list(array.shape))
    if mask.dtype != bool:
        raise TypeError(f"{name}: mask must be bool, got {mask.dtype}")
    if norm.dtype.kind not in "fi" or (norm.dtype.itemsize < 4 and norm.dtype != np.float16):
        raise TypeError(f"{name}: {norm_name} must be floating or int32 or int64, got {norm.dtype}")
    if fixed:
        counts = mask & np.all((norm > 0) & np.isfinite(norm), axis=1, keepdims=True)
        norm = np.where(norm > 0, norm, 1)
    else:
        counts = mask & np.all(norm != 0, axis=1, keepdims=True)
        check_writable(name, norm_name, norm)
        norm[norm <= 0] = 1e6
    with np.errstate(all="ignore"):
        # The difference of two bool or uint8 arrays is none.
        difference = np.subtract(pred, gt, dtype=np.result_type(pred, gt, np.float16))
        distances = np.linalg.norm(difference / norm[:, None, :], axis=-1)
    return distances.astype(np.float32), counts


def _correct(distances: Array, counts: Array, limits: list[float]) -> tuple[Array, Array]:
    """How many distances lie below each limit, [T, K], and how many there are, [K]."""
    # As points on a line, whose distances from 0 are these numbers, exactly.
    points = np.stack([distances, np.zeros_like(distances)], -1)
    return pck_counts(points, np.zeros_like(points), counts, 1.0, limits)


def _limit(name: str, argument: str, value: float) -> float:
    """Distances are compared in float32, with a float64 array in float64."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    limit = arguments.number(name, argument, value)
    return limit if isinstance(value, np.float64) else float(np.float32(limit))


def keypoint_pck_accuracy(
    pred: Array,
    gt: Array,
    mask: Array,
    thr: float,
    norm_factor: Array,
    *,
    fixed: bool = False,
) -> tuple[Array, float, int]:
    """The part of the keypoints with |pred - gt| / norm_factor < thr.

    Instances with a norm of 0 do not count; a negative norm is 1e6.

    Args:
        pred: [N, K, D].
        gt: [N, K, D].
        mask: [N, K] bool: which keypoints count.
        thr: Not negative.
        norm_factor: [N, D]. Without `fixed`, what is not positive is overwritten with 1e6.
        fixed: norm_factor stays as it is, and an instance whose norm is not positive and finite
            does not count.

    Returns:
        The accuracy of each keypoint, [K] float64, -1 where none counts; the mean over the others,
        0.0 if there are none; and their number.

    Raises:
        TypeError: An argument is no NumPy array, or mask is not bool.
        ValueError: A shape does not fit; thr is negative.

    Example:
        >>> gt = np.zeros((1, 3, 2))
        >>> pred = gt + np.array([[[3.0, 4.0], [30.0, 40.0], [0.0, 0.0]]])
        >>> mask = np.array([[True, True, False]])
        >>> acc, avg_acc, cnt = keypoint_pck_accuracy(pred, gt, mask, 0.1, np.full((1, 2), 100.0))
        >>> acc.tolist(), float(avg_acc), cnt
        ([1.0, 0.0, -1.0], 0.5, 2)
    """
    name = "keypoint_pck_accuracy"
    limit = _limit(name, "thr", thr)
    distances, counts = _distances(name, pred, gt, mask, norm_factor, fixed=fixed)
    correct, counted = _correct(distances, counts, [limit])
    acc = np.full(len(counted), -1.0)
    some = counted > 0
    acc[some] = correct[0, some] / counted[some]
    cnt = int(some.sum())
    return acc, acc[some].mean() if cnt else 0.0, cnt


def keypoint_auc(
    pred: Array,
    gt: Array,
    mask: Array,
    norm_factor: float,
    num_thrs: int = 20,
    *,
    fixed: bool = False,
) -> float:
    """The mean PCK over the thresholds 0, 1 / num_thrs ... (num_thrs - 1) / num_thrs.

    The first finds nothing: a perfect prediction has 1 - 1 / num_thrs.

    Args:
        pred: [N, K, 2].
        gt: [N, K, 2].
        mask: [N, K] bool.
        norm_factor: A number that distances are divided by; 1e6 takes the place of one that is not
            positive, so that everything is correct.
        num_thrs: How many thresholds.
        fixed: They are 1 / num_thrs ... 1, and norm_factor must be positive.

    Returns:
        A float; 0.0 where nothing counts.

    Raises:
        TypeError: An argument is of another type.
        ValueError: A shape does not fit; num_thrs is not positive.

    Example:
        >>> gt, mask = np.zeros((1, 3, 2)), np.ones((1, 3), bool)
        >>> round(keypoint_auc(gt, gt, mask, 30), 2)
        0.95
        >>> round(keypoint_auc(gt, gt, mask, 30, fixed=True), 2)
        1.0
    """
    name = "keypoint_auc"
    num_thrs = arguments.integer(name, "num_thrs", num_thrs)
    if not 0 < num_thrs < arguments.LARGEST_SIZE:
        raise arguments.value_error(name, "num_thrs", "positive", num_thrs)
    check_array(name, "pred", pred, {3: "[N, K, 2]"})
    divisor = arguments.number(name, "norm_factor", norm_factor)
    if divisor <= 0:
        if arguments.check_flag(name, "fixed", fixed):
            raise arguments.value_error(name, "norm_factor", "positive", norm_factor)
        divisor = 1e6  # as PCK at the first threshold, which finds nothing, leaves it to the others
    norm = np.full((len(pred), 2), divisor)
    distances, counts = _distances(name, pred, gt, mask, norm, fixed=fixed)
    first = 1 if fixed else 0
    limits = [float(np.float32(i / num_thrs)) for i in range(first, num_thrs + first)]
    correct, counted = _correct(distances, counts, limits)
    some = counted > 0
    if not some.any():
        return 0.0
    means = (correct[:, some] / counted[some]).mean(1)
    return float(sum(1.0 / num_thrs * mean for mean in means.tolist()))


def _mean(distances: Array, counts: Array) -> float:
    chosen = distances.T[counts.T]
    mean: float = chosen.sum() / max(1, len(chosen))
    return mean


def keypoint_epe(pred: Array, gt: Array, mask: Array) -> float:
    """The mean of |pred - gt|.

    Args:
        pred: [N, K, D].
        gt: [N, K, D].
        mask: [N, K] bool.

    Returns:
        A float32 number; 0 where nothing counts, NaN where a distance is NaN.

    Raises:
        TypeError: An argument is no NumPy array, or mask is not bool.
        ValueError: A shape does not fit.

    Example:
        >>> gt = np.zeros((1, 1, 2))
        >>> float(keypoint_epe(gt + [3, 4], gt, np.ones((1, 1), bool)))
        5.0
    """
    name = "keypoint_epe"
    check_array(name, "pred", pred, {3: "[N, K, D]"})
    norm = np.ones((pred.shape[0], pred.shape[2]), np.float32)
    return _mean(*_distances(name, pred, gt, mask, norm))


def keypoint_nme(
    pred: Array, gt: Array, mask: Array, normalize_factor: Array, *, fixed: bool = False
) -> float:
    """The mean of |pred - gt| / normalize_factor.

    Norms are handled as in `keypoint_pck_accuracy`.

    Args:
        pred: [N, K, D].
        gt: [N, K, D].
        mask: [N, K] bool.
        normalize_factor: [N, D]. Without `fixed`, what is not positive is overwritten with 1e6.
        fixed: As for `keypoint_pck_accuracy`.

    Returns:
        A float32 number; 0 where nothing counts, NaN where a distance is NaN.

    Raises:
        TypeError: An argument is no NumPy array, or mask is not bool.
        ValueError: A shape does not fit.

    Example:
        >>> gt = np.zeros((1, 1, 2))
        >>> float(keypoint_nme(gt + [3, 4], gt, np.ones((1, 1), bool), np.full((1, 2), 10.0)))
        0.5
    """
    options = {"norm_name": "normalize_factor", "fixed": fixed}
    return _mean(*_distances("keypoint_nme", pred, gt, mask, normalize_factor, **options))  # type: ignore[arg-type]
