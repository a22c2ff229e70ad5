"""Which samples make up which batch: decided by the seed and the epoch alone.

Neither the number of processes, nor that of loader workers, nor an interruption changes it.
"""

from __future__ import annotations

import numpy as np

Key = tuple[int, int]  # (epoch, index): the random numbers of a sample follow from both
Block = list[Key]  # the samples of one batch


def training_blocks(count: int, batch_size: int, parts: int, seed: int, epoch: int) -> list[Block]:
    """All samples in random order, as a multiple of `parts` batches of nearly the same size.

    A step of gradient descent takes `parts` batches: one for each process, times the accumulation.
    Dealing the samples evenly leaves no small last batch, whose statistics BatchNorm would take as
    seriously as the others', and no process without a batch. With `batch_size` 1 they cannot be
    dealt evenly: up to `parts - 1` sit out, others every epoch.

    Args:
        count: How many samples there are.
        batch_size: The most that a batch may have.
        parts: How many batches make a step.
        seed: Of the run.
        epoch: Counted from 1.

    Raises:
        ValueError: There are fewer samples than parts.
    """
    if count < parts:
        raise ValueError(
            f"training_blocks: count must be at least one sample for each of the {parts} batches "
            f"of a step (processes x accumulation), got {count}"
        )
    order = np.random.default_rng((seed, epoch)).permutation(count)
    steps = -(-count // (batch_size * parts))
    if count < steps * parts:
        steps -= 1
        order = order[: steps * parts * batch_size]
    return [
        [(epoch, int(index)) for index in block] for block in np.array_split(order, steps * parts)
    ]


def scoring_blocks(count: int, batch_size: int, rank: int, ranks: int) -> list[Block]:
    """Every sample once over all ranks, none repeated; a rank may have one fewer than another.

    Epoch 0 stands for samples as they are, without augmentation.
    """
    mine = range(rank, count, ranks)
    return [
        [(0, index) for index in mine[first : first + batch_size]]
        for first in range(0, len(mine), batch_size)
    ]
