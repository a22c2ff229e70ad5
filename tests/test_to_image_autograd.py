"""Gradients of the way back to the image, and what torch does to it."""

from __future__ import annotations

import pytest
import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import to_image as reference
from tests.heatmap_samples import maps

SIZE = (48, 64)


def boxes(batch):
    return 300 + 200 * maps((batch, 2), seed=1), 50 + 150 * maps((batch, 2), seed=2).abs()


def ways(dtype=torch.float64):
    center, scale = boxes(2)
    box = {"center": center, "scale": scale, "heatmap_size": SIZE}
    return {
        **{
            convention: box | {"convention": convention}
            for convention in ("corner", "udp", "half_pixel")
        },
        "x_only": box | {"scale_axes": "x_only", "pixel_std": 0.5},
        "matrix": {"matrix": maps((2, 2, 3), dtype, seed=4)},
    }


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("way", ways())
def test_gradcheck(way):
    coords = maps((2, 3, 2), torch.float64, grad=True)
    options = ways()[way]
    assert torch.autograd.gradcheck(lambda c: lp.to_image(c, **options), (coords,))
    assert torch.autograd.gradgradcheck(lambda c: lp.to_image(c, **options), (coords,))


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("way", ways())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_gradients_of_any_type(way, dtype):
    results = []
    for function in (lp.to_image, reference.to_image):
        coords = maps((2, 3, 2)).to(dtype).requires_grad_()
        image = function(coords, **ways()[way])
        image.sum().backward()  # an expanded incoming gradient
        assert coords.grad.dtype == dtype
        results.append(coords.grad)
    unit = torch.finfo(dtype).eps  # each is rounded from a float that is rounded from a double
    torch.testing.assert_close(*results, rtol=2 * unit, atol=0)


def test_decoding_can_be_trained_to_image_pixels():
    heatmaps = maps((2, 3, 64, 48), grad=True)
    center, scale = boxes(2)
    image = lp.to_image(lp.soft_argmax2d(heatmaps, 5.0), center, scale, SIZE)
    image.sum().backward()
    assert heatmaps.grad.any()


def test_forward_mode_is_refused():
    matrix = torch.zeros(2, 3)
    with pytest.raises(ValueError, match="to_image: forward-mode differentiation is not available"):
        torch.func.jvp(
            lambda c: lp.to_image(c, matrix=matrix), (maps((1, 2, 2)),), (maps((1, 2, 2)),)
        )


def test_opcheck():
    operation = torch.ops.lowerpose_ops.to_image.default
    center, scale = boxes(2)
    options = (48, 64, "udp", 1.0, "xy")
    for dtype in (torch.float32, torch.float64):
        coords = maps((2, 3, 2), dtype, 0, True)
        for mode in ("affine", "linear", "transposed"):
            torch.library.opcheck(operation, (coords, center, scale, None, *options, mode))
            matrix = maps((2, 3))
            torch.library.opcheck(operation, (coords, None, None, matrix, *options, mode))
