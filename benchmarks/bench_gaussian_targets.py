"""Target rendering against the loop that people write, and against the floor: one write a pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lowerpose_ops as lp
from benchmarks.peers import separable_targets

BATCH, JOINTS, SIZE, SIGMA = 64, 6, (48, 64), 2.0


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    joints = torch.rand(BATCH, JOINTS, 2, generator=generator) * torch.tensor(SIZE)
    return joints, torch.ones(BATCH, JOINTS)


def numpy_targets(joints, visible):
    """One sample as training scripts draw it in the loader: joint by joint, kernel and all."""
    width, height = SIZE
    target = np.zeros((len(joints), height, width), np.float32)
    weight = np.zeros((len(joints), 1), np.float32)
    radius = 3 * SIGMA
    for joint in range(len(joints)):
        if visible[joint] < 0.5:
            continue
        weight[joint] = 1
        center = (joints[joint] + 0.5).astype(int)
        low = (center - radius).astype(int)
        high = (center + radius + 1).astype(int)
        if (low >= SIZE).any() or (high < 0).any():
            continue
        side = np.arange(0, 2 * radius + 1, 1, np.float32)
        squares = (side - radius) ** 2 + (side[:, None] - radius) ** 2
        kernel = np.exp(-squares / (2 * SIGMA**2))
        left, top = np.maximum(low, 0)
        right, bottom = np.minimum(high, SIZE)
        target[joint, top:bottom, left:right] = kernel[
            top - low[1] : bottom - low[1], left - low[0] : right - low[0]
        ]
    return target, weight


def numpy_loop(joints, visible):
    """A batch of them, stacked as a loader does."""
    samples = [numpy_targets(*sample) for sample in zip(joints, visible, strict=True)]
    targets, weights = zip(*samples, strict=True)
    return np.stack(targets), np.stack(weights)


def lean_numpy_loop(joints, visible):
    """The same loop by somebody who cares: the kernel's axes once, plain numbers, no stacking."""
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
    for loop in (numpy_loop, lean_numpy_loop):
        for tensor, array in zip(ours, loop(*arrays), strict=True):
            torch.testing.assert_close(tensor, torch.from_numpy(array), rtol=3e-7, atol=0)
    compare("gaussian_targets, lower_body")(
        lambda: lp.gaussian_targets(joints, visible, SIZE, SIGMA, preset="lower_body"),
        {
            "NumPy loop over samples and joints": lambda: numpy_loop(*arrays),
            "the same loop, hand-tuned": lambda: lean_numpy_loop(*arrays),
        },
    )


def test_exact(compare, inputs):
    joints, visible = inputs
    targets, _ = lp.gaussian_targets(joints, visible, SIZE, SIGMA)
    columns, rows = torch.arange(SIZE[0]), torch.arange(SIZE[1])

    def separable():
        return separable_targets(joints, visible, columns, rows, SIGMA)

    torch.testing.assert_close(separable(), targets, rtol=1e-4, atol=1e-30)
    compare("gaussian_targets, exact")(
        lambda: lp.gaussian_targets(joints, visible, SIZE, SIGMA),
        {"separable torch, eager": separable},
    )


@pytest.mark.parametrize("preset", ["lower_body", "exact"])
def test_against_the_floor(compare, inputs, preset):
    """Alone with the copy, so that no other candidate empties the caches for one of the two."""
    joints, visible = inputs
    targets, _ = lp.gaussian_targets(joints, visible, SIZE, SIGMA, preset=preset)
    compare(f"gaussian_targets, {preset}")(
        lambda: lp.gaussian_targets(joints, visible, SIZE, SIGMA, preset=preset),
        {"empty_like + copy_": copy_of(targets)},
    )
