"""Poses as a mirror shows them: the left joints are then the right ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from python_models.motion.motion import Floats
from python_models.motion.skeletons import Skeleton


def exchanged(values: Floats, skeleton: Skeleton, axis: int) -> Floats:
    """Values of the joints along an axis, left and right ones exchanged."""
    order = np.arange(len(skeleton))
    for left, right in skeleton.flip_pairs:
        order[[left, right]] = right, left
    return np.take(values, order, axis=axis)


def mirrored_keypoints(keypoints: Floats, size: ArrayLike, skeleton: Skeleton) -> Floats:
    """Keypoints [..., K, 2] in the mirrored picture.

    Args:
        keypoints: In pixels, whose centres are at whole coordinates: x becomes w - 1 - x.
        size: (W, H) of the pictures [..., 2].
        skeleton: Names the joints.
    """
    result = exchanged(keypoints, skeleton, -2)
    result[..., 0] = np.asarray(size, np.float64)[..., :1] - 1 - result[..., 0]
    return result


def mirrored_points(points: Floats, skeleton: Skeleton) -> Floats:
    """Joints [..., K, 3] of the camera's frame as its mirrored picture shows them: x to -x."""
    return exchanged(points, skeleton, -2) * [-1, 1, 1]
