"""What MMPose expects of its arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import _arguments as arguments

Array = np.ndarray[Any, Any]


def check_array(operation: str, argument: str, array: object, layouts: dict[int, str]) -> None:
    """Refuses what is no array with these numbers of dimensions."""
    if not isinstance(array, np.ndarray):
        raise arguments.type_error(operation, argument, "a NumPy array", array)
    arguments.check_ndim(operation, argument, array, layouts)


def check_keypoints(operation: str, keypoints: object, visible: object) -> None:
    """Refuses anything but [N, K, 2] and [N, K]."""
    check_array(operation, "keypoints", keypoints, {3: "[N, K, 2]"})
    check_array(operation, "keypoints_visible", visible, {2: "[N, K]"})
    places: Any = keypoints
    seen: Any = visible
    if places.shape[2] != 2:
        raise arguments.value_error(operation, "keypoints", "[N, K, 2]", list(places.shape))
    if seen.shape != places.shape[:2]:
        expected = str(list(places.shape[:2]))
        raise arguments.value_error(operation, "keypoints_visible", expected, list(seen.shape))


def own_dtype(heatmaps: Array, scores: Array) -> Array:
    """Scores, which are float32, in the maps' dtype."""
    if heatmaps.dtype == np.float64:
        scores = heatmaps.max((-2, -1))
    return scores.astype(heatmaps.dtype)
