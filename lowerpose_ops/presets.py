"""Named parameter sets: what a preset's name fixes.

A preset with a project's name gives that project's numbers, its bugs included. `exact` and
`document` are the formulas of the lower-body project's own text, and the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TargetPreset:
    """How `gaussian_targets` draws a joint.

    center: "exact" is the joint itself; "round" is trunc(x + 0.5), in float32 for float32
        joints and else in float64; "round_float64" is always in float64.
    window: "full" is the whole map; "three_sigma" is the square of pixels from trunc(c - 3 sigma)
        up to, not including, trunc(c + 3 sigma + 1); "three_sigma_from_edge" is the same square
        with the peak floor(3 sigma + 0.5) pixels from its first column and row.
    visible: A joint is drawn where its visibility is >= or > 0.5.
    weight: "binary" is 1 where a joint is drawn, else 0; "copy" is the visibility itself.
    outside: Whether the weight of a joint is zero or kept when its window, on either axis, begins
        beyond the last pixel or ends at a negative one.
    """

    center: Literal["exact", "round", "round_float64"]
    window: Literal["full", "three_sigma", "three_sigma_from_edge"]
    visible: Literal[">=", ">"]
    weight: Literal["binary", "copy"]
    outside: Literal["keep", "zero"]


TARGETS = {
    "exact": TargetPreset("exact", "full", ">=", "binary", "keep"),
    "lower_body": TargetPreset("round", "three_sigma", ">=", "binary", "keep"),
    "hrnet": TargetPreset("round_float64", "three_sigma_from_edge", ">", "copy", "zero"),
}


@dataclass(frozen=True)
class LossPreset:
    """How a loss weights the squared difference.

    half: A factor 1/2.
    squared_weight: target_weight squared, as where both maps are multiplied by it; else itself.
    """

    half: bool
    squared_weight: bool


LOSSES = {
    "document": LossPreset(half=False, squared_weight=False),
    "lower_body": LossPreset(half=False, squared_weight=True),
    "hrnet": LossPreset(half=True, squared_weight=True),
    "mmpose": LossPreset(half=False, squared_weight=False),
}

# MMPose weights the maps themselves where it mines hard joints, and else their difference.
OHKM_LOSSES = LOSSES | {"mmpose": LossPreset(half=False, squared_weight=True)}
