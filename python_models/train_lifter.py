"""Trains a lifter, from joints in a picture to joints in space.

`python -m python_models.train_lifter --help` has the options.
"""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path

import torch
from lightning_fabric import Fabric

from python_models import trained_lifter
from python_models.engine import Trainer
from python_models.lifter_task import LifterTask
from python_models.models import max_norm
from python_models.models.lifters import LIFTERS, MAX_NORMS, make_lifter
from python_models.models.standard_lifter import StandardLifter
from python_models.motion.lifter_pairs import LifterPairs
from python_models.training import checkpoint, lifter_data, lifter_report, options
from python_models.training.lifter_subjects import trained_on
from python_models.training.order import training_blocks
from python_models.training.run_to_end import finish, run_to_end, start
from python_models.training.schedule import Schedule


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line; what is not given is as Martinez et al. train."""
    parser = options.parser(__doc__, "lifter")
    lifter_data.add_options(parser)
    add = parser.add_argument_group("model").add_argument
    add("--model", choices=sorted(LIFTERS), default="martinez")
    add("--width", type=options.positive, help="of the layers; by default the model's own")
    add("--blocks", type=options.positive, help="residual blocks, likewise")
    add("--dropout", type=options.below_one, help="likewise")
    add("--max-norm", type=options.not_negative,
        help="longest weights into a linear unit; 0: any; by default the model's own")  # fmt: skip
    add("--weights", type=Path, help="start from another run's best.pt: fine-tuning")
    add("--decay", type=options.positive_number, default=0.96, help="of the learning rate")
    add("--decay-steps", type=options.count, default=100000, help="steps a --decay; 0: none")
    parser.set_defaults(output=Path("runs/lifter"), batch_size=64, epochs=200, weight_decay=0.0)
    args = options.parse(parser, arguments)
    if args.max_norm is None:
        args.max_norm = MAX_NORMS.get(args.model, 0.0)
    return args


def make_model(args: argparse.Namespace, task: LifterTask, train: LifterPairs) -> StandardLifter:
    """The model with its first weights, the same ones in every process.

    Fine-tuning keeps the statistics of the run that it starts from: its weights belong to them.

    Raises:
        FileNotFoundError: There are no such weights.
        ValueError: The weights are those of another model, or of other keypoints.
    """
    torch.manual_seed(args.seed)
    sizes = {size: getattr(args, size) for size in ("width", "blocks", "dropout")}
    model = make_lifter(args.model, task.source_skeleton, task.target_skeleton, **sizes)
    if not args.weights:
        model.take_statistics(lifter_data.statistics(train, args.seed))
    elif not args.resume:  # else last.pt has all weights
        other = trained_lifter.load(args.weights)
        if other.calibrated != args.calibrated:
            raise ValueError(
                f"{args.weights}: was trained {'with' if other.calibrated else 'without'} "
                f"--calibrated, this run is {'with' if args.calibrated else 'without'}"
            )
        if other.task != task:
            raise ValueError(f"{args.weights}: is for {other.task}, got options for {task}")
        try:
            model.load_state_dict(checkpoint.weights_of(checkpoint.load(args.weights)))
        except RuntimeError as error:
            raise ValueError(f"{args.weights}: are weights of another model: {error}") from error
    return model


def learning_rate(args: argparse.Namespace, steps_an_epoch: int, step: int) -> float:
    """The factor of a step: the shared schedule, times the decay that is counted in steps."""
    schedule = Schedule(
        args.schedule, steps_an_epoch * args.epochs, steps_an_epoch, args.warmup,
        tuple(args.milestones), args.gamma,
    )  # fmt: skip
    decays = step // args.decay_steps if args.decay_steps else 0
    return schedule(step) * float(args.decay**decays)


def train(args: argparse.Namespace, fabric: Fabric) -> int:
    """Trains and reports; 0 at its end, 128 + the signal's number after one."""
    if args.workers:
        raise ValueError(f"--workers must be 0: pairs are made on the spot, got {args.workers}")
    lifter_data.check_options(args)
    task = LifterTask(args.source, args.target, args.frame)
    train_data, val_data = lifter_data.open_data(args, task, fabric.device)
    fabric.print(
        f"train: {lifter_data.summary(train_data)}\nval: {lifter_data.summary(val_data)}",
        flush=True,
    )
    digests = {"train_data": train_data.digest(), "val_data": val_data.digest()}
    model = make_model(args, task, train_data)
    subjects = {"train_subjects": trained_on(args, train_data, val_data)}
    plan = options.plan_of(args)
    parts = fabric.world_size * plan.accumulate
    blocks = training_blocks(len(train_data), plan.batch_size, parts, plan.seed, 1)
    lifter_data.check_batches(args, blocks)
    steps = len(blocks) // parts
    constrain = functools.partial(max_norm.constrain, limit=args.max_norm)
    trainer = Trainer(
        fabric,
        model,
        task,
        torch.optim.Adam(model.parameters(), lr=args.learning_rate, weight_decay=args.weight_decay),
        functools.partial(learning_rate, args, steps),
        plan,
        args.output,
        options.settings_of(args) | digests | subjects,
        (options.settled_of(args) | digests.keys()) - {"motions", "detections", "weights"},
        compiled=torch.compile(model) if args.compile else None,  # type: ignore[arg-type]
        after_step=constrain if args.max_norm else None,
    )
    start(trainer, resume=args.resume)
    outcome = trainer.fit(train_data, val_data)
    return finish(
        trainer,
        outcome,
        lambda: lifter_report.write(trainer, task, train_data, val_data, outcome),
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    return run_to_end(parse(arguments), train)


if __name__ == "__main__":
    sys.exit(main())
