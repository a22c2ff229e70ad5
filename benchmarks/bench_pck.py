"""Counts of correct keypoints against the forms in use."""

from __future__ import annotations

import numpy as np
import torch

import lowerpose_ops as lp
from benchmarks import peers

BATCH, JOINTS, NORM, THRESHOLDS = 64, 17, 256.0, (0.05, 0.1)


def scene():
    rng = np.random.default_rng(0)
    gt = rng.uniform(0, 256, (BATCH, JOINTS, 2)).astype(np.float32)
    pred = (gt + rng.normal(0, 12, gt.shape)).astype(np.float32)
    return pred, gt, rng.random((BATCH, JOINTS)) < 0.7


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
    return means


def test_counts(compare):
    arrays = scene()
    tensors = tuple(map(torch.tensor, arrays))
    limits = torch.tensor(THRESHOLDS)
    counts = lp.pck_counts(*tensors, NORM, THRESHOLDS)
    theirs = peers.count_within(*tensors, NORM, limits)
    for ours, other in zip(counts, theirs, strict=True):
        assert torch.equal(ours, other)
    compare("pck_counts, tensors")(
        lambda: lp.pck_counts(*tensors, NORM, THRESHOLDS),
        {
            "floor: copies of the same bytes": lambda: [t.clone() for t in (*tensors, *counts)],
            "eager torch": lambda: peers.count_within(*tensors, NORM, limits),
        },
    )


def test_means_of_arrays(compare):
    arrays = scene()

    def ours():
        return [lp.pck(*arrays, NORM, limit, reduce="joint_mean") for limit in THRESHOLDS]

    np.testing.assert_allclose(joint_by_joint(*arrays), ours(), rtol=1e-6)
    compare("pck of two thresholds, arrays")(
        ours, {"NumPy, joint by joint": lambda: joint_by_joint(*arrays)}
    )
