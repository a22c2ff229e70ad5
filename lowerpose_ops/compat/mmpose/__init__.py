"""MMPose's functions and codecs, on native operations.

Names, argument order and results are those of MMPose 1.3, bugs included; `fixed=True`, where there
is a bug, gives what its authors meant. The text of docs/compat.md holds the differences that
remain. Importing this never imports mmpose; `register` puts the codecs and losses into its
registries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .codecs import MSRAHeatmap, UDPHeatmap
from .evaluation import (
    keypoint_auc,
    keypoint_epe,
    keypoint_nme,
    keypoint_pck_accuracy,
)
from .heatmaps import (
    generate_gaussian_heatmaps,
    generate_offset_heatmap,
    generate_udp_gaussian_heatmaps,
    generate_unbiased_gaussian_heatmaps,
)
from .mpjpe import keypoint_mpjpe
from .refinement import (
    get_heatmap_maximum,
    refine_keypoints,
    refine_keypoints_dark,
    refine_keypoints_dark_udp,
)
from .registration import register

if TYPE_CHECKING:
    from .losses import KeypointMSELoss, KeypointOHKMMSELoss

__all__ = [
    "KeypointMSELoss",
    "KeypointOHKMMSELoss",
    "MSRAHeatmap",
    "UDPHeatmap",
    "generate_gaussian_heatmaps",
    "generate_offset_heatmap",
    "generate_udp_gaussian_heatmaps",
    "generate_unbiased_gaussian_heatmaps",
    "get_heatmap_maximum",
    "keypoint_auc",
    "keypoint_epe",
    "keypoint_mpjpe",
    "keypoint_nme",
    "keypoint_pck_accuracy",
    "refine_keypoints",
    "refine_keypoints_dark",
    "refine_keypoints_dark_udp",
    "register",
]


def __getattr__(name: str) -> Any:
    if name in ("KeypointMSELoss", "KeypointOHKMMSELoss"):  # which need torch
        from . import losses

        return getattr(losses, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
