"""What a run leaves for people: pictures, and a report in Markdown beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from python_models.data.person_batches import PersonBatches
from python_models.data.samples import Sample
from python_models.engine import Trainer
from python_models.heatmap_task import THRESHOLDS, HeatmapTask
from python_models.training import pictures
from python_models.training.environment import environment
from python_models.training.overfit import Overfit
from python_models.training.run_log import Row
from python_models.training.run_state import best_row

_SHOWN = 16  # persons in predictions.jpg
_WITH_MAPS = 3  # of them in heatmaps.jpg
_PATHS = ("data", "output", "also", "cache", "pretrained", "resume")
_PERSONS = (
    "Left side blue, right side red, labels green:\n\n![Predictions](predictions.jpg)\n\n"
    "![Heatmaps](heatmaps.jpg)\n"
)


def write(
    trainer: Trainer[Sample],
    task: HeatmapTask,
    val: PersonBatches,
    baseline: dict[float, float],
    outcome: str,
) -> str:
    """Writes curves, predictions, heatmaps and report.md into the run's folder.

    Args:
        trainer: After its `fit`.
        task: What it trained.
        val: The data that it was scored on.
        baseline: PCK of the mean pose, by threshold.
        outcome: What `fit` returned.

    Returns:
        The table of scores and where everything is.
    """
    folder, rows = trainer.folder, trainer.progress.rows
    if rows:
        pictures.save_curves(folder / "curves.png", rows)
    blocks = [[index] for index in _spread(len(val), _SHOWN)]
    shown = [batch for batch in val.batches(blocks) if task.size(batch)]
    with_persons = bool(shown) and trainer.settings["pictures"]
    if with_persons:
        save_predictions(folder, trainer.scored, _joined(shown), task)
    methods = {"mean pose of the training data": baseline, **_scores(rows)}
    table = _table(methods)
    name = trainer.settings.get("experiment") or trainer.settings["model"]
    parts = [
        f"# {name}\n",
        f"{trainer.settings['model']}, {len(rows)} epochs, {outcome}. "
        f"Scored on {len(val)} persons that were not trained on.\n",
        table,
        "![Loss and PCK by epoch](curves.png)\n" if rows else "",
        _PERSONS if with_persons else "",
        _details(trainer.settings),
    ]
    (folder / "report.md").write_text("\n".join(part for part in parts if part))
    return f"{table}\nwritten to {folder}"


def write_one_batch(
    folder: Path,
    model: nn.Module,
    batch: Sample,
    task: HeatmapTask,
    result: Overfit,
    settings: dict[str, Any],
) -> None:
    """The same for the single-batch check."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures.save_losses(folder / "curves.png", result.losses)
    if settings["pictures"]:
        save_predictions(folder, model, batch, task)
    parts = [
        f"# One batch learnt by heart: {settings['model']}\n",
        f"{result}\n",
        "![Loss by step](curves.png)\n",
        _PERSONS if settings["pictures"] else "",
        _details(settings),
    ]
    (folder / "report.md").write_text("\n".join(part for part in parts if part))


@torch.no_grad()
def save_predictions(folder: Path, model: nn.Module, batch: Sample, task: HeatmapTask) -> None:
    """predictions.jpg and heatmaps.jpg of the persons of a batch."""
    model.eval()
    heatmaps = task.heatmaps(model, batch["image"])
    images = batch["image"].cpu()
    pictures.save_predictions(
        folder / "predictions.jpg",
        images[:_SHOWN],
        task.decode(heatmaps).cpu(),
        batch["joints"].cpu(),
        batch["visible"].cpu(),
    )
    pictures.save_heatmaps(
        folder / "heatmaps.jpg", images[:_WITH_MAPS], heatmaps[:_WITH_MAPS].float().cpu()
    )


def _scores(rows: Sequence[Row]) -> dict[str, dict[float, float]]:
    """PCK after the last and after the best epoch; empty before the first."""
    if not rows:
        return {}
    best = best_row(rows, HeatmapTask.best)
    named = {f"best epoch ({best['epoch']})": best, f"last epoch ({rows[-1]['epoch']})": rows[-1]}
    return {name: {t: row[f"pck_{t}"] for t in THRESHOLDS} for name, row in named.items()}


def _table(methods: dict[str, dict[float, float]]) -> str:
    """PCK on val in Markdown, a row a method."""
    lines = [
        "| PCK | " + " | ".join(f"@{threshold}" for threshold in THRESHOLDS) + " |",
        "|---|" + "--:|" * len(THRESHOLDS),
    ]
    for name, pck in methods.items():
        lines.append(f"| {name} | " + " | ".join(f"{pck[t]:.3f}" for t in THRESHOLDS) + " |")
    return "\n".join(lines) + "\n"


def _details(settings: dict[str, Any]) -> str:
    """Settings and environment, folded away; without paths, which are nobody else's."""
    named = {name: value for name, value in settings.items() if name not in _PATHS}
    return (
        "<details><summary>Settings and environment</summary>\n\n```json\n"
        f"{json.dumps({'settings': named, 'environment': environment()}, indent=2)}\n"
        "```\n\n</details>\n"
    )


def _spread(count: int, wanted: int) -> list[int]:
    """At most so many numbers below `count`, spread over all of them."""
    return [i * count // min(count, wanted) for i in range(min(count, wanted))]


def _joined(batches: Sequence[Sample]) -> Sample:
    return Sample(
        image=torch.cat([batch["image"] for batch in batches]),
        joints=torch.cat([batch["joints"] for batch in batches]),
        visible=torch.cat([batch["visible"] for batch in batches]),
        index=torch.cat([batch["index"] for batch in batches]),
    )
