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
    center: Array | None,
    scale: Array | None,
    matrix: Array | None,
    flipped: Array | None,
    flip_pairs: Sequence[Sequence[int]] | None,
    shift: bool,
    *choice: Any,
) -> tuple[Array, Array, Array, Array]:
    """`lowerpose_ops.decode_and_score` for arrays; the choice is that of `scoring_options`."""
    name = "decode_and_score"
    others: dict[str, Array | None] = {"norm": None, "flipped": flipped}
    if isinstance(norm, np.ndarray):
        others["norm"], norm = norm, 1.0
    others |= {"center": center, "scale": scale, "matrix": matrix}
    arrays = {"heatmaps": heatmaps, "gt": gt, "valid": valid}
    for argument, array in others.items():
        if array is not None:
            arrays[argument] = array
    check_arrays(name, **arrays)
    arguments.check_ndim(name, "heatmaps", heatmaps, {4: "[B, K, H, W]"})
    pairs = arguments.flip_options(name, heatmaps, flipped, flip_pairs, shift)
    there = tuple(argument in arrays for argument in ("norm", "center", "scale", "matrix"))
    told = score_arguments.remembered_options(name, "array", there, norm, *choice)
    batch, num_joints = heatmaps.shape[:2]
    coords = np.empty((batch, num_joints, 2), np.float32)
    scores = np.empty((batch, num_joints), np.float32)
    counts = np.empty((len(told.thresholds) + 1, num_joints), np.int64)
    _native.core.decode_and_score(
        *(heatmaps, gt, valid, others["norm"], flipped, center, scale, matrix),
        *(coords, scores, counts, pairs, shift, *decoding(name, *told.decoding, False)),
        *(told.image, told.pck, arguments.threads()),
    )
    return coords, scores, counts[:-1], counts[-1]
