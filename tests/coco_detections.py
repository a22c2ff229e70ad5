"""Detections made of ground truth, for scores at real geometry."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
from pycocotools.coco import COCO

CATEGORY = {"id": 1, "name": "person"}


def coco(annotations: list[dict[str, Any]], images: Any, categories: Any = (CATEGORY,)) -> COCO:
    """Ground truth in memory; `images` are ids or rows."""
    rows = [image if isinstance(image, dict) else {"id": image} for image in images]
    data = COCO()
    data.dataset = {"images": rows, "annotations": annotations, "categories": list(categories)}
    with contextlib.redirect_stdout(io.StringIO()):
        data.createIndex()
    return data


def results(truth: COCO, detections: Any) -> COCO:
    """`truth.loadRes` without its prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        return truth.loadRes(detections)


def perturbed(
    annotations: list[dict[str, Any]],
    seed: int,
    per_person: int = 12,
    *,
    boxes: bool = False,
    absent: float = 0.05,
    strays: Any = (),
) -> list[dict[str, Any]]:
    """`per_person` detections of each person, the better ones nearer and mostly scored higher.

    Scores have two decimals, so many are equal. A share `absent` of the images has no detections;
    the images `strays` get some of people who are elsewhere.
    """
    rng = np.random.default_rng(seed)
    images = sorted({annotation["image_id"] for annotation in annotations})
    without = {image for image in images if rng.random() < absent}
    strays = list(strays)
    detections = []
    for annotation in annotations:
        if annotation["image_id"] in without:
            continue
        joints = np.array(annotation["keypoints"], float).reshape(-1, 3)
        x, y, width, height = annotation["bbox"]
        hidden = joints[:, 2] == 0
        for rank in range(per_person):
            noise = rng.normal(0, 0.01 * 1.6**rank * np.sqrt(annotation["area"] + 1), joints.shape)
            guess = joints + noise
            guess[hidden, 0] = x + width * rng.random(hidden.sum())
            guess[hidden, 1] = y + height * rng.random(hidden.sum())
            guess[:, 2] = rng.random(len(joints))
            image = annotation["image_id"]
            if strays and rng.random() < 0.02:
                image = strays[rng.integers(len(strays))]
            detection = {
                "image_id": image,
                "category_id": annotation["category_id"],
                "keypoints": guess.round(2).ravel().tolist(),
                "score": float(np.clip(0.9 - 0.06 * rank + rng.normal(0, 0.1), 0, 1).round(2)),
            }
            if boxes:
                detection["bbox"] = [x, y, width * rng.uniform(0.5, 2), height]
            detections.append(detection)
    return [detections[index] for index in rng.permutation(len(detections))]
