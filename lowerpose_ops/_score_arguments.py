"""Checks of the arguments of scores that are not arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _arguments as arguments
from .skeletons import COCO_SIGMAS

_OKS_NAME = "oks"
EPSILON = float(np.spacing(1))  # what the COCO API adds to an area


def oks_layout(aligned: object, pred: Any) -> str:
    """How detections and persons belong together."""
    arguments.check_flag(_OKS_NAME, "aligned", aligned)
    if aligned:
        arguments.check_ndim(_OKS_NAME, "pred", pred, {3: "[B, K, 2] with aligned=True"})
        return "aligned"
    arguments.check_ndim(_OKS_NAME, "pred", pred, {3: "[D, K, 2]", 4: "[B, D, K, 2]"})
    return "pairs" if pred.ndim == 3 else "batch of pairs"


# What each argument is, per layout.
OKS_SHAPES = {
    "aligned": {
        "gt": "[B, K, 2]",
        "visible": "[B, K]",
        "area": "[B]",
        "bbox": "[B, 4]",
        "pred_visible": "[B, K]",
        "pred_area": "[B]",
    },
    "pairs": {
        "gt": "[G, K, 2]",
        "visible": "[G, K]",
        "area": "[G]",
        "bbox": "[G, 4]",
        "pred_visible": "[D, K]",
        "pred_area": "[D]",
    },
    "batch of pairs": {
        "gt": "[B, G, K, 2]",
        "visible": "[B, G, K]",
        "area": "[B, G]",
        "bbox": "[B, G, 4]",
        "pred_visible": "[B, D, K]",
        "pred_area": "[B, D]",
    },
}
# Where an axis of size 1 makes a batch of pairs of it.
OKS_AXIS = {"aligned": 1, "pairs": 0, "batch of pairs": None}


def check_oks_arrays(layout: str, arrays: dict[str, Any]) -> None:
    """Refuses arrays that have another number of dimensions than their layout."""
    for argument, array in arrays.items():
        expected = OKS_SHAPES[layout][argument]
        arguments.check_ndim(_OKS_NAME, argument, array, {expected.count(",") + 1: expected})


def oks_options(eps: object, no_visible: object, divide_by: object) -> tuple[float, str, str]:
    """The options that are no arrays."""
    epsilon = arguments.number(_OKS_NAME, "eps", eps)
    if epsilon < 0:
        raise arguments.value_error(_OKS_NAME, "eps", "not negative", eps)
    arguments.choice(_OKS_NAME, "no_visible", no_visible, ("nan", "zero", "box"))
    arguments.choice(_OKS_NAME, "divide_by", divide_by, ("visible", "joints"))
    return epsilon, str(no_visible), str(divide_by)


def sigmas(operation: str, values: object, num_joints: int) -> list[float]:
    """One positive number a joint from the host; None means COCO's, for its 17 joints alone."""
    if values is None:
        if num_joints != len(COCO_SIGMAS):
            raise ValueError(
                f"{operation}: sigmas must be given for {num_joints} joints, one number each; None "
                f"means COCO's for its {len(COCO_SIGMAS)} joints"
            )
        return list(COCO_SIGMAS)
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if not isinstance(values, (list, tuple)):
        raise arguments.type_error(operation, "sigmas", "an array or a sequence", values)
    numbers = [arguments.number(operation, "sigmas", value, "numbers") for value in values]
    if len(numbers) != num_joints:
        raise ValueError(
            f"{operation}: sigmas must be one number for each of {num_joints} joints, "
            f"got {len(numbers)}"
        )
    for number in numbers:
        if number <= 0:
            raise arguments.value_error(operation, "sigmas", "positive", number)
    return numbers
