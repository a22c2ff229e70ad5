"""What a skeleton is drawn on where there is no picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from python_models.analysis.pose_sequence import PoseSequence
from python_models.arrays import Array
from python_models.motion.known import known
from python_models.motion.motion import Floats
from python_models.presentation.views_3d import body_axes, seen

_LONGEST = 640  # pixels of a side
_GREY = 70
_MARGIN = 0.12


def from_side(sequence: PoseSequence) -> Floats:
    """3D poses [T, K, 3] as the body's side shows them, [T, K, 2] with y down, in millimetres."""
    axes, _ = body_axes(sequence)
    return np.asarray(seen(sequence.points, axes)["side"] * (1, -1))


def drawn_at(points: Floats, image_size: tuple[int, int] | None) -> tuple[Floats, tuple[int, int]]:
    """Where points [T, K, 2] are drawn on a canvas, in its pixels, and its width and height.

    They keep their place in the picture if its size is known; otherwise the canvas is as large as
    their extent, a percent of the farthest left out.
    """
    if image_size is not None:
        low, extent = np.zeros(2), np.array(image_size, np.float64)
    else:
        found = points[known(points)]
        if not len(found):
            found = np.zeros((1, 2))
        low, high = np.percentile(found, (1, 99), axis=0)
        margin = max(_MARGIN * float((high - low).max()), 1e-6)
        low, extent = low - margin, high - low + 2 * margin
    scale = _LONGEST / float(extent.max())
    width, height = (max(2 * round(scale * side / 2), 64) for side in extent.tolist())
    return (points - low) * scale, (width, height)


def blank(frames: int, size: tuple[int, int]) -> Iterator[Array]:
    """As many grey pictures uint8 [H, W, 3]."""
    for _ in range(frames):
        yield np.full((size[1], size[0], 3), _GREY, np.uint8)
