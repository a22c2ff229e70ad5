"""Which poses lifters are trained on, and how they are seen: options of the scripts."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from python_models.data.squat_views import squat_views
from python_models.lifter_task import LifterTask
from python_models.motion.crossed_legs import crossed_legs
from python_models.motion.detected_pairs import MIN_PCK, detected_pairs
from python_models.motion.detector_noise import NOISES
from python_models.motion.keypoint_frames import FRAMES
from python_models.motion.lifter_pairs import LifterPairs
from python_models.motion.motion import Motion
from python_models.motion.skeletons import SKELETONS
from python_models.motion.sources import open_motions
from python_models.motion.varied_legs import varied_legs
from python_models.motion.views import MotionViews, Views
from python_models.training.options import below_one, count, not_negative, positive

# Options that say something beside some others only.
_KINDS = {
    **dict.fromkeys(
        ("without", "val_subjects", "val_part", "split_seed", "varied_legs", "balance", "every"),
        ("motions",),
    ),
    **dict.fromkeys(("cameras", "val_cameras"), ("motions", "squats")),
    **dict.fromkeys(("val_squats", "calibrated"), ("squats",)),
    "min_pck": ("detections",),
    "crossed_legs": ("varied_legs",),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds them to a parser."""
    add = parser.add_argument_group("data: one of the first three").add_argument
    add("--motions", nargs=2, action="append", default=[], metavar=("SOURCE", "FOLDER"),
        help="motion that random cameras see: ui-prmd-vicon, cmu ...; may be repeated")  # fmt: skip
    add("--squats", type=count, default=0, help="so many poses of synthetic squats, no pictures")
    add("--detections", type=Path, nargs=3, default=[], metavar=("SQUATS", "TRAIN", "VAL"),
        help="folder of the synthetic squats, and what a detector found: COCO results")  # fmt: skip
    add("--min-pck", type=not_negative, default=MIN_PCK, help="of pictures of --detections")
    add("--without", nargs="*", default=[], help="leave out actions that have one of these words")
    add("--val-subjects", nargs="*", default=[], help="of --motions; else drawn by --split-seed")
    add("--val-part", type=below_one, default=0.25, help="of the subjects, if drawn")
    add("--split-seed", type=count, default=0)
    add("--varied-legs", type=not_negative, default=0.0,
        help="also train on --motions with legs and knees turned by so many degrees")  # fmt: skip
    add("--crossed-legs", type=below_one, default=0.0,
        help="part of the poses of --varied-legs whose right leg is another frame's")  # fmt: skip
    add("--balance", action=argparse.BooleanOptionalAction, default=False,
        help="train on rare actions of --motions as often as on frequent ones")  # fmt: skip
    add("--every", type=positive, default=5, help="of so many poses of a motion one is used")
    add("--cameras", type=positive, default=1, help="so many a pose, in an epoch")
    add("--val-cameras", type=positive, default=1, help="so many a pose when scored")
    add("--calibrated", action=argparse.BooleanOptionalAction, default=False,
        help="the focal lengths of the cameras of --squats are known")  # fmt: skip
    add("--val-squats", type=positive, default=5000, help="poses that --squats is scored on")
    add = parser.add_argument_group("what is seen").add_argument
    add("--source", choices=sorted(SKELETONS), default="lower-body-6", help="of the keypoints")
    add("--target", choices=sorted(SKELETONS), default="lower-body-6", help="of the points")
    add("--frame", choices=FRAMES, default="person", help="what keypoints are normalised by")
    add("--noise", choices=sorted(NOISES), default="none", help="of the keypoints, as detected")
    add("--flip", type=below_one, default=0.5, help="probability of the mirror image")


def check_options(args: argparse.Namespace) -> None:
    """Refuses options that would be ignored.

    Raises:
        ValueError: One is given that says nothing of this kind of data, or without the other
            option that it belongs to.
    """
    parser = argparse.ArgumentParser()
    add_options(parser)
    for name, kinds in _KINDS.items():
        given = getattr(args, name) != parser.get_default(name)
        if given and not any(getattr(args, kind) for kind in kinds):
            option, *others = (f"--{each.replace('_', '-')}" for each in (name, *kinds))
            raise ValueError(f"{option} is for {' and '.join(others)}")


def check_batches(args: argparse.Namespace, blocks: Sequence[Sequence[Any]]) -> None:
    """Refuses a batch of one pair, of which BatchNorm over the batch has no deviation.

    Raises:
        ValueError: There is one; the graph networks, whose joints are a batch too, may have it.
    """
    if args.model == "martinez" and any(len(block) == 1 for block in blocks):
        raise ValueError(
            f"--batch-size {args.batch_size} leaves a batch of one pair, which BatchNorm cannot be "
            "trained with"
        )


