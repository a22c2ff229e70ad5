"""A small data set in COCO's layout, and a stand-in for a network whose heatmaps are known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from tests.coco_files import LOWER_BODY, person

INPUT = (48, 64)
HEATMAP = (12, 16)
BOX_SCALE = 1.25
SIZES = ((100, 120), (160, 90), (64, 64), (200, 200))
PARTNER = (3, 4, 5, 0, 1, 2)


def annotations(seed: int = 0, images: int = 8) -> dict[str, Any]:
    """One to three persons an image, of all sizes; coordinates are eighths, exact in float32."""
    rng = np.random.default_rng(seed)
    rows = []
    for image_id in range(1, images + 1):
        width, height = SIZES[image_id % len(SIZES)]
        for _ in range(rng.integers(1, 4)):
            box_width = float(rng.integers(12, width * 3 // 4))
            box_height = float(rng.integers(12, height * 3 // 4))
            x, y = (
                float(rng.integers(0, width - box_width)),
                float(rng.integers(0, height - box_height)),
            )
            seen = rng.random(6) < 0.7
            seen[rng.integers(6)] = True
            joints = {
                joint: (
                    x + round(rng.uniform(0, box_width) * 8) / 8,
                    y + round(rng.uniform(0, box_height) * 8) / 8,
                    int(rng.integers(1, 3)),
                )
                if seen[joint]
                else (0, 0, 0)
                for joint in range(6)
            }
            rows.append(
                person(
                    100 + len(rows),
                    joints=joints,
                    image_id=image_id,
                    bbox=[x, y, box_width, box_height],
                    area=box_width * box_height * 0.75,
                )
            )
    listed = [
        {
            "id": image_id,
            "file_name": f"{image_id}.png",
            "width": SIZES[image_id % len(SIZES)][0],
            "height": SIZES[image_id % len(SIZES)][1],
        }
        for image_id in range(1, images + 1)
    ]
    return {
        "images": listed,
        "annotations": rows,
        "categories": [{"id": 1, "name": "person"}],
    }


def write(root: Path, content: dict[str, Any], split: str = "val") -> Path:
    """The annotations, and pictures of noise."""
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / f"{split}2017").mkdir(exist_ok=True)
    rng = np.random.default_rng(1)
    for image in content["images"]:
        pixels = rng.integers(0, 256, (image["height"], image["width"], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{split}2017" / image["file_name"])
    (root / "annotations" / f"person_keypoints_{split}2017.json").write_text(json.dumps(content))
    return root


def crop_of(box: list[float]) -> tuple[float, float, float, float]:
    """Left, top, width, height of the network's view of a person, by plain arithmetic."""
    x, y, width, height = box
    wide, high = width, height
    if width / height > INPUT[0] / INPUT[1]:
        high = width * INPUT[1] / INPUT[0]
    else:
        wide = height * INPUT[0] / INPUT[1]
    wide, high = wide * BOX_SCALE, high * BOX_SCALE
    return x + width / 2 - wide / 2, y + height / 2 - high / 2, wide, high


def to_image(point: Any, box: list[float]) -> tuple[float, float]:
    """A point in heatmap pixels in the image's, pixel centres at integers everywhere."""
    left, top, width, height = crop_of(box)
    return (
        (4 * float(point[0]) + 0.5) * width / INPUT[0] + left - 0.5,
        (4 * float(point[1]) + 0.5) * height / INPUT[1] + top - 0.5,
    )


def to_input(point: Any, box: list[float]) -> tuple[float, float]:
    """A point of the image in pixels of the network's input."""
    left, top, width, height = crop_of(box)
    return (
        (float(point[0]) + 0.5 - left) * INPUT[0] / width - 0.5,
        (float(point[1]) + 0.5 - top) * INPUT[1] / height - 0.5,
    )


def lower_body(row: dict[str, Any]) -> np.ndarray[Any, Any]:
    """[6, 3] of an annotation or a result."""
    return np.array(row["keypoints"], float).reshape(17, 3)[list(LOWER_BODY)]


@dataclass
class Peaks:
    """What the stand-in's heatmaps show: [N, 6, 2] places and [N, 6] heights, plain and mirrored.

    The place of `plain` is the maximum, and its right neighbour half as high. `mirrored` is where
    the mirrored maps have a peak twice as high, after they are mirrored back, exchanged and moved:
    with the flip test it is the maximum, and as high as that of `plain` alone.
    """

    plain: Any
    mirrored: Any
    heights: Any


def peaks_near(content: dict[str, Any], seed: int = 0) -> Peaks:
    """Places about the labelled joints, some far off."""
    rng = np.random.default_rng(seed)
    plain, mirrored = [], []
    for row in content["annotations"]:
        for places in (plain, mirrored):
            truth = np.array([to_input(joint, row["bbox"]) for joint in lower_body(row)[:, :2]]) / 4
            noise = rng.normal(0, rng.choice([0.3, 1.0, 3.0]), truth.shape)
            places.append(np.clip(np.rint(truth + noise), 2, [HEATMAP[0] - 4, HEATMAP[1] - 3]))
    heights = rng.uniform(0.2, 1.0, (len(plain), 6)).astype(np.float32)
    return Peaks(np.array(plain, int), np.array(mirrored, int), heights)


class KnownHeatmaps(nn.Module):
    """Gives the peaks of the persons in their order: plain and mirrored batches take turns."""

    def __init__(self, peaks: Peaks) -> None:
        super().__init__()
        self.peaks = peaks
        self.calls = 0
        self.done = 0

    def forward(self, images: Tensor) -> Tensor:
        rows = range(self.done, self.done + len(images))
        maps = np.zeros((len(images), 6, HEATMAP[1], HEATMAP[0]), np.float32)
        for place, row in enumerate(rows):
            for joint in range(6):
                height = self.peaks.heights[row, joint]
                if self.calls % 2 == 0:
                    x, y = self.peaks.plain[row, joint]
                    maps[place, joint, y, x : x + 2] = height, height / 2
                else:
                    x, y = self.peaks.mirrored[row, joint]
                    maps[place, PARTNER[joint], y, HEATMAP[0] - 1 - (x - 1)] = 2 * height
        if self.calls % 2:
            self.done += len(images)
        self.calls += 1
        return torch.from_numpy(maps)
