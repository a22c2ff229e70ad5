from __future__ import annotations

import pytest
import torch

from python_models.data.normalise import IMAGENET_MEAN, IMAGENET_STD, normalised


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float16])
@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 5)])
def test_the_formula(shape, dtype):
    images = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    before = images.clone()
    mean, std = (torch.tensor(v, dtype=torch.float64) for v in (IMAGENET_MEAN, IMAGENET_STD))
    expected = (images.double() / 255 - mean[:, None, None]) / std[:, None, None]
    result = normalised(images)
    assert result.dtype == torch.float32
    # Rounded twice, each by half a unit of float32's last place, of values up to 125 / 57.
    torch.testing.assert_close(result.double(), expected, rtol=0, atol=1e-6)
    assert torch.equal(images, before)


def test_the_memory_format_stays():
    images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8).to(memory_format=torch.channels_last)
    assert normalised(images).is_contiguous(memory_format=torch.channels_last)


def test_gradients_reach_the_image():
    image = torch.full((3, 2, 2), 100.0, requires_grad=True)
    normalised(image).sum().backward()
    expected = torch.tensor([1 / (255 * std) for std in IMAGENET_STD])
    torch.testing.assert_close(image.grad[:, 0, 0], expected)


@pytest.mark.parametrize("shape", [(4, 4), (1, 4, 4), (2, 4, 4, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"images must be \[\.\.\., 3, H, W\]"):
        normalised(torch.zeros(shape))
