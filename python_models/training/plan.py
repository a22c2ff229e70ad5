"""How a model is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """How a model is trained.

    Args:
        epochs: The last epoch.
        batch_size: Samples of one process between two backward passes.
        accumulate: Backward passes a step.
        seed: Of the order of samples, and of dropout.
        ema_decay: Of the moving average of the weights, which then is what is scored and kept as
            the best; 0 for none.
        clip_norm: The longest gradient; 0 for any.
        patience: Epochs without a better one after which training ends; 0 for never.
        save_every: Steps between two checkpoints within an epoch; 0 for none.
    """

    epochs: int
    batch_size: int
    accumulate: int = 1
    seed: int = 0
    ema_decay: float = 0.0
    clip_norm: float = 0.0
    patience: int = 0
    save_every: int = 0
