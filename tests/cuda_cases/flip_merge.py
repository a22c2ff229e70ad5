"""Cases of flip_merge."""

from __future__ import annotations

import itertools

import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import flip_merge as flip_reference
from tests.cuda_cases.case import CPP_NAMES, DTYPES, Case, pack
from tests.cuda_cases.layouts import LAYOUTS
from tests.heatmap_samples import maps


def merge_case(
    dtype: torch.dtype, layout: str, flipped_layout: str, shift: bool, kernel: str | None = None
) -> Case:
    lay_out, shape, read_by = LAYOUTS[layout]
    lay_out_flipped = LAYOUTS[flipped_layout][0]
    whole_rows = shape[3] % pack(dtype) == 0
    if kernel is None:
        kernel = "kStrided" if read_by == "kMaps" and not whole_rows else read_by

    def check() -> None:
        heatmaps = lay_out(maps(shape).to(dtype))
        flipped = lay_out_flipped(maps(shape, seed=1).to(dtype))
        pairs = [(0, shape[1] - 1)] if shape[1] > 1 else []
        ours = lp.flip_merge(heatmaps, flipped, pairs, shift)
        expected = flip_reference.flip_merge(heatmaps, flipped, pairs, shift)
        torch.testing.assert_close(ours, expected, rtol=0, atol=0)

    name = f"flip_merge_kernel<{CPP_NAMES[dtype]}, lowerpose::cuda::Layout::{kernel}>"
    return Case(f"flip_merge {dtype} {layout} {flipped_layout} {shift}", (name,), check)


CASES = [
    *(
        merge_case(dtype, layout, layout, shift)
        for dtype, layout, shift in itertools.product(
            DTYPES, ("contiguous", "channels_last", "odd"), (False, True)
        )
    ),
    *(
        merge_case(torch.float32, layout, layout, True)
        for layout in LAYOUTS
        if layout not in ("contiguous", "channels_last", "odd")
    ),
    # The two need not lie alike.
    merge_case(torch.float32, "contiguous", "channels_last", True, "kStrided"),
    merge_case(torch.float32, "contiguous", "unaligned", False, "kStrided"),
    merge_case(torch.float16, "channels_last", "contiguous", True, "kPixels"),
    merge_case(torch.float16, "channels_last", "cut out", False, "kPixels"),
]
