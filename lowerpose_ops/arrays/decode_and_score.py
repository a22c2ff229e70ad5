"""Joints from heatmaps and the counts of those that are correct, on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _arguments as arguments
from .. import _native
from .. import _score_arguments as score_arguments
from ..decode_presets import decoding
from ._checks import Array, check_arrays


def decode_and_score(
    heatmaps: Array,
    gt: Array,
    valid: Array,
    norm: float | tuple[int, int] | Array,
    thresholds: float | Sequence[float],
    refine: str = "quarter",
    *,
    flipped: Array | None = None,
    center: Array | None = None,
    scale: Array | None = None,
    matrix: Array | None = None,
    **options: Any,
) -> tuple[Array, Array, Array, Array]:
    """`lowerpose_ops.decode_and_score` for arrays."""
    name = "decode_and_score"
    arrays: dict[str, Any] = {"heatmaps": heatmaps, "gt": gt, "valid": valid}
    array_norm = norm if isinstance(norm, np.ndarray) else None
    others = {"norm": array_norm, "flipped": flipped}
    others |= {"center": center, "scale": scale, "matrix": matrix}
    arrays |= {argument: array for argument, array in others.items() if array is not None}
    check_arrays(name, **arrays)
    told = score_arguments.scoring_options(
        name, arrays, norm, "array", thresholds, refine, **options
    )
    batch, num_joints = heatmaps.shape[:2]
    coords = np.empty((batch, num_joints, 2), np.float32)
    scores = np.empty((batch, num_joints), np.float32)
    counts = np.empty((len(told.thresholds) + 1, num_joints), np.int64)
    _native.core.decode_and_score(
        *(heatmaps, gt, valid, array_norm, flipped, center, scale, matrix, coords, scores, counts),
        *(told.flip_pairs, told.shift, *decoding(name, *told.decoding, False)),
        *(told.image, told.pck, arguments.threads()),
    )
    return coords, scores, counts[:-1], counts[-1]
