"""The operations on NumPy arrays, a file an operation.

Torch is not needed; DataLoader workers use these.
"""

from .decode_and_score import decode_and_score
from .flip_merge import flip_merge
from .gaussian_targets import gaussian_targets
from .heatmap_decode import decode_heatmaps
from .keypoint_ap import keypoint_ap
from .keypoint_errors import keypoint_auc, keypoint_epe, keypoint_error_sums, keypoint_nme
from .oks import oks
from .pck import pck, pck_counts
from .soft_argmax import soft_argmax2d
from .to_image import to_image

__all__ = [
    "decode_and_score",
    "decode_heatmaps",
    "flip_merge",
    "gaussian_targets",
    "keypoint_ap",
    "keypoint_auc",
    "keypoint_epe",
    "keypoint_error_sums",
    "keypoint_nme",
    "oks",
    "pck",
    "pck_counts",
    "soft_argmax2d",
    "to_image",
]
