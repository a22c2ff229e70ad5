"""Checks of the arguments of scores that are not arrays."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any, NamedTuple

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
        if not (number > 0 and 0 < (2 * number) * (2 * number) <= sys.float_info.max):
            raise arguments.value_error(
                operation, "sigmas", "positive and finite, squared too", number
            )
    return numbers


# The rules of a distance and of what is made of it, in the order of PckOptions of the core.
PckRules = tuple[
    float,
    list[int],
    str,
    list[float],
    bool,
    list[float],
    "float | None",
    "list[int] | None",
    str,
]
REDUCTIONS = ("pooled", "joint_mean", "joint_count_weighted")
ERROR_REDUCTIONS = (*REDUCTIONS, "per_joint")


def norm_of(operation: str, norm: object, array_word: str) -> tuple[float, list[int]]:
    """A norm that is no array: a number, or two joints whose distance is the norm."""
    if isinstance(norm, (tuple, list)):
        return 1.0, _pair(operation, norm)
    return arguments.number(operation, f"norm (if no {array_word})", norm), []


def _pair(operation: str, joints: tuple[Any, ...] | list[Any]) -> list[int]:
    indices = joint_indices(operation, "norm", joints)
    if len(indices) != 2 or indices[0] == indices[1]:
        raise arguments.value_error(operation, "norm", "two different joints", joints)
    return indices


def joint_indices(operation: str, argument: str, values: object) -> list[int]:
    """Indices of joints. Native code knows which joints there are."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if not isinstance(values, (list, tuple)):
        raise arguments.type_error(operation, argument, "a sequence of joint indices", values)
    for value in values:
        value = arguments.integer(operation, argument, value, "joint indices")
        if not 0 <= value < arguments.LARGEST_SIZE:
            raise arguments.value_error(operation, argument, "joint indices", values)
    return [int(value) for value in values]


def chosen_joints(operation: str, joints: object) -> list[int]:
    """Joints that are scored, each once."""
    indices = joint_indices(operation, "joints", joints)
    if len(set(indices)) != len(indices):
        raise arguments.value_error(operation, "joints", "joint indices, each once", joints)
    return indices


def pck_rules(
    operation: str,
    norm: tuple[float, list[int]],
    norm_layout: object,
    thresholds: list[float],
    *,
    cmp: object = "lt",
    inside: object = None,
    above: object = None,
    joints: object = None,
    reduce: object = "pooled",
    reductions: tuple[str, ...] = REDUCTIONS,
) -> PckRules:
    """What the core is told of a distance beside its arrays."""
    arguments.choice(operation, "cmp", cmp, ("lt", "le"))
    arguments.choice(operation, "norm_layout", norm_layout, ("auto", "axis", "joint"))
    arguments.choice(operation, "reduce", reduce, reductions)
    size: list[float] = []
    if inside is not None:
        if not isinstance(inside, (tuple, list)) or len(inside) != 2:
            raise arguments.value_error(operation, "inside", "(W, H)", inside)
        size = [arguments.number(operation, "inside", side, "two numbers") for side in inside]
        if min(size) <= 0:
            raise arguments.value_error(operation, "inside", "(W, H), both positive", inside)
    return (
        *(norm[0], norm[1], str(norm_layout), thresholds, cmp == "le", size),
        None if above is None else arguments.number(operation, "above", above),
        None if joints is None else chosen_joints(operation, joints),
        # The core knows no joint apart: for each joint alone nothing is reduced.
        str(reduce) if reduce in REDUCTIONS else "pooled",
    )


class ScoringOptions(NamedTuple):
    """What `decode_and_score` is told beside its arrays and the flip."""

    thresholds: list[float]
    decoding: tuple[str, str | None, bool, str | None, int | None]
    image: tuple[str, float, str]
    pck: PckRules


def scoring_options(
    operation: str,
    array_word: str,
    arrays: tuple[bool, ...],
    norm: object,
    thresholds: object,
    refine: str,
    preset: str | None,
    fixed: bool,
    border: str | None,
    blur_kernel: int | None,
    convention: str,
    pixel_std: object,
    scale_axes: str,
    cmp: object,
    norm_layout: object,
    inside: object,
    above: object,
) -> ScoringOptions:
    """Refuses what does not fit; `arrays` are which of norm, center, scale and matrix are some."""
    has_norm, *box_or_matrix = arrays
    decoding = arguments.decode_choice(operation, refine, preset, fixed, border, blur_kernel, False)
    limits = arguments.thresholds(operation, "thresholds", thresholds)
    plain_norm = (1.0, []) if has_norm else norm_of(operation, norm, array_word)
    rules = pck_rules(
        operation, plain_norm, norm_layout, limits, cmp=cmp, inside=inside, above=above
    )
    center, scale, matrix = (True if there else None for there in box_or_matrix)
    if any(box_or_matrix):
        box: dict[str, object] = {"center": center, "scale": scale}
        image = arguments.image_options(operation, box, convention, matrix, pixel_std, scale_axes)
    else:
        image = arguments.image_options(operation, {}, convention, None, pixel_std, scale_axes)
        for name in arguments.said_of_box(*image):
            raise ValueError(f"{operation}: {name} must be left out without center and scale")
    return ScoringOptions(limits, decoding[:5], image, rules)


@lru_cache(maxsize=256, typed=True)
def _remembered(_: object, *choice: Any) -> ScoringOptions:
    return scoring_options(*choice)


def remembered_options(*choice: Any) -> ScoringOptions:
    """`scoring_options`, once for each choice: an evaluation makes the same call many times."""
    # Numbers of other types may be equal, and are to be refused all the same.
    kinds = tuple(tuple(map(type, value)) for value in choice if type(value) is tuple)
    try:
        return _remembered(kinds, *choice)
    except TypeError:  # of what has no hash; or it is refused, as it is now
        return scoring_options(*choice)


def auc_thresholds(operation: str, values: object) -> list[float]:
    """The thresholds whose hits are averaged: without others, 20 of them up to 1."""
    if values is None:
        return [step / 20 for step in range(1, 21)]
    limits = arguments.thresholds(operation, "thresholds", values)
    if not limits:
        raise arguments.value_error(operation, "thresholds", "at least one", values)
    return limits
