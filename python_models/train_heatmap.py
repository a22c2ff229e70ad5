"""Trains a lower-body heatmap model on COCO: `python -m python_models.train_heatmap --help`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch
from torch.utils.data import DataLoader, default_collate

import lowerpose_ops as lp
from python_models import engine
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.models.dilated_cnn import DilatedCNN

MODELS = {"dilated_cnn": DilatedCNN}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="a folder in COCO's layout")
    add("--model", choices=sorted(MODELS), default="dilated_cnn")
    add("--epochs", type=int, default=80)
    add("--batch-size", type=int, default=16)
    add("--learning-rate", type=float, default=1e-3)
    add("--weight-decay", type=float, default=1e-4)
    add("--box-scale", type=float, default=1.0, help="factor on the persons' boxes")
    add("--min-visibility", type=int, choices=(1, 2), default=1, help="COCO flag to train on")
    add("--sigma", type=float, default=2.0, help="of the targets, in heatmap pixels")
    add("--target-preset", default="exact")
    add("--refine", choices=("none", "quarter"), default="none", help="how maps are decoded")
    add("--workers", type=int, default=0, help="processes that load images")
    add("--seed", type=int, default=0)
    add("--device", default="cpu")
    add("--output", type=Path, default=Path("runs/heatmap"), help="folder for what a run leaves")
    add("--overfit-one-batch", action="store_true", help="check: learn one batch by heart")
    add("--steps", type=int, default=200, help="of --overfit-one-batch")
    return parser.parse_args(arguments)


def overfit_one_batch(args: argparse.Namespace, task: engine.HeatmapTask) -> int:
    """Trains on the first persons with at least four visible joints; 0 if it learnt them."""
    data = CocoLowerBody.from_root(
        args.data,
        "train",
        input_size=task.input_size,
        box_scale=args.box_scale,
        min_visibility=args.min_visibility,
        min_joints=4,
    )
    persons = range(min(args.batch_size, len(data)))
    batch = engine.to_device(default_collate([data[i] for i in persons]), args.device)
    model, optimizer = model_and_optimizer(args)
    first, last, score = engine.overfit(model, batch, task, optimizer, args.steps)
    engine.save_predictions(args.output / "overfit.png", model, [batch], task, args.device)
    fall = 1 - last / first
    print(f"{len(persons)} persons, {args.steps} steps: loss {first:.6f} -> {last:.6f} ", end="")
    print(f"({fall:.1%} down), PCK in eval mode: {pck_text(score.pck)}")
    learnt = fall >= 0.95 and score.pck[0.05] >= 0.9
    print("one batch learnt" if learnt else "NOT learnt: loss down 95 %, PCK@0.05 0.9 expected")
    return 0 if learnt else 1


def model_and_optimizer(args: argparse.Namespace) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    """As the lower-body project trains them: Adam, weight decay 1e-4."""
    model = MODELS[args.model](num_joints=len(lp.LOWER_BODY_JOINTS)).to(args.device)
    optimizer = torch.optim.Adam(
        model.parameters(), lr=args.learning_rate, weight_decay=args.weight_decay
    )
    return model, optimizer


def pck_text(pck: dict[float, float]) -> str:
    """PCK values in words."""
    return ", ".join(f"PCK@{threshold} {value:.3f}" for threshold, value in pck.items())


def train(args: argparse.Namespace, task: engine.HeatmapTask) -> int:
    """Trains on train2017, scores on val2017."""
    options = {
        "input_size": task.input_size,
        "box_scale": args.box_scale,
        "min_visibility": args.min_visibility,
    }
    train_data = CocoLowerBody.from_root(args.data, "train", flip=True, **options)
    val_data = CocoLowerBody.from_root(args.data, "val", **options)
    for name, data in (("train", train_data), ("val", val_data)):
        skipped = ", ".join(f"{count} {reason}" for reason, count in data.skipped.items())
        print(f"{name}: {len(data)} persons (skipped: {skipped or 'none'})")
    model, optimizer = model_and_optimizer(args)
    log = engine.fit(
        model,
        DataLoader(train_data, args.batch_size, shuffle=True, num_workers=args.workers),
        DataLoader(val_data, args.batch_size, num_workers=args.workers),
        task,
        optimizer,
        epochs=args.epochs,
        device=args.device,
        folder=args.output,
    )
    best = max(log, key=lambda row: row["pck_0.05"])
    print(f"last: PCK@0.05 {log[-1]['pck_0.05']:.3f}, PCK@0.1 {log[-1]['pck_0.1']:.3f} on val")
    print(f"best: PCK@0.05 {best['pck_0.05']:.3f}, PCK@0.1 {best['pck_0.1']:.3f} on val ", end="")
    print(f"(epoch {best['epoch']})\nwritten to {args.output}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    args = parse(arguments)
    torch.manual_seed(args.seed)
    args.output.mkdir(parents=True, exist_ok=True)
    settings = {name: str(value) for name, value in vars(args).items()}
    (args.output / "config.json").write_text(json.dumps(settings, indent=2) + "\n")
    args.device = torch.device(args.device)
    task = engine.HeatmapTask(
        sigma=args.sigma, target_preset=args.target_preset, refine=args.refine
    )
    return overfit_one_batch(args, task) if args.overfit_one_batch else train(args, task)


if __name__ == "__main__":
    sys.exit(main())
