"""Whom a lifter was trained on, so that it is scored on others."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from python_models.motion.lifter_pairs import LifterPairs
from python_models.trained_lifter import TrainedLifter
from python_models.training import checkpoint, lifter_data


def trained_on(args: argparse.Namespace, train: LifterPairs, val: LifterPairs) -> list[str] | None:
    """The subjects of a run's motions and of the run that it starts from; None: not known.

    Synthetic persons do not count: nobody else's data has them.

    Raises:
        FileNotFoundError: There is no run to start from, or to go on with.
        ValueError: Its checkpoint is broken; it was trained on persons whom this one is scored on.
    """
    own = {*train.subjects} if args.motions else set()
    if not args.weights:
        return sorted(own)
    # A run that goes on needs the first one's weights no more: they may be gone.
    before = checkpoint.load(args.output / "last.pt" if args.resume else args.weights)
    settings = before.get("settings")
    earlier = settings.get("train_subjects") if isinstance(settings, dict) else None
    if not isinstance(earlier, list):
        return None
    both = {*earlier} & {*val.subjects} if args.motions else set()
    if both:
        raise ValueError(
            f"{args.weights}: was trained on {sorted(both)}, whom this run would be scored on: "
            "name others by --val-subjects"
        )
    return sorted(own | {*earlier})


def unseen(settings: Mapping[str, Any], subjects: set[str]) -> set[str] | None:
    """Those of the subjects whom the run of these settings was not trained on; None: not known.

    Runs whose settings do not name whom they were trained on may name whom they were scored on.
    """
    trained = settings.get("train_subjects")
    if isinstance(trained, list):
        return subjects - {*trained}
    if settings.get("weights") or not settings.get("val_subjects"):
        return None
    return subjects & {*settings["val_subjects"]}


def open_unseen(
    weights: Path, lifter: TrainedLifter, motions: list[list[str]] | None
) -> tuple[LifterPairs, LifterPairs]:
    """What baselines are fitted to, and what is scored: nobody whom the run was trained on.

    Of motions the baselines have all others; where there are none, what the run was trained on.

    Args:
        weights: The run's, for messages.
        lifter: Of the run.
        motions: Sources and folders, in place of the run's.

    Raises:
        FileNotFoundError: A folder or a file is not there.
        ValueError: The settings name no data; nobody is left to be scored, or it is not known who.
    """
    device, task = torch.device("cpu"), lifter.task
    settings = lifter_data.with_defaults(lifter.settings)
    if settings.squats or settings.detections:
        if motions:
            raise ValueError(f"--motions is for runs on motions, which {weights} is not of")
        return lifter_data.open_data(settings, task, device)
    if not (motions or settings.motions):
        raise ValueError(f"{weights}: its settings name no data: give --motions")
    own = argparse.Namespace(**vars(settings))
    settings.motions = motions or settings.motions
    opened = lifter_data.motions_of(settings)
    subjects = {motion.subject for motion in opened}
    scored = unseen(lifter.settings, subjects)
    if scored is None:
        train, val = lifter_data.open_data(settings, task, device)
        if val.digest() != lifter.settings.get("val_data"):
            raise ValueError(
                f"{weights}: does not say whom it was trained on, and these are not the data that "
                "it was scored on: anyone may be among both"
            )
        return train, val
    if not scored:
        raise ValueError(
            f"{weights}: was or may have been trained on all subjects of these motions, "
            f"{sorted(subjects)}: nobody is left to be scored"
        )
    val_views = lifter_data.val_views(settings, task, [m for m in opened if m.subject in scored])
    val = lifter_data.pairs(settings, val_views, device)
    others = [m for m in opened if m.subject not in scored]
    if not others:
        return lifter_data.open_data(own, task, device)[0], val
    train_views = lifter_data.train_views(settings, task, others)
    return lifter_data.pairs(settings, train_views, device, flip=settings.flip), val
