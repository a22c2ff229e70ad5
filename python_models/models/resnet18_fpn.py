"""ResNet-18 with a feature pyramid: small and large parts of the body in one map."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from python_models.models.arguments import check_images, check_num_joints
from python_models.models.new_layers import initialise, upsampling
from python_models.models.resnet18_trunk import ResNet18Trunk
from python_models.models.self_attention import SelfAttention


class ResNet18FPN(nn.Module):
    """Images [B, 3, H, W] to heatmaps [B, K, H/4, W/4]; H and W are multiples of 32.

    The images are normalised floating point, of the weights' dtype. For 256 x 192 pixels the trunk
    gives c3 [B, 128, 32, 24], c4 [B, 256, 16, 12] and c5 [B, 512, 8, 6]. Each is projected to
    256 channels, brought to c3's size and added; the sum is [B, 256, 32, 24] and the transposed
    convolution gives [B, 256, 64, 48]. With `self_attention`, the sum passes through
    `SelfAttention`, the first future direction of the lower-body project; it starts as the
    identity.

    12,458,054 parameters for 6 joints, 12,721,735 with attention. A heatmap value sees 467 or 499
    pixels in each direction, by its place; with attention it sees the whole image. The trunk
    starts as torchvision's, new convolutions from N(0, 0.001).

    Where the lower-body project's text and code differ, this follows the text: c5 has stride 32
    (in the code its first block is dilated instead, which gives stride 16), and the last
    convolution is 1x1 (the code has 3x3). Where the text is silent, this follows the code:
    BatchNorm after each projection, bilinear upsampling, ReLU after the sum. The code leaves the
    projections to torch's own start; BatchNorm takes that difference away.

    Lin et al., "Feature pyramid networks for object detection", 2017.

    Raises:
        ValueError: num_joints is below 1; in forward, images of another shape or size.
        TypeError: In forward, images that are not floating point.
    """

    def __init__(self, num_joints: int = 6, self_attention: bool = False) -> None:
        super().__init__()
        check_num_joints("ResNet18FPN", num_joints)
        self.trunk = ResNet18Trunk()
        self.projections = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, 256, 1, bias=False), nn.BatchNorm2d(256))
            for channels in (128, 256, 512)
        )
        self.upsample = upsampling(256)
        self.final = nn.Conv2d(256, num_joints, 1)
        for new in (self.projections, self.upsample, self.final):
            initialise(new)
        # Last, so that one seed gives the other weights the same start with and without it.
        self.attention = SelfAttention(256) if self_attention else None

    def fuse(self, images: Tensor) -> Tensor:
        """The sum of the three levels, [B, 256, H/8, W/8], after attention if there is any."""
        l1, l2, l3 = (
            projection(level)
            for projection, level in zip(self.projections, self.trunk(images), strict=True)
        )
        l2 = F.interpolate(l2, size=l1.shape[-2:], mode="bilinear", align_corners=False)
        l3 = F.interpolate(l3, size=l1.shape[-2:], mode="bilinear", align_corners=False)
        fused = torch.relu(l1 + l2 + l3)
        if self.attention is not None:
            fused = self.attention(fused)
        return fused

    def forward(self, images: Tensor) -> Tensor:
        check_images("ResNet18FPN", images, 32)
        heatmaps: Tensor = self.final(self.upsample(self.fuse(images)))
        return heatmaps
