"""The lower-body joint prediction project's functions (CS566, `train.py`), on native operations.

Names, argument order and results are the original's, bugs included; `fixed=True`, where there is a
bug, gives what its authors meant. The text of docs/compat.md holds the differences that remain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _arguments as arguments
from .._dispatch.gaussian_targets import gaussian_targets
from .._dispatch.pck import pck_counts
from .._dispatch.soft_argmax import soft_argmax2d
from ._checks import Array, as_array, width_height
from ._lower_body_boxes import crop_and_resize, match_bbox, transform_keypoints_to_input

if TYPE_CHECKING:
    import torch

    from ._lower_body_loss import JointsMSELoss

IN_W, IN_H = 192, 256
"""Size of the network's input, which `pck_accuracy` reads; set them on this module to change it."""

__all__ = [
    "IN_H",
    "IN_W",
    "JointsMSELoss",
    "crop_and_resize",
    "decode_heatmaps",
    "generate_target_heatmaps",
    "match_bbox",
    "pck_accuracy",
    "transform_keypoints_to_input",
]


def __getattr__(name: str) -> Any:
    if name == "JointsMSELoss":  # which needs torch; the targets are made in workers without it
        from ._lower_body_loss import JointsMSELoss

        return JointsMSELoss
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def generate_target_heatmaps(
    joints: Array,
    joints_vis: Array,
    num_joints: int = 6,
    hm_size: tuple[int, int] = (48, 64),
    sigma: float = 2.0,
    *,
    fixed: bool = False,
) -> tuple[Array, Array]:
    """Draws a person's target heatmaps.

    Args:
        joints: [J, 2], (x, y) in heatmap pixels; the first num_joints are drawn.
        joints_vis: [J], a joint is drawn where it is at least 0.5.
        num_joints: How many maps there are.
        hm_size: (W, H).
        sigma: Standard deviation in heatmap pixels.
        fixed: The window is |i - c| <= 3 sigma about c = floor(x + 0.5), for every sigma; a joint
            whose window lies outside the map, or that is not finite, has weight 0.

    Returns:
        The maps, [num_joints, H, W], and the weights, [num_joints, 1], both float32.

    Raises:
        TypeError: An argument is of another type.
        ValueError: A shape does not fit; without `fixed`, a drawn joint is not finite, or 3 * sigma
            has a fractional part between 0 and 0.5, with both of which the original stops.

    Example:
        >>> joints = np.array([[10.0, 20.0], [30.4, 40.2]], np.float32)
        >>> target, weight = generate_target_heatmaps(joints, np.ones(2), num_joints=2)
        >>> target.shape, float(target[1, 40, 30]), weight.tolist()
        ((2, 64, 48), 1.0, [[1.0], [1.0]])
    """
    name = "generate_target_heatmaps"
    joints = as_array(name, "joints", joints, {2: "[J, 2]"})
    joints_vis = as_array(name, "joints_vis", joints_vis, {1: "[J]"})
    num_joints = arguments.integer(name, "num_joints", num_joints)
    if num_joints < 0:
        raise arguments.value_error(name, "num_joints", "not negative", num_joints)
    for argument, array in (("joints", joints), ("joints_vis", joints_vis)):
        if len(array) < num_joints:
            expected = f"of at least {num_joints} joints"
            raise arguments.value_error(name, argument, expected, list(array.shape))
    joints, joints_vis = joints[:num_joints], joints_vis[:num_joints]
    if not arguments.check_flag(name, "fixed", fixed) and joints.dtype.kind == "f":
        drawn = joints[~(joints_vis < 0.5)]
        if not np.isfinite(drawn).all():
            raise ValueError(f"{name}: joints must be finite where they are visible")
    size = width_height(name, "hm_size", hm_size)
    return gaussian_targets(joints, joints_vis, size, sigma, preset="lower_body", fixed=fixed)


