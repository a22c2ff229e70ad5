"""What a training step keeps in memory at a time."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from lowerpose_ops import _native

SHAPE = (4, 17, 512, 512)
TARGET = 4 * 4 * 17 * 512 * 512  # bytes

# The high-water mark of a process, or of a GPU's memory, over two steps of a small network.
STEPS = f"""
import sys, torch
import lowerpose_ops as lp

form, device = sys.argv[1:]
torch.set_default_device(device)
torch.set_num_threads(1)
batch, num_joints, height, width = {SHAPE}
model = torch.nn.Conv2d(3, num_joints, 1)
images, joints = torch.rand(batch, 3, height, width), 500 * torch.rand(batch, num_joints, 2)
visible = torch.ones(batch, num_joints)
for _ in range(2):
    heatmaps = model(images)
    if form == "fused":
        loss = lp.gaussian_joints_mse_loss(heatmaps, joints, visible)
    else:
        targets, weights = lp.gaussian_targets(joints, visible, (width, height))
        loss = lp.joints_mse_loss(heatmaps, targets, weights)
    loss.backward()
    model.zero_grad()
    del heatmaps, loss
if device == "cpu":  # not by getrusage, whose mark a child takes over from its parent
    (mark,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(1024 * int(mark.split()[1]))
else:
    print(torch.cuda.max_memory_allocated())
"""


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_step_without_targets_needs_less_by_the_targets(device):
    if device == "cuda" and not (torch.cuda.is_available() and _native.core.cuda_version):
        pytest.skip("needs a GPU, and a build with CUDA")
    peaks = [
        int(
            subprocess.run(
                [sys.executable, "-c", STEPS, form, device],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for form in ("pair", "fused")
    ]
    # The rest of a process differs by less than a hundredth of the 71 MB.
    assert peaks[0] - peaks[1] >= 0.97 * TARGET, peaks
