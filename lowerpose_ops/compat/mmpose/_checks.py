"""What MMPose expects of its arrays."""

from __future__ import annotations

from typing import Any

from ... import _arguments as arguments
from .._checks import check_array


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
