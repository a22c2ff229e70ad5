"""The native module, behind one handle that tests can replace."""

from __future__ import annotations

from pathlib import Path

try:
    from . import _C as core
except ImportError as error:
    raise ImportError(
        f"lowerpose_ops: the native module _C cannot be imported ({error}). The package in use "
        f"lies in {Path(__file__).parent}. If that is a source folder, build it with "
        "`pip install -e .` beside its pyproject.toml, or start Python from another folder."
    ) from error

__all__ = ["core"]
