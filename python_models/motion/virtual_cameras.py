"""Cameras that nobody has set up: anywhere around a person, who is in their pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from python_models.motion.camera import Camera
from python_models.motion.draws import Draws
from python_models.motion.known import extremes, known
from python_models.motion.motion import Floats, Motion

_NEAREST = 1.5  # a camera's distance, at least, in units of the points' distance from their middle
_FLOOR = 100.0  # mm above the lowest point that a camera is at least


@dataclass(frozen=True)
class VirtualCameras:
    """How random cameras stand around a person.

    The camera looks from any side (azimuth) at the person, who is anywhere in the picture but
    wholly in it. The focal length makes the person as large as wanted.

    Args:
        size: (W, H) of the pictures in pixels.
        azimuth: From, to: degrees around the vertical, 0 along +X.
        elevation: From, to: degrees above the horizon, seen from the person.
        distance: From, to: millimetres from the person's middle; its logarithm is drawn.
        roll: Standard deviation in degrees; never more than three of them.
        fill: From, to: the person's share of the picture's width or height, whichever is larger.
        widest: The largest angle of view, in degrees across the picture's longer side: a person
            is larger than wanted rather than seen through a fisheye.

    Raises:
        ValueError: A number is out of its range.
    """

    size: tuple[int, int] = (1000, 1000)
    azimuth: tuple[float, float] = (0.0, 360.0)
    elevation: tuple[float, float] = (-10.0, 45.0)
    distance: tuple[float, float] = (2200.0, 7000.0)
    roll: float = 5.0
    fill: tuple[float, float] = (0.4, 0.95)
    widest: float = 100.0

    def __post_init__(self) -> None:
        ranges = {"azimuth": (-360.0, 360.0), "elevation": (-80.0, 80.0),
                  "distance": (1.0, 1e6), "fill": (0.01, 1.0)}  # fmt: skip
        for name, (least, most) in ranges.items():
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise ValueError(
                    f"VirtualCameras: {name} must be from, to between {least:g} and {most:g}, "
                    f"got {(low, high)}"
                )
        if not 0 <= self.roll <= 60:
            raise ValueError(f"VirtualCameras: roll must be 0 to 60, got {self.roll}")
        if not 20 <= self.widest <= 100:  # wider, and a point could be behind the camera
            raise ValueError(f"VirtualCameras: widest must be 20 to 100, got {self.widest}")
        if len(self.size) != 2 or min(self.size) < 2:
            raise ValueError(f"VirtualCameras: size must be (W, H) of at least 2, got {self.size}")

    def around(self, points: Floats, draws: Draws) -> Camera:
        """A camera for each of B sets of world points [B, N, 3], which it sees all; NaN: unknown.

        The numbers that are drawn for a set are its own: the others change nothing.

        Raises:
            ValueError: A set has no known point.
        """
        low, high = extremes(points)
        if not np.isfinite(low).all():
            raise ValueError("VirtualCameras.around: every set must have a known point")
        middle = (low + high) / 2
        points = np.where(known(points)[..., None], points, middle[:, None])
        position, axes = self._place(points - middle[:, None], middle, low[:, 2], draws)

        relative = points - position[:, None]
        flat = _flat(axes, relative)
        least, most = extremes(flat)
        picture = np.array(self.size, np.float64)
        drawn = draws.uniform("camera's picture", 3)
        extent = np.maximum(most - least, 1e-6)  # of a single point there is none
        focal = _between(drawn[:, :1], self.fill) / (extent / picture).max(axis=1, keepdims=True)
        shortest = max(self.size) / 2 / math.tan(math.radians(self.widest / 2))
        focal = np.clip(focal, shortest, 100 * shortest)
        slack = np.maximum(picture / focal - extent, 0.0)
        axes = _turned(axes, (least + most) / 2 - (drawn[:, 1:] - 0.5) * slack)

        # The turn has changed the person's outline a little: none of it may leave the picture.
        outermost = np.maximum(extremes(np.abs(_flat(axes, relative)))[1], 1e-9)
        within = ((picture - 1) / 2 / outermost).min(axis=1, keepdims=True)
        focal = np.repeat(np.minimum(focal, within), 2, axis=1)
        center = np.broadcast_to((picture - 1) / 2, focal.shape)
        translation = -np.einsum("bij,bj->bi", axes, position)
        return Camera(focal, center, self.size, axes, translation)

    def _place(
        self, points: Floats, middle: Floats, floor: Floats, draws: Draws
    ) -> tuple[Floats, Floats]:
        """Where cameras are [B, 3], and their axes right, down, forward [B, 3, 3]: at the middle.

        points: [B, N, 3], seen from the middle. floor: the lowest height [B].
        """
        drawn = draws.uniform("camera's place", 3)
        azimuth = np.radians(_between(drawn[:, 0], self.azimuth))
        elevation = np.radians(_between(drawn[:, 1], self.elevation))
        low, high = self.distance
        x, y, z = np.moveaxis(points, -1, 0)
        radius = np.sqrt(x * x + y * y + z * z).max(axis=1)
        distance = np.maximum(low * (high / low) ** drawn[:, 2], _NEAREST * radius)
        lowest = np.minimum((floor + _FLOOR - middle[:, 2]) / distance, 0.0)
        sine = np.maximum(np.sin(elevation), lowest)
        cosine = np.sqrt(1 - sine * sine)
        towards = np.stack([cosine * np.cos(azimuth), cosine * np.sin(azimuth), sine], axis=-1)
        right = np.stack([-np.sin(azimuth), np.cos(azimuth), np.zeros(len(sine))], axis=-1)
        down = np.cross(-towards, right)
        roll = np.radians(self.roll * np.clip(draws.normal("camera's roll", 1), -3, 3))
        right, down = (
            right * np.cos(roll) + down * np.sin(roll),
            down * np.cos(roll) - right * np.sin(roll),
        )
        position = middle + distance[:, None] * towards
        return position, np.stack([right, down, -towards], axis=1)


def camera_of_motion(
    motion: Motion, number: int = 0, *, seed: int = 0, cameras: VirtualCameras | None = None
) -> Camera:
    """A random camera that sees the whole of a motion, the same one for the same numbers.

    A motion in a camera's frame is seen as `level` has it.
    """
    points = level(motion).reshape(1, -1, 3)
    chosen = (cameras or VirtualCameras()).around(points, Draws(seed, 0, [number]))
    return Camera(
        chosen.focal[0], chosen.center[0], chosen.size, chosen.rotation[0], chosen.translation[0]
    )


def level(motion: Motion) -> Floats:
    """A motion's joints with Z up.

    Those in a camera's frame are turned as if the camera had been level, which nobody knows.
    """
    if motion.frame == "world":
        return motion.joints
    x, y, z = np.moveaxis(motion.joints, -1, 0)
    return np.stack([x, z, -y], axis=-1)


def _between(share: Floats, ends: tuple[float, float]) -> Floats:
    return ends[0] + share * (ends[1] - ends[0])


def _flat(axes: Floats, points: Floats) -> Floats:
    """The points [B, N, 3], relative to the camera's place, over their depth: [B, N, 2]."""
    seen = points @ np.swapaxes(axes, 1, 2)
    return np.asarray(seen[..., :2] / seen[..., 2:])


def _turned(axes: Floats, aside: Floats) -> Floats:
    """The axes turned so that what was seen at x / z, y / z = aside [B, 2] is in the middle."""
    right, down, forward = np.moveaxis(axes, 1, 0)
    forward = forward + aside[:, :1] * right + aside[:, 1:] * down
    forward = forward / np.sqrt((forward * forward).sum(axis=-1, keepdims=True))
    right = right - (right * forward).sum(axis=-1, keepdims=True) * forward
    right = right / np.sqrt((right * right).sum(axis=-1, keepdims=True))
    return np.stack([right, np.cross(forward, right), forward], axis=1)
