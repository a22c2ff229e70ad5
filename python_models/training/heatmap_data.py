"""Which persons heatmap models are trained on, and how they are seen: options of the scripts."""

from __future__ import annotations

import argparse
from pathlib import Path

from python_models.data.augmentation import Augmentation
from python_models.data.coco_lower_body import CocoLowerBody, Source
from python_models.data.subsets import Subset
from python_models.training.options import count, not_negative, positive, positive_number


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds them to a parser."""
    add = parser.add_argument_group("data").add_argument
    add("--data", type=Path, required=True, help="a folder in COCO's layout")
    add("--also", type=Path, nargs=2, action="append", default=[], metavar=("JSON", "IMAGES"),
        help="a further annotation file and image folder to train on; may be repeated")  # fmt: skip
    add("--persons", type=count, default=0, help="train on so many, drawn by a seed; 0: all")
    add("--fully-visible", action=argparse.BooleanOptionalAction, default=False,
        help="train on those with all six joints annotated")  # fmt: skip
    add("--subset-seed", type=count, default=0, help="of the choice of --persons")
    add("--min-visibility", type=int, choices=(1, 2), default=1, help="COCO flag to train on")
    add("--input-size", type=positive, nargs=2, default=(192, 256), metavar=("W", "H"))
    add("--box-scale", type=positive_number, default=1.0, help="factor on the persons' boxes")
    add = parser.add_argument_group("augmentation").add_argument
    add("--flip", type=not_negative, default=0.5, help="probability of the mirror image")


def open_train(args: argparse.Namespace, *, min_joints: int = 1) -> CocoLowerBody:
    """What the options say to train on."""
    root = args.data
    sources = [
        Source(root / "annotations" / "person_keypoints_train2017.json", root / "train2017"),
        *(Source(annotations, images) for annotations, images in args.also),
    ]
    return CocoLowerBody(
        sources,
        input_size=tuple(args.input_size),
        box_scale=args.box_scale,
        min_visibility=args.min_visibility,
        min_joints=min_joints,
        subset=Subset(args.persons or None, args.fully_visible, seed=args.subset_seed),
        augmentation=Augmentation(flip=args.flip),
        seed=args.seed,
    )


def open_val(args: argparse.Namespace) -> CocoLowerBody:
    """What models are scored on: all persons of val2017, as they are."""
    return CocoLowerBody.from_root(
        args.data,
        "val",
        input_size=tuple(args.input_size),
        box_scale=args.box_scale,
        min_visibility=args.min_visibility,
    )
