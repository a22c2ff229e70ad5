"""Trained models, ready for use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

import lowerpose_ops as lp
from python_models.heatmap_task import HeatmapTask
from python_models.models.registry import MODELS
from python_models.training import checkpoint


@dataclass(frozen=True)
class Trained:
    """A model in eval mode on the CPU, what it was trained for, and the settings of its run."""

    model: nn.Module
    task: HeatmapTask
    settings: dict[str, Any]


def load(path: Path) -> Trained:
    """Reads a run's best.pt or last.pt; the moving average of the weights where the run kept one.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no whole checkpoint, no run of a heatmap model, or holds another model
            than it says.
    """
    state = checkpoint.load(path)
    settings = state.get("settings")
    if not isinstance(settings, dict) or "model" not in state:
        raise ValueError(f"{path}: must be the checkpoint of a training run, got keys {[*state]}")
    name = settings.get("model")
    if not isinstance(name, str) or name not in MODELS:
        raise ValueError(f"{path}: model must be among {sorted(MODELS)}, got {name!r}")
    model = MODELS[name](num_joints=len(lp.LOWER_BODY_JOINTS))
    try:
        model.load_state_dict(checkpoint.weights_of(state))
    except (RuntimeError, TypeError, AttributeError) as error:  # other names, shapes or types
        raise ValueError(f"{path}: its weights are not those of a {name}: {error}") from error
    try:
        task = HeatmapTask.from_settings(settings)
        scale, flag = settings.get("box_scale", 1.0), settings.get("min_visibility", 1)
        if not 0 < float(scale) < float("inf") or flag not in (1, 2):
            raise ValueError(f"box_scale {scale}, min_visibility {flag}")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: its settings are not those of a run: {error}") from error
    return Trained(model.eval(), task, settings)
