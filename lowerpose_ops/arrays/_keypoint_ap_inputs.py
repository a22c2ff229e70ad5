"""What average precision of keypoints is computed from, checked and completed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _arguments as arguments
from .. import _score_arguments as score_arguments
from ..keypoint_ap_presets import KeypointAPRules
from . import _keypoint_matching as matching
from ._checks import Array

BOX_SHARE = 0.53  # of its box, that a person covers; where the area is not known


@dataclass
class Detections:
    """Detections in any order."""

    keypoints: Array  # [D, K, 3] float64
    scores: Array  # [D] float64
    areas: Array  # [D] float64

    @classmethod
    def read(
        cls,
        operation: str,
        num_joints: int,
        rule: KeypointAPRules,
        pred: Any,
        scores: Any,
        areas: Any = None,
        boxes: Any = None,
    ) -> Detections:
        """Checked, and with an area for each."""
        keypoints = _keypoints(operation, "pred", pred, num_joints, layouts=(2, 3))
        count = len(keypoints)
        values = _column(operation, "scores", scores, count)
        if areas is not None:
            sizes = _column(operation, "pred_areas", areas, count)
        elif boxes is not None:
            box = _column(operation, "pred_boxes", boxes, count, 4)
            sizes = box[:, 2] * box[:, 3]
        else:
            box = extents(keypoints, keypoints[..., 2] > 0 if rule.extent == "scored" else None)
            sizes = box[:, 2] * box[:, 3]
        return cls(keypoints, values, sizes)

    def kept(self, rule: KeypointAPRules) -> Array:
        """Which of them take part."""
        if rule.unscored == "keep":
            return np.ones(len(self.keypoints), bool)
        return np.asarray((self.keypoints[..., 2] > 0).any(1))


@dataclass
class People:
    """Ground truth in any order."""

    keypoints: Array  # [G, K, 3] float64
    boxes: Array  # [G, 4] float64
    areas: Array  # [G] float64
    ignored: Array  # [G] bool
    crowd: Array  # [G] bool

    @classmethod
    def read(
        cls,
        operation: str,
        num_joints: int,
        rule: KeypointAPRules,
        use_area: bool,
        gt: Any,
        areas: Any = None,
        boxes: Any = None,
        crowd: Any = None,
        num_keypoints: Any = None,
    ) -> People:
        """Checked, and with what was not given in its place."""
        keypoints = _keypoints(operation, "gt", gt, num_joints, layouts=(3,))
        count = len(keypoints)
        labelled = keypoints[..., 2] > 0
        unlabelled = ~labelled.any(1)
        if boxes is not None:
            box = _column(operation, "boxes", boxes, count, 4)
        else:
            box = extents(keypoints, labelled)
            box[unlabelled] = np.inf, np.inf, 0, 0  # nobody is near it
        if not use_area:
            sizes = box[:, 3] * box[:, 2] * BOX_SHARE
        elif areas is not None:
            sizes = _column(operation, "areas", areas, count)
        else:
            raise ValueError(
                f"{operation}: areas must be given, or use_area=False, which takes "
                f"{BOX_SHARE} times the area of the box; got None"
            )
        zeros = np.zeros(count)
        is_crowd = (zeros if crowd is None else _column(operation, "crowd", crowd, count)) != 0
        empty = unlabelled
        if num_keypoints is not None and rule.label_count == "given":
            empty = _column(operation, "num_keypoints", num_keypoints, count) == 0
        return cls(keypoints, box, sizes, is_crowd | empty, is_crowd)


def extents(keypoints: Array, counted: Array | None) -> Array:
    """The boxes around joints, [N, 4]: around those that count, zeros if there are none."""
    points = keypoints[..., :2]
    if counted is None:
        counted = np.ones(keypoints.shape[:2], bool)
    shape = counted[..., None]
    low = np.where(shape, points, np.inf).min(1, initial=np.inf)
    high = np.where(shape, points, -np.inf).max(1, initial=-np.inf)
    nothing = ~counted.any(1)
    low[nothing], high[nothing] = 0, 0
    with np.errstate(invalid="ignore"):  # a coordinate that is infinite
        return np.concatenate([low, high - low], axis=1)


def joint_sigmas(operation: str, sigmas: object, num_joints: int) -> Array:
    """One positive number a joint; None: COCO's, for its 17 joints."""
    values = np.array(score_arguments.sigmas(operation, sigmas, num_joints), np.float64)
    matching.variances(operation, "sigmas", values)
    return values


def detections_limit(operation: str, value: object) -> int:
    """How many detections of an image count."""
    number = arguments.integer(operation, "max_dets", value)
    if not 1 <= number < 2**31:
        raise arguments.value_error(operation, "max_dets", "at least 1", value)
    return number


def _numeric(operation: str, argument: str, value: object) -> Array:
    # What is masked would count.
    masked = isinstance(value, np.ma.MaskedArray)
    array = value if isinstance(value, np.ndarray) and not masked else None
    if array is None or not (
        array.dtype == bool
        or np.issubdtype(array.dtype, np.integer)
        or np.issubdtype(array.dtype, np.floating)
    ):
        kind = type(value).__name__ if array is None else f"an array of {array.dtype}"
        raise TypeError(f"{operation}: {argument} must be a NumPy array of numbers, got {kind}")
    return np.ascontiguousarray(array, np.float64)


def _keypoints(
    operation: str, argument: str, value: object, num_joints: int, layouts: tuple[int, ...]
) -> Array:
    array = _numeric(operation, argument, value)
    if array.ndim != 3 or array.shape[1] != num_joints or array.shape[2] not in layouts:
        last = " or ".join(map(str, layouts))
        raise ValueError(
            f"{operation}: {argument} must be [N, K, {last}] with one joint a sigma, K = "
            f"{num_joints}, got {list(array.shape)}"
        )
    if array.shape[2] == 2:
        array = np.concatenate([array, np.ones((*array.shape[:2], 1))], axis=2)
    return array


def _column(operation: str, argument: str, value: object, count: int, width: int = 1) -> Array:
    array = _numeric(operation, argument, value)
    shape = (count,) if width == 1 else (count, width)
    if array.shape != shape:
        raise ValueError(f"{operation}: {argument} must be {list(shape)}, got {list(array.shape)}")
    return array


def ids_of(operation: str, argument: str, values: object, count: int) -> Array:
    if values is None:
        return np.zeros(count, np.int64)
    ids = values if isinstance(values, np.ndarray) else None
    if ids is None and isinstance(values, (list, tuple)):
        # NumPy would make strings of integers that stand beside strings.
        mixed = 0 < sum(isinstance(value, str) for value in values) < len(values)
        ids = None if mixed else np.array(values) if len(values) else np.zeros(0, np.int64)
    if ids is None or ids.dtype.kind not in "iuU":
        raise TypeError(
            f"{operation}: {argument} must be integers or strings, got "
            f"{type(values).__name__ if ids is None else ids.dtype}"
        )
    if ids.shape != (count,):
        raise ValueError(f"{operation}: {argument} must be [{count}], got {list(ids.shape)}")
    return ids
