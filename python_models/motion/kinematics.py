"""Forward kinematics of many frames at once: angles, directions and offsets to positions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from python_models.motion.motion import Floats


def axis_rotations(axis: str, degrees: Floats) -> Floats:
    """Rotation matrices [..., 3, 3] about "x", "y" or "z" that turn column vectors."""
    turned = "xyz".index(axis)
    first, second = (turned + 1) % 3, (turned + 2) % 3
    radians = np.radians(degrees)
    result = np.zeros((*np.shape(degrees), 3, 3))
    result[..., turned, turned] = 1
    result[..., first, first] = result[..., second, second] = np.cos(radians)
    result[..., second, first] = np.sin(radians)
    result[..., first, second] = -result[..., second, first]
    return result


def euler_rotations(axes: str, degrees: Floats) -> Floats:
    """The product of rotations about axes, e.g. "zxy": R = Rz Rx Ry.

    Args:
        axes: Of "x", "y", "z", from the left of the product; "" is the identity.
        degrees: [..., len(axes)].

    Returns:
        [..., 3, 3].
    """
    result = np.broadcast_to(np.eye(3), (*degrees.shape[:-1], 3, 3))
    for number, axis in enumerate(axes):
        result = result @ axis_rotations(axis, degrees[..., number])
    return result


def chain_rotations(parents: Sequence[int], local: Floats) -> Floats:
    """R_j = R_parent local_j, [T, J, 3, 3]; a root's parent is -1, others' come before them."""
    result = local.copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            result[:, joint] = result[:, parent] @ local[:, joint]
    return result


def chain_positions(parents: Sequence[int], steps: Floats) -> Floats:
    """G_j = G_parent + step_j, [T, J, 3], of steps in the world's axes."""
    result = steps.copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            result[:, joint] += result[:, parent]
    return result


def joint_positions(parents: Sequence[int], offsets: Floats, local: Floats) -> Floats:
    """G_j = G_parent + R_parent offset_j with R_j = R_parent local_j.

    Args:
        parents: Number of each joint's parent, which comes before it; -1 for a root, whose offset
            is its position.
        offsets: [T, J, 3], each in its parent's axes.
        local: Rotations [T, J, 3, 3], each in its parent's axes.

    Returns:
        Positions [T, J, 3].
    """
    rotations = chain_rotations(parents, local)
    steps = offsets.copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            steps[:, joint] = turned(rotations[:, parent], offsets[:, joint])
    return chain_positions(parents, steps)


def turned(rotations: Floats, vectors: Floats) -> Floats:
    """R v of rotations [..., 3, 3] and vectors [..., 3]."""
    return (rotations @ vectors[..., None])[..., 0]


def unit(vectors: Floats) -> Floats:
    """Vectors [..., D] at length 1; NaN where one has no length."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, np.nan))


def z_up(points: Floats) -> Floats:
    """Points [..., 3] of axes x left, y up, z forward in ours: X forward, Y left, Z up."""
    found: Floats = points[..., [2, 0, 1]]
    return found
