"""The heatmap models by their names on the command line."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from python_models.models.dilated_cnn import DilatedCNN
from python_models.models.resnet18 import ResNet18
from python_models.models.resnet18_fpn import ResNet18FPN

MODELS: dict[str, Callable[..., nn.Module]] = {
    "dilated_cnn": DilatedCNN,
    "resnet18": ResNet18,
    "resnet18_fpn": ResNet18FPN,
    "resnet18_fpn_attention": partial(ResNet18FPN, self_attention=True),
}
"""Each is called with num_joints=K, and maps [B, 3, H, W] to [B, K, H/4, W/4]."""
