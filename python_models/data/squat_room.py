"""Where the squatting figure stands: a room or a field, things in it, light, shadows, and noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from python_models.data.squat_camera import Floats, Floats32, SquatCamera, dot, rotation, turned
from python_models.data.squat_clothes import sample_color
from python_models.data.squat_picture import Box, Buffers, Color, Light, RoundCone, Solid

_WALLS = ("plain", "planks", "bricks", "panels")
_FLOORS = ("plain", "planks", "tiles", "mats")


@dataclass(frozen=True)
class Room:
    """A box with the figure inside, turned about Z; or, outdoors, a field to the horizon.

    axes: columns are the room's x, y, z in the world. low, high: its corners, millimetres.
    """

    outdoors: bool
    axes: Floats
    low: Floats
    high: Floats
    floor: Color
    floor_kind: str
    walls: tuple[Color, Color, Color, Color]
    wall_kind: str
    cell: float  # of the patterns, millimetres
    contrast: float
    ceiling: Color
    texture: float  # strength of the blotches


def sample_room(camera: SquatCamera, rng: np.random.Generator) -> Room:
    """A random room that also holds the camera."""
    axes = rotation(2, rng.uniform(0, 90))
    seat = camera.position @ axes
    low, high = -rng.uniform(1300, 6000, 3), rng.uniform(1300, 6000, 3)
    low, high = np.minimum(low, seat - 400), np.maximum(high, seat + 400)
    low[2], high[2] = 0, max(rng.uniform(2500, 4500), seat[2] + 300)
    outdoors = rng.random() < 0.25
    base = np.array(_muted(rng))
    walls = [_color(base * rng.uniform(0.75, 1.1)) for _ in range(4)]
    if rng.random() < 0.5:
        walls[rng.integers(4)] = sample_color(rng)
    grass = (rng.uniform(0.25, 0.45), rng.uniform(0.35, 0.55), rng.uniform(0.15, 0.28))
    return Room(
        outdoors=outdoors,
        axes=axes,
        low=low,
        high=high,
        floor=grass if outdoors and rng.random() < 0.6 else _muted(rng),
        floor_kind="plain" if outdoors else str(rng.choice(_FLOORS)),
        walls=(walls[0], walls[1], walls[2], walls[3]),
        wall_kind=str(rng.choice(_WALLS)),
        cell=rng.uniform(250, 900),
        contrast=rng.uniform(0.05, 0.25),
        ceiling=(0.55, 0.68, 0.85) if outdoors else _color(np.full(3, rng.uniform(0.5, 0.95))),
        texture=rng.uniform(0.03, 0.14),
    )


def sample_light(rng: np.random.Generator) -> Light:
    """Light from above, at random."""
    height, turn = math.radians(rng.uniform(35, 80)), rng.uniform(0, 2 * math.pi)
    flat = math.cos(height)
    direction = np.array([flat * math.cos(turn), flat * math.sin(turn), math.sin(height)])
    ambient = rng.uniform(0.4, 0.62)
    return Light(direction, rng.uniform(0.95, 1.3) - ambient, ambient)


def sample_things(
    camera: SquatCamera, rng: np.random.Generator, *, occluders: int
) -> tuple[list[Solid], list[Solid]]:
    """Things on the floor around the figure, and as many between it and the camera as asked."""
    things: list[Solid] = []
    seat = camera.position[:2]
    distance = float(np.linalg.norm(seat))
    to_camera = seat / distance
    across = np.array([-to_camera[1], to_camera[0]])
    for _ in range(rng.integers(0, 5)):  # behind and beside
        far = -rng.uniform(0.1, 2.5) * 1000
        wide = rng.choice([-1, 1]) * rng.uniform(1000, 2600)
        if rng.random() < 0.4:
            far, wide = -rng.uniform(1000, 2500), rng.uniform(-900, 900)
        things.append(_thing(far * to_camera + wide * across, rng, rng.uniform(200, 1900)))
    hiding: list[Solid] = []
    for _ in range(occluders):
        near = min(rng.uniform(650, 1100), 0.6 * distance)
        place = near * to_camera + rng.uniform(-350, 350) * across
        height = rng.uniform(150, 620) if rng.random() < 0.7 else rng.uniform(900, 2000)
        width = rng.uniform(40, 260) if height < 700 else rng.uniform(20, 55)
        hiding.append(_thing(place, rng, height, width))
    return things, hiding


def _thing(
    place: Floats, rng: np.random.Generator, height: float, width: float | None = None
) -> Solid:
    """A crate, a post or a ball; place: [2] on the floor; width: half of it."""
    width = rng.uniform(60, 420) if width is None else width
    color = sample_color(rng)
    kind = rng.random()
    if kind < 0.6:
        half = np.array([width, width * rng.uniform(0.4, 1), height / 2])
        center = np.array([*place, height / 2])
        return Box(center, rotation(2, rng.uniform(0, 180)), half, color)
    if kind < 0.85 or height > 700:
        radius = min(0.7 * width, 120.0)
        foot, top = np.array([*place, radius]), np.array([*place, max(height, 2 * radius + 30)])
        return RoundCone(foot, top, radius, radius * rng.uniform(0.5, 1), color, body=False)
    radius = min(height, 2 * width, 420) / 2
    center = np.array([*place, radius])
    return RoundCone(center, center + 0.5, radius, radius, color, body=False)


def draw(
    camera: SquatCamera,
    room: Room,
    light: Light,
    buffers: Buffers,
    shadows: Sequence[Solid],
    rng: np.random.Generator,
) -> Image.Image:
    """The picture: the room, the solids in the buffers before it, blur, noise."""
    picture = _background(camera, room, light, shadows, rng)
    up = camera.rotation @ [0.0, 0.0, 1.0]
    covered = np.isfinite(buffers.depth)
    normal = buffers.normal[:, covered]
    diffuse = np.maximum(dot(normal, camera.rotation @ light.direction), 0)
    upward = 1 + 0.22 * dot(normal, up)  # the floor is darker than the sky
    facing = 0.86 + 0.14 * np.abs(normal[2])  # edges are a little darker
    shade = (light.ambient * upward + light.strength * diffuse) * facing
    lit = np.zeros_like(buffers.color)
    lit[:, covered] = buffers.color[:, covered] * np.minimum(shade, 1.5)
    samples = buffers.depth.shape[0] // picture.shape[1]
    picture = picture * (1 - _reduced(covered.astype(np.float32), samples))
    picture += _reduced(lit, samples)
    picture *= (1 + rng.normal(0, 0.03, (3, 1, 1))) * rng.uniform(0.85, 1.18)
    picture += rng.normal(0, rng.uniform(0.003, 0.02), picture.shape)
    pixels = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def _reduced(values: Floats32, samples: int) -> Floats32:
    """Means of squares of samples: [..., H * samples, W * samples] to [..., H, W]."""
    steps = range(samples)
    parts = [values[..., row::samples, column::samples] for row in steps for column in steps]
    return np.asarray(sum(parts[1:], parts[0]) / samples**2, np.float32)


def _background(
    camera: SquatCamera,
    room: Room,
    light: Light,
    shadows: Sequence[Solid],
    rng: np.random.Generator,
) -> Floats32:
    """The room without what stands in it: [3, H, W]."""
    rays = turned((camera.rotation @ room.axes).T, camera.rays(1))
    seat = camera.position @ room.axes
    exits = np.empty_like(rays)
    with np.errstate(divide="ignore"):
        for axis in range(3):
            ends = np.where(rays[axis] > 0, room.high[axis], room.low[axis]) - seat[axis]
            exits[axis] = np.abs(ends / rays[axis])  # infinite along the wall
    if room.outdoors:  # only the field
        exits[:2] = np.inf
        exits[2] = np.where(rays[2] < -1e-3, exits[2], 1e9)
    np.minimum(exits, 1e9, out=exits)  # level rays never meet the field
    depth = np.minimum(np.minimum(exits[0], exits[1]), exits[2])
    side = np.where(depth == exits[2], 2, np.where(depth == exits[1], 1, 0))
    points = np.stack([(seat[axis] + depth * rays[axis]) for axis in range(3)]).astype(np.float32)
    floor = (side == 2) & (rays[2] < (-1e-3 if room.outdoors else 0))
    picture = np.empty_like(rays)
    picture[:] = np.array(room.ceiling)[:, None, None]
    if room.outdoors:
        picture *= 1.15 - 0.5 * np.clip(rays[2], 0, 1)
    else:
        for axis in (0, 1):
            for positive in (0, 1):
                wall = (side == axis) & ((rays[axis] > 0) == bool(positive))
                pattern = _pattern(room.wall_kind, points[1 - axis][wall], points[2][wall], room)
                color = np.array(room.walls[2 * axis + positive])[:, None]
                picture[:, wall] = color * (pattern * (0.82 + 0.08 * axis))
    ground = points[:, floor]
    pattern = _pattern(room.floor_kind, ground[0], ground[1], room)
    haze = np.exp(-depth[floor] / 25000) if room.outdoors else 1.0
    lit = np.array(room.floor)[:, None] * (light.ambient + 0.75 * light.strength)
    lit = lit * pattern * _shadow(turned(room.axes, ground), light, shadows)
    picture[:, floor] = lit * haze + np.array(room.ceiling)[:, None] * (1 - haze)
    return picture * (1 + room.texture * _blotches(picture.shape[1:], rng))


def _pattern(kind: str, u: Floats32, v: Floats32, room: Room) -> Floats32:
    """Brightness factors of a surface at places (u, v)."""
    cell, contrast = room.cell, room.contrast
    column, row = np.floor(u / cell), np.floor(v / (0.45 * cell))
    if kind == "planks":
        return np.asarray(1 + contrast * (_hash(column, 0 * column) - 0.5), np.float32)
    if kind == "bricks":
        column = np.floor(u / cell + 0.5 * (row % 2))
        return np.asarray(1 + contrast * (_hash(column, row) - 0.5), np.float32)
    if kind == "panels":  # a darker lower part
        return np.asarray(1 - 1.5 * contrast * (v < 1.6 * cell), np.float32)
    if kind == "tiles":
        even = (column + np.floor(v / cell)) % 2
        return np.asarray(1 + contrast * (even - 0.5), np.float32)
    if kind == "mats":  # dark joints
        joint = np.minimum(u / cell - column, v / cell - np.floor(v / cell)) < 0.05
        return np.asarray(1 - 1.2 * contrast * joint, np.float32)
    return np.ones(u.shape, np.float32)


def _hash(column: Floats32, row: Floats32) -> Floats32:
    """Repeatable noise in 0 to 1 for whole numbers."""
    mixed = (column.astype(np.int64) * 73856093) ^ (row.astype(np.int64) * 19349663)
    return np.asarray((mixed * 2654435761 % 1009) / 1009, np.float32)


def _shadow(points: Floats32, light: Light, solids: Sequence[Solid]) -> Floats32:
    """The share of light [N] that reaches floor points [3, N]; solids throw soft shadows."""
    slope = light.direction[:2] / light.direction[2]
    nearest = np.full(points.shape[1], 1e4, np.float32)
    for solid in solids:
        if isinstance(solid, RoundCone) and solid.a_radius < 14:
            continue  # a feature of the face
        if isinstance(solid, Box):
            radius = float(solid.half[:2].mean())
            below, above = solid.center.copy(), solid.center.copy()
            below[2], above[2] = 0, 2 * solid.center[2]
            ends, radii = (below, above), (radius, radius)
        else:
            ends, radii = (solid.a, solid.b), (solid.a_radius, solid.b_radius)
        start, end = (end[:2] - slope * end[2] for end in ends)
        x, y = points[0] - np.float32(start[0]), points[1] - np.float32(start[1])
        along = (end - start).astype(np.float32)
        share = (x * along[0] + y * along[1]) / max(along @ along, np.float32(1))
        share = np.clip(share, 0, 1)
        distance = np.sqrt((x - share * along[0]) ** 2 + (y - share * along[1]) ** 2)
        distance -= np.float32(radii[0]) + share * np.float32(radii[1] - radii[0])
        np.minimum(nearest, distance, out=nearest)
    soft = np.clip((nearest + 25) / 90, 0, 1)
    depth = 0.75 * light.strength / (light.ambient + light.strength)
    return np.asarray(1 - depth * (1 - soft * soft * (3 - 2 * soft)), np.float32)


def _blotches(shape: tuple[int, ...], rng: np.random.Generator) -> Floats32:
    """Smooth noise [H, W] between -1 and 1."""
    total: Any = 0.0
    for cells in (5, 24):
        grid = Image.fromarray(rng.uniform(-1, 1, (cells, cells)).astype(np.float32))
        total = total + np.asarray(grid.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))
    return np.asarray(total / 2, np.float32)


def _muted(rng: np.random.Generator) -> Color:
    """A colour as rooms have it."""
    return _color(rng.uniform(0.25, 0.85) + rng.uniform(-0.12, 0.12, 3))


def _color(values: Floats) -> Color:
    red, green, blue = np.clip(values, 0, 1)
    return float(red), float(green), float(blue)
