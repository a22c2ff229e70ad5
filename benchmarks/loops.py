"""NumPy as training scripts write it: loops over samples and joints, in the loader or after it."""

from __future__ import annotations

import numpy as np

# Targets --------------------------------------------------------------------------------------


def numpy_targets(joints, visible, size, sigma):
    """One sample as it is drawn in the loader: joint by joint, kernel and all. `size` is (W, H)."""
    width, height = size
    target = np.zeros((len(joints), height, width), np.float32)
    weight = np.zeros((len(joints), 1), np.float32)
    radius = 3 * sigma
    for joint in range(len(joints)):
        if visible[joint] < 0.5:
            continue
        weight[joint] = 1
        center = (joints[joint] + 0.5).astype(int)
        low = (center - radius).astype(int)
        high = (center + radius + 1).astype(int)
        if (low >= size).any() or (high < 0).any():
            continue
        side = np.arange(0, 2 * radius + 1, 1, np.float32)
        squares = (side - radius) ** 2 + (side[:, None] - radius) ** 2
        kernel = np.exp(-squares / (2 * sigma**2))
        left, top = np.maximum(low, 0)
        right, bottom = np.minimum(high, size)
        target[joint, top:bottom, left:right] = kernel[
            top - low[1] : bottom - low[1], left - low[0] : right - low[0]
        ]
    return target, weight


def stacked_targets(joints, visible, size, sigma):
    """A batch of them, stacked as a loader does."""
    samples = [numpy_targets(*sample, size, sigma) for sample in zip(joints, visible, strict=True)]
    targets, weights = zip(*samples, strict=True)
    return np.stack(targets), np.stack(weights)


def lean_targets(joints, visible, size, sigma):
    """The same loop by somebody who cares: the kernel's axes once, plain numbers, no stacking."""
    width, height = size
    targets = np.zeros((*joints.shape[:2], height, width), np.float32)
    weights = np.zeros((*joints.shape[:2], 1), np.float32)
    radius = int(3 * sigma)
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
            kernel = np.exp(-(side**2 + side[:, None] ** 2) / (2 * sigma**2))
            targets[sample, joint, top:bottom, left:right] = kernel[
                top - y + radius : bottom - y + radius, left - x + radius : right - x + radius
            ]
    return targets, weights


# Decoding -------------------------------------------------------------------------------------


def maxima(heatmaps):
    """argmax over the maps at once."""
    batch, joints, _, width = heatmaps.shape
    flat = heatmaps.reshape(batch, joints, -1)
    index = flat.argmax(2)
    return np.stack([index % width, index // width], -1).astype(np.float32), flat.max(2)


def numpy_quarter(heatmaps):
    """The maxima, then the quarter offset joint by joint."""
    coords, scores = maxima(heatmaps)
    batch, joints, height, width = heatmaps.shape
    for sample in range(batch):
        for joint in range(joints):
            heatmap = heatmaps[sample, joint]
            x, y = int(coords[sample, joint, 0]), int(coords[sample, joint, 1])
            if 1 < x < width - 1 and 1 < y < height - 1:
                slope = np.array(
                    [
                        heatmap[y, x + 1] - heatmap[y, x - 1],
                        heatmap[y + 1, x] - heatmap[y - 1, x],
                    ]
                )
                coords[sample, joint] += np.sign(slope) * 0.25
    return coords, scores


def opencv_dark(heatmaps):
    """The maxima, OpenCV's blur of each map, its logarithm, and a Newton step joint by joint."""
    import cv2

    coords, scores = maxima(heatmaps)
    batch, joints, height, width = heatmaps.shape
    for sample in range(batch):
        for joint in range(joints):
            blurred = cv2.GaussianBlur(
                heatmaps[sample, joint], (11, 11), 0, borderType=cv2.BORDER_CONSTANT
            )
            logs = np.log(np.maximum(blurred, 1e-10))
            x, y = int(coords[sample, joint, 0]), int(coords[sample, joint, 1])
            if not (1 < x < width - 2 and 1 < y < height - 2):
                continue
            dx = 0.5 * (logs[y, x + 1] - logs[y, x - 1])
            dy = 0.5 * (logs[y + 1, x] - logs[y - 1, x])
            dxx = 0.25 * (logs[y, x + 2] - 2 * logs[y, x] + logs[y, x - 2])
            dyy = 0.25 * (logs[y + 2, x] - 2 * logs[y, x] + logs[y - 2, x])
            dxy = 0.25 * (
                logs[y + 1, x + 1] - logs[y - 1, x + 1] - logs[y + 1, x - 1] + logs[y - 1, x - 1]
            )
            if dxx * dyy - dxy**2 != 0:
                hessian = np.array([[dxx, dxy], [dxy, dyy]])
                coords[sample, joint] -= np.linalg.inv(hessian) @ np.array([dx, dy])
    return coords, scores
