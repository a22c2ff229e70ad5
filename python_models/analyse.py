"""Angles and advice from a video, pictures or keypoints: `python -m python_models.analyse`."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from python_models import trained_lifter
from python_models.analysis.analysis import analyse
from python_models.analysis.rules import RULES, exercises, load_rules
from python_models.decoding import REFINEMENTS
from python_models.prediction.person_boxes import boxes_of
from python_models.prediction.predictor import open_predictor
from python_models.prediction.tracks import scaled_one_euro
from python_models.presentation import joint_sources
from python_models.presentation.judgement import Judged, focal_for, judge
from python_models.presentation.keypoints import focal_of
from python_models.presentation.lifter_error import lifter_deviation
from python_models.presentation.outputs import check_output, write_all
from python_models.presentation.page import summary
from python_models.trained_lifter import TrainedLifter

# Options that say how joints are found, and what they are where nothing is said.
_OF_PICTURES = {"checkpoint": None, "box": None, "boxes": None, "refine": None,
                "flip_test": False, "device": "cpu"}  # fmt: skip


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--input", type=Path, required=True, help="video, picture, folder of them, keypoint file")
    add("--output", type=Path, required=True, help="folder for the results")
    add("--exercise", default="squat", help=f"of ours {', '.join(exercises())}")
    add("--rules", type=Path, default=RULES, help="a folder of rule files, EXERCISE.toml")
    add("--checkpoint", type=Path, help="a heatmap model's best.pt, for a video or pictures")
    add("--lifter", type=Path, help="a lifter's best.pt; without it the analysis is 2D")
    add("--focal", type=float, metavar="PIXELS", help="of the camera, for a calibrated lifter")
    boxes = parser.add_mutually_exclusive_group()
    boxes.add_argument("--box", type=float, nargs=4, metavar=("X", "Y", "W", "H"), help="a person")
    boxes.add_argument("--boxes", type=Path, help="COCO annotations; ids are a video's frames")
    add("--person", type=int, help="number (track_id) of the one to look at; else the largest")
    add("--fps", type=float, help="frames per second, over what the input says")
    add("--smooth", action="store_true", help="a motion's joints, by a One Euro filter")
    add("--refine", choices=REFINEMENTS, help="how maps are decoded; by default as in training")
    add("--flip-test", action="store_true")
    add(
        "--device",
        default=_OF_PICTURES["device"],
        help="cpu, cuda, cuda:N, or auto: a GPU where there is one",
    )
    add("--overwrite", action="store_true", help="write into a folder that is not empty")
    return parser.parse_args(arguments)


def open_source(args: argparse.Namespace, kind: str) -> joint_sources.Source:
    """The input's keypoints: read, or found by the heatmap model."""
    if kind == "keypoints":
        for option, unsaid in _OF_PICTURES.items():
            if getattr(args, option) != unsaid:
                flag = option.replace("_", "-")
                raise ValueError(f"--{flag} is for videos and pictures, got {args.input}")
        return joint_sources.of_keypoint_file(args.input, args.fps, args.person)
    if args.checkpoint is None:
        raise ValueError(f"{args.input}: to find joints in {kind}, give a model by --checkpoint")
    boxes = boxes_of(args.box, args.boxes)
    predictor = open_predictor(args.checkpoint, args.refine, args.flip_test, args.device)
    find = joint_sources.of_video if kind == "video" else joint_sources.of_pictures
    return find(args.input, predictor, boxes, args.fps, args.person)


def check_focal(args: argparse.Namespace, lifter: TrainedLifter | None, kind: str) -> None:
    """That there is a focal length where one is needed, and only there.

    Of keypoints it is seen later whether their file says one.
    """
    if args.focal is not None:
        if lifter is None:
            raise ValueError("--focal is for lifters: give one by --lifter")
        if not lifter.calibrated:
            raise ValueError(
                f"--focal is for lifters that were trained with known focal lengths, which "
                f"{args.lifter} was not"
            )
        focal_of(args.focal, "--focal")
    elif lifter is not None and kind != "keypoints":
        focal_for(lifter, None)


def run(args: argparse.Namespace) -> Judged:
    """Analyses, and writes the folder."""
    if args.fps is not None and not 0 < args.fps < math.inf:
        raise ValueError(f"--fps must be positive, frames per second, got {args.fps:g}")
    kind = joint_sources.kind_of(args.input)
    check_output(args.output, args.input, overwrite=args.overwrite)
    rules = load_rules(args.exercise, args.rules)
    lifter = trained_lifter.load(args.lifter) if args.lifter is not None else None
    check_focal(args, lifter, kind)
    source = open_source(args, kind)
    if args.focal is not None:
        source = replace(source, keypoints=replace(source.keypoints, focal=args.focal))
    judged = judge(
        source.keypoints,
        args.input.name,
        partial(analyse, exercise=args.exercise, rules=rules),
        lifter=lifter,
        lifter_deviation=lifter_deviation(args.lifter) if lifter is not None else None,
        smoothing=scaled_one_euro(1.0, 20.0, 1.0) if args.smooth else None,
    )
    write_all(args.output, args.input.name, source, judged)
    return judged


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    args = parse(arguments)
    try:
        judged = run(args)
    except (OSError, ValueError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"interrupted; {args.output} is not complete: remove it, or --overwrite it next time",
              file=sys.stderr)  # fmt: skip
        return 130
    for note in judged.notes:
        print(f"note: {note}", file=sys.stderr)
    if judged.analysis.refused is not None:
        print(f"not judged: {judged.analysis.refused.reason}", file=sys.stderr)
    print(f"{summary(judged.analysis)}\nwritten to {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
