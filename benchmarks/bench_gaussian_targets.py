"""Target rendering against the loop that people write, and against the floor: one write a pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lowerpose_ops as lp

BATCH, JOINTS, SIZE, SIGMA = 64, 6, (48, 64), 2.0


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    joints = torch.rand(BATCH, JOINTS, 2, generator=generator) * torch.tensor(SIZE)
    return joints, torch.ones(BATCH, JOINTS)


def numpy_loop(joints, visible):
    """Joint by joint: a window of 13 x 13 pixels around the rounded centre."""
    width, height = SIZE
    targets = np.zeros((*joints.shape[:2], height, width), np.float32)
    weights = np.zeros((*joints.shape[:2], 1), np.float32)
    radius = int(3 * SIGMA)
    side = np.arange(-radius, radius + 1, dtype=np.float32)
    for sample in range(len(joints)):
        for joint in range(joints.shape[1]):
            if visible[sample, joint] < 0.5:
                continue
            weights[sample, joint] = 1
            x = int(joints[sample, joint, 0] + np.float32(0.5))
            y = int(joints[sample, joint, 1] + np.float32(0.5))
            left, right = max(0, x - radius), min(width, x + radius + 1)
            top, bottom = max(0, y - radius), min(height, y + radius + 1)
            if left >= right or top >= bottom:
                continue
            kernel = np.exp(-(side**2 + side[:, None] ** 2) / (2 * SIGMA**2))
            targets[sample, joint, top:bottom, left:right] = kernel[
                top - y + radius : bottom - y + radius, left - x + radius : right - x + radius
            ]
    return targets, weights


def copy_of(tensor):
    """The same bytes written, and as many read: what memory allows a copy."""
    return lambda: torch.empty_like(tensor).copy_(tensor)


def test_lower_body(compare, inputs):
    joints, visible = inputs
    arrays = joints.numpy(), visible.numpy()
    ours = lp.gaussian_targets(joints, visible, SIZE, SIGMA, preset="lower_body")
    for tensor, array in zip(ours, numpy_loop(*arrays), strict=True):
        torch.testing.assert_close(tensor, torch.from_numpy(array), rtol=3e-7, atol=0)
    compare("gaussian_targets, lower_body")(
        lambda: lp.gaussian_targets(joints, visible, SIZE, SIGMA, preset="lower_body"),
        {
            "NumPy loop over samples and joints": lambda: numpy_loop(*arrays),
            "empty_like + copy_": copy_of(ours[0]),
        },
    )


def test_exact(compare, inputs):
    joints, visible = inputs
    targets, _ = lp.gaussian_targets(joints, visible, SIZE, SIGMA)
    columns, rows = torch.arange(SIZE[0]), torch.arange(SIZE[1])

    def separable():
        """The best eager form: one factor a column and one a row."""
        x = torch.exp(-((columns - joints[..., :1]) ** 2) / (2 * SIGMA**2))
        y = torch.exp(-((rows - joints[..., 1:]) ** 2) / (2 * SIGMA**2))
        return y[..., :, None] * x[..., None, :] * visible[..., None, None]

    torch.testing.assert_close(separable(), targets, rtol=1e-4, atol=1e-30)
    compare("gaussian_targets, exact")(
        lambda: lp.gaussian_targets(joints, visible, SIZE, SIGMA),
        {"separable torch, eager": separable, "empty_like + copy_": copy_of(targets)},
    )
