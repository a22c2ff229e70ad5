"""A case for every CUDA kernel, type, layout and option: which kernels it launches, and a check of
what they compute against the reference."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import gaussian_targets as targets_reference
from lowerpose_ops.reference import heatmap_decode as decode_reference
from lowerpose_ops.reference import joints_mse as mse_reference
from lowerpose_ops.reference import pck as pck_reference
from tests.heatmap_samples import maps, weights
from tests.tolerances import LOSS_RTOL, TARGET_TOLERANCE

CPP_NAMES = {
    torch.float32: "float",
    torch.float64: "double",
    torch.float16: "lowerpose::Float16",
    torch.bfloat16: "lowerpose::BFloat16",
}
DTYPES = list(CPP_NAMES)


@dataclass(frozen=True)
class Case:
    name: str
    kernels: tuple[str, ...]  # in the order of their launches
    check: Callable[[], None]
    small: bool = True


def pack(*dtypes: torch.dtype) -> int:
    """Elements in the 16 bytes that a thread reads or writes at a time."""
    return 16 // max(dtype.itemsize for dtype in dtypes)


# Layouts of [B, K, H, W] maps -----------------------------------------------------------------


def unaligned(tensor: torch.Tensor) -> torch.Tensor:
    """Contiguous, but beginning one element behind a multiple of 16 bytes."""
    storage = tensor.new_zeros(tensor.numel() + 1)
    return storage[1:].view(tensor.shape).copy_(tensor)


def channels_last(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous(memory_format=torch.channels_last)


def transposed(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.transpose(2, 3).contiguous().transpose(2, 3)


def cut_out(tensor: torch.Tensor) -> torch.Tensor:
    """Maps of a larger stack, whose rows and images have gaps between them."""
    batch, num_joints, height, width = tensor.shape
    storage = tensor.new_zeros(batch, num_joints + 1, height + 2, width + 5)
    view = storage[:, 1:, 1:-1, 3:-2]
    return view.copy_(tensor)


def strided(*strides: int) -> Callable[[torch.Tensor], torch.Tensor]:
    def lay_out(tensor: torch.Tensor) -> torch.Tensor:
        last = sum((size - 1) * stride for size, stride in zip(tensor.shape, strides, strict=True))
        return tensor.new_zeros(last + 1).as_strided(tensor.shape, strides).copy_(tensor)

    return lay_out


# name: (how the maps are laid out, their shape, which kernel reads them)
LAYOUTS = {
    "contiguous": (torch.Tensor.contiguous, (2, 3, 8, 16), "kMaps"),
    "several blocks a map": (torch.Tensor.contiguous, (1, 2, 70, 64), "kMaps"),
    "channels_last": (channels_last, (2, 17, 8, 16), "kPixels"),
    "channels_last, several blocks": (channels_last, (1, 17, 48, 32), "kPixels"),
    "as many joints as threads": (channels_last, (1, 256, 2, 4), "kPixels"),
    "one map an image": (channels_last, (3, 1, 8, 16), "kMaps"),
    "unaligned": (unaligned, (2, 3, 8, 16), "kStrided"),
    "odd": (torch.Tensor.contiguous, (2, 3, 7, 9), "kStrided"),
    "odd channels_last": (channels_last, (2, 3, 7, 9), "kStrided"),
    "more joints than threads": (channels_last, (1, 257, 2, 8), "kStrided"),
    "transposed": (transposed, (2, 3, 8, 16), "kStrided"),
    "cut out": (cut_out, (2, 3, 8, 16), "kStrided"),
    # What has one element along an axis may have any stride there.
    "one column": (strided(48, 16, 1, 8), (2, 3, 16, 1), "kMaps"),
    "one column, spread": (strided(384, 128, 8, 8), (2, 3, 16, 1), "kStrided"),
    "one row": (strided(48, 16, 7, 1), (2, 3, 1, 16), "kMaps"),
    "one image": (strided(1, 128, 16, 1), (1, 2, 8, 16), "kMaps"),
    "one joint": (strided(128, 1, 16, 1), (2, 1, 8, 16), "kMaps"),
    "images an odd way apart": (strided(385, 128, 16, 1), (2, 3, 8, 16), "kStrided"),
    "maps an odd way apart": (strided(1024, 129, 16, 1), (2, 3, 8, 16), "kStrided"),
    "channels_last, an odd way apart": (strided(2177, 1, 272, 17), (2, 17, 8, 16), "kStrided"),
    "rows longer than a block": (unaligned, (1, 1, 3, 700), "kStrided"),
    "strided, several blocks": (transposed, (1, 1, 65, 66), "kStrided"),
}


# Cases ----------------------------------------------------------------------------------------


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


def mse_kernel(output: torch.dtype, target: torch.dtype, read_by: str) -> str:
    names = f"{CPP_NAMES[output]}, {CPP_NAMES[target]}"
    return f"joints_mse_kernel<{names}, lowerpose::cuda::Layout::{read_by}>"


def mse_case(
    output_type: torch.dtype, target_type: torch.dtype, layout: str, wanted: str, preset: str
) -> Case:
    """`wanted` is "loss", "gradient" (with the loss) or "gradients" (of both maps, afterwards)."""
    lay_out, shape, read_by = LAYOUTS[layout]
    afterwards = wanted == "gradients" or (wanted == "gradient" and output_type.itemsize == 2)

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


def pck_case(norm: str, cmp: str, batch: int, num_thresholds: int) -> Case:
    def check() -> None:
        num_joints = 3
        truth = 20 * maps((batch, num_joints, 2))
        pred = truth + maps((batch, num_joints, 2), seed=1)
        truth[0, 0, 0] = torch.nan
        pred[-1, 1, 1] = torch.inf
        valid = (maps((batch, num_joints), seed=2) > -1).float()
        size = 10 + maps((batch, num_joints), seed=3).abs()
        size[0, -1] = 0
        norms = {"number": 20.0, "instance": size[:, 0], "axis": size[:, :2], "joint": size}
        thresholds = [0.002 * i for i in range(num_thresholds)]
        options = {"cmp": cmp, "norm_layout": norm if norm in ("axis", "joint") else "auto"}
        inputs = (pred, truth, valid, norms[norm])
        correct, counted = lp.pck_counts(*inputs, thresholds, **options)
        expected = pck_reference.pck_counts(*inputs, thresholds, **options)
        torch.testing.assert_close((correct, counted), expected, rtol=0, atol=0)
        ratio = lp.pck(*inputs, 0.05, **options)
        hits, _ = pck_reference.pck_counts(*inputs, [0.05], **options)
        torch.testing.assert_close(ratio, hits.sum().double() / counted.sum(), rtol=0, atol=0)

    launches = max(1, -(-num_thresholds // 128)) + 1
    name = f"pck {norm} {cmp} B={batch} T={num_thresholds}"
    return Case(name, ("pck_counts_kernel",) * launches, check)


# Not every preset with everything for every pair of types: a preset is a number in the arguments.
MSE_OPTIONS = (("loss", "document"), ("gradient", "hrnet"), ("gradients", "lower_body"))

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
    *(
        decode_case(dtype, layout, refine)
        for dtype, layout, refine in itertools.product(DTYPES, LAYOUTS, ("none", "quarter"))
    ),
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
    *(
        pck_case(norm, cmp, batch, 3)
        for norm, cmp, batch in itertools.product(
            ("number", "instance", "axis", "joint"), ("lt", "le"), (2, 300)
        )
    ),
    pck_case("joint", "lt", 40, 0),
    pck_case("joint", "lt", 2, 129),
]
