"""Run by callgrind: each CPU kernel once, on arrays, by one thread.

    valgrind --tool=callgrind --instr-atstart=no python -m tests.instruction_cases MARKS.so

The losses take tensors, and torch would run for minutes here: they are called below their face.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

import numpy as np

import lowerpose_ops as lp
from lowerpose_ops import presets
from lowerpose_ops._native import core

BATCH, JOINTS, HEIGHT, WIDTH = 32, 6, 64, 48
POINTS = 4096  # for operations on joints alone


def maps_and_joints():
    rng = np.random.default_rng(0)
    joints = rng.uniform(0, (WIDTH, HEIGHT), (BATCH, JOINTS, 2)).astype(np.float32)
    visible = np.ones((BATCH, JOINTS), np.float32)
    maps, _ = lp.gaussian_targets(joints, visible, (WIDTH, HEIGHT))
    return maps + rng.random(maps.shape, np.float32) * np.float32(0.05), joints, visible


def loss_cases(output, target, joints, visible) -> dict[str, Callable[[], object]]:
    weight = np.ones((BATCH, JOINTS, 1), np.float32)
    loss, gradient = np.empty((), np.float32), np.empty_like(output)
    incoming = np.ones((), np.float32)
    maps = output, target, weight
    options = False, True, 1.0, 1  # squared_weight, mean, loss_weight, threads
    drawn = output, joints, visible, 2.0, None, presets.targets("", "exact", False)
    rules = True, False, True, 0, 1.0  # weighted, squared_weight, mean, topk, loss_weight
    return {
        "joints_mse": lambda: core.joints_mse(*maps, loss, None, None, *options),
        "joints_mse, gradient": lambda: core.joints_mse(*maps, loss, None, gradient, *options),
        "joints_mse_backward": lambda: core.joints_mse_backward(
            incoming, *maps, gradient, False, *options
        ),
        "gaussian_joints_mse, gradient": lambda: core.gaussian_joints_mse(
            *drawn, loss, None, gradient, None, rules, 1
        ),
    }


def soft_argmax_backward(maps):
    coords = np.empty((BATCH, JOINTS, 2), np.float32)
    state = np.empty((BATCH, JOINTS, 4))
    gradient, incoming = np.empty_like(maps), np.ones_like(coords)
    core.soft_argmax(maps, None, 25.0, False, coords, state, 1)
    return lambda: core.soft_argmax_backward(
        incoming, maps, None, 25.0, False, state, gradient, None, None, 1
    )


def pose_cases() -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(3)
    gt = rng.normal(0, 300, (1024, 17, 3)).astype(np.float32)
    pred = gt + rng.normal(0, 60, gt.shape).astype(np.float32)
    poses = pred, gt, None, "procrustes", [], "mean"
    mean, totals, incoming = np.empty((), np.float32), np.empty(2), np.ones((), np.float32)
    scratch, gradients = (np.empty((8, 2)), np.empty(1, np.int64)), np.empty((2, *gt.shape), "f4")
    return {
        "mpjpe, procrustes": lambda: core.mpjpe("mpjpe", *poses, mean, totals, *scratch, 1),
        "mpjpe, procrustes, backward": lambda: core.mpjpe_backward(
            "mpjpe", incoming, *poses, totals, *gradients, 1
        ),
    }


def evaluation():
    """Four detections of each of 512 people in 64 images."""
    rng = np.random.default_rng(2)
    people, images = rng.uniform(0, 500, (512, 17, 3)), rng.integers(0, 64, 512)
    found = np.repeat(people, 4, 0) + rng.normal(0, 20, (2048, 17, 3))
    scores, found_in = rng.random(2048), np.repeat(images, 4)
    areas = rng.uniform(1000, 40000, 512)
    return lambda: lp.keypoint_ap(found, scores, found_in, people, images, areas=areas)


def cases() -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(1)
    maps, joints, visible = maps_and_joints()
    other = rng.random(maps.shape, np.float32)
    size = WIDTH, HEIGHT
    points = rng.uniform(0, 256, (POINTS, 17, 2)).astype(np.float32)
    moved = points + rng.normal(0, 10, points.shape).astype(np.float32)
    seen = rng.random((POINTS, 17)) < 0.8
    areas = rng.uniform(1000, 40000, POINTS)
    centers, scales = rng.uniform(0, 500, (2, POINTS, 2))
    return {
        "gaussian_targets, exact": lambda: lp.gaussian_targets(joints, visible, size),
        "gaussian_targets, lower_body": lambda: lp.gaussian_targets(
            joints, visible, size, preset="lower_body"
        ),
        **{
            f"decode_heatmaps, {refine}": lambda refine=refine: lp.decode_heatmaps(maps, refine)
            for refine in ("none", "quarter", "dark")
        },
        "decode_and_score": lambda: lp.decode_and_score(maps, joints, visible, 64.0, (0.05, 0.1)),
        "flip_merge": lambda: lp.flip_merge(maps, other, lp.LOWER_BODY_FLIP_PAIRS),
        "soft_argmax2d": lambda: lp.soft_argmax2d(maps, 25.0),
        "soft_argmax2d, backward": soft_argmax_backward(maps),
        **loss_cases(maps, other, joints, visible),
        "pck_counts": lambda: lp.pck_counts(moved, points, seen, 256.0, (0.05, 0.1)),
        **pose_cases(),
        "oks, aligned": lambda: lp.oks(moved, points, seen, areas, aligned=True),
        "keypoint_ap": evaluation(),
        "to_image": lambda: lp.to_image(points, centers, scales, size),
    }


def main() -> None:
    marks = ctypes.CDLL(sys.argv[1])
    for name, run in cases().items():
        run()  # what is done once alone
        marks.begin_count()
        run()
        marks.end_count(name.encode())
    print(core.simd_level())


if __name__ == "__main__":
    main()
