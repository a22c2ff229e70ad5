"""A model's scores on a data set: every person once, every decoding from one pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from python_models.arrays import Array
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.data.samples import Batch, loader
from python_models.decoding import ALL_DECODINGS, Decoding, decode_images
from python_models.evaluation.people import Found, People, mean_pose, people_of
from python_models.evaluation.person_scores import Scores, by_ratio, measure
from python_models.heatmap_task import HeatmapTask


@dataclass(frozen=True)
class Evaluation:
    """What is known of a model on a data set."""

    task: HeatmapTask
    people: People
    decoding: Decoding  # the one that is looked at in detail
    found: Found  # by it
    methods: dict[str, Scores]  # by name: every decoding, and the mean pose where it is asked for
    ratios: dict[str, Scores]  # by bin of person-to-image ratios, of `decoding`
    unreadable: list[str]  # a line for each person left out

    @property
    def scores(self) -> Scores:
        """Of `decoding`."""
        return self.methods[self.decoding.name]


def evaluate(
    model: nn.Module,
    task: HeatmapTask,
    data: CocoLowerBody,
    decoding: Decoding,
    *,
    device: torch.device,
    batch_size: int = 32,
    workers: int = 0,
    train: CocoLowerBody | None = None,
) -> Evaluation:
    """Runs the model over all persons and scores them by every decoding.

    Args:
        model: Is moved to the device and put in eval mode.
        task: What it was trained on.
        data: The persons.
        decoding: The one for the details.
        device: Where the model runs.
        batch_size: Persons a batch.
        workers: Processes that load images.
        train: The data whose mean pose is compared; None: it is not.

    Raises:
        ValueError: The model gives maps of another size or number than the task's, or no image
            could be read.
    """
    blocks = [
        list(range(start, min(start + batch_size, len(data))))
        for start in range(0, len(data), batch_size)
    ]
    batches = loader(data, blocks, workers=workers)
    model = model.to(device).eval()
    indices, found, unreadable = find_joints(model, task, batches, ALL_DECODINGS, device)
    people = people_of(data, indices, task)
    methods = {way.name: measure(people, joints, task) for way, joints in found.items()}
    if train is not None:
        methods["mean pose"] = measure(people, mean_pose(train, people, task), task)
    ratios = by_ratio(people, found[decoding], task)
    return Evaluation(task, people, decoding, found[decoding], methods, ratios, unreadable)


def find_joints(
    model: nn.Module,
    task: HeatmapTask,
    batches: Iterable[Batch],
    decodings: Sequence[Decoding],
    device: torch.device,
) -> tuple[list[int], dict[Decoding, Found], list[str]]:
    """What the model finds in each person, in the order of the batches.

    Returns:
        The indices of the persons, what each decoding finds, and a line for each image that could
        not be read.

    Raises:
        ValueError: A person comes twice, or no image could be read.
    """
    indices: list[int] = []
    unreadable: list[str] = []
    parts: list[list[tuple[Array, Array]]] = []
    for batch in batches:
        unreadable += [f"{bad.image_path}: {bad.reason}" for bad in batch["unreadable"]]
        samples = batch["samples"]
        if samples is None:
            continue
        indices += torch.as_tensor(samples["index"]).tolist()
        images = samples["image"].to(device, non_blocking=True)
        found = decode_images(model, task, images, decodings)
        parts.append([(joints.cpu().numpy(), maxima.cpu().numpy()) for joints, maxima in found])
    if not indices:
        raise ValueError("no image could be read: " + "; ".join(unreadable[:3]))
    if len(set(indices)) != len(indices):
        raise ValueError("every person must come once, got one twice")
    columns = zip(*parts, strict=True)
    by_decoding = {
        decoding: Found(*(np.concatenate(part) for part in zip(*column, strict=True)))
        for decoding, column in zip(decodings, columns, strict=True)
    }
    return indices, by_decoding, unreadable
