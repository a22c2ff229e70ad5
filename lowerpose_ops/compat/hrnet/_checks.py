"""What HRNet asserts of its arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import _arguments as arguments

Array = np.ndarray[Any, Any]


def check_batch(operation: str, argument: str, heatmaps: object) -> None:
    """Refuses what is no array of heatmaps [B, J, H, W]."""
    if not isinstance(heatmaps, np.ndarray):
        raise arguments.type_error(operation, argument, "a NumPy array", heatmaps)
    arguments.check_ndim(operation, argument, heatmaps, {4: "[B, J, H, W]"})
