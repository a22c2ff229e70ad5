"""Named parameter sets: what a preset's name fixes.

A preset with a project's name gives that project's numbers. `exact` and `document` are the
formulas of the lower-body project's own text, and the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TargetPreset:
    """How `gaussian_targets` draws a joint.

    center: "exact" is the joint itself; "round" is trunc(x + 0.5) in the joints' own precision.
    window: "full" is the whole map; "three_sigma" is the square of pixels from trunc(c - 3 sigma)
        up to, not including, trunc(c + 3 sigma + 1).
    """

    center: Literal["exact", "round"]
    window: Literal["full", "three_sigma"]


TARGETS = {
    "exact": TargetPreset(center="exact", window="full"),
    "lower_body": TargetPreset(center="round", window="three_sigma"),
}

LOSSES = frozenset({"document"})
"""`document`: the mean over every element of weight * (output - target)^2."""
