"""The camera that sees poses: a pinhole with OpenCV's lens distortion, or a batch of them.

A pixel's centre is at whole coordinates. Lengths are millimetres. The camera's frame has x right,
y down and z forward.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from python_models.motion.known import known
from python_models.motion.motion import Floats

UNDISTORTED = 1e-12  # by how much `undistorted` may miss, in units of the focal length
_ITERATIONS = 200
_ROTATION = 1e-3  # by how much a rotation's rows may miss being orthonormal: files round them


def _none() -> Floats:
    return np.zeros(5)


@dataclass(frozen=True)
class Camera:
    """A camera, or many that make pictures of one size: `...` is then their number.

    Attributes:
        focal: (fx, fy) in pixels [..., 2].
        center: The principal point (cx, cy) in pixels [..., 2].
        size: (W, H) of the picture.
        rotation: [..., 3, 3]; x_camera = rotation @ x_world + translation.
        translation: [..., 3].
        distortion: k1, k2, p1, p2, k3 as OpenCV has them [5] or [..., 5].

    Raises:
        ValueError: A shape is another one, a number is not finite, a focal length or the size is
            not positive, or a rotation is none.
    """

    focal: Floats
    center: Floats
    size: tuple[int, int]
    rotation: Floats
    translation: Floats
    distortion: Floats = field(default_factory=_none)

    def __post_init__(self) -> None:
        shapes = {"focal": (2,), "center": (2,), "rotation": (3, 3), "translation": (3,),
                  "distortion": (5,)}  # fmt: skip
        for name, shape in shapes.items():
            value = np.asarray(getattr(self, name), np.float64)
            object.__setattr__(self, name, value)
            if value.shape[-len(shape) :] != shape:
                raise ValueError(
                    f"Camera: {name} must be [..., {', '.join(map(str, shape))}], "
                    f"got {list(value.shape)}"
                )
        if not ((self.focal > 0) & np.isfinite(self.focal)).all():
            raise ValueError(f"Camera: focal must be positive and finite, got {self.focal}")
        for name in ("center", "translation", "distortion"):
            value = getattr(self, name)
            if not np.isfinite(value).all():
                raise ValueError(f"Camera: {name} must be finite, got {value}")
        _check_rotation(self.rotation)
        if len(self.size) != 2 or not all(1 <= side < np.inf for side in self.size):
            raise ValueError(f"Camera: size must be (W, H) of at least 1, got {self.size}")

    @classmethod
    def from_matrix(
        cls,
        matrix: ArrayLike,
        size: tuple[int, int],
        rotation: ArrayLike | None = None,
        translation: ArrayLike | None = None,
        distortion: ArrayLike = (0.0, 0.0, 0.0, 0.0, 0.0),
    ) -> Camera:
        """A camera whose intrinsics are a matrix [..., 3, 3]: fx 0 cx, 0 fy cy, 0 0 1.

        Without a rotation or a translation the world's frame is the camera's. A distortion of
        four numbers has k3 = 0.

        Raises:
            ValueError: The matrix is another one, with skew for example; the rotation is none.
        """
        given = np.asarray(matrix, np.float64)
        if given.shape[-2:] != (3, 3):
            raise ValueError(f"Camera: matrix must be [..., 3, 3], got {list(given.shape)}")
        off = [given[..., 0, 1], given[..., 1, 0], given[..., 2, 0], given[..., 2, 1]]
        if np.any(np.stack(off)) or np.any(given[..., 2, 2] != 1):
            raise ValueError(
                f"Camera: matrix must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]: {given}"
            )
        lens = np.asarray(distortion, np.float64)
        if lens.shape[-1:] == (4,):
            lens = np.concatenate([lens, np.zeros((*lens.shape[:-1], 1))], axis=-1)
        return cls(
            focal=np.stack([given[..., 0, 0], given[..., 1, 1]], axis=-1),
            center=given[..., :2, 2],
            size=size,
            rotation=np.eye(3) if rotation is None else np.asarray(rotation, np.float64),
            translation=np.zeros(3) if translation is None else np.asarray(translation, np.float64),
            distortion=lens,
        )

    @property
    def matrix(self) -> Floats:
        """The intrinsics [..., 3, 3]."""
        result = np.zeros((*self.focal.shape[:-1], 3, 3))
        result[..., 0, 0], result[..., 1, 1] = self.focal[..., 0], self.focal[..., 1]
        result[..., :2, 2] = self.center
        result[..., 2, 2] = 1
        return result

    @property
    def position(self) -> Floats:
        """Of the camera in the world [..., 3]."""
        return -np.asarray(np.einsum("...ji,...j->...i", self.rotation, self.translation))

    def to_camera(self, points: Floats) -> Floats:
        """World points [..., N, 3] in the camera's frame."""
        turned = points @ np.swapaxes(self.rotation, -1, -2)
        return np.asarray(turned + self.translation[..., None, :], np.float64)

    def to_world(self, points: Floats) -> Floats:
        """Points of the camera's frame [..., N, 3] in the world: undoes `to_camera`."""
        away = points - self.translation[..., None, :]
        return np.asarray(away @ self.rotation)

    def project(self, points: Floats) -> Floats:
        """World points [..., N, 3] to pixels [..., N, 2]."""
        return self.project_camera(self.to_camera(points))

    def project_camera(self, points: Floats) -> Floats:
        """Points of the camera's frame [..., N, 3] to pixels [..., N, 2].

        NaN where a point is not before the camera, or not known. The formula is that of
        `lowerpose_ops.project_points`, which has gradients.
        """
        depth = np.where(known(points) & (points[..., 2] > 0), points[..., 2], np.nan)
        flat = points[..., :2] / depth[..., None]
        if self.distortion.any():
            flat = _distorted(flat, self.distortion)
        return np.asarray(flat * self.focal[..., None, :] + self.center[..., None, :])

    def undistorted(self, pixels: Floats) -> Floats:
        """Where pixels [..., N, 2] would be without the lens's distortion.

        Iterates x = (x_distorted - tangential(x)) / radial(x), until distortion brings every point
        back to within 1e-12 focal lengths of where it was; NaN where that does not come about, as
        beyond the ring at which a strong distortion folds the picture over.
        """
        if not self.distortion.any():
            return pixels.copy()
        wanted = (pixels - self.center[..., None, :]) / self.focal[..., None, :]
        flat = wanted
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for _ in range(_ITERATIONS):
                radial, tangential = _lens(flat, self.distortion)
                missed = np.abs(flat * radial + tangential - wanted).max(axis=-1)
                # Behind the fold, radial < 0 sends a point to the other side.
                found = (missed <= UNDISTORTED) & (radial[..., 0] > 0)
                if (found | ~np.isfinite(missed)).all():
                    break
                flat = np.where(found[..., None], flat, (wanted - tangential) / radial)
        flat = np.where(found[..., None], flat, np.nan)
        return np.asarray(flat * self.focal[..., None, :] + self.center[..., None, :])

    def sees(self, pixels: Floats) -> NDArray[np.bool_]:
        """Which pixels [..., N, 2] are on the picture, its outermost pixels' edges included."""
        inside = (pixels >= -0.5) & (pixels <= np.array(self.size) - 0.5)
        return np.asarray(inside.all(axis=-1))

    def mirrored(self) -> Camera:
        """The camera whose picture of a mirrored scene is the mirrored picture.

        The scene is mirrored in the camera's frame, x to -x; the camera's place stays as it is.
        """
        center = self.center * [-1, 1] + [self.size[0] - 1, 0]
        return replace(self, center=center, distortion=self.distortion * [1, 1, 1, -1, 1])


