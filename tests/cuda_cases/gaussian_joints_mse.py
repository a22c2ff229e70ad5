"""Cases of gaussian_joints_mse_loss."""

from __future__ import annotations

import itertools

import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import gaussian_joints_mse as reference
from tests.cuda_cases.case import CPP_NAMES, DTYPES, Case, pack
from tests.cuda_cases.layouts import LAYOUTS
from tests.gaussian_scenes import EVERY_PRESET
from tests.heatmap_samples import maps
from tests.tolerances import LOSS_RTOL


def people(shape: tuple[int, ...], instances: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Joints [B, N, K, 2] on and about the map, one of them no number; visibilities [B, N, K]."""
    batch, num_joints, height, width = shape
    generator = torch.Generator("cpu").manual_seed(0)
    joints = torch.rand(batch, instances, num_joints, 2, generator=generator, device="cpu")
    joints = joints * torch.tensor([width + 4.0, height + 4.0], device="cpu") - 2
    joints[:1, :1, :1] = torch.nan
    visible = torch.arange(batch * instances * num_joints).reshape(joints.shape[:3]) % 3
    device = torch.get_default_device()
    return joints.to(device), visible.to(device)


def loss_case(
    dtype: torch.dtype,
    layout: str,
    wanted: str,
    preset: str = "exact",
    fixed: bool = False,
    instances: int = 1,
) -> Case:
    """`wanted` is "loss", "gradient" (with the loss), "scaled" (written again afterwards) or
    "hardest" (which are known afterwards alone)."""
    lay_out, shape, _ = LAYOUTS[layout]
    count = pack(dtype) if packed(layout, dtype) else 1
    kernel = f"gaussian_joints_mse_kernel<{CPP_NAMES[dtype]}, {count}>"
    twice = wanted in ("scaled", "hardest") or (wanted == "gradient" and dtype is torch.float16)

    def check() -> None:
        results = []
        joints, visible = people(shape, instances)
        for function in (lp.gaussian_joints_mse_loss, reference.gaussian_joints_mse_loss):
            output = lay_out(maps(shape).to(dtype)).detach().requires_grad_(wanted != "loss")
            topk = 1 if wanted == "hardest" else None
            options = {"preset": preset, "fixed": fixed, "topk": topk}
            loss = function(output, joints, visible, **options)
            if wanted != "loss":
                ((4.0 if wanted == "scaled" else 1.0) * loss).backward()
            results.append((loss.detach(), output.grad))
        (loss, gradient), (plain, expected) = results
        torch.testing.assert_close(loss, plain, rtol=LOSS_RTOL[loss.dtype], atol=0)
        if gradient is not None:
            # The target errs by half a unit near 1, times the weight squared and at most 8.
            unit = torch.finfo(gradient.dtype).eps
            work = torch.finfo(torch.promote_types(dtype, torch.float32)).eps
            atol = 32 * work / (shape[0] * shape[2] * shape[3])
            atol += 6e-8 if dtype is torch.float16 else 0  # its subnormal numbers
            torch.testing.assert_close(gradient, expected, rtol=4 * unit, atol=atol)

    small = shape[2] * shape[3] < 1000
    name = f"gaussian_joints_mse {dtype} {layout} {wanted} {preset}{' fixed' if fixed else ''}"
    return Case(f"{name} {instances}", (kernel,) * (2 if twice else 1), check, small)


def packed(layout: str, dtype: torch.dtype) -> bool:
    """Whether rows are read in vectors."""
    lay_out, shape, _ = LAYOUTS[layout]
    output = lay_out(torch.zeros(shape, dtype=dtype, device="cpu"))
    whole = [stride % pack(dtype) == 0 for stride in output.stride()[:3]]
    aligned = output.storage_offset() % pack(dtype) == 0
    rows = shape[3] % pack(dtype) == 0 and output.stride(3) == 1
    return rows and all(whole) and aligned


def joints_case(dtype: torch.dtype, layout: str, topk: int | None) -> Case:
    """The gradients of joints and sigma alone; on the CPU they are held to autograd's."""
    lay_out, shape, _ = LAYOUTS[layout]
    count = pack(dtype) if packed(layout, dtype) else 1
    types = CPP_NAMES[dtype]
    kernels = (
        f"gaussian_joints_mse_kernel<{types}, {count}>",
        f"gaussian_joints_mse_joints_backward_kernel<{types}>",
    )

    def check() -> None:
        joints, visible = people(shape, 1)
        output = lay_out(maps(shape).to(dtype))
        sigma = torch.full(shape[1:2], 1.5, dtype=torch.float64, requires_grad=True)
        joints = joints.double().requires_grad_()
        loss = lp.gaussian_joints_mse_loss(output, joints, visible, sigma=sigma, topk=topk)
        ours = torch.autograd.grad(loss, (joints, sigma))
        theirs = by_hand(output, joints, sigma, visible, topk)
        for gradient, expected in zip(ours, theirs, strict=True):
            # Sums of up to 5000 products of both signs, in double, in another order.
            torch.testing.assert_close(gradient, expected, rtol=1e-11, atol=1e-15)

    small = shape[2] * shape[3] < 1000
    return Case(f"gaussian_joints_mse joints {dtype} {layout} {topk}", kernels, check, small)


def by_hand(
    output: torch.Tensor,
    joints: torch.Tensor,
    sigma: torch.Tensor,
    visible: torch.Tensor,
    topk: int | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The gradients by autograd through whole-map Gaussians in float64."""
    height, width = output.shape[2:]
    device = output.device
    place = joints[:, 0].nan_to_num(nan=-1e6)
    x = torch.arange(width, device=device) - place[..., :1]
    y = torch.arange(height, device=device) - place[..., 1:]
    squares = x[..., None, :] ** 2 + y[..., None] ** 2
    targets = torch.exp(-squares / (2 * sigma[:, None, None] ** 2))
    weight = ((visible[:, 0] >= 0.5) & joints[:, 0].isfinite().all(-1)).double()
    targets = targets * weight[..., None, None]
    losses = weight * ((output.double() - targets) ** 2).mean((2, 3))
    loss = losses.mean() if topk is None else losses.topk(topk, 1).values.mean()
    to_joints, to_sigma = torch.autograd.grad(loss, (joints, sigma))
    return to_joints, to_sigma


WANTED = ("loss", "gradient", "scaled", "hardest")

CASES = [
    *(
        loss_case(dtype, layout, wanted)
        for dtype, layout, wanted in itertools.product(
            DTYPES, ("contiguous", "channels_last", "odd"), WANTED
        )
    ),
    *(
        loss_case(torch.float32, layout, wanted)
        for layout, wanted in itertools.product(LAYOUTS, ("gradient", "hardest"))
        if layout not in ("contiguous", "channels_last", "odd")
    ),
    *(
        loss_case(torch.float32, "contiguous", wanted, preset, fixed)
        for (preset, fixed), wanted in itertools.product(EVERY_PRESET, ("gradient", "hardest"))
        if preset != "exact"
    ),
    *(
        loss_case(dtype, layout, "gradient", "mmpose_msra", instances=instances)
        for dtype, layout, instances in itertools.product(
            (torch.float32, torch.float64), ("contiguous", "several blocks a map"), (0, 3)
        )
    ),
    *(
        joints_case(dtype, layout, topk)
        for dtype, layout, topk in itertools.product(
            DTYPES, ("contiguous", "several blocks a map", "odd"), (None, 1)
        )
    ),
]
