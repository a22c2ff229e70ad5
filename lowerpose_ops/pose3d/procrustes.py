"""Poses brought to others by a rotation, a scale and a translation."""

from __future__ import annotations

from torch import Tensor

from .. import _arguments as arguments
from ..ops.mpjpe import measure
from ._joints import check_poses


def procrustes(
    pred: Tensor, gt: Tensor, mask: Tensor | None = None, *, scale: bool = True
) -> Tensor:
    """Brings each pose as near to its ground truth as a similarity transform can.

    Rotation, scale and translation are those with the least sum of squared distances over the
    counted joints of a pose. A reflection is no rotation: a mirrored pose stays apart.

    Args:
        pred: [..., K, 3], in any unit; float32, float16, bfloat16 or float64, likewise below.
        gt: [..., K, 3], in the same unit.
        mask: [..., K], bool or number: which joints the transform is made of, those of at least
            0.5; None for all. Those whose ground truth is not finite, or beyond 2^30 in size, are
            left out in any case.
        scale: False for a rotation and a translation alone.

    Returns:
        pred after the transform, [..., K, 3], also of the joints that are left out; float32, or
        float64 if an argument is that. NaN for a pose of which no joint counts or a counted joint
        of pred is not finite, and for single joints of pred that are not finite.

    Raises:
        TypeError: An argument is no dense tensor, or of another type.
        ValueError: A shape does not fit.

    Example:
        >>> gt = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]])
        >>> pred = 5 * gt[:, [1, 2, 0]] + 7  # turned, enlarged and moved
        >>> torch.allclose(procrustes(pred, gt), gt, atol=1e-5)
        True

    There are gradients, also where two singular values are equal. Where more than one rotation is
    the best (joints on a line, or a mirrored pose that is symmetric) the result is that of one of
    them, and the rotation's gradient is zero. Joints that all lie in one place take no rotation
    and no scale: they come to the mean of the ground truth.

    Arithmetic is in float64. Umeyama, "Least-Squares Estimation of Transformation Parameters
    Between Two Point Patterns", 1991; the rotation by Horn, "Closed-Form Solution of Absolute
    Orientation Using Unit Quaternions", 1987.
    """
    name = "procrustes"
    check_poses(name, pred, gt, mask)
    align = "procrustes" if arguments.check_flag(name, "scale", scale) else "rigid"
    return measure(name, pred, gt, mask, align, [], "aligned")[0]
