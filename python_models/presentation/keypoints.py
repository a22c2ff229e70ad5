"""One person's keypoints through the frames of a file, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from python_models.motion.known import known
from python_models.motion.motion import Floats
from python_models.motion.skeletons import SKELETONS, Skeleton

Frame = Literal["image", "world", "camera"]

MOST_FRAMES = 200_000  # an hour and more at 50 a second
FARTHEST = 1e6  # pixels or millimetres; nothing real is a tenth as far
_SMALLEST_BODY = 50.0  # millimetres; less is metres, or no unit at all


@dataclass(frozen=True)
class Keypoints:
    """Points of T frames.

    Attributes:
        points: [T, K, D], float64, NaN where a joint is missing. D is 2 for image pixels, pixel
            centres at integers, and 3 for millimetres.
        scores: [T, K], 0 to 1, or None where the file has none.
        skeleton: Names the K joints.
        frame_rate: Frames per second; None: single pictures.
        image_sizes: Width and height in pixels of each frame, where the file says them.
        names: Of the frames: file names, or numbers.
        frame: Of the points: "image" (D = 2), or "world" (Z up) or "camera" (x right, y down, z
            forward).
        notes: What a reader of the results must know about the file.
        covariances: [T, K, D, D] in the points' units squared, NaN where they are not known; or
            None where none is.
        focal: The camera's focal length in pixels of the images, or None where it is not known.
    """

    points: Floats
    scores: Floats | None
    skeleton: Skeleton
    frame_rate: float | None
    image_sizes: tuple[tuple[int, int], ...] | None
    names: tuple[str, ...]
    frame: Frame = "image"
    notes: tuple[str, ...] = ()
    covariances: Floats | None = None
    focal: float | None = None

    def __len__(self) -> int:
        return len(self.points)

    @property
    def image_size(self) -> tuple[int, int] | None:
        """Of all frames, if they have the same."""
        sizes = set(self.image_sizes or ())
        return sizes.pop() if len(sizes) == 1 else None


def skeleton_of(name: object, source: str) -> Skeleton:
    """The known skeleton of that name.

    Raises:
        ValueError: It is not known.
    """
    if not isinstance(name, str) or name not in SKELETONS:
        raise ValueError(f"{source}: skeleton must be among {sorted(SKELETONS)}, got {name!r}")
    return SKELETONS[name]


def rate_of(value: object, source: str) -> float | None:
    """Frames per second as a file says them; None where it does not.

    Zero and less are passed on: whoever needs a time refuses them, or has a better number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > FARTHEST:
        raise ValueError(f"{source}: fps must be a number, got {value!r}")
    return float(value)


def size_of(value: object, source: str) -> tuple[int, int] | None:
    """Width and height of the images, or None."""
    if value is None:
        return None
    try:
        values = list(value) if isinstance(value, (list, tuple, np.ndarray)) else []
        width, height = (int(side) for side in values)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{source}: image_size must be [width, height] in pixels, got {value!r}"
        ) from error
    if not (0 < width <= 100_000 and 0 < height <= 100_000):
        raise ValueError(f"{source}: image_size must be 1 to 100000 pixels, got {value!r}")
    return width, height


def focal_of(value: object, source: str) -> float | None:
    """A focal length in pixels as a file says it, or None.

    Raises:
        ValueError: It is no positive number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= FARTHEST:
        raise ValueError(
            f"{source}: focal must be pixels, positive and up to {FARTHEST:g}, got {value!r}"
        )
    return float(value)


def checked(keypoints: Keypoints, source: str) -> Keypoints:
    """The same, if they can be: of the right shape and of a possible size.

    Raises:
        ValueError: They cannot.
    """
    points, joints = keypoints.points, len(keypoints.skeleton)
    dims = 2 if keypoints.frame == "image" else 3
    if points.ndim != 3 or points.shape[1:] != (joints, dims):
        raise ValueError(
            f"{source}: keypoints of {keypoints.skeleton.name} must be [T, {joints}, {dims}], "
            f"got {list(points.shape)}"
        )
    if not 0 < len(points) <= MOST_FRAMES:
        raise ValueError(f"{source}: must have 1 to {MOST_FRAMES} frames, got {len(points)}")
    wrong = np.argwhere(np.isinf(points) | (np.abs(points) > FARTHEST))
    if len(wrong):
        t, k = wrong[0, :2]
        raise ValueError(
            f"{source}: coordinates must be within {FARTHEST:g}, got "
            f"{points[t, k].tolist()} for {keypoints.skeleton.joints[k]} in frame {t}"
        )
    scores = keypoints.scores
    if scores is not None and scores.shape != points.shape[:2]:
        raise ValueError(
            f"{source}: scores must be {list(points.shape[:2])}, got {list(scores.shape)}"
        )
    if dims == 3:
        _check_unit(points, source)
    return keypoints


def whole_points(points: Floats) -> Floats:
    """Points whose coordinates are all known; the others are NaN altogether."""
    whole = ~np.isnan(points).any(axis=-1, keepdims=True)  # infinity stays, to be refused
    return np.where(whole, points, np.nan)


def _check_unit(points: Floats, source: str) -> None:
    bodies = [frame[known(frame)] for frame in points]
    extents = (float(np.ptp(body, axis=0).max()) for body in bodies if len(body) > 1)
    extent = max(extents, default=np.inf)
    if extent < _SMALLEST_BODY:
        raise ValueError(
            f"{source}: 3D keypoints must be in millimetres, but the body is only {extent:.3g} of "
            "them large: are they metres?"
        )
