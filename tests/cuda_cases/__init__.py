"""A case for every CUDA kernel, type, layout and option: which kernels it launches, and a check of
what they compute against the reference. A file an operation."""

from tests.cuda_cases import (
    decode_and_score,
    flip_merge,
    gaussian_joints_mse,
    gaussian_targets,
    heatmap_decode,
    joints_mse,
    joints_mse_general,
    mpjpe,
    oks,
    pck,
    soft_argmax,
    to_image,
)
from tests.cuda_cases.case import Case

CASES: list[Case] = [
    *decode_and_score.CASES,
    *flip_merge.CASES,
    *gaussian_joints_mse.CASES,
    *gaussian_targets.CASES,
    *heatmap_decode.CASES,
    *joints_mse.CASES,
    *joints_mse_general.CASES,
    *mpjpe.CASES,
    *oks.CASES,
    *pck.CASES,
    *soft_argmax.CASES,
    *to_image.CASES,
]
