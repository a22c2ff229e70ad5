"""Videos and pictures of a bright spot, and a network that sees nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from python_models import trained
from python_models.heatmap_task import HeatmapTask

INPUT = (48, 64)
SIZE = (96, 128)  # of the images: twice the input, so that a heatmap pixel is 8 by 8 of them
DIM = 0.5  # of the joints after the first two


class Brightness(nn.Module):
    """Every fourth pixel's brightness, above the middle, for all joints.

    It is the second of each four, which resizing does not blur with the dark about the spot. The
    left knee is one heatmap pixel below the spot, the right side one to its right, dimmer.
    """

    def forward(self, images: Tensor) -> Tensor:
        bright = images.mean(1)[:, 1::4, 1::4].clamp(min=0)
        below = torch.roll(bright, 1, 1)
        right = DIM * torch.roll(bright, 1, 2)
        return torch.stack([bright, below, bright, right, right, right], 1)


def model(**settings: Any) -> trained.Trained:
    return trained.Trained(Brightness(), HeatmapTask(input_size=INPUT), settings)


def spot(x: int, y: int, size: tuple[int, int] = SIZE) -> np.ndarray[Any, Any]:
    """Black [H, W, 3] with a white square on the heatmap pixel (x, y) of the whole image."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[8 * y : 8 * y + 8, 8 * x : 8 * x + 8] = 255
    return image


def seen(x: float, y: float) -> tuple[float, float]:
    """Where the left hip is found: heatmap pixel x is input pixel 4 x, two image pixels wide."""
    return (4 * x + 0.5) * 2 - 0.5, (4 * y + 0.5) * 2 - 0.5


def write_video(path: Path, places: list[tuple[int, int]], fps: float = 25.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, SIZE)
    assert writer.isOpened()
    for x, y in places:
        writer.write(spot(x, y))
    writer.release()
    return path


def read_video(path: Path) -> tuple[list[np.ndarray[Any, Any]], float]:
    """All frames, red first, and their rate."""
    capture = cv2.VideoCapture(str(path))
    assert capture.isOpened()
    frames = []
    while True:
        whole, frame = capture.read()
        if not whole:
            break
        frames.append(frame[..., ::-1])
    fps = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return frames, fps
