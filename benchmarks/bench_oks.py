"""Object keypoint similarity against pycocotools and the forms in use."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lowerpose_ops as lp
from benchmarks.packages import needs
from benchmarks.peers import compiled
from benchmarks.protocol import size_of

DETECTIONS, PERSONS, JOINTS = 20, 12, 17  # of an image; COCO keeps 20 detections of each
BATCHES = (256, 16384)  # aligned pairs, as in a loss, and as in a table of a data set


def scene(detections, persons):
    rng = np.random.default_rng(0)
    gt = rng.uniform(0, 300, (persons, JOINTS, 2))
    pred = gt[rng.integers(0, persons, detections)] + rng.normal(0, 10, (detections, JOINTS, 2))
    visible = rng.integers(0, 3, (persons, JOINTS))
    visible[:, 0] = 2
    box = np.concatenate([gt.min(1), gt.max(1) - gt.min(1)], 1)
    return pred, gt, visible, rng.uniform(1000, 40000, persons), box


def numpy_at_once(pred, gt, visible, area, widths):
    """Good NumPy: all pairs at once, in memory of D G K numbers."""
    squared = ((pred[:, None] - gt[None]) ** 2).sum(-1)
    terms = np.exp(-squared / widths / (area[None, :, None] + np.spacing(1)) / 2)
    seen = visible > 0
    return (terms * seen).sum(-1) / seen.sum(-1)


def torch_at_once(pred, gt, visible, area, widths):
    squared = (pred - gt).pow(2).sum(-1)
    seen = visible > 0
    return (torch.exp(-squared / widths / (area[:, None] + 1e-16) / 2) * seen).sum(-1) / seen.sum(
        -1
    )


def evaluation_of(pred, gt, visible, area, box):
    """pycocotools' object for one image."""
    cocoeval = needs("pycocotools.cocoeval")
    evaluation = cocoeval.COCOeval(iouType="keypoints")
    labelled = np.concatenate([gt, visible[..., None]], 2).reshape(len(gt), -1)
    evaluation._gts[1, 1] = [
        {"keypoints": list(joints), "area": size, "bbox": list(sides)}
        for joints, size, sides in zip(labelled, area, box, strict=True)
    ]
    joints = np.concatenate([pred, np.ones((*pred.shape[:2], 1))], 2).reshape(len(pred), -1)
    evaluation._dts[1, 1] = [{"keypoints": list(row), "score": -i} for i, row in enumerate(joints)]
    return evaluation


def test_pairs_of_an_image(compare):
    pred, gt, visible, area, box = scene(DETECTIONS, PERSONS)
    evaluation = evaluation_of(pred, gt, visible, area, box)
    widths = (2 * np.array(lp.COCO_SIGMAS)) ** 2

    def ours():
        return lp.oks(pred, gt, visible, area, bbox=box, no_visible="box")

    options = {"size": f"{DETECTIONS} x {PERSONS}", "same": (1e-12, 0)}
    compare("oks", moved=size_of(pred, gt, visible, area, ours()), **options)(
        ours,
        {
            "pycocotools": lambda: evaluation.computeOks(1, 1),
            "NumPy, all pairs at once": lambda: numpy_at_once(pred, gt, visible, area, widths),
        },
    )


@pytest.mark.parametrize("batch", BATCHES)
def test_aligned(compare, batch):
    tensors = tuple(map(torch.tensor, scene(batch, batch)[:4]))
    widths = torch.tensor((2 * np.array(lp.COCO_SIGMAS)) ** 2)

    def ours():
        return lp.oks(*tensors, aligned=True)

    baselines = {"torch, eager": lambda: torch_at_once(*tensors, widths)}
    if batch == BATCHES[0]:
        form = compiled(torch_at_once)
        baselines["torch, torch.compile"] = lambda: form(*tensors, widths)
    options = {
        "size": f"B={batch}",
        "same": (1e-9, 1e-15),
    }  # the forms add another epsilon to the area
    compare("oks, aligned", moved=size_of(*tensors, ours()), **options)(ours, baselines)
