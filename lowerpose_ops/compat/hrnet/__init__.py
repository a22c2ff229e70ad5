"""HRNet's and SimpleBaseline's functions, on native operations.

One import takes the place of those from `core.evaluate`, `core.inference`, `core.loss`,
`utils.transforms` and `nms.nms`. Names, argument order and results are the originals', bugs
included; `fixed=True`, where there is a bug, gives what their authors meant. The text of
docs/compat.md holds the differences that remain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .evaluate import accuracy
from .inference import get_final_preds, get_max_preds
from .nms import oks_iou, oks_nms, soft_oks_nms
from .targets import generate_target
from .transforms import flip_back, transform_preds

if TYPE_CHECKING:
    from .losses import JointsMSELoss, JointsOHKMMSELoss

__all__ = [
    "JointsMSELoss",
    "JointsOHKMMSELoss",
    "accuracy",
    "flip_back",
    "generate_target",
    "get_final_preds",
    "get_max_preds",
    "oks_iou",
    "oks_nms",
    "soft_oks_nms",
    "transform_preds",
]


def __getattr__(name: str) -> Any:
    if name in ("JointsMSELoss", "JointsOHKMMSELoss"):  # which need torch; the rest does without
        from . import losses

        return getattr(losses, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
