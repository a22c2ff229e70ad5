"""The numbers of a GPU: those of the CPU, and the same beyond 32 bits."""

from __future__ import annotations

import pytest
import torch

import lowerpose_ops as lp
from lowerpose_ops import presets
from tests.gpu_operations import (
    SIZE,
    TYPICAL,
    check_same_bits,
    count_points,
    draw_joints,
    draw_points,
    loss_and_gradient,
    needs_gpu,
    on_gpu,
)
from tests.heatmap_samples import maps, weights
from tests.tolerances import GRADIENT_RTOL, LOSS_RTOL, TARGET_TOLERANCE

FAR = 2**31 + 64  # elements; as bytes a multiple of 16 still
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


# The CPU's own numbers ------------------------------------------------------------------------

SHAPES = {
    "small": (2, 3, 8, 16),
    "small and odd": (2, 3, 7, 9),
    "typical": TYPICAL,
    "17 joints": (16, 17, 96, 72),
}
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)
every_layout = pytest.mark.parametrize(
    "memory_format", [torch.contiguous_format, torch.channels_last], ids=str
)


@needs_gpu
@every_shape
@every_dtype
@pytest.mark.parametrize("preset", presets.TARGETS)
def test_targets_are_those_of_the_cpu(shape, dtype, preset):
    batch, num_joints, height, width = shape
    generator = torch.Generator().manual_seed(0)
    everywhere = torch.rand(batch, num_joints, 2, generator=generator) * 1.5 - 0.25
    joints = everywhere * torch.tensor([width, height])
    visible = torch.randint(0, 3, (batch, num_joints), generator=generator)
    options = {"preset": preset, "dtype": dtype}
    targets, weight = lp.gaussian_targets(joints.cuda(), visible.cuda(), (width, height), **options)
    expected, plain_weight = lp.gaussian_targets(joints, visible, (width, height), **options)
    check_same_bits((weight,), (plain_weight,))
    torch.testing.assert_close(targets.cpu(), expected, **TARGET_TOLERANCE[dtype])


@needs_gpu
@every_shape
@every_dtype
@every_layout
@pytest.mark.parametrize("refine", ["none", "quarter"])
def test_coordinates_are_those_of_the_cpu(shape, dtype, memory_format, refine):
    """Many pixels of the 16-bit types are equal, and the first of them is meant."""
    heatmaps = maps(shape).to(dtype).contiguous(memory_format=memory_format)
    ours = lp.decode_heatmaps(heatmaps.cuda(), refine)
    check_same_bits(ours, lp.decode_heatmaps(heatmaps, refine))


@needs_gpu
@every_shape
@every_dtype
@every_layout
@pytest.mark.parametrize("preset", presets.LOSSES)
def test_loss_and_gradient_are_those_of_the_cpu(shape, dtype, memory_format, preset):
    output, target = (
        maps(shape, seed=seed).to(dtype).contiguous(memory_format=memory_format) for seed in (0, 1)
    )
    given = (output, target, weights(shape))
    options = {"preset": preset, "loss_weight": 1000.0}  # few 16-bit gradients are subnormal
    loss, gradient = loss_and_gradient(*on_gpu(given), **options)
    plain_loss, plain_gradient = loss_and_gradient(*given, **options)
    # Two sums of the same numbers in two orders, each with its own error.
    torch.testing.assert_close(loss.cpu(), plain_loss, rtol=2 * LOSS_RTOL[loss.dtype], atol=0)
    assert gradient.is_contiguous(memory_format=memory_format)
    torch.testing.assert_close(
        gradient.cpu(),
        plain_gradient,
        rtol=GRADIENT_RTOL.get(dtype, 2 * torch.finfo(dtype).eps),
        atol=6e-8 if dtype is torch.float16 else 0,
    )


@needs_gpu
@pytest.mark.parametrize("cmp", ["lt", "le"])
@pytest.mark.parametrize("batch", [2, 64, 1000], ids=["small", "typical", "large"])
def test_counts_are_those_of_the_cpu(batch, cmp):
    truth = 20 * maps((batch, 6, 2))
    pred = truth + 4 * maps((batch, 6, 2), seed=1)
    valid = weights((batch, 6))[..., 0]
    thresholds = [0.01 * i for i in range(20)]
    for norm in (64.0, 64 + maps((batch,), seed=2)):
        norm_there = norm.cuda() if isinstance(norm, torch.Tensor) else norm
        on_cpu, there = (pred, truth, valid), on_gpu((pred, truth, valid))
        check_same_bits(
            lp.pck_counts(*there, norm_there, thresholds, cmp=cmp),
            lp.pck_counts(*on_cpu, norm, thresholds, cmp=cmp),
        )
        check_same_bits(
            (lp.pck(*there, norm_there, 0.05, cmp=cmp),), (lp.pck(*on_cpu, norm, 0.05, cmp=cmp),)
        )


@needs_gpu
def test_arrays_stay_on_the_cpu():
    """In the same process, also where torch makes its tensors on the GPU."""
    joints, visible = draw_joints(1)
    heatmaps = maps(TYPICAL)
    points = draw_points(1)
    expected = (
        *lp.gaussian_targets(joints, visible, SIZE),
        *lp.decode_heatmaps(heatmaps),
        *count_points(*points),
    )
    with torch.device("cuda"):
        lp.decode_heatmaps(heatmaps.cuda())
        arrays = (
            *lp.gaussian_targets(joints.numpy(), visible.numpy(), SIZE),
            *lp.decode_heatmaps(heatmaps.numpy()),
            *lp.pck_counts(*(tensor.numpy() for tensor in points), 64.0, (0.05, 0.1)),
        )
    check_same_bits(tuple(torch.from_numpy(array) for array in arrays), expected)


# Beyond 32 bits -------------------------------------------------------------------------------


def need_free_memory(gigabytes: int) -> None:
    torch.cuda.empty_cache()
    if torch.cuda.mem_get_info()[0] < gigabytes << 30:
        pytest.skip(f"needs {gigabytes} GiB of free memory on the GPU")


@needs_gpu
@pytest.mark.parametrize(
    "strides",
    [(64, 8, 1), (1, 16, 2), (128, 16, 2)],
    ids=["contiguous maps", "channels_last", "every second column"],
)
def test_images_further_apart_than_32_bits_count(strides):
    """Of a layout and its twin with the images side by side, which the same kernels read."""
    need_free_memory(6)
    shape = (2, 2, 8, 8)
    far = torch.empty(FAR + 256, dtype=torch.float16, device="cuda")
    near = torch.empty(512, dtype=torch.float16, device="cuda")
    far = far.as_strided(shape, (FAR, *strides)).copy_(maps(shape))
    near = near.as_strided(shape, (256, *strides)).copy_(maps(shape))
    other = torch.empty_like(near).copy_(maps(shape, seed=1))
    check_same_bits(lp.decode_heatmaps(far), lp.decode_heatmaps(near))
    check_same_bits(loss_and_gradient(far, other), loss_and_gradient(near, other))
    check_same_bits(loss_and_gradient(other, far), loss_and_gradient(other, near))


@needs_gpu
def test_more_pixels_than_32_bits_count():
    need_free_memory(8)
    side = 2**15
    joints = torch.tensor([[[100.0, 200.0], [side - 1.0, 0.0], [20000.0, side - 1.0]]]).cuda()
    visible = torch.ones(1, 3).cuda()
    targets, _ = lp.gaussian_targets(joints, visible, (side, side), dtype=torch.float16)
    assert targets.numel() > 2**31
    coords, scores = lp.decode_heatmaps(targets, "none")
    check_same_bits((coords, scores), (joints, visible))
