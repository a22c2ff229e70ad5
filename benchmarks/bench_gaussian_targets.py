"""Target rendering against the loops that people write, torch, kornia and MMPose's formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import lowerpose_ops as lp
from benchmarks import loops, sizes
from benchmarks.packages import needs
from benchmarks.peers import compiled, separable_targets
from benchmarks.protocol import size_of


def rendering(size, preset):
    """What is compared, and the bytes that it must move."""
    joints, visible = sizes.random_joints(size)

    def ours():
        return lp.gaussian_targets(joints, visible, size.heatmap_size, size.sigma, preset=preset)

    return ours, size_of(joints, visible, *ours())


@sizes.sizes_and_threads()
def test_exact(compare, size, threads):
    """The largest difference of torch's product of two rounded factors is a few units of float32.

    Below 1e-30 ours writes 0 where numbers would be subnormal.
    """
    joints, visible = sizes.random_joints(size)
    columns, rows = torch.arange(size.width), torch.arange(size.height)
    arguments = joints, visible, columns, rows, size.sigma
    ours, moved = rendering(size, "exact")
    baselines = {"separable torch, eager": lambda: separable_targets(*arguments)}
    if size.compiled:
        form = compiled(separable_targets)
        baselines["separable torch, torch.compile"] = lambda: form(*arguments)
    options = {"size": size, "threads": threads, "moved": moved, "same": (1e-4, 1e-30)}
    compare("gaussian_targets, exact", **options)(lambda: ours()[0], baselines)


@sizes.sizes_and_threads(size for size in sizes.ALL if size.loops)
def test_lower_body(compare, size, threads):
    arrays = [tensor.numpy() for tensor in sizes.random_joints(size)]
    ours, moved = rendering(size, "lower_body")
    arguments = *arrays, size.heatmap_size, size.sigma
    options = {"size": size, "threads": threads, "moved": moved, "same": (3e-7, 0)}
    compare("gaussian_targets, lower_body", **options)(
        ours,
        {
            "NumPy loop over samples and joints": lambda: loops.stacked_targets(*arguments),
            "the same loop, hand-tuned": lambda: loops.lean_targets(*arguments),
        },
    )


@pytest.mark.parametrize("size", [sizes.COCO], ids=str)
def test_mmpose(compare, size):
    """MMPose's formula, a sample after the other, as its codec runs in the loader."""
    needs("cv2", "opencv-python-headless")
    from tests.compat_mmpose_transcriptions import generate_gaussian_heatmaps

    joints, visible = (tensor.numpy() for tensor in sizes.random_joints(size))

    def codec():
        samples = [
            generate_gaussian_heatmaps(size.heatmap_size, one[None], seen[None], size.sigma)
            for one, seen in zip(joints, visible, strict=True)
        ]
        maps, weights = zip(*samples, strict=True)
        return np.stack(maps), np.stack(weights).swapaxes(1, 2)

    ours, moved = rendering(size, "mmpose_msra")
    options = {"size": size, "moved": moved, "same": (3e-7, 0)}
    compare("gaussian_targets, mmpose_msra", **options)(ours, {"MMPose's formula": codec})


@pytest.mark.parametrize("size", [sizes.LOWER_BODY, sizes.COCO_LARGE, sizes.WHOLE_BODY], ids=str)
def test_kornia(compare, size):
    """kornia divides each map by its sum, so that is what is compared."""
    render = needs("kornia.geometry.subpix").render_gaussian2d
    joints, _ = sizes.random_joints(size)
    deviations = torch.full_like(joints, size.sigma)
    ours, moved = rendering(size, "exact")

    def of_the_same_shape(name, maps, theirs):
        sums = maps.double().sum((2, 3), keepdim=True)
        torch.testing.assert_close((maps / sums).float(), theirs, rtol=1e-4, atol=1e-9, msg=name)

    compare("gaussian_targets, exact", size=size, moved=moved, same=of_the_same_shape)(
        lambda: ours()[0],
        {
            "kornia render_gaussian2d": lambda: render(
                joints, deviations, (size.height, size.width), False
            )
        },
    )


def copy_of(tensor):
    """The same bytes written, and as many read: what memory allows a copy."""
    return lambda: torch.empty_like(tensor).copy_(tensor)


@sizes.sizes_and_threads([sizes.LOWER_BODY, sizes.COCO_LARGE, sizes.SAPIENS])
def test_against_a_copy_of_the_result(compare, size, threads):
    """Alone with copies, so that no other candidate empties the caches for one of them.

    Rendering writes what the copy writes and reads nothing: the limit is about 1/2 of it.
    """
    ours, moved = rendering(size, "exact")
    assert math.isclose(moved, size.bytes, rel_tol=0.01)
    copy = copy_of(ours()[0])
    compare("gaussian_targets, exact", size=size, threads=threads, moved=moved)(
        ours, {"empty_like + copy_": copy}
    )
