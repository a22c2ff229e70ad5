"""Cases of joints_mse_loss with its options, and of joints_ohkm_mse_loss."""

from __future__ import annotations

import itertools
from typing import Any

import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import joints_mse as mse_reference
from lowerpose_ops.reference import joints_ohkm_mse as ohkm_reference
from tests.cuda_cases.case import CPP_NAMES, DTYPES, Case
from tests.cuda_cases.joints_mse import mse_kernel
from tests.cuda_cases.layouts import LAYOUTS
from tests.heatmap_samples import maps, weights
from tests.tolerances import LOSS_RTOL


def number_of(*dtypes: torch.dtype) -> str:
    return "double" if torch.float64 in dtypes else "float"


def check_against(ours: Any, plain: Any, lay_out: Any, shape: Any, types: Any) -> None:
    """Loss and both gradients, for an incoming gradient that is another one everywhere."""
    results = []
    for function in (ours, plain):
        output = lay_out(maps(shape).to(types[0])).detach().requires_grad_()
        target = maps(shape, seed=1)
        target[0, 1] = 0
        target = lay_out(target.to(types[1])).detach().requires_grad_()
        loss = function(output, target)
        loss.backward(maps(loss.shape, loss.dtype, seed=5))
        results.append((loss.detach(), output.grad, target.grad))
    (loss, *gradients), (plain_loss, *plain_gradients) = results
    # Sums of numbers of both signs under a mask of both signs lose a digit.
    rtol = 4 * LOSS_RTOL[loss.dtype]
    torch.testing.assert_close(loss, plain_loss, rtol=rtol, atol=0)
    for gradient, expected in zip(gradients, plain_gradients, strict=True):
        # A handful of roundings on either side; subnormal numbers of float16 to 6e-8.
        unit = torch.finfo(gradient.dtype).eps
        atol = 6e-8 if gradient.dtype is torch.float16 else 0
        torch.testing.assert_close(gradient, expected, rtol=8 * unit, atol=atol)


def general_case(
    types: tuple[torch.dtype, torch.dtype], layout: str, factors: str, options: dict[str, Any]
) -> Case:
    lay_out, shape, read_by = LAYOUTS[layout]
    by_pixel = factors != "joints" or options.get("reduction") == "none"

    def check() -> None:
        given: dict[str, Any] = dict(options)
        weight = weights(shape)
        if factors == "pixels":
            weight = maps(shape, seed=2).abs()
        if factors == "mask":
            given["mask"] = (maps((shape[0], 1, *shape[2:]), seed=3) > 0).to(torch.uint8)

        check_against(
            lambda o, t: lp.joints_mse_loss(o, t, weight, **given),
            lambda o, t: mse_reference.joints_mse_loss(o, t, weight, **given),
            lay_out,
            shape,
            types,
        )

    number = number_of(*types)
    kernels = [f"joints_mse_general_kernel<{number}>"]
    for dtypes in (types, types[::-1]):
        if by_pixel or options.get("reduction", "mean") not in ("mean", "sum"):
            kernels.append(f"joints_mse_general_backward_kernel<{CPP_NAMES[dtypes[0]]}, {number}>")
        else:
            kernels.append(mse_kernel(*dtypes, read_by))
    words = " ".join(f"{name}={value}" for name, value in options.items())
    name = f"joints_mse_general {types[0]} {types[1]} {layout} {factors} {words}"
    return Case(name, tuple(kernels), check)


def ohkm_case(types: tuple[torch.dtype, torch.dtype], layout: str, topk: int) -> Case:
    lay_out, shape, read_by = LAYOUTS[layout]

    def check() -> None:
        check_against(
            lambda o, t: lp.joints_ohkm_mse_loss(o, t, weights(shape), topk=topk),
            lambda o, t: ohkm_reference.joints_ohkm_mse_loss(o, t, weights(shape), topk=topk),
            lay_out,
            shape,
            types,
        )

    kernels = (
        f"joints_mse_general_kernel<{number_of(*types)}>",
        mse_kernel(*types, read_by),
        mse_kernel(*types[::-1], read_by),
    )
    return Case(f"joints_ohkm_mse {types[0]} {types[1]} {layout} {topk}", kernels, check)


FLOATS = (torch.float32, torch.float32)
# One of every kind: factors, then options.
OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("joints", {"reduction": "per_sample", "preset": "hrnet"}),
    ("joints", {"reduction": "per_joint", "skip_empty": True}),
    ("joints", {"reduction": "none", "weight_power": 2}),
    ("joints", {"denominator": "weighted"}),
    ("mask", {"denominator": "visible", "preset": "lower_body"}),
    ("mask", {"reduction": "per_joint", "denominator": "weighted", "skip_empty": True}),
    ("pixels", {"reduction": "per_sample", "denominator": "visible"}),
    ("pixels", {"reduction": "none", "preset": "hrnet", "skip_empty": True}),
    ("pixels", {"reduction": "sum", "half": True}),
)

CASES = [
    *(
        general_case(FLOATS, layout, factors, options)
        for layout, (factors, options) in itertools.product(
            ("contiguous", "channels_last", "transposed"), OPTIONS
        )
    ),
    *(
        general_case(types, "odd", "pixels", {"denominator": "weighted"})
        for types in itertools.product(DTYPES, DTYPES)
    ),
    general_case(FLOATS, "several blocks a map", "mask", {"denominator": "visible"}),
    general_case(FLOATS, "more joints than threads", "joints", {"reduction": "per_sample"}),
    *(ohkm_case(FLOATS, layout, 2) for layout in ("contiguous", "channels_last", "cut out")),
    *(ohkm_case(FLOATS, "channels_last, several blocks", topk) for topk in (1, 8, 17)),
    ohkm_case((torch.float64, torch.float32), "odd", 2),
    ohkm_case((torch.float16, torch.bfloat16), "odd", 3),
    ohkm_case(FLOATS, "more joints than threads", 100),
]
