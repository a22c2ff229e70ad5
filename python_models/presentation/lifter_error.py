"""How far a lifter's joints may be off, as its training run measured it."""

from __future__ import annotations

import math
from pathlib import Path

from python_models.training import checkpoint

_MEAN = math.sqrt(8 / math.pi)  # mean length of a 3D error with a deviation of 1 along each axis


def lifter_deviation(path: Path) -> float | None:
    """Millimetres along each axis; None if the run did not measure it.

    From the validation's N-MPJPE of the run's best epoch, as if the errors of joints and axes were
    independent and normal. The persons' scale is left out, for angles do not depend on it. Parts of
    the error that turn the whole body count, though angles between limbs do not depend on them
    either: for these the deviation is too large rather than too small.
    """
    rows = checkpoint.load(path).get("rows")
    logs = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    scored = [row for row in logs if _is_error(row.get("mpjpe")) and _is_error(row.get("n_mpjpe"))]
    if not scored:
        return None
    return float(min(scored, key=lambda row: float(row["mpjpe"]))["n_mpjpe"]) / _MEAN


def _is_error(value: object) -> bool:
    return isinstance(value, (int, float)) and 0 < value < math.inf
