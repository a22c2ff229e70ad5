"""Whether a body is as large as a person's: what shows that lengths are in another unit."""

from __future__ import annotations

import numpy as np

from python_models.motion.known import known
from python_models.motion.motion import Motion
from python_models.motion.skeletons import LEG

SHORTEST_LEG, LONGEST_LEG = 300.0, 1300.0
"""From hip to ankle along the bones, in millimetres. A child of two years has some 350, a man of
2.2 metres 1050; the recordings at hand have 720 to 920. Centimetres, inches or metres
taken as millimetres are shorter, what is taken ten times too large is longer. Units that differ by
less than a factor of three may pass for one another."""


def checked_size(motion: Motion, where: object, unit: str = "millimetres") -> Motion:
    """The motion itself, if its legs are as long as a person's.

    What counts is the median over the frames and both legs, so that frames with a lost joint change
    nothing. A motion without a whole leg in it passes: it says nothing of its size.

    Args:
        motion: In millimetres, as far as its reader knows.
        where: The file, for the message.
        unit: What the file's lengths are taken to be.

    Raises:
        ValueError: They are not.
    """
    lengths = [
        _leg(motion, side)
        for side in ("left", "right")
        if {f"{side}_{joint}" for joint in LEG} <= set(motion.skeleton.joints)
    ]
    found = np.concatenate(lengths) if lengths else np.zeros(0)
    if not found.size:
        return motion
    median = float(np.median(found))
    if not SHORTEST_LEG <= median <= LONGEST_LEG:
        raise ValueError(
            f"{where}: from hip to ankle a leg is {median:.4g} mm long, expected "
            f"{SHORTEST_LEG:g} to {LONGEST_LEG:g}; its lengths must be in {unit}"
        )
    return motion


def _leg(motion: Motion, side: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Thigh and shank of the frames in which both are known."""
    joints = motion.of(*(f"{side}_{joint}" for joint in LEG))
    with np.errstate(over="ignore"):  # an infinite leg is too long as well
        bones = np.diff(joints[known(joints).all(axis=1)], axis=1)
        return np.asarray(np.linalg.norm(bones, axis=-1).sum(axis=1))
