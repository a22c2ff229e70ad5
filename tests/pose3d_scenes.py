"""Random poses in space, for the tests of their errors."""

from __future__ import annotations

import numpy as np


def rotations(rng, count):
    """[count, 3, 3], of determinant 1, all directions alike."""
    found, _ = np.linalg.qr(rng.normal(size=(count, 3, 3)))
    found[:, :, 0] *= np.sign(np.linalg.det(found))[:, None]
    return found


def poses(seed, batch=5, joints=6, dimensions=3):
    """Predictions and ground truths [B, K, D] in millimetres, masks [B, K], and the generator."""
    rng = np.random.default_rng(seed)
    gt = rng.normal(0, 300, (batch, joints, dimensions)) + rng.normal(0, 2000, dimensions)
    return gt + rng.normal(0, 60, gt.shape), gt, rng.random((batch, joints)) < 0.7, rng
