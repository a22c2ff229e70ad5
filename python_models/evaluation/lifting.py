"""How well a lifter does on persons it has not seen, for each exercise, beside two baselines.

`python -m python_models.evaluation.lifting --weights RUN/best.pt` takes the data that the run was
scored on. `--motions` says where they are now, or names others; only persons whom the run was not
trained on are scored.
"""

from __future__ import annotations

import argparse
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
    indices = []
    for batch in data.batches(scoring_blocks(len(data), _BATCH, 0, 1)):
        indices += batch["index"].tolist()
        for method, errors in _errors(lift, task, baselines, batch).items():
            for score, values in errors.items():
                parts[method].setdefault(score, []).append(values)
    joined = {
        method: {score: torch.cat(values).double().numpy() for score, values in scores.items()}
        for method, scores in parts.items()
    }
    actions, subjects = data.actions, data.subjects
    return Comparison(joined, [actions[i] for i in indices], [subjects[i] for i in indices])


def _errors(
    lift: Callable[[Tensor], Tensor], task: LifterTask, baselines: Baselines, batch: Pairs
) -> dict[str, dict[str, Tensor]]:
    points = lift(batch["inputs"]).float().cpu()
    on_cpu = Pairs(
        inputs=batch["inputs"].cpu(),
        inputs_known=batch["inputs_known"].cpu(),
        targets=batch["targets"].cpu(),
        targets_known=batch["targets_known"].cpu(),
        keypoints=batch["keypoints"].cpu(),
        size=batch["size"].cpu(),
        index=batch["index"],
    )
    errors = {
        LIFTER: task.errors(points, on_cpu),
        CONSTANT: task.errors(baselines.constant(on_cpu), on_cpu),
        PICTURE: task.errors(baselines.flat(on_cpu), on_cpu),
        LIMIT: task.errors(baselines.average_size(on_cpu), on_cpu),
    }
    # A depth of 0 changes no angle, but joints that were not found would be at the root.
    in_picture = task.knee_errors(picture_pose(task, on_cpu).float(), on_cpu)
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
            cells = " | ".join(f"{value:.1f}" if np.isfinite(value) else "-" for value in values)
            first = f"{name} | {int(rows.sum())}" if method == LIFTER else " | "
            lines.append(f"| {first} | {method} | {cells} |")
    return "\n".join(lines) + "\n"


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
    print(f"{lifter_data.summary(val)}\n\n{table(comparison)}")
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)
        (args.output / "report.md").write_text(table(comparison))
        write_json(args.output / "report.json", results(comparison))


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    args = parse(arguments)
    return exit_status(lambda: run(args))


if __name__ == "__main__":
    sys.exit(main())
