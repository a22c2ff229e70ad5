"""The poses that an analysis takes: in the picture or in space, with what is known of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from python_models.motion.motion import Floats, Motion
from python_models.motion.skeletons import Skeleton

UP = {"image": (0.0, -1.0), "world": (0.0, 0.0, 1.0), "camera": (0.0, -1.0, 0.0)}
"""Against gravity, by what the points are in; cameras are upright."""

FARTHEST = 1e7
"""A coordinate beyond it, 10 km or ten million pixels, is none: the joint is missing."""

_ROUNDING = 1e-6  # of a covariance's largest entry, or by itself: single precision


@dataclass(frozen=True)
class PoseSequence:
    """One person's poses, one a frame.

    Attributes:
        points: [T, K, D] float64: D = 2, pixels of the picture (x right, y down); D = 3,
            millimetres, right-handed. A joint with a coordinate that is not finite, or beyond
            FARTHEST, is missing: all of it is NaN here.
        skeleton: Names the K joints.
        frame_rate: Poses per second. None: the poses are single pictures that no time connects.
        up: [D], the unit vector against gravity: (0, -1) in a picture of an upright camera,
            (0, 0, 1) in a world whose Z points up, (0, -1, 0) in front of an upright camera.
        confidence: [T, K], 0 to 1, or None where nothing is known.
        covariance: [T, K, D, D] of each joint by itself, in units of the points squared, or None;
            a NaN in it: it is not known, and what depends on it is not judged as sure.
        name: Of the recording, for messages.
        image_size: (width, height) in pixels of 2D points: tells which joints are out of the
            picture. None: not known.

    Raises:
        ValueError: A shape does not fit; there is no frame; the frame rate is not positive and
            finite; `up` is no unit vector; a confidence is outside 0 to 1; a covariance is
            infinite, not symmetric or negative along some direction.
    """

    points: Floats
    skeleton: Skeleton
    frame_rate: float | None
    up: Floats
    confidence: Floats | None = None
    covariance: Floats | None = None
    name: str = ""
    image_size: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for field in ("points", "up", "confidence", "covariance"):
            value = getattr(self, field)
            if value is not None:
                object.__setattr__(self, field, np.asarray(value, np.float64))
        shape, joints = self.points.shape, len(self.skeleton)
        if len(shape) != 3 or shape[0] == 0 or shape[1] != joints or shape[2] not in (2, 3):
            raise self._error(f"points must be [T, {joints}, 2 or 3], T >= 1, got {list(shape)}")
        with np.errstate(invalid="ignore"):
            there = (np.abs(self.points) <= FARTHEST).all(-1, keepdims=True)
        object.__setattr__(self, "points", np.where(there, self.points, np.nan))
        if self.frame_rate is not None and not 0 < self.frame_rate < math.inf:
            raise self._error(
                f"frame_rate must be positive (None for single pictures), got {self.frame_rate}"
            )
        if self.up.shape != shape[2:] or not abs(np.linalg.norm(self.up) - 1) < 1e-6:
            raise self._error(f"up must be a unit vector [{shape[2]}], got {self.up.tolist()}")
        self._check("confidence", shape[:2])
        self._check("covariance", (*shape, shape[2]))
        if self.confidence is not None and np.any((self.confidence < 0) | (self.confidence > 1)):
            raise self._error("confidence must be 0 to 1")
        if self.covariance is not None:
            self._check_covariance(self.covariance)
        if self.image_size is not None and (shape[2] != 2 or not min(self.image_size) > 0):
            raise self._error(
                f"image_size must be positive and is of 2D points, got {self.image_size}"
            )

    def __len__(self) -> int:
        return len(self.points)

    @property
    def dimensions(self) -> int:
        """2 or 3."""
        return int(self.points.shape[2])

    @property
    def times(self) -> Floats | None:
        """[T], seconds since the first frame; None of single pictures."""
        return None if self.frame_rate is None else np.arange(len(self)) / self.frame_rate

    @classmethod
    def of_motion(cls, motion: Motion) -> PoseSequence:
        """A motion in 3D, as the readers give it."""
        up = np.array(UP[motion.frame])
        return cls(motion.joints, motion.skeleton, motion.frame_rate, up, name=motion.name)

    @classmethod
    def of_pixels(
        cls,
        points: Floats,
        skeleton: Skeleton,
        frame_rate: float | None,
        *,
        confidence: Floats | None = None,
        covariance: Floats | None = None,
        name: str = "",
        image_size: tuple[float, float] | None = None,
    ) -> PoseSequence:
        """Joints [T, K, 2] in the pictures of an upright camera."""
        up = np.array(UP["image"])
        return cls(points, skeleton, frame_rate, up, confidence, covariance, name, image_size)

    def _check(self, field: str, expected: tuple[int, ...]) -> None:
        value = getattr(self, field)
        if value is not None and value.shape != expected:
            raise self._error(f"{field} must be {list(expected)}, got {list(value.shape)}")

    def _check_covariance(self, covariance: Floats) -> None:
        if np.isinf(covariance).any():
            raise self._error("covariance must be finite (NaN where it is not known), got infinity")
        known = covariance[np.isfinite(covariance).all((-2, -1))]
        near = _ROUNDING * np.maximum(np.abs(known).max((-2, -1), initial=0.0), 1.0)
        if np.any(np.abs(known - known.swapaxes(-1, -2)).max((-2, -1), initial=0.0) > near):
            raise self._error("covariance must be symmetric")
        least = np.linalg.eigvalsh(known).min(-1, initial=0.0)
        if np.any(least < -near):
            raise self._error(
                f"covariance must not be negative along any direction, got {least.min():.3g}"
            )

    def _error(self, message: str) -> ValueError:
        return ValueError(f"PoseSequence {self.name}: {message}")
