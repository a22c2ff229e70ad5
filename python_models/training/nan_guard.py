"""The end of a run whose loss is not finite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from python_models.training.order import Block
from python_models.training.protocols import Data


class NanGuard:
    """Ends a run whose loss is not finite, before anything of it is kept.

    Each step's losses are looked at after the next step has been started, so that a GPU need not
    wait for it.
    """

    def __init__(self, data: Data[Any], kept: Path) -> None:
        self._data = data
        self._kept = kept
        self._waiting: tuple[str, list[Block], list[tuple[Tensor, int]]] | None = None
        self._before: list[Block] = []

    def check(self, where: str, blocks: list[Block], losses: list[tuple[Tensor, int]]) -> Tensor:
        """Looks at the losses before these; their sum over the samples, and the samples."""
        sums = self.flush()
        self._waiting = where, blocks, losses
        return sums

    def flush(self) -> Tensor:
        """Looks at the last losses."""
        sums = torch.zeros(2, dtype=torch.float64)
        if self._waiting is not None:
            where, blocks, losses = self._waiting
            self._waiting = None
            for block, (loss, size) in zip(blocks, losses, strict=True):
                value = loss.item()
                if not np.isfinite(value):
                    raise FloatingPointError(self._message(where, value, block))
                sums += torch.tensor([value * size, size], dtype=torch.float64)
            self._before = blocks
        return sums

    def _message(self, where: str, value: float, block: Block) -> str:
        text = f"{where}: the loss is {value}. Its batch: {self._data.names(block)}. "
        if self._before:
            names = "; ".join(map(self._data.names, self._before))
            text += f"If nothing is wrong there, the gradient of the step before was: {names}. "
        return f"{text}{self._kept} is from before it."
