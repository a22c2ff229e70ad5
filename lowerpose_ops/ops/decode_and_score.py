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
    thresholds: float | Sequence[float],
    refine: str = "quarter",
    *,
    flipped: Tensor | None = None,
    center: Tensor | None = None,
    scale: Tensor | None = None,
    matrix: Tensor | None = None,
    **options: Any,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`lowerpose_ops.decode_and_score` for tensors."""
    tensors: dict[str, Any] = {"heatmaps": heatmaps, "gt": gt, "valid": valid}
    tensor_norm = norm if isinstance(norm, Tensor) else None
    others = {"norm": tensor_norm, "flipped": flipped}
    others |= {"center": center, "scale": scale, "matrix": matrix}
    tensors |= {argument: tensor for argument, tensor in others.items() if tensor is not None}
    check_tensors(_NAME, **tensors)
    told = score_arguments.scoring_options(
        _NAME, tensors, norm, "tensor", thresholds, refine, **options
    )
    norm_value, norm_joints, norm_layout, limits, inclusive, inside, above, _, _ = told.pck
    run: Any = _run if is_plain(*tensors.values()) else _decode_and_score
    # Counts have no gradient.
    coords, scores, counts = run(
        *(heatmaps.detach(), gt.detach(), valid.detach(), limits),
        *(None if tensor is None else tensor.detach() for tensor in others.values()),
        *(told.flip_pairs, told.shift, *told.decoding, *told.image),
        *(norm_value, norm_joints, norm_layout, inclusive, inside, above),
    )
    return coords, scores, counts[:-1], counts[-1]
