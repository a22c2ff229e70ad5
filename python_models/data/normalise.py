"""ImageNet's normalisation, on the device where the images are."""

from __future__ import annotations

import torch
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of red, green, blue in 0 to 1
IMAGENET_STD = (0.229, 0.224, 0.225)


def normalised(images: Tensor) -> Tensor:
    """Images [..., 3, H, W] of 0 to 255 (uint8 or float) as ImageNet-normalised float32.

    A new tensor on the same device and with the same memory format; nothing waits for the device.
    """
    if images.ndim < 3 or images.shape[-3] != 3:
        raise ValueError(f"normalised: images must be [..., 3, H, W], got {list(images.shape)}")
    result = images.to(torch.float32, copy=True)
    # Channel by channel, with numbers: a tensor of means would have to be copied to the device.
    for channel, (mean, std) in enumerate(zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)):
        result[..., channel, :, :].sub_(255 * mean).div_(255 * std)
    return result
