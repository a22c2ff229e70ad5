"""Cases of decode_heatmaps."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch

import lowerpose_ops as lp
from lowerpose_ops.decode_presets import DECODINGS
from lowerpose_ops.reference import flip_merge as flip_reference
from lowerpose_ops.reference import heatmap_decode as decode_reference
from tests import decode_transcriptions as transcriptions
from tests.cuda_cases.case import CPP_NAMES, DTYPES, Case, pack
from tests.cuda_cases.layouts import LAYOUTS
from tests.heatmap_samples import difficult_maps, maps, noisy_gaussians

# The presets whose warps share most: blurred whole, and gathered from other maps.
_RESCHEDULED = ("mmpose_udp", "hourglass")


def decode_case(dtype: torch.dtype, layout: str, refine: str) -> Case:
    lay_out, shape, read_by = LAYOUTS[layout]
    # Logarithms of sums in another order, over what is nearly 0 at times.
    tolerance = {"rtol": 1.2e-7, "atol": 1e-5} if refine == "dark" else {"rtol": 0, "atol": 0}

    def check() -> None:
        heatmaps = lay_out(maps(shape).to(dtype))
        if shape[0] > 1:
            heatmaps[1, 0, -1, -1] = torch.nan
        ours = lp.decode_heatmaps(heatmaps, refine)
        expected = decode_reference.decode_heatmaps(heatmaps, refine)
        for result, plain in zip(ours, expected, strict=True):
            torch.testing.assert_close(result, plain, **tolerance, equal_nan=True)

    name, count = {
        "kMaps": ("decode_map_kernel", pack(dtype)),
        "kPixels": ("decode_image_kernel", pack(dtype)),
        "kStrided": ("decode_map_kernel", 1),
    }[read_by]
    kernel = f"{name}<{CPP_NAMES[dtype]}, {count}>"
    return Case(f"decode_heatmaps {dtype} {layout} {refine}", (kernel,), check)


def preset_case(dtype: torch.dtype, layout: str, preset: str) -> Case:
    lay_out, shape, _ = LAYOUTS[layout]

    def check() -> None:
        heatmaps = torch.from_numpy(difficult_maps(4, shape[1], width=12, height=10)).to(dtype)
        with np.errstate(all="ignore"):
            transcribed = getattr(transcriptions, preset)
            coords, scores = transcribed(heatmaps.double().numpy())
        if preset == "hourglass":  # what it does with a NaN nobody defined
            coords[np.isnan(scores)] = np.nan
        heatmaps = lay_out(heatmaps.to(torch.get_default_device()))
        ours = lp.decode_heatmaps(heatmaps, preset=preset)
        # A coordinate of thousands of pixels (an unbounded step) is a float32 number too.
        expected = [torch.from_numpy(each).to(heatmaps.device).float() for each in (coords, scores)]
        torch.testing.assert_close(ours, tuple(expected), rtol=1e-5, atol=1e-4, equal_nan=True)

    kernel = "decode_image_kernel" if layout == "channels_last" else "decode_map_kernel"
    name = f"{kernel}<{CPP_NAMES[dtype]}, {pack(dtype)}>"
    small = preset in _RESCHEDULED
    return Case(f"decode_heatmaps {dtype} {layout} {preset}", (name,), check, small)


def covariance_case(dtype: torch.dtype, layout: str) -> Case:
    lay_out, shape, _ = LAYOUTS[layout]

    def check() -> None:
        heatmaps = lay_out(noisy_gaussians(shape).to(dtype))
        _, _, covariance = lp.decode_heatmaps(heatmaps, "dark", covariance=True)
        expected = decode_reference.dark_covariance(heatmaps)
        assert not bool(covariance.isnan().all())
        # Relative to coordinates that are rounded to float32, in the reference.
        torch.testing.assert_close(covariance, expected, rtol=1e-4, atol=1e-9, equal_nan=True)

    kernel = "decode_image_kernel" if layout == "channels_last" else "decode_map_kernel"
    name = f"{kernel}<{CPP_NAMES[dtype]}, {pack(dtype)}>"
    return Case(f"decode_heatmaps {dtype} {layout} covariance", (name,), check, small=False)


def merge_case(dtype: torch.dtype, layout: str, options: dict[str, Any]) -> Case:
    """Merged on the way, by the kernel for any strides: as merged before."""
    lay_out, shape, _ = LAYOUTS[layout]

    def check() -> None:
        heatmaps, flipped = lay_out(maps(shape).to(dtype)), lay_out(maps(shape, seed=1).to(dtype))
        flip = {"flip_pairs": [(0, shape[1] - 1)], "shift": True}
        arithmetic = torch.promote_types(dtype, torch.float32)  # a merged map is not rounded here
        both = heatmaps.to(arithmetic), flipped.to(arithmetic)
        merged = flip_reference.flip_merge(*both, **flip).contiguous()
        ours = lp.decode_heatmaps(heatmaps, flipped=flipped, **flip, **options)
        expected = lp.decode_heatmaps(merged, **options)
        torch.testing.assert_close(ours, expected, rtol=0, atol=0, equal_nan=True)

    name = f"decode_heatmaps {dtype} {layout} merged {options}"
    merged_type = CPP_NAMES[torch.promote_types(dtype, torch.float32)]
    again = decode_kernel(merged_type, shape)
    return Case(name, (f"decode_map_kernel<{CPP_NAMES[dtype]}, 1>", again), check)


def decode_kernel(name: str, shape: tuple[int, ...]) -> str:
    """What reads contiguous maps of this type."""
    count = 2 if name == "double" else 4
    return f"decode_map_kernel<{name}, {count if shape[2] * shape[3] % count == 0 else 1}>"


CASES = [
    *(
        decode_case(dtype, layout, refine)
        for dtype, layout, refine in itertools.product(DTYPES, LAYOUTS, ("none", "quarter"))
    ),
    *(
        decode_case(dtype, layout, "dark")
        for dtype, layout in itertools.product(
            DTYPES, ("contiguous", "channels_last", "odd", "transposed")
        )
    ),
    *(
        preset_case(torch.float32, layout, preset)
        for layout, preset in itertools.product(("contiguous", "channels_last"), DECODINGS)
    ),
    *(preset_case(dtype, "contiguous", "mmpose_udp") for dtype in DTYPES[1:]),
    covariance_case(torch.float32, "contiguous"),
    covariance_case(torch.float64, "channels_last"),
    *(
        merge_case(dtype, layout, options)
        for (dtype, layout), options in itertools.product(
            (
                (torch.float32, "contiguous"),
                (torch.float16, "channels_last"),
                (torch.float64, "odd"),
            ),
            ({"refine": "quarter"}, {"refine": "dark", "covariance": True}),
        )
    ),
]
