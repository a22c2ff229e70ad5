"""Pictures of a training run: its curves, predicted skeletons, and heatmaps over the images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional

from lowerpose_ops import LOWER_BODY_JOINTS
from python_models.overlay import LEFT, LEGS, RIGHT, TRUTH, hex_colour

_DPI = 90  # a screen's; reports stay small


def save_curves(path: Path, log: Sequence[dict[str, float]]) -> None:
    """Loss and PCK against the epoch, from the rows of the log."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    loss_axes, pck_axes = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in log]
    for name in ("train_loss", "val_loss"):
        loss_axes.plot(epochs, [row[name] for row in log], label=name.replace("_", " "))
    loss_axes.set(xlabel="epoch", ylabel="loss", yscale="log")
    for name in ("pck_0.05", "pck_0.1"):
        pck_axes.plot(epochs, [row[name] for row in log], label=name.replace("pck_", "PCK@"))
    pck_axes.set(xlabel="epoch", ylabel="PCK on val", ylim=(0, 1))
    for axes in (loss_axes, pck_axes):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=_DPI)


def save_predictions(
    path: Path, images: Tensor, predicted: Tensor, joints: Tensor, visible: Tensor
) -> None:
    """A grid of crops with both legs as predicted (left blue, right red) and the labels (green).

    images: uint8 [N, 3, H, W]; predicted and joints: [N, 6, 2] in their pixels;
    visible: [N, 6].
    """
    columns = min(len(images), 8)
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(1.6 * columns, 2.2 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, image, points, truth, labelled in zip(
        grid.flat, images, predicted, joints, visible, strict=False
    ):
        _show(axes, image)
        for leg, colour in zip(LEGS, (LEFT, RIGHT), strict=True):
            axes.plot(
                *points[list(leg)].T.numpy(), color=hex_colour(colour), marker="o", ms=2.5, lw=1.2
            )
        axes.plot(*truth[labelled > 0].numpy().T, color=hex_colour(TRUTH), marker="x", ms=4, lw=0)
    figure.savefig(path, dpi=_DPI)


def save_heatmaps(path: Path, images: Tensor, heatmaps: Tensor) -> None:
    """One row a person: the heatmap of each joint over the image, brightest where most certain.

    images: uint8 [N, 3, H, W]; heatmaps: [N, 6, h, w].
    """
    enlarged = functional.interpolate(heatmaps, images.shape[2:], mode="bilinear")
    figure = Figure(figsize=(1.6 * len(LOWER_BODY_JOINTS), 2.2 * len(images)), layout="constrained")
    grid = figure.subplots(len(images), len(LOWER_BODY_JOINTS), squeeze=False)
    for row, image, maps in zip(grid, images, enlarged, strict=True):
        for axes, heatmap, joint in zip(row, maps, LOWER_BODY_JOINTS, strict=True):
            axes.axis("off")
            _show(axes, image)
            opacity = np.clip(heatmap.numpy(), 0, 1) * 0.8
            axes.imshow(heatmap.numpy(), cmap="inferno", vmin=0, vmax=1, alpha=opacity)
            axes.set_title(joint.replace("_", " "), fontsize=7)
    figure.savefig(path, dpi=_DPI)


def _show(axes: Axes, image: Tensor) -> None:
    axes.imshow(image.permute(1, 2, 0).numpy())
    axes.set(xlim=(-0.5, image.shape[2] - 0.5), ylim=(image.shape[1] - 0.5, -0.5))


def save_losses(path: Path, losses: Sequence[float]) -> None:
    """Loss against the step."""
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(losses) + 1), losses)
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=_DPI)
