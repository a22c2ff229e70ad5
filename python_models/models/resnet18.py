"""The baseline of the lower-body project: a ResNet-18 and three transposed convolutions."""

from __future__ import annotations

from torch import Tensor, nn

from python_models.models.arguments import check_images, check_num_joints
from python_models.models.new_layers import initialise, upsampling
from python_models.models.resnet18_trunk import ResNet18Trunk


class ResNet18(nn.Module):
    """Images [B, 3, H, W] to heatmaps [B, K, H/4, W/4]; H and W are multiples of 32.

    The images are normalised floating point, of the weights' dtype. For 256 x 192 pixels the trunk
    gives [B, 512, 8, 6] and the transposed convolutions give [B, 256, 64, 48].
    15,373,894 parameters for 6 joints. A heatmap value sees 467 or 499 pixels in each direction,
    by its place; the trunk starts as torchvision's, the rest from N(0, 0.001).

    Where the lower-body project's text and code differ, this follows the text: the last
    convolution is 1x1 (the code has 3x3). The trunk starts without ImageNet weights (the code
    always loads them): `pretrained.load_imagenet` does that.

    Xiao et al., "Simple baselines for human pose estimation and tracking", 2018.

    Raises:
        ValueError: num_joints is below 1; in forward, images of another shape or size.
        TypeError: In forward, images that are not floating point.
    """

    def __init__(self, num_joints: int = 6) -> None:
        super().__init__()
        check_num_joints("ResNet18", num_joints)
        self.trunk = ResNet18Trunk()
        self.upsample = nn.Sequential(upsampling(512), upsampling(256), upsampling(256))
        self.final = nn.Conv2d(256, num_joints, 1)
        initialise(self.upsample)
        initialise(self.final)

    def forward(self, images: Tensor) -> Tensor:
        check_images("ResNet18", images, 32)
        _, _, c5 = self.trunk(images)
        heatmaps: Tensor = self.final(self.upsample(c5))
        return heatmaps
