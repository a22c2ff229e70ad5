"""What predictions leave: a CSV, COCO results, the list of images, the jitter."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import lowerpose_ops as lp
from python_models.arrays import Array
from python_models.coco_results import result_row
from python_models.evaluation.report import number
from python_models.prediction.jitter import Jitter
from python_models.prediction.person_boxes import Box
from python_models.whole_file import whole_file, write_json

_COLUMNS = ("frame", "person", "joint", "x", "y", "score")


@dataclass
class Predictions:
    """The rows of all frames. A frame is a number, or a file name."""

    table: list[tuple[int | str, int, str, str, str, str]] = field(default_factory=list)
    found: list[tuple[int | str, int, str, str, str, str]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)

    def add_image(self, image_id: int | str, frame: int | str, image: Array) -> None:
        """An image that was read, even if nobody is in it."""
        height, width = image.shape[:2]
        row = {"id": image_id, "file_name": str(frame), "width": width, "height": height}
        self.images.append(row)

    def add_person(
        self,
        frame: int | str,
        person: int,
        joints: Array,
        maxima: Array,
        box: Box,
        *,
        found: Array | None = None,
    ) -> None:
        """A person of the last image: joints [6, 2], and as they were found before smoothing."""
        self.table += _rows(frame, person, joints, maxima)
        if found is not None:
            self.found += _rows(frame, person, found, maxima)
        self.results.append(result_row(self.images[-1]["id"], joints, maxima, box))

    def write(self, folder: Path) -> None:
        """joints.csv, coco_results.json and images.json; joints_found.csv of smoothed videos."""
        _write_table(folder / "joints.csv", self.table)
        if self.found:
            _write_table(folder / "joints_found.csv", self.found)
        write_json(folder / "coco_results.json", self.results)
        category = {"id": 1, "name": "person"}
        write_json(folder / "images.json", {"images": self.images, "categories": [category]})


def jitter_json(jitter: Jitter) -> dict[str, Any]:
    """For strict JSON."""

    def named(values: Array, overall: float) -> dict[str, float | None]:
        joints = dict(zip(lp.LOWER_BODY_JOINTS, map(number, values.tolist()), strict=True))
        return {"all": number(overall), **joints}

    return {
        "frame_triples": jitter.triples,
        "pixels": named(jitter.joints, jitter.all),
        "parts_of_box": named(jitter.joints_of_box, jitter.all_of_box),
    }


def jitter_table(curves: dict[str, Jitter]) -> str:
    """A row a joint: pixels and parts of the box's longer side."""
    lines = [f"{'jitter':<12}" + "".join(f"{name + ' px':>14}{'of box':>10}" for name in curves)]
    names = [name.replace("_", " ") for name in lp.LOWER_BODY_JOINTS]
    for joint, name in enumerate(names):
        cells = ((j.joints[joint], j.joints_of_box[joint]) for j in curves.values())
        lines.append(f"{name:<12}" + "".join(f"{px:14.3f}{part:10.5f}" for px, part in cells))
    cells = ((j.all, j.all_of_box) for j in curves.values())
    lines.append(f"{'all':<12}" + "".join(f"{px:14.3f}{part:10.5f}" for px, part in cells))
    return "\n".join(lines)


def save_jitter(path: Path, curves: dict[str, Jitter]) -> None:
    """A bar a joint, for each of the curves."""
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(lp.LOWER_BODY_JOINTS))
    width = 0.8 / len(curves)
    for place, (name, jitter) in enumerate(curves.items()):
        moved = places + (place - (len(curves) - 1) / 2) * width
        axes.bar(moved, np.nan_to_num(jitter.joints), width, label=name)
    names = [name.replace("_", " ") for name in lp.LOWER_BODY_JOINTS]
    axes.set_xticks(places, names, rotation=30, ha="right")
    axes.set(ylabel="jitter in pixels")
    axes.set_axisbelow(True)
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside upper right", ncols=len(curves))
    with whole_file(path) as file:
        figure.savefig(file, dpi=120)


def _rows(
    frame: int | str, person: int, joints: Array, maxima: Array
) -> list[tuple[int | str, int, str, str, str, str]]:
    return [
        (frame, person, name, f"{x:.3f}", f"{y:.3f}", f"{score:.6f}")
        for name, (x, y), score in zip(
            lp.LOWER_BODY_JOINTS, joints.tolist(), maxima.tolist(), strict=True
        )
    ]


def _write_table(path: Path, rows: list[tuple[int | str, int, str, str, str, str]]) -> None:
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows(rows)
