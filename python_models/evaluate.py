"""Scores a trained model on COCO data: `python -m python_models.evaluate --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from python_models import trained
from python_models.data.coco_lower_body import CocoLowerBody, Source
from python_models.decoding import REFINEMENTS, Decoding
from python_models.devices import device_of
from python_models.evaluation import pictures as evaluation_pictures
from python_models.evaluation import report
from python_models.evaluation.evaluation import evaluate
from python_models.exit_status import exit_status
from python_models.training.options import count, positive
from python_models.whole_file import write_json


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--checkpoint", type=Path, required=True, help="a run's best.pt")
    add("--data", type=Path, help="a folder in COCO's layout")
    add("--split", default="val", help="of --data")
    add("--annotations", type=Path, help="in place of --data, with --images")
    add("--images", type=Path, help="the folder of the annotations' images")
    add("--output", type=Path, required=True, help="folder for the results")
    add("--refine", choices=REFINEMENTS, help="of the detailed results; by default as in training")
    add("--flip-test", action="store_true", help="for the detailed results")
    add("--mean-pose-of", metavar="SPLIT", help="compare with the mean pose of this split of data")
    add("--batch-size", type=positive, default=32)
    add("--workers", type=count, default=0, help="processes that load images")
    add("--device", default="auto", help="cpu, cuda or cuda:N; auto: a GPU where there is one")
    args = parser.parse_args(arguments)
    if (args.data is None) == (args.annotations is None):
        parser.error("give --data, or --annotations with --images")
    if (args.annotations is None) != (args.images is None):
        parser.error("--annotations and --images belong together")
    if args.mean_pose_of and args.data is None:
        parser.error("--mean-pose-of is a split of --data")
    return args


def open_data(args: argparse.Namespace, split: str, model: trained.Trained) -> CocoLowerBody:
    """Persons cropped as in training."""
    options: dict[str, Any] = {
        "input_size": model.task.input_size,
        "box_scale": float(model.settings.get("box_scale", 1.0)),
        "min_visibility": int(model.settings.get("min_visibility", 1)),
    }
    if args.data is None:
        return CocoLowerBody([Source(args.annotations, args.images)], **options)
    return CocoLowerBody.from_root(args.data, split, **options)


def run(args: argparse.Namespace) -> None:
    """Evaluates, prints the tables and writes the folder."""
    model = trained.load(args.checkpoint)
    device = device_of(args.device)
    data = open_data(args, args.split, model)
    print(data.summary(), flush=True)
    evaluation = evaluate(
        model.model,
        model.task,
        data,
        Decoding(args.refine or model.task.refine, args.flip_test),
        device=device,
        batch_size=args.batch_size,
        workers=args.workers,
        train=open_data(args, args.mean_pose_of, model) if args.mean_pose_of else None,
    )
    for line in evaluation.unreadable:
        print(f"left out, because its image cannot be read: {line}")
    source = {
        "checkpoint": str(args.checkpoint),
        "data": str(args.data or args.annotations),
        "split": args.split if args.data else None,
        "skipped": dict(data.skipped),
        "settings": model.settings,
    }
    write_json(args.output / "results.json", {**source, **report.results(evaluation)})
    write_json(args.output / "coco_results.json", report.coco_results(evaluation))
    evaluation_pictures.save_all(args.output, evaluation, data)
    print(f"\n{report.tables(evaluation)}\n\nwritten to {args.output}")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    args = parse(arguments)
    return exit_status(lambda: run(args))


if __name__ == "__main__":
    sys.exit(main())
