"""The small dilated network of the lower-body project: a wide view without deep downsampling."""

from __future__ import annotations

from torch import Tensor, nn

from python_models.models.arguments import check_images, check_num_joints
from python_models.models.new_layers import initialise


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

    The images are normalised floating point, of the weights' dtype. For 256 x 192 pixels the first
    convolution gives [B, 64, 128, 96], and everything from the second one on is 64 x 48.
    379,846 parameters for 6 joints. A heatmap value sees 147 x 147 pixels.

    Where the lower-body project's text and code differ, this follows the text: 64 channels after
    the 7x7 convolution (the code has 32). Where the text is silent: the second convolution is 3x3
    (the code has 5x5), and a convolution before BatchNorm has no bias, which BatchNorm would take
    away again (the code has one). Every convolution starts from N(0, 0.001), as in the code.

    Raises:
        ValueError: num_joints is below 1; in forward, images of another shape or size.
        TypeError: In forward, images that are not floating point.
    """

    DILATIONS = (1, 2, 4, 1)

    def __init__(self, num_joints: int = 6, channels: int = 64) -> None:
        super().__init__()
        check_num_joints("DilatedCNN", num_joints)
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
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        check_images("DilatedCNN", images, 4)
        heatmaps: Tensor = self.head(self.blocks(self.stem(images)))
        return heatmaps
