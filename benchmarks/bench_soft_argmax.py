"""The soft argmax, alone and with its gradients, against the forms in use."""

from __future__ import annotations

import pytest
import torch

import lowerpose_ops as lp

SHAPE = (64, 6, 64, 48)
BETA = 25.0

kornia = pytest.importorskip("kornia", minversion="0.9")


def marginals(heatmaps, beta, columns, rows):
    """A softmax, its sums along either axis, and two products with the pixels' numbers."""
    p = (beta * heatmaps).flatten(2).softmax(2).view(heatmaps.shape)
    return torch.stack([p.sum(2) @ columns, p.sum(3) @ rows], 2)


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    height, width = SHAPE[2:]
    joints = torch.rand(*SHAPE[:2], 2, generator=generator) * torch.tensor([width, height])
    heatmaps, _ = lp.gaussian_targets(joints, torch.ones(SHAPE[:2]), (width, height))
    heatmaps += 0.05 * torch.rand(SHAPE, generator=generator)
    return heatmaps, torch.arange(float(width)), torch.arange(float(height))


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "forward and backward"])
def test_soft_argmax(compare, inputs, backward):
    heatmaps, columns, rows = inputs
    heatmaps.requires_grad_(backward)
    compiled = torch.compile(marginals, fullgraph=True)

    def step(decode):
        def run():
            heatmaps.grad = None
            coords = decode()
            if backward:
                coords.sum().backward()
            return coords

        return run

    forms = {
        "torch softmax and marginals": lambda: marginals(heatmaps, BETA, columns, rows),
        "torch.compile": lambda: compiled(heatmaps, BETA, columns, rows),
        "kornia": lambda: kornia.geometry.subpix.spatial_soft_argmax2d(
            heatmaps, 1 / BETA, normalized_coordinates=False
        ),
    }

    def ours():
        return lp.soft_argmax2d(heatmaps, BETA)

    expected = step(ours)()
    for name, form in forms.items():
        torch.testing.assert_close(step(form)(), expected, rtol=0, atol=1e-3, msg=name)
    compare("soft_argmax2d, " + ("forward + backward" if backward else "forward"))(
        step(ours), {name: step(form) for name, form in forms.items()}
    )
