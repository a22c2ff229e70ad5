"""Knee angles from images, stage by stage: `python -m python_models.evaluate_angles --help`.

The data are synthetic squats (`python_models.data.synthetic_squats`), whose angles are known.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from python_models import trained, trained_lifter
from python_models.arrays import Array
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.data.samples import loader
from python_models.decoding import ALL_DECODINGS
from python_models.devices import device_of
from python_models.evaluation.evaluation import find_joints
from python_models.evaluation.people import people_of
from python_models.evaluation.whole_way import AngleErrors, Lift, angle_errors, table
from python_models.exit_status import exit_status
from python_models.motion.skeletons import LOWER_BODY_6
from python_models.training.options import positive
from python_models.whole_file import whole_file, write_json


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--checkpoint", type=Path, required=True, help="a heatmap model's best.pt")
    add("--lifter", type=Path, nargs="+", required=True, help="best.pt of runs with six joints")
    add("--data", type=Path, required=True, help="a folder of synthetic squats")
    add("--split", default="val", help="of --data")
    add("--output", type=Path, required=True, help="folder for the results")
    add("--batch-size", type=positive, default=32)
    add("--device", default="auto", help="cpu, cuda or cuda:N; auto: a GPU where there is one")
    return parser.parse_args(arguments)


def six_joint_lift(path: Path) -> Lift:
    """A trained lifter's function; one that knows cameras is told their focal lengths.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: It is no lifter's, or one of other joints.
    """
    lifter = trained_lifter.load(path)
    if (lifter.source, lifter.target) != (LOWER_BODY_6, LOWER_BODY_6):
        raise ValueError(
            f"{path}: must lift the six joints to the six joints, got {lifter.source.name} to "
            f"{lifter.target.name}"
        )

    def lift(keypoints: Array, sizes: Array, focal: Array) -> Array:
        return lifter.lift(keypoints, sizes, focal if lifter.calibrated else None)

    return lift


def truth_of(annotations: Path, ids: list[int]) -> tuple[Array, Array]:
    """Knee flexion [N, 2] in degrees and focal lengths [N] in pixels of these annotations.

    Raises:
        ValueError: They do not tell them.
    """
    rows = json.loads(annotations.read_text(encoding="utf-8"))["annotations"]
    by_id = {row["id"]: row for row in rows}
    chosen = [by_id[number] for number in ids]
    if not all("knee_angles" in row and "camera" in row for row in chosen):
        raise ValueError(
            f"{annotations}: annotations must have knee_angles and camera, as synthetic squats do"
        )
    angles = np.array([row["knee_angles"] for row in chosen], np.float64)
    return 180 - angles, np.array([row["camera"]["fx"] for row in chosen], np.float64)


def evaluate(args: argparse.Namespace) -> list[AngleErrors]:
    """The errors of all stages."""
    lifts = {str(path): six_joint_lift(path) for path in args.lifter}
    model = trained.load(args.checkpoint)
    device = device_of(args.device)
    data = CocoLowerBody.from_root(
        args.data,
        args.split,
        input_size=model.task.input_size,
        box_scale=float(model.settings.get("box_scale", 1.0)),
        min_visibility=int(model.settings.get("min_visibility", 1)),
    )
    blocks = np.array_split(np.arange(len(data)), -(-len(data) // args.batch_size))
    batches = loader(data, [block.tolist() for block in blocks], workers=0)
    indices, found, unreadable = find_joints(
        model.model.to(device).eval(), model.task, batches, ALL_DECODINGS, device
    )
    for line in unreadable:
        print(f"left out, because its image cannot be read: {line}", file=sys.stderr)
    people = people_of(data, indices, model.task)
    file = args.data / "annotations" / f"person_keypoints_{args.split}2017.json"
    flexion, focal = truth_of(file, people.annotation_ids)
    return angle_errors(people, flexion, focal, found, model.task, lifts)


def write(args: argparse.Namespace, stages: list[AngleErrors]) -> str:
    """angles.json and angles.md; the table."""
    rows = [
        {
            "stage": row.stage,
            "decoding": row.decoding,
            "lifter": row.lifter,
            "legs": len(row.errors),
            "mean_degrees": row.mean,
            "median_degrees": row.quantile(0.5),
            "p90_degrees": row.quantile(0.9),
            "bias_degrees": row.bias,
            "no_angle": row.refused,
        }
        for row in stages
    ]
    names = {"checkpoint": str(args.checkpoint), "data": str(args.data), "split": args.split}
    write_json(args.output / "angles.json", {**names, "stages": rows})
    text = f"Knee flexion, degrees, {len(stages[0].errors)} legs.\n\n{table(stages)}\n"
    with whole_file(args.output / "angles.md") as file:
        file.write_text(text, encoding="utf-8")
    return text


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    args = parse(arguments)
    return exit_status(lambda: print(write(args, evaluate(args))))


if __name__ == "__main__":
    sys.exit(main())
