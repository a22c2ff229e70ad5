"""Decoding against NumPy's argmax with a loop for the offset, and OpenCV's blur joint by joint."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lowerpose_ops as lp

BATCH, JOINTS, HEIGHT, WIDTH = 64, 6, 64, 48


def numpy_quarter(heatmaps):
    """argmax over the maps at once, then the quarter offset joint by joint."""
    batch, joints, height, width = heatmaps.shape
    index = heatmaps.reshape(batch, joints, -1).argmax(2)
    scores = heatmaps.reshape(batch, joints, -1).max(2)
    coords = np.stack([index % width, index // width], -1).astype(np.float32)
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


def torch_argmax(heatmaps):
    """The maximum alone, without a sub-pixel offset."""
    scores, index = heatmaps.flatten(2).max(2)
    return torch.stack([index % WIDTH, index // WIDTH], -1).float(), scores


def test_quarter(compare):
    generator = torch.Generator().manual_seed(0)
    joints = torch.rand(BATCH, JOINTS, 2, generator=generator) * torch.tensor([WIDTH, HEIGHT])
    heatmaps, _ = lp.gaussian_targets(joints, torch.ones(BATCH, JOINTS), (WIDTH, HEIGHT))
    heatmaps += 0.05 * torch.rand(heatmaps.shape, generator=generator)
    array = heatmaps.numpy()
    for ours, theirs in zip(lp.decode_heatmaps(heatmaps), numpy_quarter(array), strict=True):
        torch.testing.assert_close(ours, torch.from_numpy(theirs), rtol=0, atol=0)
    compare("decode_heatmaps, quarter")(
        lambda: lp.decode_heatmaps(heatmaps),
        {
            "NumPy argmax and a loop": lambda: numpy_quarter(array),
            "torch max, no offset": lambda: torch_argmax(heatmaps),
        },
    )


def opencv_dark(heatmaps):
    """argmax, OpenCV's blur of each map, its logarithm, and a Newton step joint by joint."""
    import cv2

    batch, joints, height, width = heatmaps.shape
    index = heatmaps.reshape(batch, joints, -1).argmax(2)
    scores = heatmaps.reshape(batch, joints, -1).max(2)
    coords = np.stack([index % width, index // width], -1).astype(np.float32)
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


def test_dark(compare):
    """17 joints, as COCO has."""
    pytest.importorskip("cv2", reason="needs OpenCV: pip install opencv-python-headless")
    generator = torch.Generator().manual_seed(0)
    joints = torch.rand(BATCH, 17, 2, generator=generator) * torch.tensor([WIDTH, HEIGHT])
    heatmaps, _ = lp.gaussian_targets(joints, torch.ones(BATCH, 17), (WIDTH, HEIGHT))
    heatmaps += 0.01 * torch.rand(heatmaps.shape, generator=generator)
    array = heatmaps.numpy()
    coords, scores = lp.decode_heatmaps(heatmaps, "dark")
    expected, expected_scores = map(torch.from_numpy, opencv_dark(array))
    torch.testing.assert_close(scores, expected_scores, rtol=0, atol=0)
    torch.testing.assert_close(coords, expected, rtol=0, atol=1e-4)  # theirs is in float32
    compare("decode_heatmaps, dark")(
        lambda: lp.decode_heatmaps(heatmaps, "dark"),
        {"OpenCV's blur joint by joint": lambda: opencv_dark(array)},
    )
