"""Trains all heatmap models and gathers their reports: `make reports`."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

from python_models import train_heatmap

MODELS = ("dilated_cnn", "resnet18", "resnet18_fpn")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--squats", type=Path, required=True, help="synthetic squats")
    add("--coco", type=Path, help="a folder in COCO's layout, for the single-batch check")
    add("--runs", type=Path, default=Path("runs"), help="where the runs take place")
    add("--output", type=Path, required=True, help="folder for the reports")
    add("--models", choices=MODELS, nargs="+", default=MODELS)
    return parser.parse_args(arguments)


def train(name: str, flags: list[str], run: Path, reports: Path) -> int:
    """Trains, or goes on, and copies what people look at; the exit status."""
    status = train_heatmap.main([*flags, "--output", str(run)])
    if status == 0:
        target = reports / name
        target.mkdir(parents=True, exist_ok=True)
        shown = re.findall(r"!\[.*?\]\((.*?)\)", (run / "report.md").read_text())
        for file in ("report.md", *shown):
            shutil.copy(run / file, target)
    return status


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status is the first one that is not 0."""
    args = parse(arguments)
    for model in args.models:
        if args.coco is not None:
            # The pictures are other people's: they stay out of a report that is given away.
            flags = ["--data", str(args.coco), "--model", model, "--overfit-one-batch"]
            name = f"one_batch_{model}"
            status = train(name, [*flags, "--no-pictures"], args.runs / name, args.output)
            if status:
                return status
        name = f"squats_{model}"
        resume = ["--resume"] if (args.runs / name / "last.pt").exists() else []
        flags = ["--data", str(args.squats), "--experiment", name, *resume]
        status = train(name, flags, args.runs / name, args.output)
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
