"""Trains a lower-body heatmap model on COCO: `python -m python_models.train_heatmap --help`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler

import lowerpose_ops as lp
from python_models import engine
from python_models.baselines import mean_pose_pck, pck_table
from python_models.data.coco_lower_body import Augmentation, CocoLowerBody, collate, loader
from python_models.models.dilated_cnn import DilatedCNN

MODELS = {"dilated_cnn": DilatedCNN}
CPU = torch.device("cpu")  # the operations have no CUDA kernels yet
# What may change when a run goes on.
NOT_SETTLED = {"data", "output", "resume", "epochs", "workers", "overfit_one_batch", "steps"}


def positive_number(text: str) -> float:
    """A size on the command line."""
    if not 0 < float(text) < float("inf"):
        raise argparse.ArgumentTypeError(f"must be positive, got {text}")
    return float(text)


def positive(text: str) -> int:
    """A count on the command line."""
    return int(positive_number(text) and int(text))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="a folder in COCO's layout")
    add("--output", type=Path, default=Path("runs/heatmap"), help="folder for what a run leaves")
    add("--resume", action="store_true", help="go on from last.pt in the output folder")
    add("--model", choices=sorted(MODELS), default="dilated_cnn")
    add("--input-size", type=positive, nargs=2, default=(192, 256), metavar=("W", "H"))
    add("--epochs", type=positive, default=80)
    add("--batch-size", type=positive, default=16)
    add("--learning-rate", type=float, default=1e-3)
    add("--schedule", choices=("constant", "cosine"), default="constant", help="of the rate")
    add("--weight-decay", type=float, default=1e-4)
    add("--box-scale", type=positive_number, default=1.0, help="factor on the persons' boxes")
    add("--min-visibility", type=int, choices=(1, 2), default=1, help="COCO flag to train on")
    add("--sigma", type=positive_number, default=2.0, help="of the targets, in heatmap pixels")
    add("--target-preset", choices=("exact", "lower_body", "hrnet"), default="exact")
    add("--refine", choices=("none", "quarter"), default="none", help="how maps are decoded")
    add("--workers", type=int, default=0, help="processes that load images")
    add("--seed", type=int, default=0)
    add("--overfit-one-batch", action="store_true", help="check: learn one batch by heart")
    add("--steps", type=positive, default=200, help="of --overfit-one-batch")
    return parser.parse_args(arguments)


def model_and_optimizer(args: argparse.Namespace) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    """As the lower-body project trains them: Adam with weight decay."""
    model: torch.nn.Module = MODELS[args.model](num_joints=len(lp.LOWER_BODY_JOINTS))
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a fifth faster
    optimizer = torch.optim.Adam(
        model.parameters(), lr=args.learning_rate, weight_decay=args.weight_decay
    )
    return model, optimizer


def open_data(args: argparse.Namespace, split: str, **options: Any) -> CocoLowerBody:
    """A split of the data, with a line on what was left out of it and why."""
    options |= {"box_scale": args.box_scale, "min_visibility": args.min_visibility}
    data = CocoLowerBody.from_root(args.data, split, input_size=tuple(args.input_size), **options)
    print(f"{split}: {data.summary()}", flush=True)
    return data


def overfit_one_batch(args: argparse.Namespace, task: engine.HeatmapTask) -> int:
    """Trains on the first persons with at least four visible joints; 0 if it learnt them."""
    data = open_data(args, "train", min_joints=4)
    samples = [data[index] for index in range(min(args.batch_size, len(data)))]
    (batch,) = engine.Batches([collate(samples)], CPU)
    model, optimizer = model_and_optimizer(args)
    first, last, score = engine.overfit(model, batch, task, optimizer, args.steps)
    folder = args.output / "one-batch"
    engine.save_predictions(folder, model, [batch], task)
    fall = 1 - last / first
    print(
        f"{len(batch['image'])} persons, {args.steps} steps: loss {first:.6f} -> {last:.6f} "
        f"({fall:.1%} down)\n{pck_table({'in eval mode': score.pck})}\nwritten to {folder}"
    )
    learnt = fall >= 0.95 and score.pck[0.05] >= 0.9
    print("one batch learnt" if learnt else "NOT learnt: loss down 95 %, PCK@0.05 0.9 expected")
    return 0 if learnt else 1


def train(args: argparse.Namespace, task: engine.HeatmapTask) -> int:
    """Trains on train2017, scores on val2017; 0 if it came to the end, 130 after Ctrl-C."""
    train_data = open_data(args, "train", augmentation=Augmentation())
    val_data = open_data(args, "val")
    shuffled = engine.Blocks(len(train_data), args.batch_size, shuffle=True)
    in_order = engine.Blocks(len(val_data), args.batch_size)
    model, optimizer = model_and_optimizer(args)
    schedule: LRScheduler = ConstantLR(optimizer, factor=1.0)
    settled = set(vars(args)) - NOT_SETTLED
    if args.schedule == "cosine":
        schedule = CosineAnnealingLR(optimizer, args.epochs)
        settled.add("epochs")  # the shape of the schedule
    settings = {name: str(value) for name, value in vars(args).items()}
    run = engine.Run(model, task, optimizer, schedule, args.output, settings, settled)
    run.start(args.resume)
    (args.output / "config.json").write_text(json.dumps(settings, indent=2) + "\n")
    finished = run.fit(
        engine.Batches(loader(train_data, shuffled, workers=args.workers), CPU),
        engine.Batches(loader(val_data, in_order, workers=args.workers), CPU),
        args.epochs,
    )
    methods = {"mean pose": mean_pose_pck(train_data, val_data, task), **run.pck()}
    print(f"{pck_table(methods)}\nwritten to {args.output}")
    if not finished:
        print("interrupted; the same command with --resume goes on after the last whole epoch")
    return 0 if finished else 130


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    args = parse(arguments)
    torch.manual_seed(args.seed)
    task = engine.HeatmapTask(
        tuple(args.input_size), 4, args.sigma, args.target_preset, args.refine
    )
    try:
        return overfit_one_batch(args, task) if args.overfit_one_batch else train(args, task)
    except (FileNotFoundError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
