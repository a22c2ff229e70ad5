"""The mean distance of joints after an alignment, as in MMPose's `evaluation/functional`."""

from __future__ import annotations

import numpy as np

from ... import _arguments as arguments
from .._checks import Array, check_array


def keypoint_mpjpe(
    pred: Array, gt: Array, mask: Array, alignment: str = "none", *, fixed: bool = False
) -> float:
    """The mean distance of joints, after one of three alignments of each instance.

    Args:
        pred: [N, K, D].
        gt: [N, K, D].
        mask: [N, K] bool: which joints are averaged.
        alignment: "none"; "scale", by the factor that fits best; or "procrustes", by the rotation,
            scale and translation that fit best, for D = 3. All joints take part in them.
        fixed: Only the joints of mask take part.

    Returns:
        A float, in the unit of the joints; NaN where an alignment has nothing to hold on to.

    Raises:
        TypeError: An argument is no NumPy array, or mask is not bool.
        ValueError: A shape does not fit; mask is False everywhere; alignment is another word;
            "procrustes" meets another D, or joints that are not finite.

    Example:
        >>> gt = np.random.default_rng(0).normal(size=(2, 17, 3))
        >>> mask = np.ones((2, 17), bool)
        >>> pred = 2 * gt[..., [1, 2, 0]] + 5
        >>> bool(keypoint_mpjpe(pred, gt, mask) > 1)
        True
        >>> bool(keypoint_mpjpe(pred, gt, mask, "procrustes") < 1e-9)
        True

    As in Martinez et al., "A Simple Yet Effective Baseline for 3D Human Pose Estimation", 2017.
    """
    name = "keypoint_mpjpe"
    arguments.choice(name, "alignment", alignment, ("none", "scale", "procrustes"))
    arguments.check_flag(name, "fixed", fixed)
    check_array(name, "pred", pred, {3: "[N, K, D]"})
    check_array(name, "gt", gt, {3: "[N, K, D]"})
    check_array(name, "mask", mask, {2: "[N, K]"})
    for argument, array, shape in (("gt", gt, pred.shape), ("mask", mask, pred.shape[:2])):
        if array.shape != shape:
            raise arguments.value_error(name, argument, str(list(shape)), list(array.shape))
    if mask.dtype != bool:
        raise TypeError(f"{name}: mask must be bool, got {mask.dtype}")
    if not mask.any():
        raise ValueError(f"{name}: mask must be True somewhere")
    floating = np.result_type(pred, gt, np.float32)  # bool has no difference, uint8 a wrong one
    pred, gt = pred.astype(floating), gt.astype(floating)
    taking_part = (mask if fixed else np.ones_like(mask))[..., None]
    if alignment == "scale":
        with np.errstate(all="ignore"):
            product = np.where(taking_part, pred * gt, 0).sum((1, 2))
            square = np.where(taking_part, pred * pred, 0).sum((1, 2))
            pred = pred * (product / square)[:, None, None]
    elif alignment == "procrustes":
        if pred.shape[2] != 3:
            raise arguments.value_error(name, "pred", "[N, K, 3]", list(pred.shape))
        pred = _similar(name, pred, gt, taking_part)
    error: float = np.linalg.norm(pred - gt, axis=-1)[mask].mean()
    return error


def _similar(name: str, pred: Array, gt: Array, taking_part: Array) -> Array:
    """Pred after the similarity transform that brings the joints taking part nearest to gt."""
    with np.errstate(all="ignore"):
        count = taking_part.sum(1, keepdims=True)
        source_mean, goal_mean = (
            np.where(taking_part, joints, 0).sum(1, keepdims=True) / count for joints in (pred, gt)
        )
        source, goal = (
            np.where(taking_part, joints - mean, 0)
            for joints, mean in ((pred, source_mean), (gt, goal_mean))
        )
        covariance = source.transpose(0, 2, 1) @ goal
        # Before the decomposition, which may never end on an infinity.
        if not np.isfinite(covariance).all():
            raise ValueError(f"{name}: pred and gt must be finite, and so must their products")
        left, _, right = np.linalg.svd(covariance)
        # A reflection is no rotation: the least direction turns back.
        left[:, :, -1] *= np.sign(np.linalg.det(left @ right))[:, None]
        rotation = left @ right  # of rows
        factor = (covariance * rotation).sum((1, 2)) / (source**2).sum((1, 2))
        moved: Array = factor[:, None, None] * ((pred - source_mean) @ rotation) + goal_mean
    return moved
