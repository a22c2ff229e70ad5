"""The operations on NumPy arrays. Torch is not needed; DataLoader workers use these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from . import _arguments as arguments
from . import _native, presets

Array = np.ndarray[Any, Any]


def _check_arrays(operation: str, **arrays: object) -> None:
    for argument, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise arguments.type_error(operation, argument, "a NumPy array", array)


def _heatmap_dtype(operation: str, given: object) -> np.dtype[Any]:
    try:
        dtype = np.dtype(given)  # type: ignore[call-overload]
    except TypeError:
        dtype = None
    if dtype not in (np.float32, np.float64, np.float16):
        raise TypeError(f"{operation}: dtype must be float32, float64 or float16, got {given!r}")
    return dtype  # type: ignore[no-any-return]


def gaussian_targets(
    joints: Array,
    visible: Array,
    heatmap_size: tuple[int, int],
    sigma: float = 2.0,
    *,
    preset: str = "exact",
    dtype: DTypeLike | None = None,
) -> tuple[Array, Array]:
    """`lowerpose_ops.gaussian_targets` for arrays."""
    name = "gaussian_targets"
    _check_arrays(name, joints=joints, visible=visible)
    arguments.choice(name, "preset", preset, presets.TARGETS)
    drawn = presets.TARGETS[preset]
    dtype = np.dtype(np.float32) if dtype is None else _heatmap_dtype(name, dtype)
    width, height = arguments.heatmap_size(name, heatmap_size)
    sigma = arguments.number(name, "sigma", sigma)
    arguments.check_ndim(name, "joints", joints, {2: "[K, 2]", 3: "[B, K, 2]"})
    single = joints.ndim == 2
    if single:
        joints, visible = joints[None], visible[None]
    batch, num_joints = joints.shape[:2]
    targets = np.empty((batch, num_joints, height, width), dtype)
    weights = np.empty((batch, num_joints, 1), np.float32)
    _native.core.gaussian_targets(
        *(joints, visible, targets, weights),
        sigma,
        *(drawn.center, drawn.window, drawn.visible, drawn.weight, drawn.outside),
        arguments.threads(),
    )
    return (targets[0], weights[0]) if single else (targets, weights)


def decode_heatmaps(
    heatmaps: Array, refine: str = "quarter", *, preset: None = None
) -> tuple[Array, Array]:
    """`lowerpose_ops.decode_heatmaps` for arrays."""
    name = "decode_heatmaps"
    _check_arrays(name, heatmaps=heatmaps)
    arguments.choice(name, "refine", refine, ("none", "quarter"))
    arguments.check_no_preset(name, preset)
    arguments.check_ndim(name, "heatmaps", heatmaps, {3: "[K, H, W]", 4: "[B, K, H, W]"})
    maps = heatmaps[None] if heatmaps.ndim == 3 else heatmaps
    coords = np.empty((*maps.shape[:2], 2), np.float32)
    scores = np.empty(maps.shape[:2], np.float32)
    _native.core.decode_heatmaps(maps, coords, scores, refine, arguments.threads())
    return (coords[0], scores[0]) if heatmaps.ndim == 3 else (coords, scores)


def _count(
    name: str,
    pred: Array,
    gt: Array,
    valid: Array,
    norm: float | Array,
    thresholds: list[float],
    cmp: str,
    norm_layout: str,
) -> tuple[Array, Array, Array]:
    _check_arrays(name, pred=pred, gt=gt, valid=valid)
    arguments.choice(name, "cmp", cmp, ("lt", "le"))
    arguments.choice(name, "norm_layout", norm_layout, ("auto", "axis", "joint"))
    arguments.check_ndim(name, "pred", pred, {3: "[B, K, 2]"})
    array_norm = norm if isinstance(norm, np.ndarray) else None
    norm_value = (
        1.0 if array_norm is not None else arguments.number(name, "norm (if no array)", norm)
    )
    correct = np.empty((len(thresholds), pred.shape[1]), np.int64)
    counted = np.empty((pred.shape[1],), np.int64)
    ratio = np.empty((len(thresholds),), np.float64)
    scratch = np.empty((1,), np.int64)
    _native.core.pck_counts(
        *(pred, gt, valid, array_norm, norm_value, norm_layout, thresholds, cmp == "le"),
        *(correct, counted, ratio, scratch),
    )
    return correct, counted, ratio


def pck_counts(
    pred: Array,
    gt: Array,
    valid: Array,
    norm: float | Array,
    thresholds: float | Sequence[float],
    *,
    cmp: str = "lt",
    norm_layout: str = "auto",
) -> tuple[Array, Array]:
    """`lowerpose_ops.pck_counts` for arrays."""
    name = "pck_counts"
    limits = arguments.thresholds(name, "thresholds", thresholds)
    correct, counted, _ = _count(name, pred, gt, valid, norm, limits, cmp, norm_layout)
    return correct, counted


def pck(
    pred: Array,
    gt: Array,
    valid: Array,
    norm: float | Array,
    threshold: float = 0.05,
    *,
    cmp: str = "lt",
    norm_layout: str = "auto",
) -> float:
    """`lowerpose_ops.pck` for arrays."""
    limits = arguments.thresholds(
        "pck", "threshold", [arguments.number("pck", "threshold", threshold)]
    )
    *_, ratio = _count("pck", pred, gt, valid, norm, limits, cmp, norm_layout)
    return float(ratio[0])
