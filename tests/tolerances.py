"""How far results may be from a reference, and why."""

from __future__ import annotations

import numpy as np
import torch

# Targets: our value is the double product of two exps, rounded once (half a unit in the last
# place). NumPy's and torch's float32 exp err by up to 2.5 units themselves.
TARGET_ULPS = 3

# Losses: sums of the same numbers in another order. float32 lanes add 32 numbers at most before
# they go on in double.
LOSS_RTOL = {torch.float32: 1e-6, torch.float64: 1e-14}

# Gradients: one product and one difference, rounded once or twice on either side.
GRADIENT_RTOL = {torch.float32: 4e-7, torch.float64: 8e-16}


def ulps_apart(a: np.ndarray, b: np.ndarray) -> int:
    """The largest number of float32 values between corresponding non-negative elements."""
    assert a.dtype == b.dtype == np.float32
    assert (a >= 0).all()
    assert (b >= 0).all()
    bits = [values.view(np.int32).astype(np.int64) for values in (a, b)]
    return int(np.abs(bits[0] - bits[1]).max(initial=0))
