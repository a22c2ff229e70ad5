"""The options that all training scripts share, and experiments: named sets of options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from python_models.training.plan import Plan

EXPERIMENTS = Path(__file__).parent.parent / "experiments"

# Options that may be others when a run goes on: where things are, and how fast they come.
NOT_SETTLED = frozenset(
    {
        *("data", "output", "resume", "epochs", "patience", "save_every", "workers", "experiment"),
        *("compile", "accelerator", "cache", "on_device", "accumulate", "pictures"),
    }
)


_LARGEST = 1e18  # fits into float32, and into 64-bit integers


def positive_number(text: str) -> float:
    """A size on the command line."""
    if not 0 < float(text) < _LARGEST:
        raise argparse.ArgumentTypeError(f"must be positive and below {_LARGEST:g}, got {text}")
    return float(text)


def positive(text: str) -> int:
    """A count on the command line."""
    return int(positive_number(text) and int(text))


def not_negative(text: str) -> float:
    """A number on the command line that may be 0."""
    if not 0 <= float(text) < _LARGEST:
        raise argparse.ArgumentTypeError(f"must be 0 to {_LARGEST:g}, got {text}")
    return float(text)


def below_one(text: str) -> float:
    """A part on the command line."""
    if not 0 <= float(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 0 or more and below 1, got {text}")
    return float(text)


def count(text: str) -> int:
    """A count on the command line that may be 0."""
    not_negative(text)
    return int(text)


def parser(description: str | None, experiments: str) -> argparse.ArgumentParser:
    """A parser with the shared options; `experiments` is the folder of --experiment's names."""
    made = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    names = sorted(path.stem for path in (EXPERIMENTS / experiments).glob("*.toml"))
    made.add_argument("--experiment", choices=names, help="its options; flags go before them")
    made.set_defaults(_experiments=experiments)
    add = made.add_argument_group("run").add_argument
    add("--output", type=Path, default=Path("runs/heatmap"), help="folder for what a run leaves")
    add("--resume", action="store_true", help="go on from last.pt in the output folder")
    add("--seed", type=count, default=0)
    add("--workers", type=count, default=0, help="processes that read samples, for each process")
    add("--save-every", type=count, default=500, help="steps between checkpoints; 0: epochs only")
    add("--accelerator", choices=("auto", "cpu", "cuda"), default="auto")
    add("--precision", choices=("32-true", "bf16-mixed", "16-mixed"), default="32-true")
    add("--compile", action=argparse.BooleanOptionalAction, default=False, help="torch.compile")
    add("--deterministic", action=argparse.BooleanOptionalAction, default=False,
        help="same bits every time on a GPU too; slower")  # fmt: skip
    add = made.add_argument_group("training").add_argument
    add("--epochs", type=positive, default=80)
    add("--batch-size", type=positive, default=16, help="of one process, between backward passes")
    add("--accumulate", type=positive, default=1, help="backward passes a step")
    add("--learning-rate", type=positive_number, default=1e-3)
    add("--weight-decay", type=not_negative, default=1e-4)
    add("--schedule", choices=("constant", "step", "cosine"), default="constant")
    add("--warmup", type=count, default=0, help="steps")
    add("--milestones", type=positive, nargs="*", default=[], help="epochs of --schedule step")
    add("--gamma", type=positive_number, default=0.1, help="factor at a milestone")
    add("--ema", type=below_one, default=0.0, help="decay of the weights' average; 0: none")
    add("--clip-norm", type=not_negative, default=0.0, help="longest gradient; 0: any")
    add("--patience", type=count, default=0, help="epochs without a better one; 0: never stop")
    return made


def parse(made: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line, over the experiment that it names.

    An experiment's options are put before the command line's, so that both are checked alike.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--experiment")
    name = first.parse_known_args(given)[0].experiment
    folder = EXPERIMENTS / made.get_default("_experiments")
    known = {path.stem: path for path in folder.glob("*.toml")}
    if name in known:  # other names are refused by the parser's choices
        given = [*arguments_of(known[name]), *given]
    args = made.parse_args(given)
    del args._experiments
    return args


def arguments_of(experiment: Path) -> list[str]:
    """A file of options as a command line: `batch_size = 32` is `--batch-size 32`."""
    arguments = []
    for name, value in tomllib.loads(experiment.read_text()).items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            arguments.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            values = value if isinstance(value, list) else [value]
            arguments += [f"--{flag}", *map(str, values)]
    return arguments


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """The options as texts, numbers, flags and lists, as checkpoints and JSON keep them."""
    return {name: _plain(value) for name, value in vars(args).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def settled_of(args: argparse.Namespace) -> set[str]:
    """Names of the options that must stay when a run goes on."""
    settled = set(vars(args)) - NOT_SETTLED
    if args.schedule == "cosine":
        settled.add("epochs")  # the shape of the schedule
    return settled


def plan_of(args: argparse.Namespace) -> Plan:
    """The options as the loop takes them."""
    return Plan(
        epochs=args.epochs,
        batch_size=args.batch_size,
        accumulate=args.accumulate,
        seed=args.seed,
        ema_decay=args.ema,
        clip_norm=args.clip_norm,
        patience=args.patience,
        save_every=args.save_every,
    )
