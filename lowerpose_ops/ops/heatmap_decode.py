"""Joint coordinates from heatmaps, on tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .. import _arguments as arguments
from .. import _native
from .._library import check_tensors, define_op, optional_view, view
from ..decode_presets import decoding

_NAME = "decode_heatmaps"


def _allocate(
    heatmaps: Tensor,
    flipped: Tensor | None,
    flip_pairs: list[int],
    shift: bool,
    refine: str,
    preset: str | None,
    fixed: bool,
    border: str | None,
    blur_kernel: int | None,
    covariance: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    batch, num_joints = heatmaps.shape[:2]
    coords = heatmaps.new_empty((batch, num_joints, 2), dtype=torch.float32)
    scores = heatmaps.new_empty((batch, num_joints), dtype=torch.float32)
    spread = heatmaps.new_empty(
        (batch, num_joints, 2, 2) if covariance else (0,), dtype=torch.float32
    )
    return coords, scores, spread


def _run(
    heatmaps: Tensor,
    flipped: Tensor | None,
    flip_pairs: list[int],
    shift: bool,
    refine: str,
    preset: str | None,
    fixed: bool,
    border: str | None,
    blur_kernel: int | None,
    covariance: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    options = refine, preset, fixed, border, blur_kernel, covariance
    coords, scores, spread = _allocate(heatmaps, flipped, flip_pairs, shift, *options)
    _native.core.decode_heatmaps(
        *(view(heatmaps), view(coords), view(scores)),
        view(spread) if covariance else None,
        *(optional_view(flipped), flip_pairs, shift),
        *decoding(_NAME, *options),
        arguments.threads(),
    )
    return coords, scores, spread


_decode_heatmaps = define_op(
    "decode_heatmaps(Tensor heatmaps, Tensor? flipped, int[] flip_pairs, bool shift, str refine, "
    "str? preset, bool fixed, str? border, int? blur_kernel, bool covariance) "
    "-> (Tensor, Tensor, Tensor)",
    _run,
    _allocate,
)


def decode_heatmaps(
    heatmaps: Tensor,
    refine: str = "quarter",
    *,
    preset: str | None = None,
    fixed: bool = False,
    border: str | None = None,
    blur_kernel: int | None = None,
    covariance: bool = False,
    flipped: Tensor | None = None,
    flip_pairs: Sequence[Sequence[int]] | None = None,
    shift: bool = False,
) -> tuple[Tensor, ...]:
    """`lowerpose_ops.decode_heatmaps` for tensors."""
    check_tensors(_NAME, heatmaps=heatmaps)
    if flipped is not None:
        check_tensors(_NAME, heatmaps=heatmaps, flipped=flipped)
    options = arguments.decode_options(
        _NAME, heatmaps, refine, preset, fixed, border, blur_kernel, covariance
    )
    pairs = arguments.flip_options(_NAME, heatmaps, flipped, flip_pairs, shift)
    single = heatmaps.ndim == 3
    maps = heatmaps.detach()  # coordinates of a maximum have no gradient
    mirrored = None if flipped is None else flipped.detach()
    if single:
        maps = maps.unsqueeze(0)
        mirrored = None if mirrored is None else mirrored.unsqueeze(0)
    results: tuple[Tensor, ...] = _decode_heatmaps(maps, mirrored, pairs, shift, *options)
    results = results if covariance else results[:2]
    return tuple(result[0] for result in results) if single else results
