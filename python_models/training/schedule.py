"""The learning rate over a run: a linear warm-up, then constant, in steps, or along a cosine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["constant", "step", "cosine"]


@dataclass(frozen=True)
class Schedule:
    """The factor on the learning rate, for torch's LambdaLR, called once a step.

    Args:
        kind: "constant"; "step": `gamma` is multiplied in at each of `milestones`; "cosine": down
            towards 0, which the step after the last one would have.
        steps: How many steps the run has.
        steps_an_epoch: What one epoch of `milestones` is in steps.
        warmup: Over how many steps the factor climbs to its full value; the first one trains with
            1 / (warmup + 1) of it.
        milestones: Epochs after which "step" lowers the rate.
        gamma: By which factor.
    """

    kind: Kind
    steps: int
    steps_an_epoch: int
    warmup: int = 0
    milestones: tuple[int, ...] = ()
    gamma: float = 0.1

    def __post_init__(self) -> None:
        if (self.kind == "step") != bool(self.milestones):
            raise ValueError(
                f"Schedule: milestones belong to the kind step, which needs them, got {self.kind} "
                f"with {self.milestones}"
            )

    def __call__(self, step: int) -> float:
        """The factor of the step number `step`, counted from 0."""
        climb = min(1.0, (step + 1) / (self.warmup + 1))
        if self.kind == "step":
            passed = sum(step >= epoch * self.steps_an_epoch for epoch in self.milestones)
            return climb * self.gamma**passed
        if self.kind == "cosine":
            length = max(1, self.steps - self.warmup)
            part = min(1.0, max(0, step - self.warmup) / length)
            return climb * 0.5 * (1 + math.cos(math.pi * part))
        return climb
