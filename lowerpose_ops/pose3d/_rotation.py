"""The rotation that fits best, of batches of 3x3 matrices, without a decomposition of torch's.

Torch's singular values wait for a GPU, take one matrix after the other on a CPU, and have NaN for
a gradient where two of them are equal.
"""

from __future__ import annotations

import torch
from torch import Tensor

_SQUARINGS = 32  # gaps of 2^-32 between the largest eigenvalues are resolved
_BETWEEN_SCALINGS = 4  # of a trace of at least 1/4 after as many: 2^-32, still far from the least
_SINGULAR = 1e-12  # below it, in parts of the largest, no rotation is better than the others


def best_rotation(covariance: Tensor) -> Tensor:
    """The rotations R [..., 3, 3] with the largest trace of R^T C, of finite C [..., 3, 3].

    C is the sum of a^T b over rows a and b, and a R is nearest to b. R has determinant 1. Where
    several rotations are the best it is one of them, and its gradient is zero.
    """
    size = torch.linalg.vector_norm(covariance, dim=(-2, -1), keepdim=True)
    scaled = covariance / torch.where(size > 0, size, 1.0)
    rotation = _by_quaternion(scaled.detach())
    # Newton's steps for R^T C = C^T R. They mend the last digits, and they are what gradients flow
    # through: the first derivative is exact after one of them, the second after two.
    for _ in range(2):
        rotation = rotation @ _small_rotation(_step(rotation, scaled))
    return rotation


def _by_quaternion(covariance: Tensor) -> Tensor:
    """The rotation whose quaternion is the first eigenvector of Horn's matrix."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = (row.unbind(-1) for row in covariance.unbind(-2))
    rows = (
        (xx + yy + zz, yz - zy, zx - xz, xy - yx),
        (yz - zy, xx - yy - zz, xy + yx, zx + xz),
        (zx - xz, xy + yx, yy - xx - zz, yz + zy),
        (xy - yx, zx + xz, yz + zy, zz - xx - yy),
    )
    matrix = torch.stack([torch.stack(row, -1) for row in rows], -2)
    # Its eigenvalues are at least -sqrt(3), as the norm of the covariance is 1.
    power = matrix + 2 * torch.eye(4, dtype=matrix.dtype, device=matrix.device)
    for squaring in range(_SQUARINGS):
        if squaring % _BETWEEN_SCALINGS == 0:
            power = power / power.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]
        power = power @ power
    # All columns are multiples of the eigenvector, or in the space of several: the longest is the
    # most accurate.
    longest = power.diagonal(dim1=-2, dim2=-1).argmax(-1, keepdim=True)
    column = power.gather(-1, longest[..., None, :].expand(*power.shape[:-1], 1))[..., 0]
    return _of_quaternion(column / torch.linalg.vector_norm(column, dim=-1, keepdim=True))


def _of_quaternion(quaternion: Tensor) -> Tensor:
    """The rotation of rows by a quaternion (w, x, y, z) of length 1."""
    w, x, y, z = quaternion.unbind(-1)
    entries: tuple[Tensor, ...] = (
        *(1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)),
        *(2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)),
        *(2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)),
    )
    rows = [torch.stack(entries[row : row + 3], -1) for row in (0, 3, 6)]
    return torch.stack(rows, -2)


def _small_rotation(half_angles: Tensor) -> Tensor:
    """The rotation by the quaternion (1, x, y, z) / its length."""
    quaternion = torch.cat([torch.ones_like(half_angles[..., :1]), half_angles], -1)
    return _of_quaternion(quaternion / torch.linalg.vector_norm(quaternion, dim=-1, keepdim=True))


def _step(rotation: Tensor, covariance: Tensor) -> Tensor:
    """Half the angles [..., 3] by which a rotation must turn on; zero where all fit alike."""
    turned = rotation.mT @ covariance
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = (row.unbind(-1) for row in turned.unbind(-2))
    wrong = torch.stack([yz - zy, zx - xz, xy - yx], -1)
    # (trace - S) of the symmetric part S is solved by its adjugate.
    a, b, c = yy + zz, xx + zz, xx + yy
    d, e, f = -(xy + yx) / 2, -(xz + zx) / 2, -(yz + zy) / 2
    adjugate = torch.stack(
        [
            torch.stack([b * c - f * f, e * f - d * c, d * f - e * b], -1),
            torch.stack([e * f - d * c, a * c - e * e, d * e - a * f], -1),
            torch.stack([d * f - e * b, d * e - a * f, a * b - d * d], -1),
        ],
        -2,
    )
    determinant = a * adjugate[..., 0, 0] + d * adjugate[..., 0, 1] + e * adjugate[..., 0, 2]
    solvable = (determinant > _SINGULAR)[..., None]
    found = (adjugate @ wrong[..., None])[..., 0]
    return torch.where(solvable, found / torch.where(solvable, determinant[..., None], 1.0), 0) / 2
