"""How heatmaps are decoded, by name: what a refinement or a preset fixes.

A preset with a project's name gives that project's numbers, its bugs included; with `fixed` what
its authors meant.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from functools import lru_cache
from math import inf
from typing import Any, Literal

from . import _arguments as arguments

_FLOAT32_EPS = 2.0**-23

BORDERS = ("both_axes", "per_axis_mm", "full_interior", "clamp")


@dataclass(frozen=True)
class Taylor:
    """The Newton step on the logarithm of the blurred map.

    step: Distance of the second differences: 2 pixels (DARK) or 1 (UDP).
    blur_kernel, blur_sigma, blur_border: The Gaussian blur before it. The size is in pixels; sigma
        0 is OpenCV's for that size. Beyond the border stands 0 ("zero") or the mirrored map, with
        the border pixel once ("reflect101") or twice ("reflect").
    rescale: The blurred map to the map's own maximum ("max"), from its own minimum to there
        ("minmax"), or not ("none").
    floor, ceiling: Of the values before the logarithm.
    epsilon: Added to the Hessian's diagonal.
    inside_only: No step unless 1 < x < W - 2 and 1 < y < H - 2; else pixels beyond the border are
        those of the border.
    bounded: No step unless the Hessian is that of a maximum, and at most 2 pixels along an axis.
    gather: "own" pixels; or those that one float32 index finds in all padded maps of the "sample"
        or "batch", which for a joint at (-1, -1) belong to the map before.
    """

    step: Literal[1, 2] = 2
    blur_kernel: int = 11
    blur_sigma: float = 0.0
    blur_border: Literal["zero", "reflect101", "reflect"] = "zero"
    rescale: Literal["none", "max", "minmax"] = "none"
    floor: float = 1e-10
    ceiling: float = inf
    epsilon: float = 0.0
    inside_only: bool = True
    bounded: bool = True
    gather: Literal["own", "sample", "batch"] = "own"


@dataclass(frozen=True)
class DecodePreset:
    """How `decode_heatmaps` turns a map into a joint.

    refine: The public word of the refinement.
    border: Which maxima "quarter", "gradient" and the parabolas move, see `decode_heatmaps`.
    ties: "quarter" between equal neighbours: "stay", or "back" by a quarter pixel.
    invalid: Where a joint is whose map has no positive value: "keep" its maximum, "zero" (0, 0), or
        "minus_one" (-1, -1).
    nan: Where one is whose map holds a NaN: "nan", as "invalid", or at the "position" of the NaN.
    suppress: Pixels that are not the largest of their 3 x 3 count as -0.
    add_half: 0.5 is added to the coordinates of joints with a positive value; no others move.
    """

    refine: str
    border: Literal["both_axes", "per_axis_mm", "full_interior", "clamp"] = "full_interior"
    ties: Literal["stay", "back"] = "stay"
    invalid: Literal["keep", "zero", "minus_one"] = "keep"
    nan: Literal["nan", "invalid", "position"] = "nan"
    suppress: bool = False
    add_half: bool = False
    taylor: Taylor = Taylor()


# Without a preset.
REFINEMENTS = {
    "none": DecodePreset("none"),
    "quarter": DecodePreset("quarter", border="both_axes"),
    "gradient": DecodePreset("gradient"),
    "parabola": DecodePreset("parabola"),
    "log_parabola": DecodePreset("log_parabola"),
    "dark": DecodePreset("dark"),
    "dark_udp": DecodePreset("dark_udp", taylor=Taylor(step=1, inside_only=False)),
}

_MMPOSE = DecodePreset("quarter", border="per_axis_mm", invalid="minus_one", nan="position")
_UDP = Taylor(
    step=1,
    floor=1e-3,
    ceiling=50.0,
    epsilon=_FLOAT32_EPS,
    inside_only=False,
    bounded=False,
)

DECODINGS = {
    "hrnet": DecodePreset("quarter", border="both_axes", invalid="zero", nan="invalid"),
    "mmpose_msra": _MMPOSE,
    "mmpose_dark": replace(_MMPOSE, refine="dark", taylor=Taylor(rescale="max", bounded=False)),
    "mmpose_udp": replace(
        _MMPOSE, refine="dark_udp", taylor=replace(_UDP, rescale="max", gather="sample")
    ),
    "udp_original": DecodePreset(
        "dark_udp",
        invalid="zero",
        nan="invalid",
        taylor=replace(
            _UDP, blur_kernel=7, blur_border="reflect101", rescale="minmax", epsilon=0.0
        ),
    ),
    "vitpose_hf": DecodePreset(
        "dark_udp",
        invalid="minus_one",
        nan="invalid",
        taylor=replace(_UDP, blur_sigma=0.8, blur_border="reflect", gather="batch"),
    ),
    "hourglass": DecodePreset("quarter", border="clamp", ties="back", suppress=True, add_half=True),
}


def _fixed(decoding: DecodePreset) -> DecodePreset:
    """What the authors meant: all maxima with neighbours move, and only as far as is sensible."""
    return replace(
        decoding,
        border="full_interior" if decoding.border != "clamp" else "clamp",
        ties="stay",
        nan="nan" if decoding.invalid == "keep" else "invalid",
        suppress=False,
        taylor=replace(decoding.taylor, bounded=True, gather="own"),
    )


# In words for native code: the rules, and the Newton step.
Decoding = tuple[tuple[Any, ...], tuple[Any, ...]]


@lru_cache(maxsize=256)
def decoding(
    name: str,
    refine: str,
    preset: str | None,
    fixed: bool,
    border: str | None,
    blur_kernel: int | None,
    covariance: bool,
) -> Decoding:
    """What native code is told for these arguments of `decode_heatmaps`; refuses what cannot be."""
    arguments.choice(name, "refine", refine, REFINEMENTS)
    chosen = REFINEMENTS[refine]
    if preset is not None:
        arguments.choice(name, "preset", preset, DECODINGS)
        chosen = DECODINGS[preset]
        # "quarter" is what is there when nothing was said.
        if refine not in ("none", "quarter", chosen.refine):
            raise arguments.value_error(
                name,
                "refine",
                f"'none', or left to preset {preset!r}, which is {chosen.refine!r}",
                refine,
            )
        chosen = _fixed(chosen) if fixed else chosen
        chosen = replace(chosen, refine="none") if refine == "none" else chosen
    elif fixed:
        raise arguments.value_error(name, "fixed", "False without a preset", fixed)
    taylor = chosen.refine in ("dark", "dark_udp")
    if border is not None:
        arguments.choice(name, "border", border, BORDERS)
        if taylor or chosen.refine == "none" or preset is not None:
            raise arguments.value_error(
                name, "border", f"None with refine {chosen.refine!r} or a preset", border
            )
        chosen = replace(chosen, border=border)  # type: ignore[arg-type]
    if blur_kernel is not None:
        if not taylor:
            raise arguments.value_error(
                name, "blur_kernel", f"None with refine {chosen.refine!r}", blur_kernel
            )
        chosen = replace(chosen, taylor=replace(chosen.taylor, blur_kernel=blur_kernel))
    if covariance and (chosen.refine != "dark" or preset is not None):
        raise arguments.value_error(
            name, "covariance", "False unless refine is 'dark' and preset None", covariance
        )
    rules = (
        *("taylor" if taylor else chosen.refine, chosen.border, chosen.ties),
        *(chosen.invalid, chosen.nan, chosen.suppress, chosen.add_half),
    )
    return rules, astuple(chosen.taylor)
