"""The training loop that the heatmap models share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler
from tqdm import tqdm

import lowerpose_ops as lp
from python_models import checkpoint, pictures
from python_models.data.normalise import normalised
from python_models.data.samples import Batch, Key, Sample
from python_models.interrupt import Interrupt
from python_models.run_log import Row, RunLog

THRESHOLDS = (0.05, 0.1)  # of the longer side of the input


@dataclass(frozen=True)
class HeatmapTask:
    """What a model is trained on: sizes, targets, decoding. Sizes are (W, H)."""

    input_size: tuple[int, int] = (192, 256)
    stride: int = 4  # input pixels per heatmap pixel
    sigma: float = 2.0  # in heatmap pixels
    target_preset: str = "exact"
    refine: Literal["none", "quarter"] = "none"

    @property
    def heatmap_size(self) -> tuple[int, int]:
        """(W, H) of the heatmaps."""
        return self.input_size[0] // self.stride, self.input_size[1] // self.stride

    def loss(self, heatmaps: Tensor, batch: Sample) -> Tensor:
        """The loss of predicted heatmaps [B, K, H, W]."""
        return lp.gaussian_joints_mse_loss(
            heatmaps,
            batch["joints"] / self.stride,
            batch["visible"],
            sigma=self.sigma,
            preset=self.target_preset,
            loss_preset="document",
        )

    def decode(self, heatmaps: Tensor) -> Tensor:
        """Joints [B, K, 2] in input pixels."""
        coords, _ = lp.decode_heatmaps(heatmaps, self.refine)
        return coords * self.stride

    def pck_counts(
        self, predicted: Tensor, joints: Tensor, visible: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Correct [T, K] and counted [K] joints at THRESHOLDS, for joints [B, K, 2]."""
        counts: tuple[Tensor, Tensor] = lp.pck_counts(
            predicted, joints, visible, max(self.input_size), THRESHOLDS
        )
        return counts


@dataclass(frozen=True)
class Score:
    """Loss and PCK over a data set; PCK is pooled over all its visible joints."""

    loss: float
    pck: dict[float, float]


