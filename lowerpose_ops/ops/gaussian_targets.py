"""Gaussian target heatmaps on tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import _arguments as arguments
from .. import _native, presets
from .._library import check_no_gradient, check_tensors, define_op, view

_NAME = "gaussian_targets"
_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def _allocate(
    joints: Tensor,
    visible: Tensor,
    width: int,
    height: int,
    sigma: float,
    preset: str,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    batch, num_joints = joints.shape[:2]
    targets = joints.new_empty((batch, num_joints, height, width), dtype=dtype)
    weights = joints.new_empty((batch, num_joints, 1), dtype=torch.float32)
    return targets, weights


def _run(
    joints: Tensor,
    visible: Tensor,
    width: int,
    height: int,
    sigma: float,
    preset: str,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    targets, weights = _allocate(joints, visible, width, height, sigma, preset, dtype)
    drawn = presets.TARGETS[preset]
    _native.core.gaussian_targets(
        *(view(joints), view(visible), view(targets), view(weights)),
        sigma,
        *(drawn.center, drawn.window, drawn.visible, drawn.weight, drawn.outside),
        arguments.threads(),
    )
    return targets, weights


_gaussian_targets = define_op(
    "gaussian_targets(Tensor joints, Tensor visible, SymInt width, SymInt height, float sigma, "
    "str preset, ScalarType dtype) -> (Tensor, Tensor)",
    _run,
    _allocate,
)


def gaussian_targets(
    joints: Tensor,
    visible: Tensor,
    heatmap_size: tuple[int, int],
    sigma: float = 2.0,
    *,
    preset: str = "exact",
    dtype: torch.dtype | None = None,
) -> tuple[Tensor, Tensor]:
    """`lowerpose_ops.gaussian_targets` for tensors."""
    check_tensors(_NAME, joints=joints, visible=visible)
    check_no_gradient(_NAME, "joints", joints)
    check_no_gradient(_NAME, "visible", visible)
    arguments.choice(_NAME, "preset", preset, presets.TARGETS)
    dtype = torch.float32 if dtype is None else dtype
    if dtype not in _DTYPES:
        raise TypeError(f"{_NAME}: dtype must be one of {_DTYPES}, got {dtype!r}")
    width, height = arguments.heatmap_size(_NAME, heatmap_size)
    sigma = arguments.number(_NAME, "sigma", sigma)
    arguments.check_ndim(_NAME, "joints", joints, {2: "[K, 2]", 3: "[B, K, 2]"})
    single = joints.ndim == 2
    if single:
        joints, visible = joints.unsqueeze(0), visible.unsqueeze(0)
    targets, weights = _gaussian_targets(
        joints,
        visible,
        width,
        height,
        sigma,
        preset,
        dtype,
    )
    return (targets[0], weights[0]) if single else (targets, weights)
