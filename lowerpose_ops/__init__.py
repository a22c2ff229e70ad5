"""The operations between images' joints and heatmaps in human pose training.

Importing this package imports neither torch nor anything of CUDA. A public name is imported when
it is first used; NumPy arrays never need torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# At once, and not when the first operation is used: from here on a forked child is noticed, in
# which threads must not be started.
from . import _native as _native

if TYPE_CHECKING:
    from . import metrics
    from ._dispatch.decode_and_score import decode_and_score
    from ._dispatch.flip_merge import flip_merge
    from ._dispatch.gaussian_targets import gaussian_targets
    from ._dispatch.heatmap_decode import decode_heatmaps
    from ._dispatch.keypoint_ap import keypoint_ap
    from ._dispatch.keypoint_errors import (
        keypoint_auc,
        keypoint_epe,
        keypoint_error_sums,
        keypoint_nme,
    )
    from ._dispatch.oks import oks
    from ._dispatch.pck import pck, pck_counts
    from ._dispatch.soft_argmax import soft_argmax2d
    from ._dispatch.to_image import to_image
    from .nn import GaussianJointsMSELoss, JointsMSELoss, JointsOHKMMSELoss, SoftArgmax2d
    from .ops.gaussian_joints_mse import gaussian_joints_mse_loss
    from .ops.joints_mse import joints_mse_loss
    from .ops.joints_ohkm_mse import joints_ohkm_mse_loss
    from .pose3d.angles import joint_angles
    from .pose3d.mpjpe import mpjpe
    from .pose3d.multi_view import multi_view_consistency_loss
    from .pose3d.procrustes import procrustes
    from .pose3d.projection import project_points
    from .pose3d.velocity import velocity_error
    from .skeletons import (
        COCO_SIGMAS,
        LOWER_BODY_COCO_INDICES,
        LOWER_BODY_FLIP_PAIRS,
        LOWER_BODY_JOINTS,
        LOWER_BODY_SIGMAS,
    )

# Public name -> the module that has it.
_EXPORTS = {
    "COCO_SIGMAS": "skeletons",
    "LOWER_BODY_COCO_INDICES": "skeletons",
    "LOWER_BODY_FLIP_PAIRS": "skeletons",
    "LOWER_BODY_JOINTS": "skeletons",
    "LOWER_BODY_SIGMAS": "skeletons",
    "GaussianJointsMSELoss": "nn",
    "JointsMSELoss": "nn",
    "JointsOHKMMSELoss": "nn",
    "SoftArgmax2d": "nn",
    "decode_and_score": "_dispatch.decode_and_score",
    "decode_heatmaps": "_dispatch.heatmap_decode",
    "flip_merge": "_dispatch.flip_merge",
    "gaussian_joints_mse_loss": "ops.gaussian_joints_mse",
    "gaussian_targets": "_dispatch.gaussian_targets",
    "joint_angles": "pose3d.angles",
    "joints_mse_loss": "ops.joints_mse",
    "joints_ohkm_mse_loss": "ops.joints_ohkm_mse",
    "keypoint_ap": "_dispatch.keypoint_ap",
    "keypoint_auc": "_dispatch.keypoint_errors",
    "keypoint_epe": "_dispatch.keypoint_errors",
    "keypoint_error_sums": "_dispatch.keypoint_errors",
    "keypoint_nme": "_dispatch.keypoint_errors",
    "mpjpe": "pose3d.mpjpe",
    "multi_view_consistency_loss": "pose3d.multi_view",
    "oks": "_dispatch.oks",
    "pck": "_dispatch.pck",
    "pck_counts": "_dispatch.pck",
    "procrustes": "pose3d.procrustes",
    "project_points": "pose3d.projection",
    "soft_argmax2d": "_dispatch.soft_argmax",
    "to_image": "_dispatch.to_image",
    "velocity_error": "pose3d.velocity",
}

_SUBPACKAGES = {"metrics"}

__all__ = [
    "COCO_SIGMAS",
    "LOWER_BODY_COCO_INDICES",
    "LOWER_BODY_FLIP_PAIRS",
    "LOWER_BODY_JOINTS",
    "LOWER_BODY_SIGMAS",
    "GaussianJointsMSELoss",
    "JointsMSELoss",
    "JointsOHKMMSELoss",
    "SoftArgmax2d",
    "decode_and_score",
    "decode_heatmaps",
    "flip_merge",
    "gaussian_joints_mse_loss",
    "gaussian_targets",
    "joint_angles",
    "joints_mse_loss",
    "joints_ohkm_mse_loss",
    "keypoint_ap",
    "keypoint_auc",
    "keypoint_epe",
    "keypoint_error_sums",
    "keypoint_nme",
    "metrics",
    "mpjpe",
    "multi_view_consistency_loss",
    "oks",
    "pck",
    "pck_counts",
    "procrustes",
    "project_points",
    "soft_argmax2d",
    "to_image",
    "velocity_error",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version(__name__)
    elif name in _SUBPACKAGES:
        value = import_module(f".{name}", __name__)
    elif name in _EXPORTS:
        value = getattr(import_module(f".{_EXPORTS[name]}", __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS, *_SUBPACKAGES, "__version__"})
