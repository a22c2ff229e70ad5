"""Cases of gaussian_targets."""

from __future__ import annotations

import itertools

import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import gaussian_targets as targets_reference
from tests.cuda_cases.case import CPP_NAMES, DTYPES, Case, pack
from tests.tolerances import TARGET_TOLERANCE


def targets_case(dtype: torch.dtype, preset: str, size: tuple[int, int]) -> Case:
    def check() -> None:
        generator = torch.Generator("cpu").manual_seed(0)
        joints = torch.rand(2, 3, 2, generator=generator, device="cpu") * torch.tensor(
            size, device="cpu"
        )
        joints[0, 0] = torch.nan
        joints[1, 2] -= 3
        joints = joints.to(torch.get_default_device())
        visible = torch.tensor([[1.0, 0.7, 0.2], [2.0, 1.0, 1.0]])
        options = {"preset": preset, "dtype": dtype}
        targets, ours = lp.gaussian_targets(joints, visible, size, **options)
        expected, theirs = targets_reference.gaussian_targets(joints, visible, size, **options)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
        torch.testing.assert_close(targets, expected, **TARGET_TOLERANCE[dtype])

    count = pack(dtype) if size[0] % pack(dtype) == 0 else 1
    kernel = f"gaussian_targets_kernel<{CPP_NAMES[dtype]}, {count}>"
    small = size[0] * size[1] < 1000
    return Case(f"gaussian_targets {dtype} {preset} {size}", (kernel,), check, small)


CASES = [
    *(
        targets_case(dtype, preset, size)
        for dtype, preset, size in itertools.product(
            DTYPES, ("exact", "lower_body", "hrnet"), ((16, 8), (7, 9))
        )
    ),
    # Several tiles along either axis, with and without vectors; one pixel.
    *(
        targets_case(dtype, "exact", size)
        for dtype, size in itertools.product(DTYPES, ((136, 70), (129, 65), (48, 64), (1, 1)))
    ),
]
