from __future__ import annotations

import pytest
import torch

from python_models.models.dilated_cnn import DilatedCNN


@pytest.mark.parametrize("num_joints", [6, 17])
def test_output_shape(num_joints):
    model = DilatedCNN(num_joints).eval()
    assert model(torch.zeros(2, 3, 256, 192)).shape == (2, num_joints, 64, 48)


def test_feature_sizes_of_the_document():
    model = DilatedCNN().eval()
    first = model.stem[:3](torch.zeros(1, 3, 256, 192))
    assert first.shape == (1, 64, 128, 96)
    assert model.blocks(model.stem[3:](first)).shape == (1, 64, 64, 48)


def test_number_of_parameters():
    stem = 3 * 64 * 49 + 64 * 64 * 9
    blocks = 4 * 2 * 64 * 64 * 9
    head = 64 * 64 * 9 + 64 * 6 + 6
    norms = (2 + 8 + 1) * 2 * 64
    assert stem + blocks + head + norms == 379_846
    assert sum(p.numel() for p in DilatedCNN().parameters()) == 379_846


def test_receptive_field():
    """7x7, then 3x3 at stride 2, then 3x3 at stride 4 twice a block and once in the head."""
    radius = 3 + 2 + 4 * (2 * (1 + 2 + 4 + 1) + 1)
    model = DilatedCNN(num_joints=1).eval()
    for parameter in model.parameters():  # no path may cancel or be cut by a ReLU
        torch.nn.init.constant_(parameter, 0.01)
    image = torch.zeros(1, 3, 256, 256, requires_grad=True)
    model(image)[0, 0, 32, 32].backward()
    touched = image.grad[0].abs().sum(0).nonzero()
    assert touched.amin(0).tolist() == [4 * 32 - radius] * 2
    assert touched.amax(0).tolist() == [4 * 32 + radius] * 2


def test_initial_weights_are_small():
    torch.manual_seed(0)
    convolutions = [m for m in DilatedCNN().modules() if isinstance(m, torch.nn.Conv2d)]
    weights = torch.cat([m.weight.flatten() for m in convolutions])
    assert weights.std().item() == pytest.approx(0.001, rel=0.01)
    assert not convolutions[-1].bias.any()
