"""Scores that are collected over the batches of a data set: update, compute, reset.

Where torchmetrics is installed they are torchmetrics.Metric, and its synchronisation, its
collections and its loggers work with them; elsewhere they do the same by themselves. Torch is
imported when a metric is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .keypoint_ap import KeypointAP
    from .mpjpe import MPJPE
    from .pck import PCK

# Public name -> the module that has it.
_EXPORTS = {
    "KeypointAP": "keypoint_ap",
    "MPJPE": "mpjpe",
    "PCK": "pck",
}

__all__ = [
    "MPJPE",
    "PCK",
    "KeypointAP",
]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_EXPORTS[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
