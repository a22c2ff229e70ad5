"""Persons of a data set as arrays: where their joints are, and where they are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import lowerpose_ops as lp
from python_models.arrays import Array
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.decoding import image_matrix, to_input
from python_models.heatmap_task import HeatmapTask
from python_models.training import baselines

_UNKNOWN = 0  # an image size that the annotations do not tell


@dataclass(frozen=True)
class People:
    """The ground truth of N persons. Sizes are (W, H), joints (x, y)."""

    indices: Array  # [N], in the data set
    annotation_ids: list[int]
    image_ids: list[int]
    areas: Array  # [N], square image pixels
    boxes: Array  # [N, 4]
    image_sizes: Array  # [N, 2], 0 where unknown
    input_joints: Array  # [N, K, 2]
    image_joints: Array  # [N, K, 2]
    visible: Array  # [N, K], 0 or 1
    to_image: Array  # [N, 2, 3], from heatmap pixels

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True)
class Found:
    """What one decoding finds: joints [N, K, 2] in heatmap pixels, their maxima [N, K]."""

    joints: Array
    maxima: Array

    def input_joints(self, task: HeatmapTask) -> Array:
        """[N, K, 2] in pixels of the network's input."""
        return to_input(self.joints, task.stride)

    def image_joints(self, people: People) -> Array:
        """[N, K, 2] in image pixels."""
        moved: Array = lp.to_image(self.joints, matrix=people.to_image)
        return moved

    def scores(self) -> Array:
        """[N]: the mean of the person's maxima."""
        scores: Array = self.maxima.mean(1, dtype=np.float64)
        return scores


def people_of(data: CocoLowerBody, indices: Sequence[int], task: HeatmapTask) -> People:
    """The persons of a data set at these indices."""
    persons = [data.persons[index] for index in indices]
    labels = [data.labels(index) for index in indices]
    return People(
        indices=np.array(indices, np.int64),
        annotation_ids=[person.annotation_id for person in persons],
        image_ids=[person.image_id for person in persons],
        areas=np.array([person.area for person in persons], np.float64),
        boxes=np.array([person.box for person in persons], np.float64).reshape(-1, 4),
        image_sizes=np.array(
            [
                (person.image_width or _UNKNOWN, person.image_height or _UNKNOWN)
                for person in persons
            ]
        ).reshape(-1, 2),
        input_joints=np.array([joints for joints, _ in labels], np.float32),
        image_joints=np.array([person.joints for person in persons], np.float32),
        visible=np.array([visible for _, visible in labels], np.float32),
        to_image=np.array([image_matrix(data.crop(index), task) for index in indices]),
    )


def mean_pose(train: CocoLowerBody, people: People, task: HeatmapTask) -> Found:
    """What a model finds that never looks: where each joint of `train` is on average."""
    mean = baselines.mean_pose(train) / task.stride
    shape = people.input_joints.shape
    return Found(np.broadcast_to(mean, shape).astype(np.float32), np.ones(shape[:2], np.float32))
