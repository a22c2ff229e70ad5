"""Where a run took place: versions, commit, machine, command."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

import lowerpose_ops as lp
from python_models.whole_file import write_json


def record(folder: Path, settings: dict[str, Any]) -> None:
    """Writes config.json, and adds to environment.json: a run that goes on may do so elsewhere."""
    file = folder / "environment.json"
    try:
        starts = json.loads(file.read_text()) if file.exists() else []
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: must be the list of a run's starts: {error}") from error
    if not isinstance(starts, list):
        kind = type(starts).__name__
        raise ValueError(f"{file}: must be the list of a run's starts, got a {kind}")  # noqa: TRY004
    write_json(folder / "config.json", settings)
    write_json(file, [*starts, {"command": command(), **environment()}])


def command() -> str:
    """As it was typed."""
    return shlex.join([Path(sys.executable).name, *sys.orig_argv[1:]])


def environment() -> dict[str, Any]:
    """What another person needs to know to see the same numbers; texts and numbers by name."""
    cuda = torch.cuda.is_available()
    return {
        "commit": _commit(),
        "lowerpose_ops": lp.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        if cuda
        else [],
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
    }


def _commit() -> str | None:
    """The commit of this source, with + where files were changed; None outside of a repository."""
    folder = Path(__file__).parent
    git = ["git", "-C", str(folder)]
    try:
        commit = subprocess.run(  # noqa: S603
            [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(  # noqa: S603
            [*git, "status", "--porcelain"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+" if changed else "")
