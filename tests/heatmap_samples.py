"""Random heatmaps and weights, the same in every run."""

from __future__ import annotations

import torch


def maps(shape, dtype=torch.float32, seed=0, grad=False):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=dtype).requires_grad_(grad)


def weights(shape, seed=2):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 3, (*shape[:2], 1), generator=generator).float()
