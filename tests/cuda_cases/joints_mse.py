"""Cases of joints_mse_loss."""

from __future__ import annotations

import itertools

import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import joints_mse as mse_reference
from tests.cuda_cases.case import CPP_NAMES, DTYPES, Case
from tests.cuda_cases.layouts import LAYOUTS
from tests.heatmap_samples import maps, weights
from tests.tolerances import LOSS_RTOL


def mse_kernel(output: torch.dtype, target: torch.dtype, read_by: str) -> str:
    names = f"{CPP_NAMES[output]}, {CPP_NAMES[target]}"
    return f"joints_mse_kernel<{names}, lowerpose::cuda::Layout::{read_by}>"


def mse_case(
    output_type: torch.dtype, target_type: torch.dtype, layout: str, wanted: str, preset: str
) -> Case:
    """`wanted` is "loss", "gradient" (with the loss) or "gradients" (of both maps, afterwards)."""
    lay_out, shape, read_by = LAYOUTS[layout]
    afterwards = wanted == "gradients" or (wanted == "gradient" and output_type is torch.float16)

    def check() -> None:
        results = []
        for function in (lp.joints_mse_loss, mse_reference.joints_mse_loss):
            output = lay_out(maps(shape).to(output_type)).detach()
            target = lay_out(maps(shape, seed=1).to(target_type)).detach()
            output.requires_grad_(wanted != "loss")
            target.requires_grad_(wanted == "gradients")
            weight = None if preset == "document" else weights(shape)
            loss = function(output, target, weight, preset=preset)
            if wanted != "loss":
                loss.backward()
            results.append((loss.detach(), output.grad, target.grad))
        (loss, *ours), (plain, *theirs) = results
        torch.testing.assert_close(loss, plain, rtol=LOSS_RTOL[loss.dtype], atol=0)
        for gradient, expected in zip(ours, theirs, strict=True):
            assert (gradient is None) == (expected is None)
            if gradient is not None:
                # Rounded twice on either side at most; subnormal numbers of float16 to 6e-8.
                unit = torch.finfo(gradient.dtype).eps
                atol = 6e-8 if gradient.dtype is torch.float16 else 0
                torch.testing.assert_close(gradient, expected, rtol=4 * unit, atol=atol)

    forward = mse_kernel(output_type, target_type, read_by)
    kernels = [forward]
    if afterwards:
        kernels.append(forward)
    if wanted == "gradients":
        kernels.append(mse_kernel(target_type, output_type, read_by))
    name = f"joints_mse {output_type} {target_type} {layout} {wanted} {preset}"
    return Case(name, tuple(kernels), check)


# Not every preset with everything for every pair of types: a preset is a number in the arguments.
MSE_OPTIONS = (("loss", "document"), ("gradient", "hrnet"), ("gradients", "lower_body"))

CASES = [
    *(
        mse_case(output, target, layout, wanted, preset)
        for (output, target), (layout, (wanted, preset)) in itertools.product(
            itertools.product(DTYPES, DTYPES),
            itertools.product(
                ("contiguous", "channels_last", "odd"),
                MSE_OPTIONS,
            ),
        )
    ),
    *(
        mse_case(torch.float32, torch.float32, layout, wanted, preset)
        for layout, wanted, preset in itertools.product(
            ("contiguous", "channels_last", "odd"),
            ("loss", "gradient", "gradients"),
            ("document", "lower_body", "hrnet"),
        )
        if (wanted, preset) not in MSE_OPTIONS
    ),
    *(
        mse_case(torch.float32, target, layout, wanted, "lower_body")
        for target, layout, wanted in itertools.product(
            (torch.float32, torch.bfloat16), LAYOUTS, ("loss", "gradient", "gradients")
        )
        if layout not in ("contiguous", "channels_last", "odd")
    ),
]
