"""Random heatmaps and weights, the same in every run and on every device."""

from __future__ import annotations

import numpy as np
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


def noisy_gaussians(shape, noise=0.02, seed=0):
    """Slanted Gaussians of standard deviations 1 to 2 near the middle of each map."""
    batch, num_joints, height, width = shape
    rng = np.random.default_rng(seed)
    x, y = (
        np.arange(size) - rng.uniform(0.4, 0.6, (batch, num_joints, 1)) * size
        for size in (width, height)
    )
    (xx, yy), xy = rng.uniform(0.25, 1, (2, batch, num_joints, 1, 1)), rng.uniform(-0.2, 0.2)
    x, y = x[..., None, :], y[..., None]
    maps = np.exp(-0.5 * (xx * x**2 + 2 * xy * x * y + yy * y**2))
    maps += noise * rng.standard_normal(maps.shape)
    return torch.from_numpy(maps).to(torch.get_default_device())


def difficult_maps(count, num_joints=5, width=20, height=24, seed=0):
    """Peaks in and about the map, of many heights; noise, plateaus, empty or negative maps, NaN."""
    rng = np.random.default_rng(seed)
    joints = rng.uniform(-3, (width + 2, height + 2), (count, num_joints, 2))[..., None]
    along_x, along_y = (
        np.exp(-((np.arange(size) - joints[:, :, axis]) ** 2) / (2 * 1.7**2))
        for axis, size in enumerate((width, height))
    )
    maps = along_y[..., None] * along_x[..., None, :]
    maps[maps < np.finfo(np.float32).tiny] = 0  # targets have no subnormal numbers
    each = (count, num_joints, 1, 1)
    maps *= rng.choice([0.01, 0.3, 1, 40, 80], each)
    maps += rng.standard_normal(maps.shape) * rng.choice([0, 0.01, 0.1], each)
    kind = rng.choice(["zero", "negative", "nan", "plateau", "as it is"], each[:2])
    maps[kind == "zero"] = 0
    maps[kind == "negative"] *= -1
    maps[kind == "plateau"] = np.round(4 * maps[kind == "plateau"]) / 4
    for b, k in np.argwhere(kind == "nan"):
        maps[b, k, rng.integers(height), rng.integers(width)] = np.nan
    return maps.astype(np.float32)


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
