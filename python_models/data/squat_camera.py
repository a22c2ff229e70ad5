"""The camera that sees the squatting figure: a pinhole, anywhere on the full circle around it.

A pixel's centre is at whole coordinates. Lengths are millimetres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class SquatCamera:
    """A pinhole: x_camera = rotation @ x_world + translation, x right, y down, z forward.

    focal: pixels. center: the principal point (cx, cy). size: (W, H) of the image.

    Unlike `motion.camera.Camera` it is one camera, has no lens, and gives the rays that pictures
    are drawn by.
    """

    focal: float
    center: tuple[float, float]
    size: tuple[int, int]
    rotation: Floats
    translation: Floats

    @property
    def position(self) -> Floats:
        """Of the camera in the world [3]."""
        return -self.rotation.T @ self.translation

    def to_camera(self, points: Floats) -> Floats:
        """World points [N, 3] in the camera's frame."""
        return points @ self.rotation.T + self.translation

    def project(self, points: Floats) -> Floats:
        """Points of the camera's frame [N, 3] to pixels [N, 2]."""
        return self.focal * points[:, :2] / points[:, 2:] + self.center

    def rays(self, samples: int) -> Floats32:
        """Unit directions [3, H * samples, W * samples] in the camera's frame."""
        width, height = self.size
        x = (np.arange(width * samples) + 0.5) / samples - 0.5 - self.center[0]
        y = (np.arange(height * samples) + 0.5) / samples - 0.5 - self.center[1]
        rays = np.ones((3, len(y), len(x)), np.float32)
        rays[0], rays[1] = x / self.focal, (y / self.focal)[:, None]
        rays /= np.sqrt(dot(rays, rays))
        return rays


def sample_camera(joints: Floats, size: int, rng: np.random.Generator) -> SquatCamera:
    """A camera anywhere around joints [17, 3] in COCO's order, most of which it sees.

    size: width and height of its images in pixels.
    """
    while True:
        camera = _any_camera(joints, size, rng)
        points = camera.to_camera(joints)
        pixels = camera.project(points)
        inside = np.all((pixels >= 0) & (pixels <= size - 1), axis=1)
        lower_body = np.count_nonzero(inside[11:])
        if points[:, 2].min() > 500 and np.count_nonzero(inside) >= 10 and lower_body >= 5:
            return camera


def _any_camera(joints: Floats, size: int, rng: np.random.Generator) -> SquatCamera:
    azimuth = rng.uniform(0, 360)
    elevation = rng.uniform(-5, 20) if rng.random() < 0.5 else rng.uniform(15, 48)
    distance = 1000 * math.exp(rng.uniform(math.log(2.2), math.log(7)))
    heading = (rotation(2, azimuth) @ rotation(0, -elevation))[:, 1]
    middle = (joints.min(axis=0) + joints.max(axis=0)) / 2
    position = middle - distance * heading
    position[2] = max(position[2], 150.0)
    forward = (middle - position) / np.linalg.norm(middle - position)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    level = np.stack([right, np.cross(forward, right), forward])
    frame = rotation(2, float(np.clip(rng.normal(0, 7), -20, 20))) @ level

    # The focal length makes the person as large as wanted; the camera then turns aside.
    points = (joints - position) @ frame.T
    flat = points[:, :2] / points[:, 2:]
    extent = flat.max(axis=0) - flat.min(axis=0)
    wanted = rng.uniform(0.45, 0.82) if rng.random() < 0.84 else rng.uniform(0.82, 1.1)
    focal = wanted * size / float(extent.max())
    slack = np.maximum(1 - focal * extent / size, 0.12) * size / focal
    aside = rng.uniform(-0.38, 0.38, 2) * slack - (flat.max(axis=0) + flat.min(axis=0)) / 2
    pan = rotation(1, math.degrees(math.atan(aside[0])))
    frame = rotation(0, -math.degrees(math.atan(aside[1]))) @ pan @ frame
    center = (size - 1) / 2
    return SquatCamera(focal, (center, center), (size, size), frame, -frame @ position)


def rotation(axis: int, degrees: float) -> Floats:
    """The 3x3 right-handed rotation about the x (0), y (1) or z (2) axis."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    result = np.eye(3)
    second, third = (axis + 1) % 3, (axis + 2) % 3
    result[second, second] = result[third, third] = cosine
    result[second, third], result[third, second] = -sine, sine
    return result


def dot(planes: Floats32, vector: NDArray[Any]) -> Floats32:
    """Scalar products of vectors [3, ...] with one or with as many, without BLAS.

    BLAS would start threads for each product, in every process, and its sums depend on how many.
    """
    x, y, z = np.asarray(vector, np.float32)
    return np.asarray(planes[0] * x + planes[1] * y + planes[2] * z, np.float32)


def turned(matrix: Floats, planes: Floats32) -> Floats32:
    """The matrix [3, 3] applied to vectors [3, ...]."""
    return np.stack([dot(planes, row) for row in matrix])
