"""Named parameter sets: what a preset's name fixes.

A preset with a project's name gives that project's numbers, its bugs included. `exact` and
`document` are the formulas of the lower-body project's own text, and the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from . import _arguments as arguments


class TargetPreset(NamedTuple):
    """How `gaussian_targets` draws a joint; in the order that native code takes it.

    center: c of a coordinate x. "exact" is x itself; "round" is trunc(x + 0.5), in float32 for
        float32 joints and else in float64; "round_float64" is always in float64; "nearest" is
        floor(x + 0.5); "trunc" and "floor" are those of x.
    window: The pixels that are drawn, along either axis. "full" is the whole map; "truncated" is
        from trunc(c - r) up to, not including, trunc(c + r + 1); "symmetric" is |i - c| <= r.
    radius: r, in pixels.
    peak: Where the Gaussian is 1. "center" is c; "joint" is x; "edge" is floor(r + 0.5) pixels
        from the window's first one, which is not c for every sigma; "edge_joint" is that plus
        x - c; "edge_exact" is r pixels from the window's first one.
    visible: A joint is drawn where its visibility is ">=" or ">" 0.5, or, "x > 0", where its x is
        positive, whatever its visibility.
    weight: "binary" is 1 where a joint is drawn, else 0; "copy" is the visibility itself;
        "copy_unseen" is that too, and a joint that is not visible keeps it wherever it is.
    outside: When the weight is 0 and nothing is drawn, on either axis. "keep": never;
        "negative_end": the window begins beyond the last pixel, or its end is negative; "missed":
        the window holds no pixel of the map; "center": c is no pixel of the map.
    """

    center: Literal["exact", "round", "round_float64", "nearest", "trunc", "floor"]
    window: Literal["full", "truncated", "symmetric"]
    radius: Literal["3 sigma", "3 sigma + 1"]
    peak: Literal["center", "joint", "edge", "edge_joint", "edge_exact"]
    visible: Literal[">=", ">", "x > 0"]
    weight: Literal["binary", "copy", "copy_unseen"]
    outside: Literal["keep", "negative_end", "missed", "center"]


TARGETS = {
    "exact": TargetPreset("exact", "full", "3 sigma", "center", ">=", "binary", "keep"),
    "lower_body": TargetPreset("round", "truncated", "3 sigma", "center", ">=", "binary", "keep"),
    "hrnet": TargetPreset(
        "round_float64", "truncated", "3 sigma", "edge", ">", "copy", "negative_end"
    ),
    "mmpose_msra": TargetPreset(
        "round", "truncated", "3 sigma", "edge", ">=", "copy_unseen", "negative_end"
    ),
    "mmpose_udp": TargetPreset(
        "round", "truncated", "3 sigma", "edge_joint", ">=", "copy_unseen", "negative_end"
    ),
    "hourglass": TargetPreset(
        "trunc", "truncated", "3 sigma + 1", "edge_exact", "x > 0", "binary", "center"
    ),
}

# What the authors of a project's code meant: `fixed=True`.
FIXED_TARGETS = {
    "lower_body": TargetPreset(
        "nearest", "symmetric", "3 sigma", "center", ">=", "binary", "missed"
    ),
    "hrnet": TargetPreset("nearest", "symmetric", "3 sigma", "center", ">", "copy", "missed"),
    "mmpose_msra": TargetPreset(
        "nearest", "symmetric", "3 sigma", "center", ">=", "copy_unseen", "missed"
    ),
    "mmpose_udp": TargetPreset(
        "nearest", "symmetric", "3 sigma", "joint", ">=", "copy_unseen", "missed"
    ),
    "hourglass": TargetPreset(
        "floor", "symmetric", "3 sigma + 1", "center", ">=", "binary", "center"
    ),
}


def targets(operation: str, preset: str, fixed: bool) -> TargetPreset:
    """How a preset draws: as its project does, or as its authors meant."""
    arguments.choice(operation, "preset", preset, TARGETS)
    arguments.check_flag(operation, "fixed", fixed)
    if not fixed:
        return TARGETS[preset]
    if preset not in FIXED_TARGETS:
        expected = f"False for preset {preset!r}, which has no bugs to fix"
        raise arguments.value_error(operation, "fixed", expected, fixed)
    return FIXED_TARGETS[preset]


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

# The loss that goes with a preset of targets: the same project's.
LOSS_OF_TARGETS = {
    "exact": "document",
    "lower_body": "lower_body",
    "hrnet": "hrnet",
    "mmpose_msra": "mmpose",
    "mmpose_udp": "mmpose",
    "hourglass": "document",
}

# MMPose weights the maps themselves where it mines hard joints, and else their difference.
OHKM_LOSSES = LOSSES | {"mmpose": LossPreset(half=False, squared_weight=True)}
