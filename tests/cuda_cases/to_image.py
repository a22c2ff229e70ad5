"""Cases of to_image. One kernel: types, ways and modes are numbers in its arguments."""

from __future__ import annotations

import itertools
from typing import Any

import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import to_image as image_reference
from tests.cuda_cases.case import DTYPES, Case
from tests.heatmap_samples import maps

WAYS: dict[str, dict[str, Any]] = {
    "corner": {},
    "udp": {"convention": "udp"},
    "half_pixel": {"convention": "half_pixel"},
    "x_only": {"scale_axes": "x_only", "pixel_std": 200.0},
    "matrix": {},
}


def image_case(dtype: torch.dtype, way: str, gradient: bool, shape: tuple[int, int]) -> Case:
    batch, num_joints = shape

    def check() -> None:
        box: dict[str, Any] = {
            "center": 100 * maps((batch, 2)),
            "scale": 50 + maps((batch, 2), seed=1),
            "heatmap_size": (48, 64),
        }
        given = {"matrix": maps((batch, 2, 3))} if way == "matrix" else box
        results = []
        for function in (lp.to_image, image_reference.to_image):
            coords = (20 * maps((batch, num_joints, 2), seed=2)).to(dtype).requires_grad_(gradient)
            image = function(coords, **given, **WAYS[way])
            if gradient:
                image.backward(maps((batch, num_joints, 2), seed=3).to(image.dtype))
            results.append((image.detach(), coords.grad))
        for ours, expected in zip(*results, strict=True):
            assert (ours is None) == (expected is None)
            if ours is not None:
                # Both are computed in double, and rounded at its end.
                unit = max(torch.finfo(ours.dtype).eps, 1e-15)
                torch.testing.assert_close(ours, expected, rtol=2 * unit, atol=1e-12)

    kernels = ("to_image_kernel",) * (1 + gradient)
    return Case(f"to_image {dtype} {way} {gradient} {shape}", kernels, check)


CASES = [
    *(
        image_case(dtype, way, gradient, (2, 3))
        for dtype, way, gradient in itertools.product(DTYPES, WAYS, (False, True))
    ),
    image_case(torch.float32, "corner", True, (23, 17)),  # several blocks
    image_case(torch.float32, "matrix", True, (2, 128)),  # a whole one
]
