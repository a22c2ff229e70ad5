"""From points in space to pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import _arguments as arguments
from ._joints import check_floating, result_dtype

_COEFFICIENTS = (4, 5)  # k1, k2, p1, p2 and k3


def project_points(
    points: Tensor,
    camera_matrix: Tensor,
    rotation: Tensor | None = None,
    translation: Tensor | None = None,
    distortion: Tensor | None = None,
) -> Tensor:
    """Where a pinhole camera sees points, with OpenCV's distortion of its lens.

    Args:
        points: [..., N, 3], in the world, or in the camera's frame (x right, y down, z forward)
            where rotation and translation are left out; float32, float16, bfloat16 or float64,
            likewise below.
        camera_matrix: [..., 3, 3], in pixels: (fx, skew, cx), (0, fy, cy). The third row counts as
            (0, 0, 1).
        rotation: [..., 3, 3], from the world to the camera: R of R X + t. None: no rotation.
        translation: [..., 3], t, in the points' unit. None: zero.
        distortion: [..., 4] or [..., 5]: k1, k2, p1, p2 and k3, as of cv2.projectPoints. None: no
            distortion.

    The dimensions before are those of a batch, and broadcast against each other: one camera for
    many poses [B, N, 3] is [3, 3], one for each is [B, 3, 3], and [V, 1, 3, 3] shows [B, N, 3] to
    V cameras.

    Returns:
        [..., N, 2], (x, y) in pixels, with the centre of a pixel where the camera matrix has it;
        float32, or float64 if an argument is that. NaN for points that are not finite or not in
        front of the camera (z <= 0).

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: A shape does not fit.

    Example:
        >>> camera = torch.tensor([[1000.0, 0, 320], [0, 1000, 240], [0, 0, 1]])
        >>> points = torch.tensor([[0.0, 0, 2], [0.1, -0.1, 2], [0, 0, -2]])
        >>> project_points(points, camera).tolist()
        [[320.0, 240.0], [370.0, 190.0], [nan, nan]]

    There are gradients to all arguments, zero where the result is NaN. Arithmetic is in float64.
    The polynomials of a lens hold in its image: far outside they may fold points back into it.
    """
    name = "project_points"
    given = {
        "points": points,
        "camera_matrix": camera_matrix,
        "rotation": rotation,
        "translation": translation,
        "distortion": distortion,
    }
    tensors = {argument: value for argument, value in given.items() if value is not None}
    if len(tensors) < 2 or points is None or camera_matrix is None:
        missing = "points" if points is None else "camera_matrix"
        raise arguments.type_error(name, missing, "a torch tensor", None)
    check_floating(name, **tensors)
    check_batch(name, tensors, _SHAPES)
    dtype = result_dtype(*tensors.values())
    known = points.detach().isfinite().all(-1)
    # Or the gradient of what is not known would be NaN for the camera too.
    points = torch.where(known[..., None], points, 0.0)
    shown, seen = pixels(in_camera(points, rotation, translation), camera_matrix, distortion)
    return torch.where((seen & known)[..., None], shown, torch.nan).to(dtype)


_SHAPES: dict[str, tuple[object, ...]] = {
    "points": (None, 3),
    "camera_matrix": (3, 3),
    "rotation": (3, 3),
    "translation": (3,),
    "distortion": (_COEFFICIENTS,),
}


def check_batch(
    operation: str, tensors: dict[str, Tensor], shapes: dict[str, tuple[object, ...]]
) -> None:
    """Refuses tensors whose last sizes are others, or whose first do not broadcast.

    A size is a number, several of which one is right, or None for any.
    """
    batch: torch.Size | tuple[int, ...] = ()
    for argument, tensor in tensors.items():
        sizes = shapes[argument]
        allowed = [size if isinstance(size, tuple) else (size,) for size in sizes]
        last = tensor.shape[tensor.ndim - len(sizes) :] if tensor.ndim >= len(sizes) else ()
        fits = len(last) == len(sizes) and all(
            None in some or size in some for size, some in zip(last, allowed, strict=True)
        )
        if not fits:
            words = ("N" if None in some else " or ".join(map(str, some)) for some in allowed)
            expected = f"[..., {', '.join(words)}]"
            raise arguments.value_error(operation, argument, expected, list(tensor.shape))
        try:
            batch = torch.broadcast_shapes(batch, tensor.shape[: tensor.ndim - len(sizes)])
        except RuntimeError:
            expected = f"of first sizes that broadcast to {list(batch)}"
            raise arguments.value_error(operation, argument, expected, list(tensor.shape)) from None


def in_camera(points: Tensor, rotation: Tensor | None, translation: Tensor | None) -> Tensor:
    """[..., N, 3] in the camera's frame, in float64."""
    points = points.double()
    if rotation is not None:
        # Not a matrix product, which would add in another order on another device.
        points = (points[..., None, :] * rotation.double()[..., None, :, :]).sum(-1)
    if translation is not None:
        points = points + translation.double()[..., None, :]
    return points


def pixels(
    points: Tensor, camera_matrix: Tensor, distortion: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """[..., N, 2] of points in the camera's frame, and [..., N], which are in front of it."""
    seen = points[..., 2] > 0
    x, y, z = torch.where(seen[..., None], points, 1.0).unbind(-1)
    x, y = x / z, y / z
    if distortion is not None:
        x, y = _distorted(x, y, distortion.double()[..., None, :])
    camera = camera_matrix.double()[..., None, :, :]
    u = camera[..., 0, 0] * x + camera[..., 0, 1] * y + camera[..., 0, 2]
    v = camera[..., 1, 1] * y + camera[..., 1, 2]
    return torch.stack([u, v], -1), seen


def _distorted(x: Tensor, y: Tensor, coefficients: Tensor) -> tuple[Tensor, Tensor]:
    """The radial and the tangential shift, as OpenCV has them."""
    k1, k2, p1, p2, *k3 = coefficients.unbind(-1)
    square = x * x + y * y
    radial = 1 + square * (k1 + square * (k2 + square * (k3[0] if k3 else 0)))
    both = 2 * x * y
    return (
        x * radial + p1 * both + p2 * (square + 2 * x * x),
        y * radial + p1 * (square + 2 * y * y) + p2 * both,
    )
