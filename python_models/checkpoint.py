"""Checkpoints: written whole or not at all, read without running code from the file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes `state` beside `path`, then renames: a crash leaves the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def load(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Reads tensors, numbers, texts and containers of these; anything else is refused.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no whole checkpoint, or holds something else.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # broken bytes make torch's reader raise almost anything
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path}: must be a whole checkpoint, got {reason}") from error
    return state
