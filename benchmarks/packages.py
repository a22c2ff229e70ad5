"""Peers that may be missing."""

from __future__ import annotations

from typing import Any

import pytest


def needs(module: str, package: str | None = None) -> Any:
    """The module of a peer; without it, whoever needs it is skipped with its name for pip."""
    return pytest.importorskip(module, reason=f"pip install {package or module.partition('.')[0]}")
