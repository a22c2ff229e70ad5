"""Max-norm: the weights into a unit are never longer than a limit."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def constrain(model: nn.Module, limit: float = 1.0) -> None:
    """Shortens the weights into every unit of every linear layer to a norm of at most `limit`.

    A unit's weights are a row of its layer's matrix; shorter rows stay as they are. Called after
    every step (the training loop's `after_step`), it is the constraint of Martinez et al., whose
    text speaks of each layer's weights; per unit is what max-norm means elsewhere (Srivastava et
    al., "Dropout", 2014).

    Raises:
        ValueError: The limit is not positive.
    """
    if not limit > 0:
        raise ValueError(f"constrain: limit must be positive, got {limit}")
    for module in model.modules():
        if isinstance(module, nn.Linear):
            norm = torch.linalg.vector_norm(module.weight, dim=1, keepdim=True)
            module.weight.mul_(limit / norm.clamp(min=limit))
