"""How well a lifter does on persons it has not seen, for each exercise, beside two baselines.

`python -m python_models.evaluation.lifting --weights RUN/best.pt` takes the data that the run was
scored on. `--motions` says where they are now, or names others; only persons whom the run was not
trained on are scored.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from python_models import trained_lifter
from python_models.arrays import Array
from python_models.evaluation.lift_baselines import Baselines, picture_pose
from python_models.evaluation.report import number
from python_models.exit_status import exit_status
from python_models.lifter_task import KNEE_ANGLE, SCORES, SIZED, LifterTask
from python_models.motion.lifter_pairs import LifterPairs, Pairs
from python_models.training import lifter_data
from python_models.training.lifter_subjects import open_unseen
from python_models.training.order import scoring_blocks
from python_models.whole_file import write_json

LIFTER, CONSTANT, PICTURE = "lifter", "constant pose", "2D only"
LIMIT = "true pose, average size"
METHODS = (LIFTER, CONSTANT, PICTURE, LIMIT)
ALL = "all"
_BATCH = 512
_SIZES = (0, 0.05, 0.1, math.inf)  # limits of how far a body's size is from the average
_HEADER = {
    "mpjpe": "MPJPE", SIZED: "at the right size", "n_mpjpe": "N-MPJPE", "pa_mpjpe": "PA-MPJPE",
    KNEE_ANGLE: "knee",
}  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Errors of each method and pair [N]: MPJPE and its kin in mm, the knees' angles in degrees.

    The constant pose is the mean of the training data in the camera's frame. 2D only takes the
    keypoints, in the scale that fits the training data best, with no depth; its knee angles are
    those in the picture. The true pose at the size of an average person of the training data is
    the limit that one view sets: it says nothing of how large who is seen is.
    """

    errors: dict[str, dict[str, Array]]  # by method and score
    sizes: Array  # [N], of the bones in all: of an average person of the training data 1
    actions: list[str]
    subjects: list[str]

    def rows(self) -> dict[str, Array]:
        """Which pairs [N] belong to each exercise, in the order of their names, and to all."""
        names = np.array(self.actions)
        rows = {str(name): names == name for name in sorted(set(self.actions))}
        return {**rows, ALL: np.ones(len(names), bool)} if len(rows) != 1 else rows

    def mean(self, method: str, score: str, rows: Array) -> float:
        """Over the pairs of an exercise; NaN if none has that error."""
        values = self.errors[method][score][rows]
        return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


@torch.no_grad()
def compare(
    lift: Callable[[Tensor], Tensor], task: LifterTask, baselines: Baselines, data: LifterPairs
) -> Comparison:
    """All methods on the same pairs.

    Args:
        lift: The model in eval mode.
        task: What it was trained for.
        baselines: Of its training data.
        data: Pairs that it was not trained on.
    """
    parts: dict[str, dict[str, list[Tensor]]] = {method: {} for method in METHODS}
    indices, sizes = [], []
    for batch in data.batches(scoring_blocks(len(data), _BATCH, 0, 1)):
        indices += batch["index"].tolist()
        points = lift(batch["inputs"]).float().cpu()
        batch = _on_cpu(batch)
        sizes.append(baselines.sizes(batch))
        for method, errors in _errors(points, task, baselines, batch).items():
            for score, values in errors.items():
                parts[method].setdefault(score, []).append(values)
    joined = {
        method: {score: torch.cat(values).double().numpy() for score, values in scores.items()}
        for method, scores in parts.items()
    }
    actions, subjects = data.actions, data.subjects
    return Comparison(
        joined,
        torch.cat(sizes).double().numpy(),
        [actions[i] for i in indices],
        [subjects[i] for i in indices],
    )


def _on_cpu(batch: Pairs) -> Pairs:
    return Pairs(
        inputs=batch["inputs"].cpu(),
        inputs_known=batch["inputs_known"].cpu(),
        targets=batch["targets"].cpu(),
        targets_known=batch["targets_known"].cpu(),
        keypoints=batch["keypoints"].cpu(),
        size=batch["size"].cpu(),
        index=batch["index"],
    )


