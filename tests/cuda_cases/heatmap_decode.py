"""Cases of decode_heatmaps."""

from __future__ import annotations

import itertools

import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import heatmap_decode as decode_reference
from tests.cuda_cases.case import CPP_NAMES, DTYPES, Case, pack
from tests.cuda_cases.layouts import LAYOUTS
from tests.heatmap_samples import maps


def decode_case(dtype: torch.dtype, layout: str, refine: str) -> Case:
    lay_out, shape, read_by = LAYOUTS[layout]

    def check() -> None:
        heatmaps = lay_out(maps(shape).to(dtype))
        if shape[0] > 1:
            heatmaps[1, 0, -1, -1] = torch.nan
        ours = lp.decode_heatmaps(heatmaps, refine)
        expected = decode_reference.decode_heatmaps(heatmaps, refine)
        for result, plain in zip(ours, expected, strict=True):
            torch.testing.assert_close(result, plain, rtol=0, atol=0, equal_nan=True)

    name, count = {
        "kMaps": ("decode_map_kernel", pack(dtype)),
        "kPixels": ("decode_image_kernel", pack(dtype)),
        "kStrided": ("decode_map_kernel", 1),
    }[read_by]
    kernel = f"{name}<{CPP_NAMES[dtype]}, {count}>"
    return Case(f"decode_heatmaps {dtype} {layout} {refine}", (kernel,), check)


CASES = [
    decode_case(dtype, layout, refine)
    for dtype, layout, refine in itertools.product(DTYPES, LAYOUTS, ("none", "quarter"))
]
