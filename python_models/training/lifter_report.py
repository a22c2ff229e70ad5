"""What a lifter's run leaves for people: curves, and a report in Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from python_models.engine import Trainer
from python_models.evaluation import lifting
from python_models.evaluation.lift_baselines import Baselines
from python_models.lifter_task import KNEE_ANGLE, SIZED, LifterTask
from python_models.motion.lifter_pairs import LifterPairs, Pairs
from python_models.training import checkpoint, lifter_data
from python_models.training.environment import environment
from python_models.training.run_log import Row
from python_models.training.run_state import best_row
from python_models.whole_file import write_json

_DPI = 90
_PATHS = ("motions", "detections", "output", "weights", "resume")


def write(
    trainer: Trainer[Pairs], task: LifterTask, train: LifterPairs, val: LifterPairs, outcome: str
) -> str:
    """Writes curves.png, report.md and report.json into the run's folder.

    The numbers are those of the best epoch's weights.

    Args:
        trainer: After its `fit`.
        task: What it trained.
        train: What it was trained on: the baselines are fitted to it.
        val: What it was scored on.
        outcome: What `fit` returned.

    Returns:
        The table and where everything is.
    """
    folder, rows = trainer.folder, trainer.progress.rows
    if not rows:
        return f"no epoch was finished; {folder} has the run so far"
    best = best_row(rows, task.best, lowest=task.best_is_lowest)
    model = trainer.scored
    kept = {name: weight.clone() for name, weight in model.state_dict().items()}
    model.load_state_dict(checkpoint.load(folder / "best.pt", trainer.fabric.device)["model"])
    comparison = lifting.compare(model.eval(), task, Baselines.fit(task, train), val)
    model.load_state_dict(kept)
    table = lifting.table(comparison)
    save_curves(folder / "curves.png", rows)
    settings = trainer.settings
    unknown = " in this run; whom the one before it was trained on is not known"
    where = unknown if settings["train_subjects"] is None else ""
    parts = [
        f"# {settings.get('experiment') or settings['model']}\n",
        f"{settings['model']}, {len(rows)} epochs, {outcome}; the best: {best['epoch']:.0f}. "
        f"Trained on {lifter_data.summary(train)}. Scored on {lifter_data.summary(val)}: none of "
        f"them was trained on{where}. Distances in mm, the knees' angle errors in degrees.\n",
        table,
        lifting.size_table(comparison),
        "![Loss and errors by epoch](curves.png)\n",
        _details({name: value for name, value in settings.items() if name not in _PATHS}),
    ]
    (folder / "report.md").write_text("\n".join(parts))
    write_json(
        folder / "report.json",
        {"best_epoch": best["epoch"], "scores": lifting.results(comparison)},
    )
    return f"{table}\nwritten to {folder}"


def save_curves(path: Path, rows: Sequence[Row]) -> None:
    """Loss, distances and knee angles against the epoch."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    panels = {
        "loss (square metres)": ("train_loss", "val_loss"),
        "mm on val": ("mpjpe", SIZED, "n_mpjpe", "pa_mpjpe"),
        "degrees on val": (KNEE_ANGLE,),
    }
    for axes, (label, names) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        for name in names:
            axes.plot([row["epoch"] for row in rows], [row[name] for row in rows],
                      label=name.replace("_", " "))  # fmt: skip
        axes.set(xlabel="epoch", ylabel=label, yscale="log")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=_DPI)


def _details(settings: dict[str, object]) -> str:
    """Settings and environment, folded away; without paths, which are nobody else's."""
    return (
        "<details><summary>Settings and environment</summary>\n\n```json\n"
        f"{json.dumps({'settings': settings, 'environment': environment()}, indent=2)}\n"
        "```\n\n</details>\n"
    )
