"""Random heatmaps and weights, the same in every run and on every device."""

from __future__ import annotations

import pytest
import torch

from lowerpose_ops.decode_presets import decoding

# What native decode_heatmaps gets behind its maps and outputs for the pixel of the maximum: no
# covariance, no flipped maps, the rules, one thread.
_RULES = decoding("decode_heatmaps", "none", None, False, None, None, False)
PLAIN_DECODING = (None, None, [], False, *_RULES, 1)


def maps(shape, dtype=torch.float32, seed=0, grad=False):
    generator = torch.Generator("cpu").manual_seed(seed)
    values = torch.randn(shape, generator=generator, dtype=dtype, device="cpu")
    return values.to(torch.get_default_device()).requires_grad_(grad)


def weights(shape, seed=2):
    generator = torch.Generator("cpu").manual_seed(seed)
    values = torch.randint(0, 3, (*shape[:2], 1), generator=generator, device="cpu")
    return values.to(torch.get_default_device()).float()


def far_apart(tensor):
    """The same maps, with a batch stride beyond 32 bits over memory that is never touched."""
    batch, _, height, width = tensor.shape
    stride = 2**31 + 64
    needed = (batch - 1) * stride * tensor.element_size()
    if tensor.is_cuda and torch.cuda.mem_get_info()[0] < 1.1 * needed:  # there it is allocated
        pytest.skip(f"needs {needed >> 30} GiB on the GPU")
    storage = tensor.new_empty((batch - 1) * stride + tensor[0].numel())
    view = storage.as_strided(tensor.shape, (stride, height * width, width, 1))
    return view.copy_(tensor)
