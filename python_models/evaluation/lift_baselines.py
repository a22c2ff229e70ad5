"""What a lifter must beat: poses made without learning what depth a picture has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from python_models.lifter_task import LifterTask
from python_models.motion.conversion import convert
from python_models.motion.keypoint_frames import person_frame
from python_models.motion.lifter_pairs import LifterPairs, Pairs
from python_models.motion.skeletons import ROOT_ALONE


@dataclass(frozen=True)
class Baselines:
    """Of a task, fitted to its training data.

    Attributes:
        task: Of the lifter that is compared.
        mean_pose: The mean of the training data's points [K', 3], in millimetres, in the camera's
            frame, relative to the root: the constant pose.
        unit: Millimetres of a person frame's unit: what fits the training data's x and y best.
        bones: The mean lengths of the training data's bones, in millimetres.
    """

    task: LifterTask
    mean_pose: Tensor
    unit: float
    bones: Tensor

    @classmethod
    def fit(cls, task: LifterTask, train: LifterPairs, seed: int = 0) -> Baselines:
        """Of at most 20,000 poses of the training data, drawn by a seed, never mirrored."""
        weighted = torch.zeros(len(task.target_skeleton), 3, dtype=torch.float64)
        count = torch.zeros(len(task.target_skeleton), 1, dtype=torch.float64)
        lengths = torch.zeros(2, len(task.target_skeleton.bones), dtype=torch.float64)
        product = square = 0.0
        for batch in train.sample(seed, 0):
            truth = batch["targets"].cpu().double()
            known = batch["targets_known"].cpu()[..., None].double()
            weighted += (truth * known).sum(0)
            count += known.sum(0)
            bones = task.bones(batch["targets"], batch).cpu().double()
            lengths += torch.stack([bones.sum(0), (bones > 0).double().sum(0)])
            flat = picture_pose(task, batch)
            both = known * torch.isfinite(flat)
            flat = torch.where(both > 0, flat, 0.0)
            product += float((flat * truth[..., :2] * both).sum())
            square += float((flat * flat).sum())
        mean_bones = lengths[0] / lengths[1].clamp(min=1)
        mean_pose = (weighted / count.clamp(min=1)).float()
        return cls(task, mean_pose, product / square, mean_bones.float())

    def constant(self, batch: Pairs) -> Tensor:
        """The mean pose [B, K', 3], whoever is seen."""
        return self.mean_pose.expand(len(batch["index"]), -1, -1)

    def flat(self, batch: Pairs) -> Tensor:
        """The keypoints in millimetres, all at the depth of the root [B, K', 3].

        Joints that are not among the keypoints, or not found, are at the root.
        """
        flat = torch.nan_to_num(picture_pose(self.task, batch) * self.unit).float()
        return torch.cat([flat, torch.zeros_like(flat[..., :1])], -1)

    def average_size(self, batch: Pairs) -> Tensor:
        """The true poses [B, K', 3] as an average person's: no baseline, but a limit.

        Whoever knows the pose and cannot know the person's size does no better.
        """
        true = self.task.bones(batch["targets"], batch)
        average = torch.where(true > 0, self.bones, 0.0)
        ratio = average.sum(-1) / true.sum(-1)
        return batch["targets"] * ratio[:, None, None]


def picture_pose(task: LifterTask, batch: Pairs) -> Tensor:
    """The target's joints in the picture [B, K', 2], float64, from the root, in person's units."""
    source, target = task.source_skeleton, task.target_skeleton
    sure = batch["inputs_known"].cpu().numpy()[..., None] > 0
    keypoints = np.where(sure, batch["keypoints"].cpu().double().numpy(), np.nan)
    frame = person_frame(keypoints, source)
    seen = frame.forward(convert(keypoints, source, target))
    root = frame.forward(convert(keypoints, source, ROOT_ALONE))
    return torch.from_numpy(seen - root)
