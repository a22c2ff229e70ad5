"""Where a network's 2D input has its origin and its unit: the picture's, or the person's.

`forward` of a frame turns pixels into the network's numbers, `back` undoes it. Where cameras' focal
lengths are known, `in_standard_camera` makes all pictures those of one camera first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from python_models.motion.known import known
from python_models.motion.motion import Floats
from python_models.motion.skeletons import Skeleton

FRAMES = ("image", "person")
"""The frames by the names that options have for them."""

_STANDARD_SIZE = 256  # pixels, of the standard camera's pictures
_STANDARD_FOCAL = _STANDARD_SIZE / 2  # pixels: an angle of view of 90 degrees
_FAR = 3.0  # medians from the middle, as which a joint counts that is further away


@dataclass(frozen=True)
class KeypointFrame:
    """An origin in pixels [..., 2] and a unit in pixels [...], one of each for every pose."""

    origin: Floats
    unit: Floats

    def forward(self, keypoints: Floats) -> Floats:
        """Pixels [..., K, 2] in the frame."""
        return np.asarray((keypoints - self.origin[..., None, :]) / self.unit[..., None, None])

    def back(self, values: Floats) -> Floats:
        """What `forward` gives [..., K, 2] in pixels."""
        return np.asarray(values * self.unit[..., None, None] + self.origin[..., None, :])


def image_frame(keypoints: Floats, size: ArrayLike) -> KeypointFrame:
    """The picture's: x / w * 2 - 1 and y / w * 2 - h / w, as Martinez's followers have it.

    The origin is the picture's middle between its edges, (w / 2, h / 2); both coordinates are
    divided by half the width. A pixel's centre being at whole coordinates, a mirrored picture has
    the mirrored numbers less one pixel, 2 / w.

    Args:
        keypoints: [..., K, 2]; only their shape counts.
        size: (W, H) of the pictures [..., 2].
    """
    half = np.broadcast_to(np.asarray(size, np.float64) / 2, (*keypoints.shape[:-2], 2))
    return KeypointFrame(half, half[..., 0])


def person_frame(keypoints: Floats, skeleton: Skeleton) -> KeypointFrame:
    """The person's: neither the place nor the size in the picture counts.

    The origin is the middle of the hips, or of the known joints where a hip is not known. The unit
    is the joints' mean distance from there, in which a joint counts at most as three times their
    median, so that one that is far off changes little. Without two joints apart the unit is 1.

    Args:
        keypoints: [..., K, 2] in pixels, NaN where not known.
        skeleton: Names the joints.
    """
    sure = known(keypoints)
    counted = np.maximum(sure.sum(axis=-1), 1)
    origin = np.where(sure[..., None], keypoints, 0.0).sum(axis=-2) / counted[..., None]
    if {"left_hip", "right_hip"} <= set(skeleton.joints):
        hips = keypoints[..., skeleton.indices("left_hip", "right_hip"), :].mean(axis=-2)
        origin = np.where(np.isfinite(hips), hips, origin)
    away = keypoints - origin[..., None, :]
    distance = np.where(sure, np.hypot(away[..., 0], away[..., 1]), np.inf)
    ordered = np.sort(distance, axis=-1)  # those that are not known come last
    lower, upper = (counted - 1) // 2, counted // 2
    median = (_at(ordered, lower) + _at(ordered, upper)) / 2
    limit = np.where(median > 0, _FAR * median, np.inf)
    unit = np.where(sure, np.minimum(distance, limit[..., None]), 0.0).sum(axis=-1) / counted
    return KeypointFrame(origin, np.where(unit > 0, unit, 1.0))


def keypoint_frame(
    name: str, keypoints: Floats, size: ArrayLike, skeleton: Skeleton
) -> KeypointFrame:
    """The frame of a name among `FRAMES`.

    Args:
        name: "image" or "person".
        keypoints: [..., K, 2] in pixels, NaN where not known.
        size: (W, H) of the pictures [..., 2].
        skeleton: Names the joints.

    Raises:
        ValueError: There is no such frame.
    """
    if name not in FRAMES:
        raise ValueError(f"keypoint_frame: name must be among {FRAMES}, got {name!r}")
    if name == "image":
        return image_frame(keypoints, size)
    return person_frame(keypoints, skeleton)


def in_standard_camera(keypoints: Floats, size: Floats, focal: ArrayLike) -> tuple[Floats, Floats]:
    """Where one camera, of 90 degrees and pictures of 256 x 256, would have seen keypoints.

    Args:
        keypoints: [N, K, 2] in pixels of cameras whose principal point is the picture's middle.
        size: (W, H) of their pictures [N, 2] or of all [2].
        focal: In their pixels, [N] or of all.

    Returns:
        The keypoints [N, K, 2], which may be beyond the picture, and its size [2].

    Raises:
        ValueError: A focal length is not positive.
    """
    lengths = np.asarray(focal, np.float64)
    if not (lengths > 0).all():
        raise ValueError(f"in_standard_camera: focal must be positive, got {focal!r}")
    middle = (np.broadcast_to(np.asarray(size, np.float64), (len(keypoints), 2)) - 1) / 2
    factor = np.broadcast_to(_STANDARD_FOCAL / lengths, (len(keypoints),))
    moved = (keypoints - middle[:, None]) * factor[:, None, None] + (_STANDARD_SIZE - 1) / 2
    return moved, np.array([_STANDARD_SIZE, _STANDARD_SIZE], np.float64)


def _at(values: Floats, number: NDArray[np.int64]) -> Floats:
    return np.take_along_axis(values, number[..., None], axis=-1)[..., 0]
