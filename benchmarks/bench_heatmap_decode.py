"""Decoding against NumPy's argmax with a loop for the offset."""

from __future__ import annotations

import numpy as np
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