def decode_heatmaps(
    hm: torch.Tensor, beta: float = 100.0, stride: float = 4.0, *, fixed: bool = False
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Finds the joints by soft-argmax, with gradients.

    Args:
        hm: [B, J, H, W], float32, float16, bfloat16 or float64.
        beta: What heatmaps are multiplied by before the softmax.
        stride: Input pixels per heatmap pixel.
        fixed: Coordinates keep at least float32, and the confidence is the map's maximum; without
            it, all are rounded to the maps' dtype, and the confidence is the softmax's largest
            value, which depends on beta and is 1 / (H * W) for an empty map.

    Returns:
        x, y and confidence, [B, J] each; x and y in input pixels.

    Raises:
        TypeError: hm is of another type or dtype.
        ValueError: hm has another number of dimensions; beta is not finite.

    Example:
        >>> hm = torch.zeros(1, 6, 64, 48)
        >>> hm[0, 0, 20, 10] = 1
        >>> xs, ys, conf = decode_heatmaps(hm)
        >>> xs[0, 0].item(), ys[0, 0].item(), xs[0, 1].item()
        (40.0, 80.0, 94.0)
    """
    from .._library import check_tensors

    name = "decode_heatmaps"
    arguments.check_flag(name, "fixed", fixed)
    check_tensors(name, hm=hm)
    if getattr(beta, "shape", None):  # a tensor with dimensions
        raise arguments.value_error(name, "beta", "one number", beta)
    coords: torch.Tensor = soft_argmax2d(hm, beta)
    arguments.check_ndim(name, "hm", hm, {4: "[B, J, H, W]"})
    xs, ys = (coords * arguments.number(name, "stride", stride)).unbind(-1)
    maps = hm.flatten(2).to(coords.dtype)
    if fixed:
        return xs, ys, maps.max(-1).values
    maps = maps * beta
    confidence = (maps.max(-1).values - maps.logsumexp(-1)).exp()
    return xs.to(hm.dtype), ys.to(hm.dtype), confidence.to(hm.dtype)


def pck_accuracy(
    pred_x: torch.Tensor,
    pred_y: torch.Tensor,
    gt_kpts_in: torch.Tensor,
    vis: torch.Tensor,
    thr: float,
) -> float:
    """The part of the joints within thr times the longer side of the input, over all joints.

    A joint counts where vis > 0.5 and its ground truth lies in the input, 0 <= x < IN_W and
    0 <= y < IN_H (this module's).

    Args:
        pred_x: [B, Jp], in input pixels.
        pred_y: Likewise.
        gt_kpts_in: [B, Jg, 2 or more], (x, y) first; min(Jp, Jg) joints are compared.
        vis: [B, Jg].
        thr: A joint is correct if its distance is at most this.

    Returns:
        A float; 0.0 where no joint counts.

    Raises:
        TypeError: An argument is of another type.
        ValueError: A shape does not fit.

    Example:
        >>> gt = torch.full((1, 6, 2), 100.0)
        >>> x, y = gt.unbind(-1)
        >>> pck_accuracy(x + 12, y, gt, torch.ones(1, 6), thr=0.05)
        1.0
    """
    import torch

    from .._library import check_tensors

    name = "pck_accuracy"
    limit = float(np.float32(arguments.number(name, "thr", thr)))  # compared in float32
    check_tensors(name, pred_x=pred_x, pred_y=pred_y, gt_kpts_in=gt_kpts_in, vis=vis)
    for argument, tensor, layout in (
        ("pred_x", pred_x, {2: "[B, Jp]"}),
        ("pred_y", pred_y, {2: "[B, Jp]"}),
        ("gt_kpts_in", gt_kpts_in, {3: "[B, Jg, 2]"}),
        ("vis", vis, {2: "[B, Jg]"}),
    ):
        arguments.check_ndim(name, argument, tensor, layout)
        # torch cannot compare the wider unsigned integers.
        if tensor.is_complex() or tensor.dtype in (torch.uint16, torch.uint32, torch.uint64):
            raise TypeError(f"{name}: {argument} must be of a number type, got {tensor.dtype}")
    joints = min(pred_x.shape[1], gt_kpts_in.shape[1])
    if pred_y.shape != pred_x.shape:
        expected = str(list(pred_x.shape))
        raise arguments.value_error(name, "pred_y", expected, list(pred_y.shape))
    if len(gt_kpts_in) != len(pred_x) or gt_kpts_in.shape[2] < 2:
        expected = f"[{len(pred_x)}, Jg, 2]"
        raise arguments.value_error(name, "gt_kpts_in", expected, list(gt_kpts_in.shape))
    if len(vis) != len(pred_x) or vis.shape[1] < joints:
        expected = f"[{len(pred_x)}, {joints} or more]"
        raise arguments.value_error(name, "vis", expected, list(vis.shape))
    if limit < 0:
        return 0.0
    pred = torch.stack((pred_x[:, :joints], pred_y[:, :joints]), -1)
    gt = gt_kpts_in[:, :joints, :2]
    x, y = gt.unbind(-1)
    valid = (vis[:, :joints] > 0.5) & (x >= 0) & (x < IN_W) & (y >= 0) & (y < IN_H)
    correct, counted = pck_counts(pred, gt, valid, float(max(IN_W, IN_H)), limit, cmp="le")
    hits, total = torch.stack((correct.sum(), counted.sum())).tolist()
    return hits / total if total else 0.0
