"""Cases of mpjpe and procrustes. Two kernels: types, alignments and outputs are numbers in their
arguments."""

from __future__ import annotations

import itertools
from typing import Any

import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import mpjpe as pose_reference
from tests.cuda_cases.case import DTYPES, Case
from tests.heatmap_samples import maps, weights

# The function, and its options.
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    **{
        f"{align}, {reduction}": ("mpjpe", {"align": align, "reduction": reduction})
        for align in ("none", "root", "scale", "procrustes")
        for reduction in ("mean", "none")
    },
    "two roots": ("mpjpe", {"align": "root", "root": (0, 3)}),
    "aligned": ("procrustes", {}),
    "aligned, rigid": ("procrustes", {"scale": False}),
}


def pose_case(
    dtype: torch.dtype,
    way: str,
    masked: bool,
    gradient: bool,
    shape: tuple[int, int],
    dims: int = 3,
    small: bool = True,
) -> Case:
    def check() -> None:
        name, options = WAYS[way]
        truth = (20 * maps((*shape, dims))).to(dtype)
        mask = weights(shape)[..., 0] if masked else None
        if mask is not None:
            mask[:, :4] = 1  # or the rotation would be open
        results: list[list[torch.Tensor]] = []
        for function in (getattr(lp, name), getattr(pose_reference, name)):
            given = dict(options)
            if isinstance(given.get("root"), int):
                given["root"] = (given["root"],)
            inputs = [
                each.detach().clone().requires_grad_(gradient)
                for each in ((truth + 4 * maps(truth.shape, seed=1).to(dtype)), truth)
            ]
            result = function(*inputs, mask, **given)
            found = [result.detach()]
            if gradient:
                incoming = maps((*result.shape, 1), seed=3)[..., 0].to(result.dtype)
                found += torch.autograd.grad(
                    torch.where(result.isnan(), 0.0, result), inputs, incoming
                )
            results.append(found)
        for ours, expected in zip(*results, strict=True):
            # Both are computed in double, and rounded at its end.
            unit = max(torch.finfo(ours.dtype).eps, 1e-11)
            torch.testing.assert_close(ours, expected, rtol=2 * unit, atol=unit, equal_nan=True)

    kernels = ("mpjpe_kernel", *(("mpjpe_backward_kernel",) if gradient else ()))
    return Case(f"mpjpe {dtype} {way} {masked} {gradient} {shape} {dims}", kernels, check, small)


CASES = [
    *(
        pose_case(dtype, way, True, gradient, (2, 6))
        for dtype, way, gradient in itertools.product(DTYPES, WAYS, (False, True))
    ),
    *(pose_case(torch.float32, way, False, True, (2, 6)) for way in WAYS),
    *(
        pose_case(torch.float32, way, True, True, (3, 5), 2)
        for way in WAYS
        if "procrustes" not in way and "aligned" not in way
    ),
    # Several blocks, and more joints than the CPU has in a tile.
    *(pose_case(torch.float64, way, True, True, (131, 5), small=False) for way in WAYS),
    *(pose_case(torch.float32, way, True, True, (2, 51)) for way in WAYS),
]
