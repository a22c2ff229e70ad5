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
    sigma: float | Array = 2.0,
    *,
    preset: str = "exact",
    fixed: bool = False,
    instance_weights: bool = False,
    dtype: DTypeLike | None = None,
) -> tuple[Array, Array]:
    """`lowerpose_ops.gaussian_targets` for arrays."""
    name = "gaussian_targets"
    check_arrays(name, joints=joints, visible=visible)
    drawn = presets.targets(name, preset, fixed)
    dtype = np.dtype(np.float32) if dtype is None else heatmap_dtype(name, dtype)
    width, height = arguments.heatmap_size(name, heatmap_size)
    sigmas = None
    if isinstance(sigma, np.ndarray):
        check_arrays(name, sigma=sigma)
        sigmas, sigma = sigma, 1.0
    sigma = arguments.number(name, "sigma", sigma, "a number or a NumPy array")
    arguments.check_joints(name, joints, instance_weights)
    single = joints.ndim == 2
    if single:
        joints, visible = joints[None], visible[None]
    batch, num_joints = joints.shape[0], joints.shape[-2]
    per_weight = joints.shape[:-1] if instance_weights else (batch, num_joints)
    targets = np.empty((batch, num_joints, height, width), dtype)
    weights = np.empty((*per_weight, 1), np.float32)
    _native.core.gaussian_targets(
        *(joints, visible, targets, weights),
        *(sigma, sigmas),
        drawn,
        arguments.threads(),
    )
    return (targets[0], weights[0]) if single else (targets, weights)
