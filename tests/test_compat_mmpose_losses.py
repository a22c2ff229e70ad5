"""The drop-in losses of MMPose."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lowerpose_ops.compat import mmpose
from tests import compat_mmpose_transcriptions as transcriptions

# Losses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, "joint", "pixel"])
@pytest.mark.parametrize("mask", [None, "one", "all", "everywhere"])
@pytest.mark.parametrize("skip_empty", [False, True])
def test_the_loss_equals_the_transcription(weights, mask, skip_empty, device):
    rng = np.random.default_rng(0)

    def tensor(*shape):
        return torch.tensor(rng.random(shape), dtype=torch.float32)

    output, target = tensor(3, 5, 8, 6).requires_grad_(), tensor(3, 5, 8, 6)
    target[0, 1] = target[2, 4] = 0
    w = {None: None, "joint": tensor(3, 5), "pixel": tensor(3, 5, 8, 6)}[weights]
    m = {None: None, "one": tensor(3, 1, 8, 6), "all": tensor(3, 5, 8, 6)}.get(
        mask, tensor(1, 1, 8, 6)
    )
    loss = mmpose.KeypointMSELoss(False, skip_empty, 2.5)(output, target, w, m)
    plain = transcriptions.keypoint_mse(output, target, w, m, skip_empty, 2.5)
    torch.testing.assert_close(loss, plain, rtol=1e-6, atol=0)
    gradients = [torch.autograd.grad(value, output)[0] for value in (loss, plain)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-9)


def test_the_flag_that_nobody_reads():
    maps, weights = torch.zeros(1, 2, 4, 4), torch.tensor([[1.0, 0.0]])
    assert mmpose.KeypointMSELoss()(maps + 1, maps, weights) == 0.5
    assert mmpose.KeypointMSELoss(fixed=True)(maps + 1, maps, weights) == 1
    assert mmpose.KeypointMSELoss(True, fixed=True)(maps + 1, maps, weights) == 0.5
    assert mmpose.KeypointMSELoss(True, fixed=True)(maps + 1, maps) == 1


def test_the_loss_of_nothing():
    maps = torch.zeros(0, 2, 4, 4)
    assert mmpose.KeypointMSELoss()(maps, maps).isnan()
    assert mmpose.KeypointMSELoss(fixed=True)(maps, maps) == 0


def test_losses_refuse():
    maps = torch.zeros(2, 4, 8, 8)
    with pytest.raises(ValueError, match=r"target_weights must be \[B, K\]"):
        mmpose.KeypointMSELoss()(maps, maps, torch.ones(2, 4, 1))
    with pytest.raises(ValueError, match="mask"):
        mmpose.KeypointMSELoss()(maps, maps, None, torch.ones(2, 3, 8, 8))
    with pytest.raises(ValueError, match="topk"):
        mmpose.KeypointOHKMMSELoss()(maps, maps, torch.ones(2, 4))
    with pytest.raises(ValueError, match="target_weights"):
        mmpose.KeypointOHKMMSELoss(True, 2)(maps, maps, None)


@pytest.mark.parametrize("use_target_weight", [True, False])
def test_the_hardest_equal_the_transcription(use_target_weight, device):
    rng = np.random.default_rng(0)
    output, target = (torch.tensor(rng.random((3, 6, 8, 8)), dtype=torch.float32) for _ in range(2))
    output.requires_grad_()
    weights = torch.tensor(rng.choice([0.5, 1, 2], (3, 6)), dtype=torch.float32)
    criterion = mmpose.KeypointOHKMMSELoss(use_target_weight, 4, 0.5)
    loss = criterion(output, target, weights)
    chosen = weights if use_target_weight else None
    plain = transcriptions.keypoint_ohkm(output, target, chosen, 4, 0.5)
    torch.testing.assert_close(loss, plain, rtol=1e-6, atol=0)
    gradients = [torch.autograd.grad(value, output)[0] for value in (loss, plain)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-9)
