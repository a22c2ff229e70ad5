"""Trains a lower-body heatmap model on COCO: `python -m python_models.train_heatmap --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import nn

import lowerpose_ops as lp
from python_models.data.person_batches import PersonBatches
from python_models.engine import Trainer
from python_models.heatmap_task import HeatmapTask
from python_models.models.pretrained import load_imagenet
from python_models.models.registry import MODELS
from python_models.training import heatmap_data, options, overfit, report
from python_models.training.baselines import mean_pose_pck
from python_models.training.order import training_blocks
from python_models.training.run_state import RunState
from python_models.training.run_to_end import finish, run_to_end, start
from python_models.training.schedule import Schedule


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = options.parser(__doc__, "heatmap")
    heatmap_data.add_options(parser)
    add = parser.add_argument_group("model").add_argument
    add("--model", choices=sorted(MODELS), default="dilated_cnn")
    add("--pretrained", nargs="?", const="torchvision", metavar="FILE", help="ImageNet weights")
    add("--sigma", type=options.positive_number, default=2.0, help="of targets, heatmap pixels")
    add("--target-preset", choices=("exact", "lower_body", "hrnet"), default="exact")
    add("--refine", choices=("none", "quarter", "dark"), default="none", help="of decoded maps")
    add("--overfit-one-batch", action="store_true", help="check: learn one batch by heart")
    add("--pictures", action=argparse.BooleanOptionalAction, default=True, help="of persons")
    add("--steps", type=options.positive, default=200, help="of --overfit-one-batch")
    return options.parse(parser, arguments)


def make_model(args: argparse.Namespace) -> nn.Module:
    """The model with its first weights: the same ones in every process."""
    torch.manual_seed(args.seed)
    model = MODELS[args.model](num_joints=len(lp.LOWER_BODY_JOINTS))
    if args.pretrained:
        load_imagenet(model, None if args.pretrained == "torchvision" else Path(args.pretrained))
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def make_optimizer(model: nn.Module, args: argparse.Namespace) -> torch.optim.Optimizer:
    """As the lower-body project trains: Adam with weight decay."""
    return torch.optim.Adam(
        model.parameters(), lr=args.learning_rate, weight_decay=args.weight_decay
    )


def overfit_one_batch(args: argparse.Namespace, fabric: Fabric) -> int:
    """Trains on the first persons with at least four visible joints; 0 if it learnt them."""
    if fabric.world_size > 1:
        raise ValueError(f"--overfit-one-batch is for one process, got {fabric.world_size}")
    task = HeatmapTask.from_settings(vars(args))
    RunState(args.output, {}, {}, ()).start()  # no run's report is written over
    data = heatmap_data.open_train(args, min_joints=4)
    first = [list(range(min(args.batch_size, len(data))))]
    (batch,) = PersonBatches(data, fabric.device).batches(first)
    model = make_model(args)
    result = overfit.overfit(fabric, model, batch, task, make_optimizer(model, args), args.steps)
    report.write_one_batch(args.output, model, batch, task, result, options.settings_of(args))
    print(f"{result}\nwritten to {args.output}")
    return 0 if result.learnt else 1


def train(args: argparse.Namespace, fabric: Fabric) -> int:
    """Trains on train2017, scores on val2017; 0 at its end, 128 + the signal's number after one."""
    task = HeatmapTask.from_settings(vars(args))
    train_data, val_data = heatmap_data.open_train(args), heatmap_data.open_val(args)
    fabric.print(f"train: {train_data.summary()}\nval: {val_data.summary()}", flush=True)
    digests = {"train_data": train_data.digest(), "val_data": val_data.digest()}
    model = make_model(args)
    plan = options.plan_of(args)
    parts = fabric.world_size * plan.accumulate
    steps = len(training_blocks(len(train_data), plan.batch_size, parts, plan.seed, 1)) // parts
    milestones = tuple(args.milestones)
    trainer = Trainer(
        fabric,
        model,
        task,
        make_optimizer(model, args),
        Schedule(args.schedule, steps * plan.epochs, steps, args.warmup, milestones, args.gamma),
        plan,
        args.output,
        options.settings_of(args) | digests,
        options.settled_of(args) | digests.keys(),
        compiled=torch.compile(model) if args.compile else None,  # type: ignore[arg-type]
    )
    start(trainer, resume=args.resume)
    val = heatmap_data.batches(args, val_data, "val", fabric.device)
    outcome = trainer.fit(heatmap_data.batches(args, train_data, "train", fabric.device), val)
    return finish(
        trainer,
        outcome,
        lambda: report.write(
            trainer, task, val, mean_pose_pck(train_data, val_data, task), outcome
        ),
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    args = parse(arguments)
    return run_to_end(args, overfit_one_batch if args.overfit_one_batch else train)


if __name__ == "__main__":
    sys.exit(main())
