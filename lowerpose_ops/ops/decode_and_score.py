"""Joints from heatmaps and the counts of those that are correct, on tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import _arguments as arguments
from .. import _native
from .. import _score_arguments as score_arguments
from .._library import check_tensors, define_op, optional_view, view
from .._plain import is_plain
from ..decode_presets import decoding

_NAME = "decode_and_score"


def _allocate(
    heatmaps: Tensor, gt: Tensor, valid: Tensor, thresholds: list[float], *_: Any
) -> tuple[Tensor, Tensor, Tensor]:
    batch, num_joints = heatmaps.shape[:2]
    coords = heatmaps.new_empty((batch, num_joints, 2), dtype=torch.float32)
    scores = heatmaps.new_empty((batch, num_joints), dtype=torch.float32)
    counts = heatmaps.new_empty((len(thresholds) + 1, num_joints), dtype=torch.int64)
    return coords, scores, counts


def _run(
    heatmaps: Tensor,
    gt: Tensor,
    valid: Tensor,
    thresholds: list[float],
    norm: Tensor | None,
    flipped: Tensor | None,
    center: Tensor | None,
    scale: Tensor | None,
    matrix: Tensor | None,
    flip_pairs: list[int],
    shift: bool,
    refine: str,
    preset: str | None,
    fixed: bool,
    border: str | None,
    blur_kernel: int | None,
    convention: str,
    pixel_std: float,
    scale_axes: str,
    norm_value: float,
    norm_joints: list[int],
    norm_layout: str,
    inclusive: bool,
    inside: list[float],
    above: float | None,
) -> tuple[Tensor, Tensor, Tensor]:
    coords, scores, counts = _allocate(heatmaps, gt, valid, thresholds)
    _native.core.decode_and_score(
        *(view(heatmaps), view(gt), view(valid), optional_view(norm), optional_view(flipped)),
        *(optional_view(center), optional_view(scale), optional_view(matrix)),
        *(view(coords), view(scores), view(counts)),
        flip_pairs,
        shift,
        *decoding(_NAME, refine, preset, fixed, border, blur_kernel, False),
        (convention, pixel_std, scale_axes),
        (
            *(norm_value, norm_joints, norm_layout, thresholds, inclusive, inside, above),
            *(None, "pooled"),  # of scores that are not made here
        ),
        arguments.threads(),
    )
    return coords, scores, counts


_decode_and_score = define_op(
    "decode_and_score(Tensor heatmaps, Tensor gt, Tensor valid, float[] thresholds, Tensor? norm, "
    "Tensor? flipped, Tensor? center, Tensor? scale, Tensor? matrix, int[] flip_pairs, bool shift, "
    "str refine, str? preset, bool fixed, str? border, int? blur_kernel, str convention, "
    "float pixel_std, str scale_axes, float norm_value, int[] norm_joints, str norm_layout, "
    "bool inclusive, float[] inside, float? above) -> (Tensor, Tensor, Tensor)",
    _run,
    _allocate,
)


def decode_and_score(
    heatmaps: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: float | tuple[int, int] | Tensor,
    center: Tensor | None,
    scale: Tensor | None,
    matrix: Tensor | None,
    flipped: Tensor | None,
    flip_pairs: Sequence[Sequence[int]] | None,
    shift: bool,
    *choice: Any,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`lowerpose_ops.decode_and_score` for tensors; the choice is that of `scoring_options`."""
    others: dict[str, Tensor | None] = {"norm": None, "flipped": flipped}
    if isinstance(norm, Tensor):
        others["norm"], norm = norm, 1.0
    others |= {"center": center, "scale": scale, "matrix": matrix}
    tensors = {"heatmaps": heatmaps, "gt": gt, "valid": valid}
    for argument, tensor in others.items():
        if tensor is not None:
            tensors[argument] = tensor
    plain = is_plain(*tensors.values())
    if not plain:  # else native code checks the devices, and there is nothing more to check
        check_tensors(_NAME, **tensors)
    arguments.check_ndim(_NAME, "heatmaps", heatmaps, {4: "[B, K, H, W]"})
    pairs = arguments.flip_options(_NAME, heatmaps, flipped, flip_pairs, shift)
    there = tuple(name in tensors for name in ("norm", "center", "scale", "matrix"))
    understood = score_arguments.remembered_options if plain else score_arguments.scoring_options
    told = understood(_NAME, "tensor", there, norm, *choice)
    norm_value, norm_joints, norm_layout, limits, inclusive, inside, above, _, _ = told.pck
    if not plain:  # counts have no gradient
        heatmaps, gt, valid = heatmaps.detach(), gt.detach(), valid.detach()
        others = {name: None if t is None else t.detach() for name, t in others.items()}
    run = _decode_and_score.eager if plain else _decode_and_score.operator
    coords, scores, counts = run(
        *(heatmaps, gt, valid, limits, *others.values()),
        *(pairs, shift, *told.decoding, *told.image),
        *(norm_value, norm_joints, norm_layout, inclusive, inside, above),
    )
    return coords, scores, counts[:-1], counts[-1]
