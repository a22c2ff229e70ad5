"""Persons in batches on a device, as the training loop takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from tqdm import tqdm

from lowerpose_ops import LOWER_BODY_JOINTS
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.data.device_crops import DeviceCrops
from python_models.data.samples import Batch, Key, Sample, loader


class PersonBatches:
    """The readable persons of a data set, on a device; says which images were not, once each.

    A batch none of whose images can be read becomes one black image without joints and with the
    index -1: every process needs as many batches as the others.

    Args:
        data: The persons.
        device: Where the batches go.
        workers: Processes that read images; 0: this one does.
        crops: The data's crops on the device, in place of images and workers.
    """

    def __init__(
        self,
        data: CocoLowerBody,
        device: torch.device,
        *,
        workers: int = 0,
        crops: DeviceCrops | None = None,
    ) -> None:
        self.data = data
        self.device = device
        self._workers = workers
        self._crops = crops
        self._told: set[str] = set()

    def __len__(self) -> int:
        return len(self.data)

    def batches(self, blocks: Sequence[Sequence[Key]]) -> Iterator[Sample]:
        """One batch a block, in their order."""
        for batch in self._read(blocks):
            for bad in batch["unreadable"]:
                line = f"left out, because its image cannot be read: {bad.image_path}: {bad.reason}"
                if line not in self._told:
                    self._told.add(line)
                    tqdm.write(line)
            yield self._moved(batch["samples"] or self._blank())

    def _read(self, blocks: Sequence[Sequence[Key]]) -> Iterable[Batch]:
        if self._crops is not None:
            return self._crops.batches(blocks)
        pinned = self.device.type == "cuda"
        return loader(self.data, blocks, workers=self._workers, pinned=pinned)

    def names(self, block: Sequence[Key]) -> str:
        """Annotation ids and images of the samples."""
        persons = [self.data.persons[key if isinstance(key, int) else key[1]] for key in block]
        return ", ".join(f"annotation {p.annotation_id} of {p.image_path}" for p in persons)

    def _moved(self, batch: Sample) -> Sample:
        device = self.device
        return Sample(
            image=batch["image"].to(device, non_blocking=True),
            joints=batch["joints"].to(device, non_blocking=True),
            visible=batch["visible"].to(device, non_blocking=True),
            index=batch["index"],
        )

    def _blank(self) -> Sample:
        width, height = self.data.input_size
        joints = len(LOWER_BODY_JOINTS)
        return Sample(
            image=torch.zeros(1, 3, height, width, dtype=torch.uint8),
            joints=torch.zeros(1, joints, 2),
            visible=torch.zeros(1, joints),
            index=torch.tensor([-1]),
        )
