"""How every training script begins and ends: its process, its report, its exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from lightning_fabric import Fabric

from python_models.engine import Batch, Trainer
from python_models.training.environment import record
from python_models.training.processes import launched_fabric


def run_to_end(args: argparse.Namespace, train: Callable[[argparse.Namespace, Fabric], int]) -> int:
    """Trains with the fabric that the options ask for; the exit status.

    That of `train`; 2 after a line that says what is wrong; 130 if interrupted at once.
    """
    try:
        return train(args, launched_fabric(args.accelerator, args.precision, args.deterministic))
    except (OSError, ValueError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted at once; --resume goes on from the last checkpoint", file=sys.stderr)
        return 130


def start(trainer: Trainer[Batch], *, resume: bool) -> None:
    """Starts or goes on, and writes down where."""
    trainer.start(resume=resume)
    if trainer.fabric.global_rank == 0:
        record(trainer.folder, trainer.settings)


def finish(trainer: Trainer[Batch], outcome: str, report: Callable[[], str]) -> int:
    """Prints the first process's report; the exit status.

    Args:
        trainer: After its `fit`.
        outcome: What `fit` returned.
        report: Writes it, and says what is in it.

    Returns:
        0 at the end, 128 + the signal's number after one.
    """
    if trainer.fabric.global_rank == 0:
        print(report())
    if outcome == "interrupted":
        trainer.fabric.print(
            "interrupted; the same command with --resume goes on from the last step"
        )
        return 128 + (trainer.signal or 0)
    return 0
