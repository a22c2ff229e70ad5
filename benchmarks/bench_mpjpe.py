"""Distances of joints in space, with and without Procrustes' alignment, against the forms in use.

Poses are small: what moves is a few hundred bytes each, and the floor is a copy of them.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import lowerpose_ops as lp
from benchmarks.protocol import size_of
from tests.pose3d_transcriptions import similarity

JOINTS = 17
BATCHES = (1, 64, 4096, 100_000)
LOOPS, COMPILED = 4096, 4096  # the largest batch of the loop, and the one that is compiled
SAME = (1e-4, 1e-3)  # theirs are float32, of hundreds of millimetres


def scene(batch: int) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(0)
    gt = rng.normal(0, 300, (batch, JOINTS, 3))
    pred = gt + rng.normal(0, 60, gt.shape)
    return torch.tensor(pred, dtype=torch.float32), torch.tensor(gt, dtype=torch.float32)


def plain_distance(pred: Tensor, gt: Tensor) -> Tensor:
    mean: Tensor = torch.linalg.vector_norm(pred - gt, dim=-1).mean()
    return mean


def aligned_distance(pred: Tensor, gt: Tensor) -> Tensor:
    """Batched, by torch's decomposition."""
    source_mean, goal_mean = pred.mean(1, keepdim=True), gt.mean(1, keepdim=True)
    source, goal = pred - source_mean, gt - goal_mean
    left, values, right = torch.linalg.svd(source.mT @ goal)
    last = torch.sign(torch.linalg.det(left @ right))[:, None]
    signs = torch.cat([torch.ones_like(values[:, :2]), last], 1)
    fit = (values * signs).sum(1) / source.square().sum((1, 2))
    moved = fit[:, None, None] * (source @ ((left * signs[:, None]) @ right)) + goal_mean
    return plain_distance(moved, gt)


def pose_by_pose(pred: np.ndarray, gt: np.ndarray) -> np.ndarray:
    """As evaluation scripts have it, with NumPy's decomposition."""
    errors = np.empty(len(pred))
    for b, (source, goal) in enumerate(zip(pred, gt, strict=True)):
        matrix, source_mean, goal_mean = similarity(source, goal)
        moved = (source - source_mean) @ matrix + goal_mean
        errors[b] = np.sqrt(((moved - goal) ** 2).sum(-1)).mean()
    return np.asarray(errors.mean())


def mmpose_formula(pred: np.ndarray, gt: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """MMPose's keypoint_mpjpe, in NumPy's batched operations."""
    source_mean, goal_mean = pred.mean(1, keepdims=True), gt.mean(1, keepdims=True)
    source, goal = pred - source_mean, gt - goal_mean
    u, s, vt = np.linalg.svd(source.transpose(0, 2, 1) @ goal)
    s[:, 2] *= np.sign(np.linalg.det(u @ vt))
    u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    fit = s.sum(1) / (source**2).sum((1, 2))
    moved = fit[:, None, None] * (source @ (u @ vt)) + goal_mean
    return np.asarray(np.linalg.norm(moved - gt, axis=-1)[mask].mean())


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch", BATCHES)
def test_procrustes(compare, batch, threads):
    pred, gt = scene(batch)
    arrays = pred.numpy(), gt.numpy()
    mask = np.ones((batch, JOINTS), bool)
    baselines = {
        "torch, linalg.svd": lambda: aligned_distance(pred, gt),
        "MMPose's formula": lambda: mmpose_formula(*arrays, mask),
    }
    if batch <= LOOPS:
        baselines["NumPy, pose by pose"] = lambda: pose_by_pose(*arrays)
    compare(
        "mpjpe, procrustes",
        size=f"B={batch} K={JOINTS}",
        threads=threads,
        moved=size_of(pred, gt),
        same=SAME,
    )(lambda: lp.mpjpe(pred, gt, align="procrustes"), baselines)


@pytest.mark.parametrize("batch", BATCHES)
def test_no_alignment(compare, batch):
    pred, gt = scene(batch)
    baselines = {"torch, eager": lambda: plain_distance(pred, gt)}
    if batch == COMPILED:
        form = torch.compile(plain_distance)
        baselines["torch, torch.compile"] = lambda: form(pred, gt)
    compare("mpjpe", size=f"B={batch} K={JOINTS}", moved=size_of(pred, gt), same=SAME)(
        lambda: lp.mpjpe(pred, gt), baselines
    )


@pytest.mark.parametrize("align", ["none", "procrustes"])
@pytest.mark.parametrize("batch", BATCHES[:3])
def test_forward_and_backward(compare, batch, align):
    pred, gt = scene(batch)
    form = aligned_distance if align == "procrustes" else plain_distance

    def gradient(function):
        def run():
            given = pred.detach().requires_grad_()
            return torch.autograd.grad(function(given), given)[0]

        return run

    compare(
        f"mpjpe, {align}, forward + backward",
        size=f"B={batch} K={JOINTS}",
        moved=size_of(pred, gt, pred),
        same=(1e-2, 1e-6),  # torch's gradient is in float32, through its decomposition
    )(
        gradient(lambda given: lp.mpjpe(given, gt, align=align)),
        {"torch, eager": gradient(lambda given: form(given, gt))},
    )
