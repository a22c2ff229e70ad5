"""Pictures of an evaluation: joints, ratios, decodings, persons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import lowerpose_ops as lp
from python_models.arrays import Array
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.data.samples import Unreadable
from python_models.evaluation.evaluation import Evaluation
from python_models.evaluation.person_scores import Scores, worst_first
from python_models.heatmap_task import THRESHOLDS
from python_models.overlay import LEFT, LEGS, RIGHT, TRUTH, hex_colour
from python_models.whole_file import whole_file

_SHADES = (1.0, 0.45)  # of the strict and of the loose threshold
_SHOWN = 16  # persons in a picture


def save_all(folder: Path, evaluation: Evaluation, data: CocoLowerBody) -> None:
    """joints.png, ratios.png, decodings.png, predictions.png and worst.png."""
    save_joints(folder / "joints.png", evaluation.scores)
    save_ratios(folder / "ratios.png", evaluation.ratios)
    save_decodings(folder / "decodings.png", evaluation.methods)
    order, distances = worst_first(evaluation.people, evaluation.found, evaluation.task)
    by_row = dict(zip(order.tolist(), distances.tolist(), strict=True))
    for name, rows in (("predictions", sorted(by_row)[:_SHOWN]), ("worst", [*by_row][:_SHOWN])):
        _save_rows(folder / f"{name}.png", evaluation, data, {row: by_row[row] for row in rows})


def _save_rows(
    path: Path, evaluation: Evaluation, data: CocoLowerBody, distances: Mapping[int, float]
) -> None:
    """The persons in these rows, with their distance."""
    people = evaluation.people
    samples = {row: data[int(people.indices[row])] for row in distances}
    images = {
        row: sample["image"].permute(1, 2, 0).numpy()
        for row, sample in samples.items()
        if not isinstance(sample, Unreadable)
    }
    rows = list(images)
    save_persons(
        path,
        list(images.values()),
        evaluation.found.input_joints(evaluation.task)[rows],
        people.input_joints[rows],
        people.visible[rows],
        [f"{people.annotation_ids[row]}: {distances[row]:.1f} px" for row in rows],
    )


def save_joints(path: Path, scores: Scores) -> None:
    """PCK and mean distance of each joint: left blue, right red."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    pck_axes, distance_axes = figure.subplots(1, 2)
    places = np.arange(len(lp.LOWER_BODY_JOINTS))
    colours = [hex_colour(LEFT if n.startswith("left") else RIGHT) for n in lp.LOWER_BODY_JOINTS]
    width = 0.8 / len(THRESHOLDS)
    for number, threshold in enumerate(THRESHOLDS):
        bars = pck_axes.bar(
            places + (number - (len(THRESHOLDS) - 1) / 2) * width,
            np.nan_to_num(scores.pck[threshold]),
            width,
            color=colours,
            alpha=_SHADES[number],
        )
        pck_axes.bar_label(bars, fmt="%.2f", fontsize=7)
    pck_axes.set(ylabel=" and ".join(f"PCK@{t}" for t in THRESHOLDS), ylim=(0, 1.05))
    bars = distance_axes.bar(places, np.nan_to_num(scores.input_distances), 0.8, color=colours)
    distance_axes.bar_label(bars, fmt="%.1f", fontsize=7)
    distance_axes.set(ylabel="mean distance in input pixels")
    for axes in (pck_axes, distance_axes):
        _name_places(axes, [name.replace("_", " ") for name in lp.LOWER_BODY_JOINTS])
    _save(figure, path)


def save_ratios(path: Path, bins: Mapping[str, Scores]) -> None:
    """PCK by how much of the image the person takes up."""
    names = [f"{name}\n{scores.persons} persons" for name, scores in bins.items()]
    _save_pck(path, names, list(bins.values()), "area of the person's box over the image's")


def save_decodings(path: Path, methods: Mapping[str, Scores]) -> None:
    """PCK of each decoding, side by side."""
    _save_pck(path, list(methods), list(methods.values()), "decoding")


def save_persons(
    path: Path,
    images: Sequence[Array],
    predicted: Array,
    truth: Array,
    visible: Array,
    titles: Sequence[str],
) -> None:
    """A grid of inputs with both legs as predicted (left blue, right red) and the labels (green).

    images: uint8 [H, W, 3] each; predicted and truth: [N, 6, 2] in their pixels; visible: [N, 6].
    """
    columns = min(len(images), 8)
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(1.6 * columns, 2.4 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, image, found, true, seen, title in zip(
        grid.flat, images, predicted, truth, visible, titles, strict=False
    ):
        axes.imshow(image)
        for leg, colour in zip(LEGS, (LEFT, RIGHT), strict=True):
            axes.plot(*found[list(leg)].T, color=hex_colour(colour), marker="o", ms=2.5, lw=1.2)
        axes.plot(*true[seen > 0].T, color=hex_colour(TRUTH), marker="x", ms=4, lw=0)
        height, width = image.shape[:2]
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
        axes.set_title(title, fontsize=7)
    _save(figure, path)


def _save_pck(path: Path, names: list[str], scores: list[Scores], label: str) -> None:
    figure = Figure(figsize=(max(6, 0.75 * len(names)), 4), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(THRESHOLDS)
    for number, threshold in enumerate(THRESHOLDS):
        bars = axes.bar(
            np.arange(len(names)) + (number - (len(THRESHOLDS) - 1) / 2) * width,
            np.nan_to_num([score.pooled_pck[threshold] for score in scores]),
            width,
            label=f"PCK@{threshold}",
        )
        axes.bar_label(bars, fmt="%.2f", fontsize=7)
    axes.set(xlabel=label, ylabel="PCK over all joints", ylim=(0, 1.05))
    figure.legend(loc="outside upper right", ncols=len(THRESHOLDS))
    _name_places(axes, names)
    _save(figure, path)


def _name_places(axes: Axes, names: Sequence[str]) -> None:
    slanted = len(names) > 4
    axes.set_xticks(
        range(len(names)), names, rotation=30 if slanted else 0, ha="right" if slanted else "center"
    )
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)


def _save(figure: Figure, path: Path) -> None:
    with whole_file(path) as file:
        figure.savefig(file, dpi=120)
