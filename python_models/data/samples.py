"""What a data set gives, one by one and in batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from python_models.interrupt import leave_to_parent

# A position in the data set (no randomness), or an epoch and a position.
Key = int | tuple[int, int]


class Sample(TypedDict):
    """A cropped person, or a batch of them, each tensor with B in front."""

    image: Tensor  # uint8 [3, H, W], red, green, blue
    joints: Tensor  # float32 [6, 2], in pixels of the image
    visible: Tensor  # float32 [6], 0 or 1
    index: Any  # int, the position in the data set; of a batch: int64 [B]


@dataclass(frozen=True)
class Unreadable:
    """What stands for a sample whose image cannot be decoded, so that the epoch goes on."""

    image_path: Path
    reason: str


class Batch(TypedDict):
    """The readable samples of a batch, stacked (None if there is none), and the others."""

    samples: Sample | None
    unreadable: list[Unreadable]


def collate(samples: Sequence[Sample | Unreadable]) -> Batch:
    """Stacks the samples whose image could be read, and lists the others.

    The images [B, 3, H, W] lie in memory as decoders write them, colours of a pixel side by side:
    torch's channels_last, in which convolutions are fastest.
    """
    good = [sample for sample in samples if not isinstance(sample, Unreadable)]
    bad = [sample for sample in samples if isinstance(sample, Unreadable)]
    if not good:
        return Batch(samples=None, unreadable=bad)
    images = torch.stack([sample["image"].permute(1, 2, 0) for sample in good])
    stacked = Sample(
        image=images.permute(0, 3, 1, 2),
        joints=torch.stack([sample["joints"] for sample in good]),
        visible=torch.stack([sample["visible"] for sample in good]),
        index=torch.tensor([sample["index"] for sample in good]),
    )
    return Batch(samples=stacked, unreadable=bad)


def loader(
    data: Dataset[Sample | Unreadable],
    blocks: Sequence[Sequence[Key]],
    *,
    workers: int = 0,
    pinned: bool = False,
    prefetch: int = 2,
) -> Iterable[Batch]:
    """One batch for each block of keys, in their order.

    torch's global random numbers are left alone, so that how many passes there were, and by how
    many workers, changes nothing in a run.

    Args:
        data: A `CocoLowerBody`.
        blocks: The keys of each batch.
        workers: Processes that read; 0: this one does.
        pinned: Whether the batches lie in pinned memory, from which a GPU copies while it computes.
        prefetch: How many batches each worker has ready.
    """
    return DataLoader(
        data,
        batch_sampler=blocks,  # type: ignore[arg-type]  # torch's type knows no pairs
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=leave_to_parent,
        pin_memory=pinned,
        prefetch_factor=prefetch if workers else None,
        generator=torch.Generator(),
    )
