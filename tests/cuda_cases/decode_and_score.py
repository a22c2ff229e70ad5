"""Cases of decode_and_score."""

from __future__ import annotations

import itertools
from typing import Any

import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import decode_and_score as reference
from tests.cuda_cases.case import CPP_NAMES, DTYPES, Case, pack
from tests.cuda_cases.layouts import LAYOUTS
from tests.cuda_cases.pck import NORMS
from tests.heatmap_samples import maps

# Of each kind of kernel, and where a block has joints or a grid has maps left over.
_LAYOUTS = ("contiguous", "channels_last", "as many joints as threads", "odd", "cut out")
_CARRIED = 64  # thresholds of the first launch


def score_case(
    dtype: torch.dtype,
    layout: str,
    norm: str = "number",
    num_thresholds: int = 3,
    way: str = "heatmap",
    merged: bool = False,
    refine: str = "quarter",
    counting: dict[str, Any] | None = None,
) -> Case:
    lay_out, shape, read_by = LAYOUTS[layout]
    batch, num_joints, height, width = shape

    def check() -> None:
        heatmaps = lay_out(maps(shape).to(dtype))
        heatmaps[0, -1, -1, -1] = torch.nan
        flip: dict[str, Any] = {}
        if merged:
            flip["flipped"] = lay_out(maps(shape, seed=1).to(dtype))
            flip |= {"flip_pairs": [(0, num_joints - 1)], "shift": True}
        truth = torch.tensor([width / 2, height / 2]) + 3 * maps((batch, num_joints, 2), seed=2)
        truth[-1, 0, 0] = torch.nan
        valid = (maps((batch, num_joints), seed=3) > -1).float()
        box = {"center": 100 * maps((batch, 2), seed=4), "scale": 80 + maps((batch, 2), seed=5)}
        image = {"heatmap": {}, "box": box, "matrix": {"matrix": maps((batch, 2, 3), seed=6)}}[way]
        size = 20 + maps((batch, num_joints), seed=7).abs()
        norms = {"number": 20.0, "instance": size[:, 0], "axis": size[:, :2], "joint": size}
        norms["pair"] = (num_joints - 1, 0)
        options = {"norm_layout": norm if norm in ("axis", "joint") else "auto"}
        options |= counting or {}
        thresholds = [0.02 * i for i in range(num_thresholds)]
        inputs = (heatmaps, truth, valid, norms[norm], thresholds, refine)

        ours = lp.decode_and_score(*inputs, **flip, **image, **options)
        arithmetic = torch.promote_types(dtype, torch.float32)  # a merged map is not rounded
        plain_flip = {
            name: value.to(arithmetic) if name == "flipped" else value
            for name, value in flip.items()
        }
        plain = (heatmaps.to(arithmetic), *inputs[1:])
        expected = reference.decode_and_score(*plain, flip=plain_flip, image=image, count=options)
        # Two sums in another order, of numbers up to a thousand; a Newton step besides.
        atol = {"none": 2e-5, "quarter": 2e-5, "dark": 1e-4}[refine]
        torch.testing.assert_close(ours[0], expected[0], rtol=2.4e-7, atol=atol, equal_nan=True)
        torch.testing.assert_close(ours[1:], expected[1:], rtol=0, atol=0, equal_nan=True)

    count = 1 if merged or read_by == "kStrided" else pack(dtype)
    name = "score_image_kernel" if read_by == "kPixels" and not merged else "score_map_kernel"
    more = max(0, -(-(num_thresholds - _CARRIED) // _CARRIED))
    kernels = (f"{name}<{CPP_NAMES[dtype]}, {count}>", *("score_more_kernel",) * more)
    options = (norm, num_thresholds, way, merged, refine, counting)
    return Case(f"decode_and_score {dtype} {layout} {options}", kernels, check)


CASES = [
    *(score_case(dtype, layout) for dtype, layout in itertools.product(DTYPES, _LAYOUTS)),
    *(
        score_case(torch.float32, layout, way=way, merged=merged, refine=refine)
        for layout, way, merged, refine in itertools.product(
            ("contiguous", "channels_last"), ("box", "matrix"), (False, True), ("none", "dark")
        )
    ),
    *(
        score_case(torch.float32, "contiguous", norm, counting=counting)
        for norm, counting in itertools.product(
            NORMS, ({"cmp": "le"}, {"inside": (12.0, 6.0)}, {"above": 3.0})
        )
    ),
    *(
        score_case(torch.float32, layout, "joint", count)
        for layout, count in itertools.product(
            ("contiguous", "channels_last"), (0, 31, 33, 64, 65, 129)
        )
    ),
    score_case(torch.float32, "as many joints as threads", num_thresholds=65),
]
