"""The lifter of Martinez et al.: from joints in a picture to joints in space."""

from __future__ import annotations

import math

from torch import Tensor, nn

from python_models.models.arguments import check_keypoints, check_sizes


class ResidualBlock(nn.Module):
    """Two layers (linear, BatchNorm, ReLU, dropout) and an identity shortcut around both."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_layer(width, width, dropout), *_layer(width, width, dropout))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.layers(x)
        return result


class Lifter(nn.Module):
    """Keypoints [B, inputs, 2] to points [B, outputs, 3], in any units.

    A linear layer to `width`, BatchNorm, ReLU and dropout; residual blocks of two such layers; a
    linear layer to the points. For 16 keypoints, 15 points and a width of 1024: 4,288,557
    parameters. Weights start from Kaiming's normal distribution, N(0, 2 / inputs of the layer),
    and biases from 0.

    The paper also keeps each unit's weights at a norm of at most 1 while it trains: that is
    `max_norm.constrain`, called after every step.

    Martinez et al., "A simple yet effective baseline for 3d human pose estimation", 2017.

    Args:
        inputs: How many keypoints.
        outputs: How many points.
        width: Of every layer.
        blocks: How many residual blocks.
        dropout: The probability that a unit is left out while training.

    Raises:
        ValueError: A number is out of its range; in forward, keypoints of another shape.
        TypeError: In forward, keypoints that are not floating point.
    """

    def __init__(
        self,
        inputs: int = 16,
        outputs: int = 15,
        *,
        width: int = 1024,
        blocks: int = 2,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_sizes("Lifter", dropout, inputs=inputs, outputs=outputs, width=width, blocks=blocks)
        self.inputs, self.outputs = inputs, outputs
        self.first = nn.Sequential(*_layer(2 * inputs, width, dropout))
        self.blocks = nn.Sequential(*(ResidualBlock(width, dropout) for _ in range(blocks)))
        self.last = nn.Linear(width, 3 * outputs)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=math.sqrt(2 / module.in_features))
                nn.init.zeros_(module.bias)

    def forward(self, keypoints: Tensor) -> Tensor:
        check_keypoints("Lifter", keypoints, self.inputs)
        points: Tensor = self.last(self.blocks(self.first(keypoints.flatten(1))))
        return points.view(-1, self.outputs, 3)


def _layer(inputs: int, width: int, dropout: float) -> tuple[nn.Module, ...]:
    return nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout)
