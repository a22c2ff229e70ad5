"""Checkpoints: written whole or not at all, read without running code from the file."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Any

import torch

_PARTIAL = ".partial"


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes `state` beside `path`, then renames: a crash leaves the old file or the new one.

    Raises:
        OSError: The file cannot be written, for example because the disk is full; the message says
            which file, and what `path` was before is still there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_PARTIAL}")
    try:
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        cause = _system_error(error)
        if cause is None:
            raise
        number = cause.errno or errno.EIO
        kept = "; the one before is kept" if path.exists() else ""
        reason = f"{os.strerror(number)} while the checkpoint was written{kept}"
        raise OSError(number, reason, str(path)) from error


def load(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Reads tensors, numbers, texts and containers of these; anything else is refused.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no whole checkpoint, or holds something else.
    """
    if not path.exists():
        raise FileNotFoundError(f"checkpoint {path} does not exist")
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # broken bytes make torch's reader raise almost anything
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path}: must be a whole checkpoint, got {reason}") from error
    if not isinstance(state, dict):
        kind = type(state).__name__
        raise ValueError(f"{path}: must be a whole checkpoint, got a {kind}")  # noqa: TRY004
    return state


def weights_of(state: dict[str, Any]) -> dict[str, Any]:
    """The weights that a checkpoint is used with: their moving average where the run kept one."""
    if "average" not in state:
        weights: dict[str, Any] = state["model"]
        return weights
    prefix = "module."
    average = state["average"].items()
    return {key[len(prefix) :]: weight for key, weight in average if key.startswith(prefix)}


def remove_partial(folder: Path) -> None:
    """Removes what processes left that were killed while they wrote."""
    for path in folder.glob(f".*.pt.*{_PARTIAL}"):  # not a crop cache's, which may lie there too
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """The new name survives a power cut too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _system_error(error: BaseException) -> OSError | None:
    """What the system said; torch's writer may hide it behind an error of its own."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    return cause
