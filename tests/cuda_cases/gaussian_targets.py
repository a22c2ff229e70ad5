"""Cases of gaussian_targets."""

from __future__ import annotations

import itertools

import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import gaussian_targets as targets_reference
from tests.cuda_cases.case import CPP_NAMES, DTYPES, Case, pack
from tests.gaussian_scenes import EVERY_PRESET
from tests.tolerances import TARGET_TOLERANCE


def kernels_of(dtype: torch.dtype, size: tuple[int, int]) -> tuple[str]:
    count = pack(dtype) if size[0] % pack(dtype) == 0 else 1
    return (f"gaussian_targets_kernel<{CPP_NAMES[dtype]}, {count}>",)


def check_against_the_reference(
    joints: torch.Tensor,
    visible: torch.Tensor,
    size: tuple[int, int],
    sigma: float | torch.Tensor,
    **options: object,
) -> None:
    arguments = joints, visible, size, sigma
    targets, ours = lp.gaussian_targets(*arguments, **options)
    expected, theirs = targets_reference.gaussian_targets(*arguments, **options)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    torch.testing.assert_close(targets, expected, **TARGET_TOLERANCE[targets.dtype])


def targets_case(dtype: torch.dtype, preset: str, fixed: bool, size: tuple[int, int]) -> Case:
    def check() -> None:
        generator = torch.Generator("cpu").manual_seed(0)
        joints = torch.rand(2, 3, 2, generator=generator, device="cpu") * torch.tensor(
            size, device="cpu"
        )
        joints[0, 0] = torch.nan
        joints[1, 2] -= 3
        joints = joints.to(torch.get_default_device())
        visible = torch.tensor([[1.0, 0.7, 0.2], [2.0, 1.0, 1.0]])
        options = {"preset": preset, "fixed": fixed, "dtype": dtype}
        check_against_the_reference(joints, visible, size, 2.0, **options)

    small = size[0] * size[1] < 1000
    name = f"gaussian_targets {dtype} {preset}{' fixed' if fixed else ''} {size}"
    return Case(name, kernels_of(dtype, size), check, small)


def instances_case(dtype: torch.dtype, preset: str, size: tuple[int, int], instances: int) -> Case:
    """Instances that overlap, of which some are not drawn; each with its sigma, or each joint."""

    def check() -> None:
        generator = torch.Generator("cpu").manual_seed(0)
        joints = torch.rand(2, instances, 3, 2, generator=generator, device="cpu")
        joints = (joints * torch.tensor(size, device="cpu")).to(torch.get_default_device())
        visible = torch.ones(2, instances, 3)
        visible[0, :1, 0] = 0
        visible[:, 1:2, 1] = 0.25
        visible[1, :, 2] = 0
        of_instances = torch.linspace(1, 5, 2 * instances).reshape(2, instances)
        of_joints = torch.tensor([1.5, torch.nan, 4])
        for sigma, instance_weights in itertools.product(
            (2.0, of_instances, of_joints), (False, True)
        ):
            options = {"preset": preset, "dtype": dtype, "instance_weights": instance_weights}
            check_against_the_reference(joints, visible, size, sigma, **options)

    small = size[0] * size[1] < 1000
    name = f"gaussian_targets {dtype} {preset} {size} {instances} instances"
    return Case(name, 6 * kernels_of(dtype, size), check, small)


CASES = [
    *(
        targets_case(dtype, preset, fixed, size)
        for dtype, (preset, fixed), size in itertools.product(
            DTYPES, EVERY_PRESET, ((16, 8), (7, 9))
        )
    ),
    # Several tiles along either axis, with and without vectors; one pixel.
    *(
        targets_case(dtype, "exact", False, size)
        for dtype, size in itertools.product(DTYPES, ((136, 70), (129, 65), (48, 64), (1, 1)))
    ),
    *(
        instances_case(dtype, preset, size, 3)
        for dtype, preset, size in itertools.product(
            DTYPES, ("exact", "mmpose_msra"), ((16, 8), (7, 9))
        )
    ),
    *(instances_case(dtype, "exact", (136, 70), 2) for dtype in DTYPES),
    instances_case(torch.float32, "exact", (16, 8), 0),
]
