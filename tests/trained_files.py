"""Checkpoints of tiny untrained models, as a training run leaves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from python_models.models.registry import MODELS
from python_models.training import checkpoint


def write_checkpoint(path: Path, *, weights_of: str = "dilated_cnn", **settings: Any) -> Path:
    """A run's best.pt with small input; `settings` over those of the run."""
    torch.manual_seed(0)
    model = MODELS[weights_of](num_joints=6)
    run = {
        "model": "dilated_cnn",
        "input_size": [48, 64],
        "sigma": 1.5,
        "refine": "quarter",
        "box_scale": 1.25,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.save(path, {"settings": {**run, **settings}, "model": model.state_dict()})
    return path
