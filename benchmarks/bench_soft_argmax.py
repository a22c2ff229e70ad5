"""The soft argmax, alone and with its gradients, against the forms in use."""

from __future__ import annotations

import pytest
import torch

import lowerpose_ops as lp
from benchmarks import sizes
from benchmarks.packages import needs
from benchmarks.peers import compiled, marginals
from benchmarks.protocol import size_of

BETA = 25.0
# In pixels: theirs adds up to 50,000 products in float32. And in gradients, of which beta is one
# factor and a place in the map another.
SAME = (1e-3, 2e-3)
backward_too = pytest.mark.parametrize("backward", [False, True], ids=["forward", "and backward"])


def step_of(decode, heatmaps, backward):
    if not backward:
        return lambda: decode(heatmaps)

    def run():
        heatmaps.grad = None
        coords = decode(heatmaps)
        coords.sum().backward()
        return coords.detach(), heatmaps.grad

    return run


def case_of(size, backward):
    """The maps, ours, its name and the bytes that it must move."""
    heatmaps = sizes.noisy_heatmaps(size).requires_grad_(backward)
    ours = step_of(lambda maps: lp.soft_argmax2d(maps, BETA), heatmaps, backward)
    results = ours() if backward else (ours(),)
    name = "soft_argmax2d, " + ("forward + backward" if backward else "forward")
    return heatmaps, ours, name, size_of(heatmaps, *results)


@backward_too
@sizes.sizes_and_threads(sizes.WITHOUT_NEIGHBOURS, [sizes.LOWER_BODY])
def test_soft_argmax(compare, size, threads, backward):
    heatmaps, ours, name, moved = case_of(size, backward)
    columns, rows = torch.arange(float(size.width)), torch.arange(float(size.height))

    def by(form):
        return step_of(lambda maps: form(maps, BETA, columns, rows), heatmaps, backward)

    baselines = {"torch softmax and marginals, eager": by(marginals)}
    if size.compiled:
        baselines["torch softmax and marginals, torch.compile"] = by(compiled(marginals))
    options = {"size": size, "threads": threads, "moved": moved, "same": SAME}
    compare(name, **options)(ours, baselines)


@backward_too
@pytest.mark.parametrize("size", [sizes.LOWER_BODY, sizes.COCO_LARGE], ids=str)
def test_kornia(compare, size, backward):
    decode = needs("kornia.geometry.subpix").spatial_soft_argmax2d
    heatmaps, ours, name, moved = case_of(size, backward)
    theirs = step_of(
        lambda maps: decode(maps, 1 / BETA, normalized_coordinates=False), heatmaps, backward
    )
    compare(name, size=size, moved=moved, same=SAME)(ours, {"kornia spatial_soft_argmax2d": theirs})
