"""One training step as lower-body projects write it, as it is written with ours, and the least."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

import lowerpose_ops as lp
from benchmarks import loops
from benchmarks.peers import joint_loop
from python_models.data.normalise import normalised
from python_models.heatmap_task import THRESHOLDS
from python_models.models.dilated_cnn import DilatedCNN

# As `make train` has them, but for sigma (1.5 there): the loop's window must be whole pixels.
INPUT, STRIDE, SIGMA, BATCH = (96, 128), 4, 2.0, 32
HEATMAP = INPUT[0] // STRIDE, INPUT[1] // STRIDE
BETA = 100.0

PARTS = ("loader", "copy", "targets", "forward", "loss", "backward", "metrics")
Batch = dict[str, Tensor]


class Samples(Dataset[Batch]):
    """Cropped persons; with `targets`, what the original loader draws for each."""

    def __init__(self, persons: Any, targets: bool) -> None:
        self.persons = persons
        self.targets = targets

    def __len__(self) -> int:
        return len(self.persons)

    def __getitem__(self, index: int) -> Batch:
        sample = dict(self.persons[index])
        del sample["index"]
        sample["image"] = normalised(sample["image"])
        if self.targets:
            joints, visible = sample["joints"].numpy() / STRIDE, sample["visible"].numpy()
            target, weight = loops.numpy_targets(joints, visible, HEATMAP, SIGMA)
            sample |= {"target": torch.from_numpy(target), "weight": torch.from_numpy(weight)}
        return sample


class Laps:
    """Where the time goes. With `exact`, a GPU is waited for after each part."""

    def __init__(self, device: torch.device, exact: bool) -> None:
        self.seconds: Counter[str] = Counter()
        self._wait = exact and device.type == "cuda"
        self._last = time.perf_counter()

    def lap(self, part: str) -> None:
        if self._wait:
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.seconds[part] += now - self._last
        self._last = now


@dataclass
class Score:
    """Of the steps so far. Numbers in the original loop, tensors in ours."""

    loss: Any = 0.0
    correct: Any = 0
    counted: Any = 0


@dataclass
class Loop:
    """A model with its optimizer, and a step that leaves the score of its batch."""

    device: torch.device
    model: torch.nn.Module = field(init=False)
    draws_in_loader = False

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        self.model = DilatedCNN().to(self.device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)

    def loader(self, persons: Any, workers: int) -> Iterable[Batch]:
        samples = Samples(persons, self.draws_in_loader)
        pinned = self.device.type == "cuda"
        return DataLoader(samples, BATCH, num_workers=workers, drop_last=True, pin_memory=pinned)

    def step(self, batch: Batch, score: Score, laps: Laps) -> None:
        batch = {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}
        laps.lap("copy")
        target, weight = self.targets(batch)
        laps.lap("targets")
        heatmaps = self.model(batch["image"])
        laps.lap("forward")
        loss = self.loss(heatmaps, target, weight)
        laps.lap("loss")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        laps.lap("backward")
        with torch.no_grad():
            self.measure(loss.detach(), heatmaps.detach(), batch, score)
        laps.lap("metrics")

    def targets(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What the loss takes after the heatmaps."""
        raise NotImplementedError

    def loss(self, heatmaps: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        raise NotImplementedError

    def measure(self, loss: Tensor, heatmaps: Tensor, batch: Batch, score: Score) -> None:
        raise NotImplementedError


class Original(Loop):
    """NumPy targets in the loader, a loop over joints, `.item()` in each step."""

    draws_in_loader = True

    def targets(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return batch["target"], batch["weight"]

    def loss(self, heatmaps: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        return joint_loop(heatmaps, target, weight)

    def measure(self, loss: Tensor, heatmaps: Tensor, batch: Batch, score: Score) -> None:
        score.loss += loss.item()
        height, width = heatmaps.shape[2:]
        p = torch.softmax(BETA * heatmaps.flatten(2), 2)
        ys, xs = torch.meshgrid(
            torch.arange(height, device=p.device, dtype=p.dtype),
            torch.arange(width, device=p.device, dtype=p.dtype),
            indexing="ij",
        )
        x, y = (p * xs.flatten()).sum(2) * STRIDE, (p * ys.flatten()).sum(2) * STRIDE
        joints, visible = batch["joints"], batch["visible"]
        for person in range(len(joints)):
            for joint in range(joints.shape[1]):
                if visible[person, joint].item() < 0.5:
                    continue
                dx = x[person, joint] - joints[person, joint, 0]
                dy = y[person, joint] - joints[person, joint, 1]
                distance = (torch.sqrt(dx**2 + dy**2) / max(INPUT)).item()
                score.counted += 1
                score.correct += distance < THRESHOLDS[0]


class Ours(Loop):
    """Targets where the model is, everything for all joints at once, and nothing is waited for."""

    def targets(self, batch: Batch) -> tuple[Tensor, Tensor]:
        joints = batch["joints"] / STRIDE
        return lp.gaussian_targets(joints, batch["visible"], HEATMAP, SIGMA, preset="lower_body")

    def loss(self, heatmaps: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        return lp.joints_mse_loss(heatmaps, target, weight)

    def measure(self, loss: Tensor, heatmaps: Tensor, batch: Batch, score: Score) -> None:
        score.loss += loss
        coords = lp.soft_argmax2d(heatmaps, BETA) * STRIDE
        correct, counted = lp.pck_counts(
            coords, batch["joints"], batch["visible"], max(INPUT), THRESHOLDS[:1]
        )
        score.correct += correct.sum()
        score.counted += counted.sum()


class Fused(Ours):
    """With the loss against Gaussians that are never drawn."""

    def targets(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return batch["joints"] / STRIDE, batch["visible"]

    def loss(self, heatmaps: Tensor, joints: Tensor, visible: Tensor) -> Tensor:
        return lp.gaussian_joints_mse_loss(
            heatmaps, joints, visible, sigma=SIGMA, preset="lower_body"
        )


class Constant(Ours):
    """The upper bound: the same tensors again and again, already on the device, and no metrics."""

    def loader(self, persons: Any, workers: int) -> Iterator[Batch]:  # noqa: ARG002
        batch = next(iter(super().loader(persons, 0)))
        batch = {name: value.to(self.device) for name, value in batch.items()}
        self.drawn = super().targets(batch)
        while True:
            yield batch

    def targets(self, batch: Batch) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        return self.drawn

    def measure(self, loss: Tensor, heatmaps: Tensor, batch: Batch, score: Score) -> None:
        pass
