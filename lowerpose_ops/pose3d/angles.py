"""Angles at joints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import _arguments as arguments
from ._joints import check_floating, result_dtype

_NAME = "joint_angles"


def joint_angles(points: Tensor, triplets: Sequence[tuple[int, int, int]]) -> Tensor:
    """The angles between two bones that meet at a joint, in degrees from 0 to 180.

    A stretched knee has 180 degrees at (hip, knee, ankle); its flexion is 180 minus that.

    Args:
        points: [..., K, 3] or [..., K, 2], in any unit; float32, float16, bfloat16 or float64. Two
            dimensions give the angle in the picture, not that in space.
        triplets: A joints' indices each, (end, vertex, end): the angle is at the second.

    Returns:
        [..., A], float32, or float64 for float64. NaN where a joint is not finite or a bone has no
        length.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: A shape does not fit; triplets are not of three different joints that are there.

    Example:
        >>> leg = torch.tensor([[0.0, 0, 0], [0, 0, -400], [0, 400, -400]])  # hip, knee, ankle
        >>> joint_angles(leg, [(0, 1, 2)]).tolist()
        [90.0]

    There are gradients. They are finite everywhere: at 0 and 180 degrees, where the angle has a
    corner, and where it is NaN, they are zero. The angle is atan2(|u x v|, u v), which keeps all
    digits at both ends; arccos of the cosine loses half of them there, and its gradient is
    infinite.
    """
    check_floating(_NAME, points=points)
    if points.ndim < 2 or points.shape[-1] not in (2, 3):
        expected = "[..., K, 2] or [..., K, 3]"
        raise arguments.value_error(_NAME, "points", expected, list(points.shape))
    chosen = _checked(triplets, points.shape[-2])
    vertex = _joints(points, [vertex for _, vertex, _ in chosen])
    one, one_usable = _direction(_joints(points, [end for end, _, _ in chosen]) - vertex, 0)
    other, other_usable = _direction(_joints(points, [end for _, _, end in chosen]) - vertex, 1)
    angle = torch.atan2(_area(one, other), (one * other).sum(-1)) * (180 / math.pi)
    usable = one_usable & other_usable
    return torch.where(usable, angle, torch.nan).to(result_dtype(points))


def _checked(triplets: Any, num_joints: int) -> list[tuple[int, int, int]]:
    expected = f"triplets of different indices of the {num_joints} joints, at least one"
    if not isinstance(triplets, (list, tuple)):
        raise arguments.type_error(_NAME, "triplets", expected, triplets)
    found = []
    for triplet in triplets:
        if not isinstance(triplet, (list, tuple)) or len(triplet) != 3:
            raise arguments.value_error(_NAME, "triplets", expected, triplets)
        one, vertex, other = (
            arguments.integer(_NAME, "triplets", joint, expected) for joint in triplet
        )
        if not all(0 <= joint < num_joints for joint in (one, vertex, other)):
            raise arguments.value_error(_NAME, "triplets", expected, triplets)
        if len({one, vertex, other}) < 3:
            raise arguments.value_error(_NAME, "triplets", expected, triplets)
        found.append((one, vertex, other))
    if not found:
        raise arguments.value_error(_NAME, "triplets", expected, triplets)
    return found


def _joints(points: Tensor, chosen: list[int]) -> Tensor:
    """[..., A, D] in float64. Views of the host's choice: an index tensor would have to travel."""
    return torch.stack([points[..., joint, :] for joint in chosen], -2).double()


def _direction(bone: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """The bone at length 1, and whether it has a direction; if not, that of an axis stands in."""
    largest = bone.detach().abs().amax(-1, keepdim=True)
    usable = (largest > 0) & largest.isfinite()
    stand_in = torch.zeros_like(bone)
    stand_in[..., axis] = 1
    # First by a number of its own size, so that squares neither vanish nor become infinite.
    bone = torch.where(usable, bone / torch.where(usable, largest, 1.0), stand_in)
    return bone / torch.linalg.vector_norm(bone, dim=-1, keepdim=True), usable[..., 0]


def _area(one: Tensor, other: Tensor) -> Tensor:
    """|u x v|, in two dimensions too."""
    if one.shape[-1] == 3:
        area: Tensor = torch.linalg.vector_norm(torch.linalg.cross(one, other), dim=-1)
        return area
    return (one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]).abs()
