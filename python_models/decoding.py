"""Joints of images: one pass of the network, decoded in every way, brought back to the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

import lowerpose_ops as lp
from python_models.arrays import Array
from python_models.data.crop import Crop
from python_models.heatmap_task import HeatmapTask, Refine

REFINEMENTS: tuple[Refine, ...] = (
    *("none", "quarter", "gradient", "parabola", "log_parabola", "dark", "dark_udp"),
)


@dataclass(frozen=True)
class Decoding:
    """How joints are read from heatmaps: the refinement, and whether with the flip test."""

    refine: Refine
    flip: bool = False

    @property
    def name(self) -> str:
        """As tables and JSON have it: "dark", or "dark, flip"."""
        return f"{self.refine}, flip" if self.flip else self.refine


ALL_DECODINGS = tuple(Decoding(refine, flip) for flip in (False, True) for refine in REFINEMENTS)


@torch.no_grad()
def decode_images(
    model: nn.Module, task: HeatmapTask, images: Tensor, decodings: Sequence[Decoding]
) -> list[tuple[Tensor, Tensor]]:
    """For each decoding the joints [B, K, 2] in heatmap pixels and their maxima [B, K].

    The network sees each image once, and its mirror image once if any decoding flips. The mirrored
    maps move one pixel, as `lp.flip_merge` tells.

    Args:
        model: In eval mode.
        task: What it was trained on.
        images: [B, 3, H, W], 0 to 255, on the model's device.
        decodings: How to decode.

    Raises:
        ValueError: The model gives maps of another size or number than the task's.
    """
    heatmaps = _heatmaps(model, task, images)
    mirrored = None
    if any(decoding.flip for decoding in decodings):
        mirrored = _heatmaps(model, task, images.flip(-1))
    found = []
    for decoding in decodings:
        coords, scores = lp.decode_heatmaps(
            heatmaps,
            decoding.refine,
            blur_kernel=task.blur_kernel(decoding.refine),
            flipped=mirrored if decoding.flip else None,
            flip_pairs=lp.LOWER_BODY_FLIP_PAIRS if decoding.flip else None,
            shift=decoding.flip,
        )
        found.append((coords, scores))
    return found


@torch.no_grad()
def decode_with_covariance(
    model: nn.Module, task: HeatmapTask, images: Tensor, decoding: Decoding
) -> tuple[Tensor, Tensor, Tensor]:
    """As `decode_images`, by one decoding, and the joints' covariances [B, K, 2, 2].

    In square heatmap pixels. Only "dark" says how exact it is; with the others all are NaN.
    """
    if decoding.refine != "dark":
        ((coords, scores),) = decode_images(model, task, images, [decoding])
        return coords, scores, coords.new_full((*coords.shape, 2), torch.nan)
    coords, scores, covariances = lp.decode_heatmaps(
        _heatmaps(model, task, images),
        "dark",
        blur_kernel=task.blur_kernel("dark"),
        covariance=True,
        flipped=_heatmaps(model, task, images.flip(-1)) if decoding.flip else None,
        flip_pairs=lp.LOWER_BODY_FLIP_PAIRS if decoding.flip else None,
        shift=decoding.flip,
    )
    return coords, scores, covariances


def to_input(coords: Array, stride: int) -> Array:
    """Heatmap pixels to those of the network's input, as the targets have them."""
    return coords * stride


def image_matrix(crop: Crop, task: HeatmapTask) -> Array:
    """[2, 3]: takes heatmap pixels to image pixels, for `lp.to_image`.

    An input pixel is stride times a heatmap pixel; pixel centres of input and image are at
    integers, their edges at halves, where the crop lies: the inverse of `Crop.points`.
    """
    size = np.array([crop.width, crop.height])
    corner = np.array([crop.left, crop.top])
    step = size / task.input_size  # image pixels an input pixel
    return np.column_stack([np.diag(step * task.stride), step / 2 + corner - 0.5])


def _heatmaps(model: nn.Module, task: HeatmapTask, images: Tensor) -> Tensor:
    heatmaps = task.heatmaps(model, images)
    expected = (len(images), len(lp.LOWER_BODY_JOINTS), *reversed(task.heatmap_size))
    if tuple(heatmaps.shape) != expected:
        raise ValueError(
            f"the model's heatmaps must be {list(expected)}, got {list(heatmaps.shape)}: "
            "is it a model of other joints or another input size?"
        )
    return heatmaps
