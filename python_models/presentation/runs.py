"""Runs of frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def runs(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last place of each run of true values.

    Example:
        >>> import numpy as np
        >>> runs(np.array([True, True, False, True]))
        [(0, 1), (3, 3)]
    """
    edges = np.flatnonzero(np.diff(np.pad(np.asarray(marked, np.int8), 1)))
    return [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]