def open_data(
    args: argparse.Namespace, task: LifterTask, device: torch.device
) -> tuple[LifterPairs, LifterPairs]:
    """What the options say to train on, and what to score on: other persons.

    Raises:
        FileNotFoundError: A folder or a file is not there.
        ValueError: Not one of the three kinds of data is named; nobody is left on one side.
    """
    kinds = [bool(args.motions), bool(args.squats), bool(args.detections)]
    if sum(kinds) != 1:
        raise ValueError("give one of --motions, --squats and --detections")
    if args.motions:
        train, val = _motion_views(args, task)
    else:
        train, val = _picture_views(args, task)
    return pairs(args, train, device, flip=args.flip), pairs(args, val, device)


def with_defaults(settings: Mapping[str, Any]) -> argparse.Namespace:
    """A run's settings as `open_data` takes them; options that the run had not have defaults."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    return argparse.Namespace(**{"seed": 0, **vars(parser.parse_args([])), **settings})


def pairs(
    args: argparse.Namespace, views: Views, device: torch.device, *, flip: float = 0.0
) -> LifterPairs:
    """Pairs of these views, with the noise and in the frame that the options say."""
    noise = NOISES[args.noise]
    return LifterPairs(
        views, frame=args.frame, noise=noise, flip=flip, seed=args.seed, device=device
    )


def motions_of(args: argparse.Namespace) -> list[Motion]:
    """Those of --motions without those of --without.

    Raises:
        FileNotFoundError: A folder is not there.
        ValueError: There is no such source, or a file is another one.
    """
    return [
        motion
        for source, folder in args.motions
        for motion in open_motions(source, Path(folder))
        if not any(word in motion.action for word in args.without)
    ]


def train_views(
    args: argparse.Namespace, task: LifterTask, motions: Sequence[Motion]
) -> MotionViews:
    """Motions before cameras, as the options say to train on them; at least one."""
    train = [*motions]
    if args.varied_legs:
        other = crossed_legs(train, args.crossed_legs, seed=args.seed)
        train += varied_legs(other, args.varied_legs, seed=args.seed)
    if args.balance:
        train = balanced(train)
    skeletons = task.source_skeleton, task.target_skeleton
    return MotionViews(train, *skeletons, every=args.every, cameras_per_pose=args.cameras)


def val_views(args: argparse.Namespace, task: LifterTask, motions: Sequence[Motion]) -> MotionViews:
    """Motions before cameras, as the options say to score on them."""
    skeletons = task.source_skeleton, task.target_skeleton
    return MotionViews(motions, *skeletons, every=args.every, cameras_per_pose=args.val_cameras)


def statistics(data: LifterPairs, seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """What `StandardLifter.take_statistics` takes: of poses drawn by the seed."""
    for batch in data.sample(seed, 1):
        yield batch["inputs"], batch["inputs_known"], batch["targets"], batch["targets_known"]


def summary(data: LifterPairs) -> str:
    """In one line."""
    return (
        f"{len(data)} pairs, {len(set(data.subjects))} subjects, {len(set(data.actions))} actions"
    )


def split_subjects(
    motions: Sequence[Motion], val_subjects: Sequence[str], part: float, seed: int
) -> set[str]:
    """Whose motions are scored on: those named, or a drawn part of the subjects (at least one).

    Raises:
        ValueError: A name is no subject; nobody is left to train on.
    """
    known = sorted({motion.subject for motion in motions})
    unknown = sorted(set(val_subjects) - {*known})
    if unknown:
        raise ValueError(f"--val-subjects: {unknown} are not among the subjects {known}")
    chosen = {*val_subjects}
    if not chosen:
        size = max(1, round(part * len(known)))
        chosen = {known[n] for n in np.random.default_rng(seed).permutation(len(known))[:size]}
    if len(chosen) == len(known):
        raise ValueError(f"no subject is left to train on: {known} are all scored on")
    return chosen


def balanced(motions: Sequence[Motion]) -> list[Motion]:
    """The motions, those of rare actions several times: no action has twice another one's frames.

    Only whole actions are repeated, so that what is frequent within one stays so.
    """
    frames: dict[str, int] = {}
    for motion in motions:
        frames[motion.action] = frames.get(motion.action, 0) + len(motion)
    most = max(frames.values())
    return [motion for motion in motions for _ in range(max(1, most // frames[motion.action]))]


def _motion_views(args: argparse.Namespace, task: LifterTask) -> tuple[Views, Views]:
    motions = motions_of(args)
    scored = split_subjects(motions, args.val_subjects, args.val_part, args.split_seed)
    return (
        train_views(args, task, [motion for motion in motions if motion.subject not in scored]),
        val_views(args, task, [motion for motion in motions if motion.subject in scored]),
    )


def _picture_views(args: argparse.Namespace, task: LifterTask) -> tuple[Views, Views]:
    skeletons = task.source_skeleton, task.target_skeleton
    if args.squats:
        known = args.calibrated
        return (
            squat_views("train", args.squats, *skeletons, cameras=args.cameras, calibrated=known),
            squat_views(
                "val", args.val_squats, *skeletons, cameras=args.val_cameras, calibrated=known
            ),
        )
    folder, train, val = map(Path, args.detections)
    return (
        detected_pairs(folder, "train", train, *skeletons, min_pck=args.min_pck),
        detected_pairs(folder, "val", val, *skeletons, min_pck=args.min_pck),
    )
