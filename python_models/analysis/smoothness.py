"""How smooth a movement is."""

from __future__ import annotations

import numpy as np

from python_models.motion.motion import Floats

_HIGHEST = 10.0  # Hz; people do not move faster, noise does
_LOWEST_PART = 0.05  # of the spectrum's maximum


def spectral_arc_length(speed: Floats, frame_rate: float) -> float:
    """The length of the speed's amplitude spectrum as a curve, negative: SPARC.

    The spectrum is divided by its value at 0 Hz, its axis up to 10 Hz (or the last frequency at
    which it is 0.05 or more) by that range. One smooth stroke is near -1.4 to -1.6; each further
    one, each tremble, makes it more negative. It does not depend on how far or how fast one moves.

    Args:
        speed: [T]; its sign does not change in a smooth movement.
        frame_rate: Per second.

    Returns:
        NaN of a speed that is 0 in the mean.

    Balasubramanian, Melendez-Calderon, Roby-Brami and Burdet, "On the analysis of movement
    smoothness", Journal of NeuroEngineering and Rehabilitation 12:112, 2015.
    """
    size = 1 << (int(np.ceil(np.log2(len(speed)))) + 4)
    spectrum = np.abs(np.fft.rfft(speed, size))
    frequency = np.fft.rfftfreq(size, 1 / frame_rate)
    if not spectrum[0] > 0:
        return float("nan")
    spectrum = spectrum / spectrum[0]
    within = frequency <= _HIGHEST
    loud = np.flatnonzero((spectrum >= _LOWEST_PART) & within)
    part = slice(0, max(int(loud[-1]) + 1, 2))
    along = np.diff(frequency[part]) / (frequency[part][-1] - frequency[0])
    return -float(np.sum(np.hypot(along, np.diff(spectrum[part]))))
