"""What the training loop asks of that which is learnt, and of that which it is learnt from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from torch import Tensor, nn

from python_models.training.order import Block

Contravariant = TypeVar("Contravariant", contravariant=True)
Covariant = TypeVar("Covariant", covariant=True)


class Task(Protocol[Contravariant]):
    """What is learnt: a loss, and the numbers that say how well."""

    @property
    def best(self) -> str:
        """The score that says which epoch is the best."""

    @property
    def best_is_lowest(self) -> bool:
        """Whether that score is an error: its lowest value is then the best, else its highest."""

    def size(self, batch: Contravariant) -> int:
        """How many samples a batch has."""

    def loss(self, model: nn.Module, batch: Contravariant) -> Tensor:
        """The mean loss of a batch."""

    def score(
        self,
        model: nn.Module,
        batches: Iterable[Contravariant],
        total: Callable[[Tensor], Tensor],
    ) -> dict[str, float]:
        """Scores over the batches of all processes; `total` sums a tensor over them."""


class Data(Protocol[Covariant]):
    """Samples by number, read in batches."""

    def __len__(self) -> int: ...

    def batches(self, blocks: Sequence[Block]) -> Iterator[Covariant]:
        """One batch a block, in their order, on the device that trains."""

    def names(self, block: Block) -> str:
        """What a person can find the samples of a batch by."""
