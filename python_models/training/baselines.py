"""What a model must beat: a prediction that does not look at the image."""

from __future__ import annotations

import numpy as np
import torch

from python_models.arrays import Array
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.heatmap_task import THRESHOLDS, HeatmapTask


def _labels(data: CocoLowerBody) -> tuple[Array, Array]:
    joints, visible = zip(*(data.labels(index) for index in range(len(data))), strict=True)
    return np.stack(joints), np.stack(visible)


def mean_pose(train: CocoLowerBody) -> Array:
    """Where each joint of `train` is on average, where it is visible: [6, 2] in pixels."""
    joints, visible = _labels(train)
    weights = visible.astype(np.float64)[..., None]
    mean: Array = (joints * weights).sum(0) / np.maximum(weights.sum(0), 1)
    return mean


def mean_pose_pck(
    train: CocoLowerBody, val: CocoLowerBody, task: HeatmapTask
) -> dict[float, float]:
    """PCK on val of predicting, for everyone, where each joint of train is on average."""
    mean = mean_pose(train)
    truth, counted = _labels(val)
    predicted = torch.from_numpy(np.broadcast_to(mean, truth.shape).astype(np.float32))
    hits, joints_counted = task.pck_counts(
        predicted, torch.from_numpy(truth), torch.from_numpy(counted)
    )
    ratios = (hits.sum(1) / joints_counted.sum()).tolist()
    return dict(zip(THRESHOLDS, ratios, strict=True))
