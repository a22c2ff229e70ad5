"""The mean distance of joints, after an alignment of each pose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from .. import _arguments as arguments
from ..ops.mpjpe import measure
from ._joints import check_poses, indices

ALIGNMENTS = ("none", "root", "scale", "procrustes")
REDUCTIONS = ("mean", "none")


def mpjpe(
    pred: Tensor,
    gt: Tensor,
    mask: Tensor | None = None,
    *,
    align: Literal["none", "root", "scale", "procrustes"] = "none",
    reduction: Literal["mean", "none"] = "mean",
    root: int | Sequence[int] = 0,
) -> Tensor:
    """The mean distance of joints from their ground truth, in the unit of the joints.

    A joint counts where it is in the mask and its ground truth is finite and at most 2^30 in size.
    Others take no part in the alignment either, and their values do not matter.

    Args:
        pred: [..., K, 3], or [..., K, 2] unless align is "procrustes"; float32, float16, bfloat16
            or float64, likewise gt.
        gt: The same shape.
        mask: [..., K], bool or number: joints of at least 0.5 count; None for all.
        align: What is done to each pose before. "none". "root": root is moved to the origin, in
            pred and in gt; where root does not count, its pose does not. "scale": pred is
            multiplied by the number that fits best, sum(pred gt) / sum(pred pred), with no
            alignment of the root (N-MPJPE). "procrustes": the best rotation, scale and translation
            (PA-MPJPE), see `procrustes`.
        reduction: "mean" over all counted joints of all poses, or "none".
        root: The joint of align="root", or several, whose mean it is: the hips. It counts too.

    Returns:
        A tensor without dimensions, NaN where no joint counts; or [..., K] with NaN for joints that
        do not. float32, or float64 if an argument is that. A prediction of a counted joint that is
        not finite makes its joint NaN, with "scale" and "procrustes" all of its pose, and so the
        mean.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: A shape does not fit; a word is unknown; root is not there.

    Example:
        >>> gt = torch.tensor([[0.0, 0, 0], [0, 0, 300], [0, 0, 700]])
        >>> pred = gt + torch.tensor([30.0, 0, 40])
        >>> mpjpe(pred, gt).item(), mpjpe(pred, gt, align="root").item()
        (50.0, 0.0)
        >>> round(mpjpe(2 * gt, gt, align="scale").item(), 6)
        0.0

    There are gradients; that of a distance of zero is zero. Arithmetic is in float64, and sums do
    not depend on the number of threads. For a data set use `metrics.MPJPE`: batches differ in how
    many joints count.

    Ionescu et al., "Human3.6M", 2014; the alignments as in Pavllo et al., "3D Human Pose
    Estimation in Video with Temporal Convolutions and Semi-Supervised Training", 2019.
    """
    name = "mpjpe"
    arguments.choice(name, "reduction", reduction, REDUCTIONS)
    roots = check_alignment(name, pred, gt, mask, align, root)
    output = "mean" if reduction == "mean" else "errors"
    return measure(name, pred, gt, mask, align, roots, output)[0]


def check_alignment(
    operation: str,
    pred: Tensor,
    gt: Tensor,
    mask: Tensor | None,
    align: str,
    root: int | Sequence[int],
) -> list[int]:
    """Refuses what cannot be aligned; the joints of the root, if that is what is aligned."""
    arguments.choice(operation, "align", align, ALIGNMENTS)
    check_poses(operation, pred, gt, mask, (3,) if align == "procrustes" else (2, 3))
    return indices(operation, "root", root, pred.shape[-2]) if align == "root" else []
