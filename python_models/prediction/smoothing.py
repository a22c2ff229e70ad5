"""The One Euro filter: joints of a video that neither tremble nor lag."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from python_models.arrays import Array


class OneEuro:
    """A low-pass filter whose cutoff rises with the speed, of each coordinate by itself.

    With the time dt since the last value and alpha(c) = 1 / (1 + 1 / (2 pi c dt)), the speed is
    (x - last result) / dt, smoothed with alpha(speed_cutoff); the result moves from the last one
    towards x by alpha(min_cutoff + beta |speed|). The first value passes unchanged.

    Args:
        min_cutoff: Hz, of a joint at rest: lower trembles less.
        beta: Hz per unit of speed (coordinates per second): higher lags less.
        speed_cutoff: Hz, of the speed.

    Raises:
        ValueError: A cutoff is not positive, or beta is negative; a time is not after the last one;
            the number of values changes.

    Casiez, Roussel and Vogel, "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input
    in Interactive Systems", 2012.
    """

    def __init__(self, min_cutoff: float, beta: float, speed_cutoff: float = 1.0) -> None:
        for name, value in (("min_cutoff", min_cutoff), ("speed_cutoff", speed_cutoff)):
            if not 0 < value < math.inf:
                raise ValueError(f"OneEuro: {name} must be positive and finite, got {value}")
        if not 0 <= beta < math.inf:
            raise ValueError(f"OneEuro: beta must be finite and not negative, got {beta}")
        self.min_cutoff = min_cutoff
        self.beta = beta
        self.speed_cutoff = speed_cutoff
        self._time = 0.0
        self._value: Array | None = None
        self._speed: Array = np.zeros(())

    def __call__(self, value: Array, time: float) -> Array:
        """The filtered value at a time in seconds; of the same shape, float64."""
        value = np.asarray(value, np.float64)
        if self._value is None:
            self._speed = np.zeros_like(value)
            self._value, self._time = value, time
            return value
        if value.shape != self._value.shape:
            raise ValueError(f"OneEuro: values must be {self._value.shape}, got {value.shape}")
        step = time - self._time
        if not 0 < step < math.inf:
            raise ValueError(f"OneEuro: time must be after {self._time}, got {time}")
        speed = (value - self._value) / step
        self._speed = self._speed + _alpha(self.speed_cutoff, step) * (speed - self._speed)
        cutoff = self.min_cutoff + self.beta * np.abs(self._speed)
        self._value = self._value + _alpha(cutoff, step) * (value - self._value)
        self._time = time
        return self._value


def _alpha(cutoff: Any, step: float) -> Any:
    """How far a low-pass filter of the first order goes towards its input."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * step))
