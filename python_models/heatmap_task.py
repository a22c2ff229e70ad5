"""What heatmap models are trained on and scored by: targets, loss, decoding, PCK."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

import lowerpose_ops as lp
from python_models.data.coco_lower_body import Sample
from python_models.data.normalise import normalised

THRESHOLDS = (0.05, 0.1)  # of the longer side of the input

Refine = Literal["none", "quarter", "gradient", "parabola", "log_parabola", "dark", "dark_udp"]


@dataclass(frozen=True)
class HeatmapTask:
    """Sizes are (W, H); joints are (x, y) in pixels of the input, pixel centres at integers."""

    input_size: tuple[int, int] = (192, 256)
    stride: int = 4  # input pixels per heatmap pixel
    sigma: float = 2.0  # in heatmap pixels
    target_preset: str = "exact"
    refine: Refine = "none"

    def __post_init__(self) -> None:
        whole = all(isinstance(side, int) for side in (*self.input_size, self.stride))
        if not whole or len(self.input_size) != 2 or not 1 <= self.stride <= min(self.input_size):
            raise ValueError(f"HeatmapTask: input_size must be (W, H), got {self.input_size}")
        if not 0 < self.sigma < math.inf:
            raise ValueError(f"HeatmapTask: sigma must be positive, got {self.sigma}")
        if self.refine not in get_args(Refine):
            names = get_args(Refine)
            raise ValueError(f"HeatmapTask: refine must be among {names}, got {self.refine!r}")

    best = "pck_0.05"  # of a log's columns, the one that says which epoch is the best
    best_is_lowest = False

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> HeatmapTask:
        """The task among a run's settings; names that are missing keep their defaults."""
        named = {field.name for field in fields(cls)} & settings.keys()
        values = {name: settings[name] for name in named}
        if "input_size" in values:
            values["input_size"] = tuple(values["input_size"])
        return cls(**values)

    def settings(self) -> dict[str, Any]:
        """What `from_settings` takes."""
        return asdict(self)

    @property
    def heatmap_size(self) -> tuple[int, int]:
        """(W, H) of the heatmaps."""
        return self.input_size[0] // self.stride, self.input_size[1] // self.stride

    def heatmaps(self, model: nn.Module, images: Tensor) -> Tensor:
        """The heatmaps [B, K, H/4, W/4] of images [B, 3, H, W], 0 to 255, on the model's device."""
        pixels = normalised(images).contiguous(memory_format=torch.channels_last)
        heatmaps: Tensor = model(pixels)
        return heatmaps

    def loss(self, model: nn.Module, batch: Sample) -> Tensor:
        """The mean loss of a batch."""
        return self.loss_of(self.heatmaps(model, batch["image"]), batch)

    def loss_of(self, heatmaps: Tensor, batch: Sample) -> Tensor:
        """The mean loss of predicted heatmaps [B, K, H/4, W/4]."""
        return lp.gaussian_joints_mse_loss(
            heatmaps,
            batch["joints"] / self.stride,
            batch["visible"],
            sigma=self.sigma,
            preset=self.target_preset,
            loss_preset="document",
        )

    def blur_kernel(self, refine: Refine) -> int | None:
        """The width of DARK's blur for maps of this sigma; None for refinements that do not blur.

        It is the odd number nearest to 6 sigma - 1: 11 for sigma 2 and 17 for 3.
        """
        if "dark" not in refine:
            return None
        return min(max(2 * math.floor(3 * self.sigma - 0.5) + 1, 3), 33)

    def decode(self, heatmaps: Tensor) -> Tensor:
        """Joints [B, K, 2] in input pixels."""
        blur_kernel = self.blur_kernel(self.refine)
        coords, _ = lp.decode_heatmaps(heatmaps, self.refine, blur_kernel=blur_kernel)
        return coords * self.stride

    def pck_counts(
        self, predicted: Tensor, joints: Tensor, visible: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Correct [T, K] and counted [K] joints at THRESHOLDS, for joints [B, K, 2]."""
        counts: tuple[Tensor, Tensor] = lp.pck_counts(
            predicted, joints, visible, max(self.input_size), THRESHOLDS
        )
        return counts

    def size(self, batch: Sample) -> int:
        """How many samples a batch has; one that stands for unreadable images has none."""
        return int((batch["index"] >= 0).sum())

    def score(
        self, model: nn.Module, batches: Iterable[Sample], total: Callable[[Tensor], Tensor]
    ) -> dict[str, float]:
        """Loss and PCK over the batches of all processes; `total` sums a tensor over them.

        PCK is pooled over all visible joints.
        """
        loss = persons = 0.0
        joints = 0
        correct = [0] * len(THRESHOLDS)
        for batch in batches:
            if not self.size(batch):
                continue
            heatmaps = self.heatmaps(model, batch["image"])
            loss += self.loss_of(heatmaps, batch).item() * len(heatmaps)
            persons += len(heatmaps)
            hits, counted = self.pck_counts(
                self.decode(heatmaps), batch["joints"], batch["visible"]
            )
            joints += int(counted.sum())
            for threshold, count in enumerate(hits.sum(1).tolist()):
                correct[threshold] += count
        sums = total(torch.tensor([loss, persons, joints, *correct], dtype=torch.float64))
        loss, persons, joints, *correct = sums.tolist()
        if not persons:
            raise ValueError("score: no image of the validation data could be read")
        pck = {
            f"pck_{threshold}": count / joints if joints else float("nan")
            for threshold, count in zip(THRESHOLDS, correct, strict=True)
        }
        return {"val_loss": loss / persons, **pck}
