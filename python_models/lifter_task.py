"""What lifters are trained on and scored by: distances of joints in space, and knee angles."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

import lowerpose_ops as lp
from python_models.models.standard_lifter import predicted_joints
from python_models.motion.keypoint_frames import FRAMES
from python_models.motion.lifter_pairs import Pairs
from python_models.motion.skeletons import SKELETONS, Skeleton, legs

Alignment = Literal["none", "scale", "procrustes"]
ALIGNMENTS: dict[str, Alignment] = {"mpjpe": "none", "n_mpjpe": "scale", "pa_mpjpe": "procrustes"}
SIZED = "sized_mpjpe"
KNEE_ANGLE = "knee_angle_error"
SCORES = (*ALIGNMENTS, SIZED, KNEE_ANGLE)
_METRE = 1000.0


@dataclass(frozen=True)
class LifterTask:
    """Which joints are lifted to which. Points are in millimetres, relative to the root.

    The root itself, where the target has it, is no prediction: neither the loss nor a score counts
    it. The loss is the mean squared error in metres.

    Args:
        source: The skeleton of the keypoints, by its name.
        target: That of the points.
        frame: How the keypoints are normalised, of `keypoint_frames.FRAMES`.

    Raises:
        ValueError: There is no such skeleton or frame.
    """

    source: str = "lower-body-6"
    target: str = "lower-body-6"
    frame: str = "person"

    best = "mpjpe"  # of a log's columns, the one that says which epoch is the best
    best_is_lowest = True

    def __post_init__(self) -> None:
        for name, known in (("source", SKELETONS), ("target", SKELETONS), ("frame", FRAMES)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"LifterTask: {name} must be among {[*known]}, got {getattr(self, name)!r}"
                )

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> LifterTask:
        """The task among a run's settings; names that are missing keep their defaults."""
        return cls(
            **{name: settings[name] for name in ("source", "target", "frame") & settings.keys()}
        )

    @property
    def source_skeleton(self) -> Skeleton:
        """Of the keypoints."""
        return SKELETONS[self.source]

    @property
    def target_skeleton(self) -> Skeleton:
        """Of the points."""
        return SKELETONS[self.target]

    def size(self, batch: Pairs) -> int:
        """How many samples a batch has."""
        return len(batch["index"])

    def counted(self, batch: Pairs) -> Tensor:
        """Which joints count [B, K'], 1 or 0: those that are known, without the root."""
        mask = torch.zeros(len(self.target_skeleton), device=batch["targets_known"].device)
        mask[self.target_skeleton.indices(*predicted_joints(self.target_skeleton))] = 1
        return batch["targets_known"] * mask

    def loss(self, model: nn.Module, batch: Pairs) -> Tensor:
        """The mean squared error of all coordinates that count, in square metres."""
        return self.loss_of(model(batch["inputs"]), batch)

    def loss_of(self, points: Tensor, batch: Pairs) -> Tensor:
        """The same of predicted points [B, K', 3]."""
        counted = self.counted(batch)
        square = ((points - batch["targets"]) / _METRE).square().sum(-1)
        return (square * counted).sum() / (3 * counted.sum()).clamp(min=1)

    def errors(self, points: Tensor, batch: Pairs) -> dict[str, Tensor]:
        """Of each pair [B], by the names in `SCORES`: distances in mm, the knees' in degrees.

        MPJPE; N-MPJPE and PA-MPJPE, after the best scale and the best similarity; MPJPE of the
        person at the right size, with which one view cannot see people: after the scale that gives
        the known bones their true length in all; the mean error of the knees' angles. NaN where a
        pair has no joint that counts, no bone or no knee.
        """
        counted, truth = self.counted(batch), batch["targets"]
        found = {
            name: lp.mpjpe(points, truth, counted, align=align, reduction="none").nanmean(-1)
            for name, align in ALIGNMENTS.items()
        }
        ratio = self.bones(truth, batch).sum(-1) / self.bones(points, batch).sum(-1)
        sized = lp.mpjpe(points * ratio[:, None, None], truth, counted, reduction="none")
        knee = self.knee_errors(points, batch)
        return {**found, SIZED: sized.nanmean(-1), KNEE_ANGLE: knee.nanmean(-1)}

    def bones(self, points: Tensor, batch: Pairs) -> Tensor:
        """The lengths [B, bones] of the bones of points [B, K', 3]; 0 where an end is not known."""
        parents, children = torch.tensor(self.target_skeleton.bones).T
        lengths = torch.linalg.vector_norm(points[:, children] - points[:, parents], dim=-1)
        known: Tensor = batch["targets_known"][:, children] * batch["targets_known"][:, parents]
        return torch.where(known > 0, lengths, 0.0)

    def knee_errors(self, points: Tensor, batch: Pairs) -> Tensor:
        """How far the knees' angles are off [B, 2], left and right, in degrees; NaN: not known.

        points: [B, K', 3], or [B, K', 2]: then the angles in the picture are taken for the body's.
        """
        triplets = legs(self.target_skeleton)
        if not triplets:
            return points.new_full((len(points), 2), torch.nan)
        known = torch.stack([batch["targets_known"][:, list(leg)].amin(-1) for leg in triplets], -1)
        found, truth = (lp.joint_angles(poses, triplets) for poses in (points, batch["targets"]))
        return torch.where(known > 0, (found - truth).abs(), torch.nan)

    def score(
        self, model: nn.Module, batches: Iterable[Pairs], total: Callable[[Tensor], Tensor]
    ) -> dict[str, float]:
        """Loss and errors over the batches of all processes; `total` sums a tensor over them.

        Errors are means over the pairs: of each, over its joints that count.
        """
        sums = torch.zeros(1 + len(SCORES), 2, dtype=torch.float64)
        for batch in batches:
            points = model(batch["inputs"]).float()
            sums[0, 0] += self.loss_of(points, batch).item() * self.size(batch)
            sums[0, 1] += self.size(batch)
            errors = self.errors(points, batch)
            for row, values in enumerate((errors[name] for name in SCORES), 1):
                sums[row, 0] += values.nansum(dtype=torch.float64).cpu()
                sums[row, 1] += (~values.isnan()).sum().cpu()
        sums = total(sums)
        means = (sums[:, 0] / sums[:, 1]).tolist()
        return dict(zip(("val_loss", *SCORES), means, strict=True))
