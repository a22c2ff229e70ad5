"""The small dilated network of the lower-body project: a wide view without deep downsampling."""

from __future__ import annotations

from torch import Tensor, nn


class DilatedResidualBlock(nn.Module):
    """Two 3x3 convolutions with the same dilation and an identity shortcut."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            channels, channels, 3, padding=dilation, dilation=dilation, bias=False
        )
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(
            channels, channels, 3, padding=dilation, dilation=dilation, bias=False
        )
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        result: Tensor = self.relu(x + self.bn2(self.conv2(y)))
        return result


class DilatedCNN(nn.Module):
    """Images [B, 3, H, W] to heatmaps [B, K, H/4, W/4]; H and W are multiples of 4.

    Where the lower-body project's text and code differ, this follows the text: 64 channels after
    the 7x7 convolution (the code has 32), and a 3x3 second convolution (the code has 5x5).
    Every convolution starts from N(0, 0.001), as in the code; BatchNorm makes the inner ones
    independent of that scale, and the last one starts near the all-zero heatmap.
    """

    DILATIONS = (1, 2, 4, 1)

    def __init__(self, num_joints: int = 6, channels: int = 64) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )
        self.blocks = nn.Sequential(*(DilatedResidualBlock(channels, d) for d in self.DILATIONS))
        self.head = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, num_joints, 1),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.001)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        heatmaps: Tensor = self.head(self.blocks(self.stem(images)))
        return heatmaps
