"""Ray-cast pictures: round cones and boxes into a depth buffer, a room behind, light on all.

Solids are given in the world frame (millimetres, Z up). A pixel's centre is at whole coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_models.data.squat_camera import Floats, Floats32, SquatCamera, dot, turned

Color = tuple[float, float, float]

_NEAR = 50.0  # millimetres: what comes nearer is not drawn
_SAMPLES = 2  # rays per pixel, along each axis


@dataclass(frozen=True)
class RoundCone:
    """Two spheres and the cone that touches both; `color` gives way to `far_color` at `cut`.

    a, b: the centres [3]. cut: share of the way from a to b. map: a linear map [3, 3] that the
    spheres go through, each about its centre. body: whether it belongs to the person.
    """

    a: Floats
    b: Floats
    a_radius: float
    b_radius: float
    color: Color
    far_color: Color | None = None
    cut: float = 1.0
    map: Floats | None = None
    body: bool = True


@dataclass(frozen=True)
class Box:
    """A box: its centre [3], its axes as columns [3, 3], half its size [3]."""

    center: Floats
    axes: Floats
    half: Floats
    color: Color
    body: bool = False


Solid = RoundCone | Box


@dataclass(frozen=True)
class Light:
    """Light from one direction [3], and the light that comes from everywhere."""

    direction: Floats
    strength: float
    ambient: float


@dataclass(frozen=True)
class Buffers:
    """What each ray meets first.

    depth: [H, W] along the ray, infinite where it meets nothing. normal: [3, H, W] in the camera's
    frame. color: [3, H, W]. body: [H, W], whether that is the person. person: [H, W], whether the
    ray meets the person at all.
    """

    depth: Floats32
    normal: Floats32
    color: Floats32
    body: NDArray[np.bool_]
    person: NDArray[np.bool_]

    def depth_at(self, pixels: Floats) -> Floats:
        """Depths [N] at pixels [N, 2] of the image; those outside are infinite."""
        height, width = self.depth.shape
        nearest = np.floor((pixels + 0.5) * _SAMPLES).astype(int)
        inside = ((nearest >= 0) & (nearest < (width, height))).all(axis=1)
        depths = np.full(len(pixels), np.inf)
        depths[inside] = self.depth[nearest[inside, 1], nearest[inside, 0]]
        return depths


def cast(solids: Sequence[Solid], camera: SquatCamera) -> Buffers:
    """Sends rays at all solids."""
    rays = camera.rays(_SAMPLES)
    shape = rays.shape[1:]
    buffers = Buffers(
        np.full(shape, np.inf, np.float32), np.zeros_like(rays), np.zeros_like(rays),
        np.zeros(shape, bool), np.zeros(shape, bool),
    )  # fmt: skip
    for solid in solids:
        window = _window(solid, camera)
        if window is None:
            continue
        rows, columns = window
        part = rays[:, rows, columns]
        if isinstance(solid, RoundCone):
            depth, normal, color = _meet_cone(solid, part, camera)
        else:
            depth, normal, color = _meet_box(solid, part, camera)
        if solid.body:
            buffers.person[window] |= np.isfinite(depth)
        nearer = depth < buffers.depth[window]
        buffers.depth[window][nearer] = depth[nearer]
        buffers.body[window][nearer] = solid.body
        buffers.normal[:, rows, columns][:, nearer] = normal[:, nearer]
        buffers.color[:, rows, columns][:, nearer] = color[:, nearer]
    return buffers


def _window(solid: Solid, camera: SquatCamera) -> tuple[slice, slice] | None:
    """The rows and columns of rays that may meet the solid."""
    if isinstance(solid, RoundCone):
        stretch = 1.0 if solid.map is None else float(np.linalg.norm(solid.map, 2))
        centers = camera.to_camera(np.stack([solid.a, solid.b]))
        radii = stretch * np.array([[solid.a_radius], [solid.b_radius]])
        nearest = np.maximum(centers[:, 2:] - radii, _NEAR)
        furthest = centers[:, 2:] + radii
        # A sphere lies within the square of its radius, seen from its nearest and furthest depth.
        sides = [(centers[:, :2] - radii), (centers[:, :2] + radii)]
        edges = np.concatenate([side / depth for side in sides for depth in (nearest, furthest)])
        if centers[:, 2].min() < _NEAR:
            return None
    else:
        signs = np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1)
        corners = camera.to_camera(solid.center + (signs.T * solid.half) @ solid.axes.T)
        if corners[:, 2].min() < _NEAR:
            return None
        edges = corners[:, :2] / corners[:, 2:]
    first = (camera.focal * edges.min(axis=0) + camera.center) * _SAMPLES
    last = (camera.focal * edges.max(axis=0) + camera.center) * _SAMPLES + 3
    limits = np.array(camera.size) * _SAMPLES
    left, top = np.clip(first, 0, limits).astype(int)
    right, bottom = np.clip(last, 0, limits).astype(int)
    if left >= right or top >= bottom:
        return None
    return slice(top, bottom), slice(left, right)


def _meet_cone(
    solid: RoundCone, rays: Floats32, camera: SquatCamera
) -> tuple[Floats32, Floats32, Floats32]:
    """Depth [H, W], normal and colour [3, H, W]. After Quilez, "rounded cone intersection"."""
    a, b = camera.to_camera(np.stack([solid.a, solid.b]))
    to_round = np.eye(3)
    lengths: Any = 1.0
    if solid.map is not None:  # into the frame in which the solid is round; lengths change
        seen_map = camera.rotation @ solid.map @ camera.rotation.T
        to_round = np.linalg.inv(seen_map).astype(np.float64)
        a, b = to_round @ a, to_round @ b
        rays = turned(to_round, rays)
        lengths = np.sqrt(dot(rays, rays))
        rays = rays / lengths
    axis, narrowing = b - a, solid.a_radius - solid.b_radius
    square = float(axis @ axis)
    inner = max(square - narrowing**2, 1e-6 * square)
    along, to_a, to_b = dot(rays, axis), dot(rays, -a), dot(rays, -b)
    start = -float(axis @ a)  # the eye's place along the axis
    k2 = inner - along**2
    k1 = inner * to_a - start * along + narrowing * solid.a_radius * along
    k0 = inner * float(a @ a) - start**2 + 2 * start * narrowing * solid.a_radius
    k0 -= square * solid.a_radius**2
    discriminant = k1**2 - k0 * k2
    with np.errstate(invalid="ignore", divide="ignore"):
        depth = (-np.sqrt(discriminant) - k1) / k2
        place = start - solid.a_radius * narrowing + depth * along
        on_side = (place > 0) & (place < inner) & (discriminant >= 0)
        near_a = -to_a - np.sqrt(to_a**2 - float(a @ a - solid.a_radius**2))
        near_b = -to_b - np.sqrt(to_b**2 - float(b @ b - solid.b_radius**2))
    near_a = np.where(np.isnan(near_a), np.inf, near_a)
    near_b = np.where(np.isnan(near_b), np.inf, near_b)
    depth = np.where(on_side, depth, np.minimum(near_a, near_b))
    # A point of the side belongs to the sphere whose centre is at this share of the axis.
    share = np.where(on_side, place / inner, near_b < near_a)
    met = np.where(np.isfinite(depth), depth, 0)
    to_center = [met * rays[i] - a[i] - share * axis[i] for i in range(3)]
    normal = np.asarray(to_center, np.float32)
    if solid.map is not None:
        normal = turned(to_round.T, normal)
    normal /= np.sqrt(dot(normal, normal)) + np.float32(1e-6)
    first = second = solid.color
    if solid.far_color is not None and solid.cut < 1:
        second = solid.far_color
    color = np.where(share < solid.cut, _planes(first), _planes(second))
    return np.asarray(depth / lengths, np.float32), normal, color


def _meet_box(
    solid: Box, rays: Floats32, camera: SquatCamera
) -> tuple[Floats32, Floats32, Floats32]:
    axes = camera.rotation @ solid.axes
    start = _planes(-camera.to_camera(solid.center[None])[0] @ axes)
    local, half = turned(axes.T, rays), _planes(solid.half)
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = (-half - start) / local, (half - start) / local
    enter, leave = np.minimum(first, second), np.maximum(first, second)
    depth = np.maximum(np.maximum(enter[0], enter[1]), enter[2])
    end = np.minimum(np.minimum(leave[0], leave[1]), leave[2])
    on_face = (enter == depth) * -np.sign(local)  # the normal in the box's frame
    depth = np.where((depth < end) & (depth > _NEAR), depth, np.inf)
    color = np.broadcast_to(_planes(solid.color), rays.shape)
    return depth.astype(np.float32), turned(axes, on_face), color


def _planes(vector: Color | Floats) -> Floats32:
    """[3] to [3, 1, 1]."""
    return np.asarray(vector, np.float32)[:, None, None]
