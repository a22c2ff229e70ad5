"""Cases of soft_argmax2d and its gradients."""

from __future__ import annotations

import itertools

import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import soft_argmax as argmax_reference
from tests.cuda_cases.case import CPP_NAMES, DTYPES, Case, pack
from tests.cuda_cases.layouts import LAYOUTS
from tests.heatmap_samples import maps


def argmax_case(dtype: torch.dtype, layout: str, beta: str, wanted: str) -> Case:
    """`beta` is "number", "one" or "joints"; `wanted` names what gets a gradient."""
    lay_out, shape, read_by = LAYOUTS[layout]

    def check() -> None:
        results = []
        for function, exact in ((lp.soft_argmax2d, False), (argmax_reference.soft_argmax2d, True)):
            heatmaps = lay_out(maps(shape).to(dtype))
            tensor_beta = torch.full((shape[1],) if beta == "joints" else (1,), 2.0)
            if exact:
                heatmaps, tensor_beta = heatmaps.double(), tensor_beta.double()
            heatmaps.requires_grad_("heatmaps" in wanted)
            tensor_beta.requires_grad_("beta" in wanted)
            coords = function(heatmaps, 2.0 if beta == "number" else tensor_beta)
            if wanted != "coords":
                coords.backward(maps(coords.shape, seed=1).to(coords.dtype))
            results.append((coords.detach(), heatmaps.grad, tensor_beta.grad))
        # Of the largest number: a few units of float32, or one of a 16-bit type. What beta gets is
        # a sum over maps, of which much cancels.
        for ours, exactly, units in zip(*results, (2e-6, 2e-6, 1e-5), strict=True):
            assert (ours is None) == (exactly is None)
            if ours is not None:
                limit = max(units, torch.finfo(ours.dtype).eps) * exactly.abs().max().item()
                torch.testing.assert_close(ours.double(), exactly, rtol=0, atol=limit)

    count = pack(dtype) if read_by == "kMaps" else 1
    forward = f"soft_argmax_kernel<{CPP_NAMES[dtype]}, {count}>"
    backward = f"soft_argmax_backward_kernel<{CPP_NAMES[dtype]}, {count}>"
    kernels = (forward,) if wanted == "coords" else (forward, backward)
    return Case(f"soft_argmax {dtype} {layout} {beta} {wanted}", kernels, check)


GRADIENTS = (
    *(("number", "coords"), ("number", "heatmaps"), ("one", "beta"), ("joints", "beta")),
    *(("one", "heatmaps and beta"), ("joints", "heatmaps and beta")),
)

CASES = [
    *(
        argmax_case(dtype, layout, beta, wanted)
        for dtype, layout, (beta, wanted) in itertools.product(
            DTYPES, ("contiguous", "channels_last", "odd"), GRADIENTS
        )
    ),
    *(
        argmax_case(torch.float32, layout, "joints", "heatmaps and beta")
        for layout in LAYOUTS
        if layout not in ("contiguous", "channels_last", "odd")
    ),
]
