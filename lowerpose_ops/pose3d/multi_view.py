"""Supervision of a pose in space by what another camera sees."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import _arguments as arguments
from .._library import check_tensors
from ._joints import check_floating, counted_joints, indices, ordered_sum, result_dtype
from .projection import check_batch, in_camera, pixels

_NAME = "multi_view_consistency_loss"


def multi_view_consistency_loss(
    pose: Tensor,
    points: Tensor,
    rotation: Tensor,
    camera_matrix: Tensor,
    *,
    translation: Tensor | None = None,
    mask: Tensor | None = None,
    limb: tuple[int, int] | None = None,
    limb_length: Tensor | float | None = None,
) -> Tensor:
    """How far a pose, predicted in one view, is from the joints that another view shows.

    The pose is turned into the other view, brought to the size of a limb there, moved to its place,
    and projected; the loss is the mean squared difference to that view's joints. A pose that is
    relative to its root needs the root's place in the other view (translation). Without it the
    camera stands in the pose's origin, and the limb changes nothing in the picture.

    Args:
        pose: [..., K, 3], from view 1; float32, float16, bfloat16 or float64, likewise below.
        points: [..., K, 2], the joints in view 2, in pixels.
        rotation: [..., 3, 3], from view 1 to view 2.
        camera_matrix: [..., 3, 3], of view 2, as for `project_points`.
        translation: [..., 3], added after the limb has set the size: the root in the frame of
            camera 2, in the unit of limb_length, or of the pose. None: zero.
        mask: [..., K], bool or number: joints of at least 0.5 count; None for all. The shape is
            that of points without its last size.
        limb: Two joints, with limb_length. None: the pose keeps its size.
        limb_length: Their distance in view 2, a positive number or [...]. A tensor's values are not
            checked: a negative one turns the pose inside out, through its origin, and brings it to
            the length's size; 0 puts all joints into the origin; NaN makes the loss NaN.

    The dimensions before broadcast, as for `project_points`. A joint counts if it is in the mask,
    its point is finite and at most 2^30 in size, it is in front of camera 2, and its limb has a
    length in the pose.

    Returns:
        The mean over x and y of all counted joints, in pixels squared, without dimensions; float32,
        or float64 if an argument is that. NaN where no joint counts, or a joint of the pose is not
        finite whose point counts.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: A shape does not fit; limb or limb_length is given without the other; a
            limb_length that is a number is not positive.

    Example:
        >>> camera = torch.tensor([[1000.0, 0, 0], [0, 1000, 0], [0, 0, 1]])
        >>> pose = torch.tensor([[0.0, 0, 0], [0, 0, 200], [0, 200, 0]])
        >>> turn = torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # view 2 is at the side
        >>> points = torch.tensor([[0.0, 0], [100, 0], [0, 100]])
        >>> root = torch.tensor([0.0, 0, 4000])
        >>> options = {"translation": root, "limb": (0, 1), "limb_length": 400.0}
        >>> multi_view_consistency_loss(pose, points, turn, camera, **options).item()
        0.0

    There are gradients to all tensors. Arithmetic is in float64, and the sum does not depend on the
    number of threads.
    """
    given = {"pose": pose, "points": points, "rotation": rotation, "camera_matrix": camera_matrix}
    if translation is not None:
        given["translation"] = translation
    if isinstance(limb_length, Tensor):
        given["limb_length"] = limb_length
    elif limb_length is not None:
        number = arguments.number(_NAME, "limb_length (if no tensor)", limb_length)
        if number <= 0:
            raise arguments.value_error(_NAME, "limb_length", "positive", limb_length)
    check_floating(_NAME, **given)
    check_batch(_NAME, given, _SHAPES)
    _check_joints(pose, points, mask)
    if (limb is None) != (limb_length is None):
        raise ValueError(f"{_NAME}: limb and limb_length must be given together")
    counts = counted_joints(points, mask)
    # What does not count leaves no NaN in the gradients of the camera.
    counted_pose = torch.where(counts[..., None], pose, 0.0)
    placed = in_camera(counted_pose, rotation, None)
    if limb is not None and limb_length is not None:
        factor, known = _factor(pose, rotation, limb, limb_length)
        placed, counts = placed * factor, counts & known
    placed = in_camera(placed, None, translation)
    # A pose that is not a number is not behind the camera, and must be seen.
    in_front = ~(placed.detach()[..., 2] <= 0)
    shown, _ = pixels(torch.where(in_front[..., None], placed, 1.0), camera_matrix)
    lost = placed.detach().isnan().any(-1)
    counts = (counts & in_front).expand(shown.shape[:-1])
    shown = torch.where(lost[..., None], torch.nan, shown)
    wanted = torch.where(counts[..., None], points.double(), 0.0)
    difference = torch.where(counts[..., None], shown, 0.0) - wanted
    loss = ordered_sum(difference.square().sum(-1)) / (2 * counts.sum())
    return loss.to(result_dtype(*given.values()))


_SHAPES: dict[str, tuple[object, ...]] = {
    "pose": (None, 3),
    "points": (None, 2),
    "rotation": (3, 3),
    "camera_matrix": (3, 3),
    "translation": (3,),
    "limb_length": (),
}


def _check_joints(pose: Tensor, points: Tensor, mask: Tensor | None) -> None:
    if points.shape[-2] != pose.shape[-2]:
        expected = f"[..., K, 2] with K = {pose.shape[-2]} as pose has"
        raise arguments.value_error(_NAME, "points", expected, list(points.shape))
    if mask is None:
        return
    check_tensors(_NAME, pose=pose, mask=mask)
    if mask.is_complex():
        raise TypeError(f"{_NAME}: mask must be bool or real, got {mask.dtype}")
    if mask.shape != points.shape[:-1]:
        expected = f"[..., K] = {list(points.shape[:-1])}"
        raise arguments.value_error(_NAME, "mask", expected, list(mask.shape))


def _factor(
    pose: Tensor, rotation: Tensor, limb: object, length: Tensor | float
) -> tuple[Tensor, Tensor]:
    """[..., 1, 1], which brings the limb to its length, and [..., 1], whether there is one.

    A limb that is not finite is one: what is wrong with it must be seen.
    """
    if not isinstance(limb, (list, tuple)) or len(limb) != 2:
        raise arguments.value_error(_NAME, "limb", "two joints", limb)
    one, other = indices(_NAME, "limb", limb, pose.shape[-2])
    bone = in_camera((pose[..., one, :] - pose[..., other, :])[..., None, :], rotation, None)
    found = torch.linalg.vector_norm(bone, dim=-1)
    known = found != 0
    if isinstance(length, Tensor):
        length = length.double()[..., None]
    factor = length / torch.where(known, found, 1.0)
    return factor[..., None], known
