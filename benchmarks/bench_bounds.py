"""What must hold on every machine: bounds on ratios within one run.

They are generous, three to five times what is measured on an idle machine: they notice a kernel
that has lost its vectors or its threads, or a call that has begun to copy, not a few percent. Those
the counts of instructions notice (tests/test_instruction_counts.py). One thread: two of them wait
for each other, which takes long where others use the cores.
"""

from __future__ import annotations

import pytest
import torch

import lowerpose_ops as lp
from benchmarks import sizes
from benchmarks.bench_joints_mse import loss_inputs, step_of
from benchmarks.peers import argmax_quarter, marginals, separable_targets, summed_first
from benchmarks.protocol import size_of

SIZE = sizes.COCO
HEATMAPS = sizes.noisy_heatmaps(SIZE)
STEPS = torch.tensor([1, SIZE.width, -1, -SIZE.width])
COLUMNS, ROWS = torch.arange(float(SIZE.width)), torch.arange(float(SIZE.height))
JOINTS, VISIBLE = sizes.random_joints(SIZE)
OUTPUT, TARGET, WEIGHT = loss_inputs(SIZE)
PAIRS = [(joint, joint + 1) for joint in range(1, SIZE.joints, 2)]
ORDER = torch.tensor([0, *(joint for pair in PAIRS for joint in pair[::-1])])


def targets():
    return lp.gaussian_targets(JOINTS, VISIBLE, SIZE.heatmap_size, SIZE.sigma)[0]


def merged():
    mirrored = HEATMAPS[:, ORDER].flip(-1)
    return (HEATMAPS + mirrored) * 0.5


# Ours, torch's best eager form, the tensors that must move, at most so many times the floor, at
# least so many times faster than the form.
CASES = {
    "gaussian_targets": (
        targets,
        lambda: separable_targets(JOINTS, VISIBLE, COLUMNS, ROWS, SIZE.sigma),
        *((HEATMAPS,), 10, 1.2),
    ),
    "decode_heatmaps": (
        lambda: lp.decode_heatmaps(HEATMAPS),
        lambda: argmax_quarter(HEATMAPS, STEPS),
        *((HEATMAPS,), 8, 0.8),
    ),
    "JointsMSELoss, forward + backward": (
        step_of(lp.JointsMSELoss(), OUTPUT, TARGET, WEIGHT),
        step_of(summed_first, OUTPUT, TARGET, WEIGHT),
        *((OUTPUT, TARGET, TARGET), 8, 1.2),
    ),
    "soft_argmax2d": (
        lambda: lp.soft_argmax2d(HEATMAPS, 25.0),
        lambda: marginals(HEATMAPS, 25.0, COLUMNS, ROWS),
        *((HEATMAPS,), 30, 0.7),
    ),
    "flip_merge": (
        lambda: lp.flip_merge(HEATMAPS, HEATMAPS, PAIRS),
        merged,
        *((HEATMAPS, HEATMAPS, HEATMAPS), 8, 1.0),
    ),
}


@pytest.mark.first
@pytest.mark.parametrize("name", CASES)
def test_bounds(compare, results, name):
    ours, form, moves, times_the_floor, times_faster = CASES[name]
    options = {"size": SIZE, "threads": 1, "moved": size_of(*moves), "same": (1e-3, 1e-3)}
    comparison = compare(name, **options)
    comparison.rows = []  # for the table of bounds alone
    comparison(ours, {"torch, eager": form})
    (row,) = comparison.rows
    found = [
        ("ours / floor", row["floor_ratio"], "<=", times_the_floor),
        ("torch, eager / ours", row["ratio"], ">=", times_faster),
    ]
    for what, value, sign, bound in found:
        results.bounds.append(
            {"operation": name, "what": what, "value": value, "sign": sign, "bound": bound}
        )
    for what, value, sign, bound in found:
        assert value <= bound if sign == "<=" else value >= bound, f"{name}: {what} is {value:.2f}"
