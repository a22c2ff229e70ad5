"""The state dict of torchvision's resnet18, written from its published structure.

The paper's table 1 gives the widths and strides, torchvision the names; its page of models
gives 11,689,512 parameters, of which the classifier `fc` has 513,000.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

Shape = tuple[int, ...]


def batch_norm(name: str, channels: int) -> dict[str, Shape]:
    vectors = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{v}": (channels,) for v in vectors} | {f"{name}.num_batches_tracked": ()}


def trunk_shapes() -> dict[str, Shape]:
    shapes: dict[str, Shape] = {"conv1.weight": (64, 3, 7, 7)} | batch_norm("bn1", 64)
    for layer, (before, width) in enumerate([(64, 64), (64, 128), (128, 256), (256, 512)], 1):
        for block in (0, 1):
            name = f"layer{layer}.{block}"
            into = before if block == 0 else width
            shapes[f"{name}.conv1.weight"] = (width, into, 3, 3)
            shapes |= batch_norm(f"{name}.bn1", width)
            shapes[f"{name}.conv2.weight"] = (width, width, 3, 3)
            shapes |= batch_norm(f"{name}.bn2", width)
            if block == 0 and layer > 1:
                shapes[f"{name}.downsample.0.weight"] = (width, before, 1, 1)
                shapes |= batch_norm(f"{name}.downsample.1", width)
    return shapes


def state_dict(*, seed: int = 0) -> dict[str, Tensor]:
    """Random weights as torchvision would hand them out, with the classifier."""
    generator = torch.Generator().manual_seed(seed)
    shapes = trunk_shapes() | {"fc.weight": (1000, 512), "fc.bias": (1000,)}
    return {
        name: torch.tensor(7)
        if name.endswith("num_batches_tracked")
        else torch.rand(shape, generator=generator)
        for name, shape in shapes.items()
    }


def features(state: dict[str, Tensor], images: Tensor) -> list[Tensor]:
    """The outputs of layer1 to layer4 in eval mode, of any state dict with the keys above."""

    def convolved(x: Tensor, conv: str, norm: str, stride: int, padding: int) -> Tensor:
        x = F.conv2d(x, state[f"{conv}.weight"], stride=stride, padding=padding)
        vectors = ("running_mean", "running_var", "weight", "bias")
        mean, var, weight, bias = (state[f"{norm}.{v}"].view(-1, 1, 1) for v in vectors)
        return (x - mean) / (var + 1e-5).sqrt() * weight + bias

    x = F.max_pool2d(convolved(images, "conv1", "bn1", 2, 3).relu(), 3, 2, 1)
    outputs = []
    for layer in range(1, 5):
        for block in (0, 1):
            name = f"layer{layer}.{block}"
            stride = 2 if layer > 1 and block == 0 else 1
            y = convolved(x, f"{name}.conv1", f"{name}.bn1", stride, 1).relu()
            y = convolved(y, f"{name}.conv2", f"{name}.bn2", 1, 1)
            if stride == 2:
                x = convolved(x, f"{name}.downsample.0", f"{name}.downsample.1", stride, 0)
            x = (x + y).relu()
        outputs.append(x)
    return outputs
