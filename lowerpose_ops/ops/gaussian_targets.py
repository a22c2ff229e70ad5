"""Gaussian target heatmaps on tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import _arguments as arguments
from .. import _native, presets
from .._library import check_no_gradient, check_tensors, define_op, optional_view, view
from .._plain import is_plain

_NAME = "gaussian_targets"
_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def _allocate(
    joints: Tensor,
    visible: Tensor,
    width: int,
    height: int,
    sigma: float,
    sigmas: Tensor | None,
    preset: str,
    fixed: bool,
    instance_weights: bool,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    batch, num_joints = joints.shape[0], joints.shape[-2]
    per_weight = joints.shape[:-1] if instance_weights else (batch, num_joints)
    targets = joints.new_empty((batch, num_joints, height, width), dtype=dtype)
    weights = joints.new_empty((*per_weight, 1), dtype=torch.float32)
    return targets, weights


def _run(
    joints: Tensor,
    visible: Tensor,
    width: int,
    height: int,
    sigma: float,
    sigmas: Tensor | None,
    preset: str,
    fixed: bool,
    instance_weights: bool,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    targets, weights = _allocate(
        *(joints, visible, width, height, sigma, sigmas, preset, fixed, instance_weights, dtype)
    )
    _native.core.gaussian_targets(
        *(view(joints), view(visible), view(targets), view(weights)),
        *(sigma, optional_view(sigmas)),
        presets.targets(_NAME, preset, fixed),
        arguments.threads(),
    )
    return targets, weights


_gaussian_targets = define_op(
    "gaussian_targets(Tensor joints, Tensor visible, SymInt width, SymInt height, float sigma, "
    "Tensor? sigmas, str preset, bool fixed, bool instance_weights, ScalarType dtype) "
    "-> (Tensor, Tensor)",
    _run,
    _allocate,
)


def gaussian_targets(
    joints: Tensor,
    visible: Tensor,
    heatmap_size: tuple[int, int],
    sigma: float | Tensor = 2.0,
    *,
    preset: str = "exact",
    fixed: bool = False,
    instance_weights: bool = False,
    dtype: torch.dtype | None = None,
) -> tuple[Tensor, Tensor]:
    """`lowerpose_ops.gaussian_targets` for tensors."""
    sigmas = sigma if isinstance(sigma, Tensor) else None
    plain = is_plain(joints, visible) and (sigmas is None or is_plain(sigmas))
    if not plain:  # else native code checks the devices, and there is nothing more to check
        check_tensors(_NAME, joints=joints, visible=visible)
        if sigmas is not None:
            check_tensors(_NAME, joints=joints, sigma=sigmas)
    check_no_gradient(_NAME, "joints", joints)
    check_no_gradient(_NAME, "visible", visible)
    presets.targets(_NAME, preset, fixed)
    dtype = torch.float32 if dtype is None else dtype
    if dtype not in _DTYPES:
        raise TypeError(f"{_NAME}: dtype must be one of {_DTYPES}, got {dtype!r}")
    width, height = arguments.heatmap_size(_NAME, heatmap_size)
    if sigmas is None:
        sigma = arguments.number(_NAME, "sigma", sigma, "a number or a torch tensor")
    else:
        check_no_gradient(_NAME, "sigma", sigmas)
        sigma = 1.0
        if sigmas.ndim == 0:
            sigmas = sigmas.expand(joints.shape[-2:-1])
    arguments.check_joints(_NAME, joints, instance_weights)
    single = joints.ndim == 2
    if single:
        joints, visible = joints.unsqueeze(0), visible.unsqueeze(0)
    run = _gaussian_targets.eager if plain else _gaussian_targets.operator
    targets, weights = run(
        *(joints, visible, width, height, sigma, sigmas, preset, fixed, instance_weights, dtype)
    )
    return (targets[0], weights[0]) if single else (targets, weights)
