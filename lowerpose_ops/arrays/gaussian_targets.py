"""Gaussian target heatmaps as arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from .. import _arguments as arguments
from .. import _native, presets
from ._checks import Array, check_arrays, heatmap_dtype


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
    check_arrays(name, joints=joints, visible=visible)
    arguments.choice(name, "preset", preset, presets.TARGETS)
    drawn = presets.TARGETS[preset]
    dtype = np.dtype(np.float32) if dtype is None else heatmap_dtype(name, dtype)
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
