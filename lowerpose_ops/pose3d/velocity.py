"""The error of joints' movements."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from .. import _arguments as arguments
from ._joints import check_poses, counted_joints, distances, only, reduced, result_dtype
from .mpjpe import REDUCTIONS


def velocity_error(
    pred: Tensor,
    gt: Tensor,
    mask: Tensor | None = None,
    *,
    reduction: Literal["mean", "none"] = "mean",
) -> Tensor:
    """The mean distance between the steps that joints make from frame to frame (MPJVE).

    It tells how much a predicted motion trembles, and does not see where it is.

    Args:
        pred: [..., T, K, 3] or [..., T, K, 2], T frames; float32, float16, bfloat16 or float64,
            likewise gt.
        gt: The same shape.
        mask: [..., T, K], bool or number: a step counts where both of its frames are at least 0.5
            and their ground truth is finite and at most 2^30 in size; None for all.
        reduction: "mean" over all counted steps, or "none".

    Returns:
        A tensor without dimensions, in the joints' unit a frame (times the frame rate: a second),
        NaN where no step counts, as of a single frame; or [..., T - 1, K] with NaN for steps that
        do not count. float32, or float64 if an argument is that.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: A shape does not fit; reduction is another word.

    Example:
        >>> gt = torch.zeros(3, 1, 3)
        >>> pred = torch.tensor([[0.0, 0, 0], [3, 0, 4], [3, 0, 4]])[:, None]
        >>> velocity_error(pred, gt, reduction="none").tolist()
        [[5.0], [0.0]]

    Arithmetic and gradients are as for `mpjpe`. Pavllo et al., "3D Human Pose Estimation in Video
    with Temporal Convolutions and Semi-Supervised Training", 2019.
    """
    name = "velocity_error"
    arguments.choice(name, "reduction", reduction, REDUCTIONS)
    check_poses(name, pred, gt, mask, (2, 3), least=3, layout="[..., T, K, D]")
    counts = counted_joints(gt, mask)
    moves = only(counts, pred).diff(dim=-3), only(counts, gt).diff(dim=-3)
    counts = counts[..., 1:, :] & counts[..., :-1, :]
    errors = distances(*(only(counts, each) for each in moves))
    return reduced(errors, counts, reduction, result_dtype(pred, gt))