def _errors(
    points: Tensor, task: LifterTask, baselines: Baselines, batch: Pairs
) -> dict[str, dict[str, Tensor]]:
    errors = {
        LIFTER: task.errors(points, batch),
        CONSTANT: task.errors(baselines.constant(batch), batch),
        PICTURE: task.errors(baselines.flat(batch), batch),
        LIMIT: task.errors(baselines.average_size(batch), batch),
    }
    # A depth of 0 changes no angle, but joints that were not found would be at the root.
    in_picture = task.knee_errors(picture_pose(task, batch).float(), batch)
    errors[PICTURE][KNEE_ANGLE] = in_picture.nanmean(-1)
    return errors


def table(comparison: Comparison) -> str:
    """In Markdown, a row an exercise and method: millimetres and degrees."""
    lines = [
        "| exercise | poses | method | " + " | ".join(_HEADER.values()) + " |",
        "|---|--:|---|" + "--:|" * len(_HEADER),
    ]
    for name, rows in comparison.rows().items():
        for method in METHODS if name == ALL or len(comparison.rows()) == 1 else METHODS[:-1]:
            values = (comparison.mean(method, score, rows) for score in _HEADER)
            cells = " | ".join(map(_cell, values))
            first = f"{name} | {int(rows.sum())}" if method == LIFTER else " | "
            lines.append(f"| {first} | {method} | {cells} |")
    return "\n".join(lines) + "\n"


def size_table(comparison: Comparison) -> str:
    """In Markdown: MPJPE in millimetres by how far the body's size is from the average."""
    off = np.abs(comparison.sizes - 1)
    lines = [
        "MPJPE by the size of the body: its bones in all, against an average person's of the "
        "training data.\n",
        f"| size of the body | poses | {LIFTER} | {LIMIT} |",
        "|---|--:|--:|--:|",
    ]
    for low, high in itertools.pairwise(_SIZES):
        rows = (off >= low) & (off < high)
        if rows.any():
            which = f"{low:.0%} to {high:.0%} off" if high < np.inf else f"more than {low:.0%} off"
            values = (comparison.mean(method, "mpjpe", rows) for method in (LIFTER, LIMIT))
            lines.append(
                f"| {which} | {int(rows.sum())} | " + " | ".join(map(_cell, values)) + " |"
            )
    return "\n".join(lines) + "\n"


def _cell(value: float) -> str:
    return f"{value:.1f}" if np.isfinite(value) else "-"


def results(comparison: Comparison) -> dict[str, Any]:
    """The same numbers for strict JSON."""
    return {
        name: {
            "pairs": int(rows.sum()),
            **{
                method: {score: number(comparison.mean(method, score, rows)) for score in SCORES}
                for method in METHODS
            },
        }
        for name, rows in comparison.rows().items()
    }


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--weights", type=Path, required=True, help="a run's best.pt")
    add("--motions", nargs=2, action="append", metavar=("SOURCE", "FOLDER"),
        help="in place of those of the run; may be repeated")  # fmt: skip
    add("--output", type=Path, help="folder for report.md and report.json")
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Prints the table, and writes it."""
    lifter = trained_lifter.load(args.weights)
    train, val = open_unseen(args.weights, lifter, args.motions)
    if val.digest() != lifter.settings.get("val_data"):
        print("note: these are not the data that the run was scored on")
    baselines = Baselines.fit(lifter.task, train)
    comparison = compare(lifter.model, lifter.task, baselines, val)
    text = "\n".join((table(comparison), size_table(comparison)))
    print(f"{lifter_data.summary(val)}\n\n{text}")
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)
        (args.output / "report.md").write_text(text)
        write_json(args.output / "report.json", results(comparison))


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    args = parse(arguments)
    return exit_status(lambda: run(args))


if __name__ == "__main__":
    sys.exit(main())
