"""Counts of correct keypoints against the forms in use.

The joints of a batch are a few kilobytes: what is measured is the call, and the floor is a call of
copy_.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lowerpose_ops as lp
from benchmarks import peers, sizes
from benchmarks.packages import needs
from benchmarks.protocol import size_of

NORM, THRESHOLDS = 256.0, (0.05, 0.1)
SIZES = (sizes.LOWER_BODY_8, sizes.LOWER_BODY, sizes.COCO, sizes.WHOLE_BODY)


def scene(size):
    rng = np.random.default_rng(0)
    gt = rng.uniform(0, 256, (size.batch, size.joints, 2)).astype(np.float32)
    pred = (gt + rng.normal(0, 12, gt.shape)).astype(np.float32)
    return pred, gt, rng.random((size.batch, size.joints)) < 0.7


def joint_by_joint(pred, gt, valid):
    """MMPose's way: distances of all, then a loop over joints, once a threshold."""
    distances = np.full(valid.shape, -1.0, np.float32)
    distances[valid] = np.linalg.norm(((pred - gt) / NORM)[valid], axis=-1)
    means = []
    for threshold in THRESHOLDS:
        accuracies = []
        for column in distances.T:
            counted = column != -1
            if counted.any():
                accuracies.append((column[counted] < threshold).mean())
        means.append(np.mean(accuracies))
    return np.array(means)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_counts(compare, size):
    tensors = tuple(map(torch.tensor, scene(size)))
    limits = torch.tensor(THRESHOLDS)
    baselines = {"torch, eager": lambda: peers.count_within(*tensors, NORM, limits)}
    if size.compiled:
        form = peers.compiled(peers.count_within)
        baselines["torch, torch.compile"] = lambda: form(*tensors, NORM, limits)

    def ours():
        return lp.pck_counts(*tensors, NORM, THRESHOLDS)

    options = {"size": size, "moved": size_of(*tensors, *ours()), "same": (0, 0)}
    compare("pck_counts, tensors", **options)(ours, baselines)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_means_of_arrays(compare, size):
    arrays = scene(size)
    needs("cv2", "opencv-python-headless")  # for the transcription's other functions

    def ours():
        return np.array([lp.pck(*arrays, NORM, t, reduce="joint_mean") for t in THRESHOLDS])

    compare("pck of two thresholds, arrays", size=size, moved=size_of(*arrays), same=(1e-6, 0))(
        ours,
        {
            "NumPy, joint by joint": lambda: joint_by_joint(*arrays),
            "MMPose's formula": lambda: mmpose_formula(*arrays),
        },
    )


def mmpose_formula(pred, gt, valid):
    """Its keypoint_pck_accuracy, by the test's transcription."""
    from tests.compat_mmpose_transcriptions import keypoint_pck_accuracy

    norms = np.full((len(pred), 2), NORM, np.float32)
    return np.array([keypoint_pck_accuracy(pred, gt, valid, t, norms)[1] for t in THRESHOLDS])
