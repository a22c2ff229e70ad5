"""Which persons heatmap models are trained on, and how they are seen: options of the scripts."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

import torch

from python_models.data import crop_cache
from python_models.data.augmentation import Augmentation
from python_models.data.coco_lower_body import CocoLowerBody, Source
from python_models.data.device_crops import DeviceCrops, device_bytes, fits
from python_models.data.person_batches import PersonBatches
from python_models.data.subsets import Subset
from python_models.training.options import count, not_negative, positive, positive_number

_AUGMENTATION = {
    "flip": "probability of the mirror image",
    "scale": "of the crop's size: 1 - this to 1 + this",
    "rotation": "up to so many degrees either way",
    "half_body": "probability of showing half of the lower body",
    "brightness": "factor on the image: 1 - this to 1 + this",
    "contrast": "likewise, on the distance from its mean",
    "saturation": "likewise, on the distance from grey",
}


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
    for field in fields(Augmentation):
        add(f"--{field.name.replace('_', '-')}", type=not_negative, default=field.default,
            help=_AUGMENTATION[field.name])  # fmt: skip
    add = parser.add_argument_group("crop cache").add_argument
    add("--cache", type=Path, help="folder for crops, made once: faster to read than images")
    add("--on-device", action=argparse.BooleanOptionalAction, default=False,
        help="keep the crops of --cache in the device's memory")  # fmt: skip


def open_train(args: argparse.Namespace, *, min_joints: int = 1) -> CocoLowerBody:
    """What the options say to train on."""
    root = args.data
    sources = [
        Source(root / "annotations" / "person_keypoints_train2017.json", root / "train2017"),
        *(Source(annotations, images) for annotations, images in args.also),
    ]
    chosen = args.persons or args.fully_visible  # else nobody is "not in the subset"
    subset = Subset(args.persons or None, args.fully_visible, seed=args.subset_seed)
    return CocoLowerBody(
        sources,
        input_size=tuple(args.input_size),
        box_scale=args.box_scale,
        min_visibility=args.min_visibility,
        min_joints=min_joints,
        subset=subset if chosen else None,
        augmentation=Augmentation(**{f.name: getattr(args, f.name) for f in fields(Augmentation)}),
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


def batches(
    args: argparse.Namespace, data: CocoLowerBody, split: str, device: torch.device
) -> PersonBatches:
    """The persons of a split in batches, from the crop cache where one is asked for.

    Raises:
        ValueError: --on-device without --cache, or with more crops than the device has room for.
    """
    if args.cache is None:
        if args.on_device:
            raise ValueError("--on-device keeps the crops of a --cache, which is not given")
        return PersonBatches(data, device, workers=args.workers)
    cache = crop_cache.prepare(data, args.cache / split)
    data.use(cache)
    if not args.on_device:
        return PersonBatches(data, device, workers=args.workers)
    if not fits(cache, device):
        size = f"{device_bytes(cache) / 2**30:.1f} GiB"
        raise ValueError(f"--on-device: {size} of crops of {split} are too many for {device}")
    return PersonBatches(data, device, crops=DeviceCrops(data, cache, device))