class Blocks(Sequence[list[Key]]):
    """The keys of each batch; shuffled, another order and other augmentation in each pass."""

    def __init__(self, persons: int, batch_size: int, *, shuffle: bool = False) -> None:
        self.persons, self.batch_size, self.shuffle = persons, batch_size, shuffle

    def __len__(self) -> int:
        return -(-self.persons // self.batch_size)

    def __getitem__(self, block: Any) -> Any:
        first = block * self.batch_size
        return list(range(first, min(first + self.batch_size, self.persons)))

    def __iter__(self) -> Iterator[list[Key]]:
        blocks = [self[block] for block in range(len(self))]
        if self.shuffle:
            order, epoch = torch.randperm(self.persons).tolist(), int(torch.randint(2**31, ()))
            blocks = [[(epoch, order[index]) for index in block] for block in blocks]
        yield from blocks


class Batches:
    """The readable samples of a loader's batches, on a device; tells which images were not.

    After a pass, `unreadable` holds one line for each person left out.
    """

    def __init__(self, loader: Iterable[Batch], device: torch.device) -> None:
        self._loader = loader
        self._device = device
        self.unreadable: list[str] = []

    def __iter__(self) -> Iterator[Sample]:
        self.unreadable = []
        found = False
        for batch in self._loader:
            self.unreadable += [f"{bad.image_path}: {bad.reason}" for bad in batch["unreadable"]]
            if batch["samples"] is not None:
                found = True
                yield to_device(batch["samples"], self._device)
        if not found:
            raise ValueError("no image could be read: " + "; ".join(self.unreadable[:3]))


def to_device(batch: Sample, device: torch.device) -> Sample:
    """The batch with its tensors on the device, the images normalised there."""
    return Sample(
        image=normalised(batch["image"].to(device, non_blocking=True)),
        joints=batch["joints"].to(device, non_blocking=True),
        visible=batch["visible"].to(device, non_blocking=True),
        index=batch["index"],
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
        hits, joints = task.pck_counts(task.decode(heatmaps), batch["joints"], batch["visible"])
        correct += hits.sum(1).cpu()
        counted += joints.sum().cpu()
    ratios = (correct / counted).tolist()
    return Score(loss_sum / persons, dict(zip(THRESHOLDS, ratios, strict=True)))


class Run:
    """A training run in its folder: log, curves, pictures, `last.pt`, `best.pt`.

    `last.pt` is the last finished epoch, `best.pt` the one with the highest PCK@0.05 on val. A run
    goes on from `last.pt` to the same numbers as one that was never stopped. `settings` are kept in
    the checkpoints; the `settled` ones must be the same when it goes on.
    """

    def __init__(
        self,
        model: nn.Module,
        task: HeatmapTask,
        optimizer: torch.optim.Optimizer,
        scheduler: LRScheduler,  # stepped once an epoch
        folder: Path,
        settings: dict[str, str],
        settled: set[str],
    ) -> None:
        self.model = model
        self.task = task
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.folder = folder
        self.settings = settings
        self.settled = settled
        self.rows: list[Row] = []

    def start(self, resume: bool) -> None:
        """Makes the folder, or goes on from its `last.pt`.

        Raises:
            FileNotFoundError: There is nothing to resume.
            ValueError: Without resume, the folder has a run; with it, that run had other settings.
        """
        path = self.folder / "last.pt"
        if not resume and not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            return
        state = checkpoint.load(path)
        if not resume and state["rows"]:
            raise ValueError(
                f"{self.folder} has a run of {len(state['rows'])} epochs: "
                "go on with --resume, or choose another --output"
            )
        if resume:
            before = state["settings"]
            for name in sorted(self.settled):
                if before.get(name) != self.settings[name]:
                    raise ValueError(
                        f"{path}: {name} must be {before.get(name)} as before, "
                        f"got {self.settings[name]}"
                    )
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.scheduler.load_state_dict(state["scheduler"])
            self.rows = state["rows"]
            torch.set_rng_state(state["rng"])

    def pck(self) -> dict[str, dict[float, float]]:
        """PCK on val after the last and after the best epoch; empty before the first."""
        if not self.rows:
            return {}
        best = max(self.rows, key=lambda row: row["pck_0.05"])
        named = {"last epoch": self.rows[-1], f"best ({best['epoch']})": best}
        return {name: {t: row[f"pck_{t}"] for t in THRESHOLDS} for name, row in named.items()}

    def fit(self, train: Batches, val: Batches, epochs: int) -> bool:
        """Trains up to an epoch; False if Ctrl-C ended it, with everything so far on disk."""
        finished = True
        with RunLog(self.folder, self.rows) as log, Interrupt() as interrupt:
            if not self.rows:
                self._save("last.pt", log.rows)  # so that there is one whenever it ends
            try:
                for epoch in range(len(self.rows) + 1, epochs + 1):
                    log.add(self._epoch(epoch, epochs, train, val, interrupt))
                    best = max(log.rows, key=lambda row: row["pck_0.05"])
                    if best is log.rows[-1]:
                        self._save("best.pt", log.rows)
                    self._save("last.pt", log.rows)  # the epoch counts from here on
            except KeyboardInterrupt:
                finished = False
            self.rows = log.rows
        if self.rows:
            pictures.save_curves(self.folder / "curves.png", self.rows)
        save_predictions(self.folder, self.model, val, self.task)
        return finished

    def _epoch(
        self, epoch: int, epochs: int, train: Batches, val: Batches, interrupt: Interrupt
    ) -> Row:
        losses = persons = 0.0
        progress = tqdm(train, desc=f"epoch {epoch}/{epochs}", leave=False, disable=None)
        for batch in progress:
            loss = train_step(self.model, batch, self.task, self.optimizer)
            losses += loss * len(batch["image"])
            persons += len(batch["image"])
            progress.set_postfix(loss=f"{loss:.5f}")
            interrupt.check()
        self.scheduler.step()
        score = evaluate(self.model, val, self.task)
        row = {"epoch": epoch, "train_loss": losses / persons, "val_loss": score.loss}
        row |= {f"pck_{threshold}": value for threshold, value in score.pck.items()}
        tqdm.write("  ".join(f"{name} {value:.5g}" for name, value in row.items()))
        for line in (*train.unreadable, *val.unreadable):
            tqdm.write(f"left out, because its image cannot be read: {line}")
        return row

    def _save(self, name: str, rows: list[Row]) -> None:
        state: dict[str, Any] = {
            "settings": self.settings,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "rows": rows,
            "rng": torch.get_rng_state(),
        }
        checkpoint.save(self.folder / name, state)


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
    folder: Path, model: nn.Module, batches: Iterable[Sample], task: HeatmapTask, count: int = 16
) -> None:
    """predictions.png and heatmaps.png of the first persons of a data set."""
    folder.mkdir(parents=True, exist_ok=True)
    batch = next(iter(batches))
    model.eval()
    heatmaps = model(batch["image"])
    images = batch["image"].cpu()
    pictures.save_predictions(
        folder / "predictions.png",
        images[:count],
        task.decode(heatmaps).cpu(),
        batch["joints"].cpu(),
        batch["visible"].cpu(),
    )
    pictures.save_heatmaps(folder / "heatmaps.png", images[:4], heatmaps[:4].cpu())
