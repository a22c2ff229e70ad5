"""The single-batch check: a model that cannot learn one batch by heart has a mistake somewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from tqdm import tqdm

from python_models.data.samples import Sample
from python_models.heatmap_task import HeatmapTask


@dataclass(frozen=True)
class Overfit:
    """The losses [steps] of each step, and the scores in eval mode afterwards."""

    losses: list[float]
    scores: dict[str, float]
    persons: int

    @property
    def fall(self) -> float:
        """By what part of itself the loss fell."""
        return 1 - self.losses[-1] / self.losses[0]

    @property
    def learnt(self) -> bool:
        """Whether the loss is down by 95 % and PCK@0.05 is at least 0.95."""
        return self.fall >= 0.95 and self.scores["pck_0.05"] >= 0.95

    def __str__(self) -> str:
        pck = ", ".join(f"{name} {value:.3g}" for name, value in self.scores.items())
        verdict = "one batch learnt" if self.learnt else "NOT learnt"
        return (
            f"{self.persons} persons, {len(self.losses)} steps: loss {self.losses[0]:.6f} -> "
            f"{self.losses[-1]:.6f} ({self.fall:.1%} down); in eval mode {pck}\n"
            f"{verdict} (loss down 95 %, PCK@0.05 0.95 expected)"
        )


def overfit(
    fabric: Fabric,
    model: nn.Module,
    batch: Sample,
    task: HeatmapTask,
    optimizer: torch.optim.Optimizer,
    steps: int,
) -> Overfit:
    """Trains on one batch, on the device and in the precision of `fabric`.

    The learning rate falls to 0 along a cosine, so that BatchNorm's running statistics, which eval
    mode uses, catch up with the weights.
    """
    schedule: Any = CosineAnnealingLR(optimizer, steps)
    losses = []
    wrapped, wrapped_optimizer = fabric.setup(model, optimizer)
    wrapped.train()
    progress = tqdm(range(steps), desc="one batch", disable=None)
    for _ in progress:
        wrapped_optimizer.zero_grad(set_to_none=True)
        loss = task.loss(wrapped, batch)
        fabric.backward(loss)
        wrapped_optimizer.step()
        schedule.step()
        losses.append(loss.item())
        progress.set_postfix(loss=f"{losses[-1]:.6f}")
    model.eval()
    with torch.no_grad(), fabric.autocast():
        scores = task.score(model, [batch], _alone)
    return Overfit(losses, scores, task.size(batch))


def _alone(values: Tensor) -> Tensor:
    return values
