"""How far results may be from a reference, and why."""

from __future__ import annotations

import numpy as np
import torch

# Targets: our value is the double product of two exps, rounded once (half a unit in the last
# place). NumPy's and torch's float32 exp err by up to 2.5 units themselves.
TARGET_ULPS = 3

# Against the float64 formula. float32: half a unit of ours, rounded from double. float64: the
# exponent reaches 708, and its own rounding error, relative 2^-52, becomes the value's. The 16-bit
# types: half a unit, and the double is rounded to float on the way.
TARGET_TOLERANCE = {
    torch.float32: {"rtol": 1.2e-7, "atol": 0},
    torch.float64: {"rtol": 1e-12, "atol": 1e-300},
    torch.float16: {"rtol": 1e-3, "atol": 6e-8},
    torch.bfloat16: {"rtol": 8e-3, "atol": 0},
}

# Losses: sums of the same numbers in another order. float32 lanes add 32 numbers at most before
# they go on in double.
LOSS_RTOL = {torch.float32: 1e-6, torch.float64: 1e-14}

# Gradients: one product and one difference, rounded once or twice on either side.
GRADIENT_RTOL = {torch.float32: 4e-7, torch.float64: 8e-16}

# Soft argmax, in parts of the map's size: exponentials that err by a unit in the last place, and
# sums in lanes of 32 numbers at most. A GPU's threads add as many.
SOFT_ARGMAX_TOLERANCE = {torch.float32: 5e-7, torch.float64: 2e-15}


def ulps_apart(a: np.ndarray, b: np.ndarray) -> int:
    """The largest number of float32 values between corresponding non-negative elements."""
    assert a.dtype == b.dtype == np.float32
    assert (a >= 0).all()
    assert (b >= 0).all()
    bits = [values.view(np.int32).astype(np.int64) for values in (a, b)]
    return int(np.abs(bits[0] - bits[1]).max(initial=0))
