"""The layers that the heatmap models add to a trunk, and how new layers start."""

from __future__ import annotations

from torch import nn


def upsampling(in_channels: int, out_channels: int = 256) -> nn.Sequential:
    """A 4x4 transposed convolution that doubles H and W exactly, BatchNorm and ReLU.

    The convolution has no bias: BatchNorm would take it away again.
    """
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def initialise(new: nn.Module) -> None:
    """Starts every convolution in `new` from N(0, 0.001) without bias, as the authors' code does.

    BatchNorm makes the inner ones independent of that scale, and the last one starts near the
    all-zero heatmap, which is most of the target. BatchNorm itself starts as torch starts it:
    weight 1, bias 0, momentum 0.1.
    """
    for module in new.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, std=0.001)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
