"""The lower-body joint prediction project's functions (CS566, `train.py`), on native operations.

Names, argument order and results are the original's, bugs included; `fixed=True`, where there is a
bug, gives what its authors meant. The text of docs/compat.md holds the differences that remain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _arguments as arguments
from .._dispatch.gaussian_targets import gaussian_targets
from .._dispatch.pck import pck_counts
from .._dispatch.soft_argmax import soft_argmax2d
from ._checks import Array, as_array, check_array, width_height

if TYPE_CHECKING:
    import torch
    from PIL import Image

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
    if isinstance(num_joints, bool) or not isinstance(num_joints, (int, np.integer)):
        raise arguments.type_error(name, "num_joints", "an integer", num_joints)
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
        if tensor.is_complex():
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


def _box(name: str, bbox: Sequence[float]) -> list[float]:
    """[x, y, w, h], finite."""
    box = as_array(name, "bbox", bbox, {1: "[4]"})
    if len(box) != 4:
        raise arguments.value_error(name, "bbox", "[x, y, w, h]", bbox)
    return [arguments.number(name, "bbox", value) for value in box.tolist()]


def match_bbox(
    bbox: Sequence[float],
    img_size: tuple[int, int],
    ratio: float = IN_W / IN_H,
    scale: float = 1.0,
) -> list[float]:
    """Grows a box to a ratio of sides about its centre, and clips it to the image.

    Where the grown box begins outside the image it is moved inside, and is not made smaller there.

    Args:
        bbox: [x, y, w, h] in image pixels.
        img_size: (W, H) of the image.
        ratio: Width / height that the box grows to.
        scale: Factor on both sides before that.

    Returns:
        [x, y, w, h], each side at least 2 pixels.

    Raises:
        ValueError: The box has no height.

    Example:
        >>> match_bbox([100, 50, 30, 80], (640, 480))
        [85.0, 50.0, 60.0, 80.0]
    """
    x, y, width, height = _box("match_bbox", bbox)
    image_width, image_height = width_height("match_bbox", "img_size", img_size)
    ratio, scale = (
        arguments.number("match_bbox", argument, value)
        for argument, value in (("ratio", ratio), ("scale", scale))
    )
    if ratio <= 0 or scale <= 0:
        raise arguments.value_error("match_bbox", "ratio, scale", "positive", (ratio, scale))
    center_x, center_y = x + width / 2, y + height / 2
    width, height = width * scale, height * scale
    if height == 0:
        raise arguments.value_error("match_bbox", "bbox", "of a height that is not 0", bbox)
    if width / height > ratio:
        height = width / ratio
    else:
        width = height * ratio
    left, top = max(0.0, center_x - width / 2), max(0.0, center_y - height / 2)
    return [
        *(left, top),
        *(max(2.0, min(width, image_width - left)), max(2.0, min(height, image_height - top))),
    ]


def crop_and_resize(
    src_img: Image.Image,
    bbox: Sequence[float],
    input_size: tuple[int, int] = (IN_W, IN_H),
    *,
    fixed: bool = False,
) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """Cuts a box out of an image and resizes it, bilinearly; the whole image if the box is empty.

    Args:
        src_img: A Pillow image.
        bbox: [x, y, w, h] in image pixels.
        input_size: (W, H) of the result.
        fixed: The box is cut where it lies; without it, its edges are truncated to whole pixels.

    Returns:
        The image, and (x0, y0, sx, sy) for `transform_keypoints_to_input`: the corner of what was
        cut out, and the scale along either axis. It needs Pillow.

    Example:
        >>> from PIL import Image
        >>> image, crop = crop_and_resize(Image.new("RGB", (640, 480)), [10.7, 20, 96, 128])
        >>> image.size, crop
        ((192, 256), (10, 20, 2.0, 2.0))
    """
    from PIL import Image

    arguments.check_flag("crop_and_resize", "fixed", fixed)
    x, y, width, height = _box("crop_and_resize", bbox)
    edges = x, y, x + width, y + height
    if not fixed:
        edges = tuple(int(edge) for edge in edges)  # type: ignore[assignment]
    left, top = max(0, edges[0]), max(0, edges[1])
    right, bottom = min(src_img.size[0], edges[2]), min(src_img.size[1], edges[3])
    if right <= left or bottom <= top:
        left, top, (right, bottom) = 0, 0, src_img.size
    bilinear = Image.Resampling.BILINEAR
    if fixed:
        resized = src_img.resize(input_size, bilinear, box=(left, top, right, bottom))
    else:
        # Cut first: the filter must not see what lies beside the box.
        resized = src_img.crop((left, top, right, bottom)).resize(input_size, bilinear)
    scales = input_size[0] / (right - left), input_size[1] / (bottom - top)
    return resized, (left, top, *scales)


def transform_keypoints_to_input(
    keypoints_xy: Array, crop_to_input: tuple[float, float, float, float], *, fixed: bool = False
) -> Array:
    """Takes keypoints from the image to the network's input.

    Args:
        keypoints_xy: [J, 2 or more], (x, y) first, in image pixels; the rest is kept.
        crop_to_input: What `crop_and_resize` returns.
        fixed: With pixel centres at integers in image and input, as the heatmaps have them:
            (x - x0 + 0.5) * sx - 0.5. Without it, (x - x0) * sx.

    Returns:
        A new array like keypoints_xy.

    Example:
        >>> transform_keypoints_to_input(np.array([[12.0, 24.0]]), (10, 20, 2.0, 2.0)).tolist()
        [[4.0, 8.0]]
    """
    name = "transform_keypoints_to_input"
    arguments.check_flag(name, "fixed", fixed)
    check_array(name, "keypoints_xy", keypoints_xy, {2: "[J, 2]"})
    if keypoints_xy.shape[1] < 2:
        shape = list(keypoints_xy.shape)
        raise arguments.value_error(name, "keypoints_xy", "[J, 2]", shape)
    floating = keypoints_xy.dtype if keypoints_xy.dtype.kind == "f" else np.dtype(np.float64)
    values = np.array(crop_to_input, floating)
    half = floating.type(0.5 if fixed else 0.0)
    moved = keypoints_xy.copy()
    moved[:, :2] = (keypoints_xy[:, :2] - values[:2] + half) * values[2:] - half
    return moved