def _check_rotation(matrix: Floats) -> None:
    """Refuses matrices [..., 3, 3] that are no rotations.

    A mirror image would make the left joints the right ones, and nothing else would tell.

    Raises:
        ValueError: A matrix is none.
    """
    product = matrix @ np.swapaxes(matrix, -1, -2)
    off = np.abs(product - np.eye(3)).max(initial=0)
    if not (off < _ROTATION and (np.linalg.det(matrix) > 0).all()):
        raise ValueError(f"Camera: rotation must be a rotation matrix, got {matrix}")


def _lens(flat: Floats, distortion: Floats) -> tuple[Floats, Floats]:
    """The radial factor [..., N, 1] and the tangential shift [..., N, 2] at x / z, y / z."""
    k1, k2, p1, p2, k3 = np.moveaxis(distortion[..., None, :], -1, 0)
    x, y = flat[..., 0], flat[..., 1]
    square = x * x + y * y
    radial = 1 + square * (k1 + square * (k2 + square * k3))
    shift_x = 2 * p1 * x * y + p2 * (square + 2 * x * x)
    shift_y = p1 * (square + 2 * y * y) + 2 * p2 * x * y
    return radial[..., None], np.stack([shift_x, shift_y], axis=-1)


def _distorted(flat: Floats, distortion: Floats) -> Floats:
    radial, tangential = _lens(flat, distortion)
    return flat * radial + tangential
