"""The training loop that the heatmap models share."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader
from tqdm import tqdm

import lowerpose_ops as lp
from python_models import checkpoint, pictures
from python_models.data.coco_lower_body import Sample

THRESHOLDS = (0.05, 0.1)  # of the longer side of the input


@dataclass(frozen=True)
class HeatmapTask:
    """What a model is trained on: sizes, targets, decoding. Sizes are (W, H)."""

    input_size: tuple[int, int] = (192, 256)
    stride: int = 4  # input pixels per heatmap pixel
    sigma: float = 2.0  # in heatmap pixels
    target_preset: str = "exact"
    refine: Literal["none", "quarter"] = "none"
    criterion: Callable[..., Tensor] = field(default_factory=lp.JointsMSELoss)

    @property
    def heatmap_size(self) -> tuple[int, int]:
        """(W, H) of the heatmaps."""
        return self.input_size[0] // self.stride, self.input_size[1] // self.stride

    def loss(self, heatmaps: Tensor, batch: Sample) -> Tensor:
        """The loss of predicted heatmaps [B, K, H, W]."""
        targets, weights = lp.gaussian_targets(
            batch["joints"] / self.stride,
            batch["visible"],
            heatmap_size=self.heatmap_size,
            sigma=self.sigma,
            preset=self.target_preset,
        )
        return self.criterion(heatmaps, targets, weights)

    def decode(self, heatmaps: Tensor) -> Tensor:
        """Joints [B, K, 2] in input pixels."""
        coords, _ = lp.decode_heatmaps(heatmaps, self.refine)
        return coords * self.stride

    def pck_counts(self, joints: Tensor, batch: Sample) -> tuple[Tensor, Tensor]:
        """Correct [T, K] and counted [K] joints at THRESHOLDS."""
        return lp.pck_counts(
            joints, batch["joints"], batch["visible"], max(self.input_size), THRESHOLDS
        )


@dataclass(frozen=True)
class Score:
    """Loss and PCK over a data set; PCK is pooled over all its visible joints."""

    loss: float
    pck: dict[float, float]


def to_device(batch: Sample, device: torch.device) -> Sample:
    """The batch with its tensors on the device."""
    return Sample(
        image=batch["image"].to(device, non_blocking=True),
        joints=batch["joints"].to(device, non_blocking=True),
        visible=batch["visible"].to(device, non_blocking=True),
        annotation_id=batch["annotation_id"],
    )


def train_step(
    model: nn.Module, batch: Sample, task: HeatmapTask, optimizer: torch.optim.Optimizer
) -> float:
    """One step of gradient descent; the loss before it."""
    model.train()
    optimizer.zero_grad(set_to_none=True)
    loss = task.loss(model(batch["image"]), batch)
    loss.backward()
    optimizer.step()
    return loss.item()


@torch.no_grad()
def evaluate(model: nn.Module, batches: Iterable[Sample], task: HeatmapTask) -> Score:
    """Loss and PCK in eval mode."""
    model.eval()
    persons = 0
    loss_sum = 0.0
    correct = torch.zeros(len(THRESHOLDS), dtype=torch.int64)
    counted = torch.zeros((), dtype=torch.int64)
    for batch in batches:
        heatmaps = model(batch["image"])
        loss_sum += task.loss(heatmaps, batch).item() * len(heatmaps)
        persons += len(heatmaps)
        hits, joints = task.pck_counts(task.decode(heatmaps), batch)
        correct += hits.sum(1).cpu()
        counted += joints.sum().cpu()
    ratios = (correct / counted).tolist()
    return Score(loss_sum / persons, dict(zip(THRESHOLDS, ratios, strict=True)))


def fit(
    model: nn.Module,
    train_loader: DataLoader[Sample],
    val_loader: DataLoader[Sample],
    task: HeatmapTask,
    optimizer: torch.optim.Optimizer,
    *,
    epochs: int,
    device: torch.device,
    folder: Path,
) -> list[dict[str, float]]:
    """Trains, and leaves log.csv, curves.png, predictions.png, last.pt and best.pt in the folder.

    `best.pt` is the epoch with the highest PCK@0.05 on val. Returns the rows of the log.
    """
    log: list[dict[str, float]] = []
    best = -1.0
    with (folder / "log.csv").open("w", newline="") as file:
        writer: csv.DictWriter[str] | None = None
        for epoch in range(1, epochs + 1):
            losses = []
            progress = tqdm(train_loader, desc=f"epoch {epoch}/{epochs}", leave=False, disable=None)
            for batch in progress:
                losses.append(train_step(model, to_device(batch, device), task, optimizer))
                progress.set_postfix(loss=f"{losses[-1]:.5f}")
            score = evaluate(model, (to_device(batch, device) for batch in val_loader), task)
            row = {"epoch": epoch, "train_loss": sum(losses) / len(losses), "val_loss": score.loss}
            row |= {f"pck_{threshold}": value for threshold, value in score.pck.items()}
            log.append(row)
            if writer is None:
                writer = csv.DictWriter(file, fieldnames=list(row))
                writer.writeheader()
            writer.writerow(row)
            file.flush()
            tqdm.write("  ".join(f"{name} {value:.5g}" for name, value in row.items()))

            state = {
                "epoch": epoch,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "score": row,
            }
            checkpoint.save(folder / "last.pt", state)
            if score.pck[THRESHOLDS[0]] > best:
                best = score.pck[THRESHOLDS[0]]
                checkpoint.save(folder / "best.pt", state)
    pictures.save_curves(folder / "curves.png", log)
    save_predictions(folder / "predictions.png", model, val_loader, task, device)
    return log


def overfit(
    model: nn.Module,
    batch: Sample,
    task: HeatmapTask,
    optimizer: torch.optim.Optimizer,
    steps: int,
) -> tuple[float, float, Score]:
    """Trains on one batch; the loss at the first and at the last step, and the score afterwards.

    The learning rate falls to 0 along a cosine, so that BatchNorm's running statistics, which eval
    mode uses, catch up with the weights.
    """
    schedule = CosineAnnealingLR(optimizer, steps)
    losses = []
    progress = tqdm(range(steps), desc="one batch", disable=None)
    for _ in progress:
        losses.append(train_step(model, batch, task, optimizer))
        schedule.step()
        progress.set_postfix(loss=f"{losses[-1]:.6f}")
    return losses[0], losses[-1], evaluate(model, [batch], task)


@torch.no_grad()
def save_predictions(
    path: Path,
    model: nn.Module,
    batches: Iterable[Sample],
    task: HeatmapTask,
    device: torch.device,
    count: int = 16,
) -> None:
    """A picture of the model's predictions on the first persons of a data set."""
    batch = next(iter(batches))
    model.eval()
    predicted = task.decode(model(batch["image"].to(device))).cpu()
    pictures.save_predictions(
        path, batch["image"][:count], predicted[:count], batch["joints"], batch["visible"]
    )
