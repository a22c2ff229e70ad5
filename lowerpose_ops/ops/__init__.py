"""The operations on tensors, each declared to torch when its module is imported.

Importing this package declares them all, which `torch.export.load` needs.
"""

from . import (
    decode_and_score,
    flip_merge,
    gaussian_joints_mse,
    gaussian_joints_mse_autograd,
    gaussian_targets,
    heatmap_decode,
    joints_mse,
    joints_mse_fast,
    joints_mse_general,
    joints_ohkm_mse,
    keypoint_errors,
    mpjpe,
    oks,
    pck,
    soft_argmax,
    to_image,
)

__all__ = [
    "decode_and_score",
    "flip_merge",
    "gaussian_joints_mse",
    "gaussian_joints_mse_autograd",
    "gaussian_targets",
    "heatmap_decode",
    "joints_mse",
    "joints_mse_fast",
    "joints_mse_general",
    "joints_ohkm_mse",
    "keypoint_errors",
    "mpjpe",
    "oks",
    "pck",
    "soft_argmax",
    "to_image",
]
