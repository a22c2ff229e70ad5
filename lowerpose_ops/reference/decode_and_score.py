"""Joints from heatmaps and the counts of those that are correct: three references, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from .flip_merge import flip_merge
from .heatmap_decode import decode_heatmaps
from .pck import pck_counts
from .to_image import to_image


def decode_and_score(
    heatmaps: Tensor,
    gt: Tensor,
    valid: Tensor,
    norm: float | tuple[int, int] | Tensor,
    thresholds: Sequence[float],
    refine: str = "quarter",
    *,
    flip: dict[str, Any] | None = None,
    image: dict[str, Any] | None = None,
    count: dict[str, Any] | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`lowerpose_ops.decode_and_score` without a preset.

    The options are those of flip_merge, to_image and pck_counts.
    """
    merged = flip_merge(heatmaps, **flip) if flip else heatmaps
    coords, scores = decode_heatmaps(merged, refine)
    if image:
        size: dict[str, Any] = (
            {} if "matrix" in image else {"heatmap_size": tuple(heatmaps.shape[:1:-1])}
        )
        coords = to_image(coords, **size, **image)
    return coords, scores, *pck_counts(coords, gt, valid, norm, thresholds, **(count or {}))
