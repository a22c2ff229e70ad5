"""Joint coordinates from heatmaps that are arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import _arguments as arguments
from .. import _native
from ..decode_presets import decoding
from ._checks import Array, check_arrays


def decode_heatmaps(
    heatmaps: Array,
    refine: str = "quarter",
    *,
    preset: str | None = None,
    fixed: bool = False,
    border: str | None = None,
    blur_kernel: int | None = None,
    covariance: bool = False,
    flipped: Array | None = None,
    flip_pairs: Sequence[Sequence[int]] | None = None,
    shift: bool = False,
) -> tuple[Array, ...]:
    """`lowerpose_ops.decode_heatmaps` for arrays."""
    name = "decode_heatmaps"
    check_arrays(name, heatmaps=heatmaps)
    if flipped is not None:
        check_arrays(name, flipped=flipped)
    options = arguments.decode_options(
        name, heatmaps, refine, preset, fixed, border, blur_kernel, covariance
    )
    native = decoding(name, *options)
    pairs = arguments.flip_options(name, heatmaps, flipped, flip_pairs, shift)
    single = heatmaps.ndim == 3
    if single:
        heatmaps, flipped = heatmaps[None], None if flipped is None else flipped[None]
    batch, num_joints = heatmaps.shape[:2]
    coords = np.empty((batch, num_joints, 2), np.float32)
    scores = np.empty((batch, num_joints), np.float32)
    spread = np.empty((batch, num_joints, 2, 2), np.float32) if covariance else None
    _native.core.decode_heatmaps(
        *(heatmaps, coords, scores, spread, flipped, pairs, shift), *native, arguments.threads()
    )
    results = (coords, scores) if spread is None else (coords, scores, spread)
    return tuple(result[0] for result in results) if single else results
