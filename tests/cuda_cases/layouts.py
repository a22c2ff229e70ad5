"""Layouts of [B, K, H, W] maps."""

from __future__ import annotations

from collections.abc import Callable

import torch


def unaligned(tensor: torch.Tensor) -> torch.Tensor:
    """Contiguous, but beginning one element behind a multiple of 16 bytes."""
    storage = tensor.new_zeros(tensor.numel() + 1)
    return storage[1:].view(tensor.shape).copy_(tensor)


def channels_last(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous(memory_format=torch.channels_last)


def transposed(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.transpose(2, 3).contiguous().transpose(2, 3)


def cut_out(tensor: torch.Tensor) -> torch.Tensor:
    """Maps of a larger stack, whose rows and images have gaps between them."""
    batch, num_joints, height, width = tensor.shape
    storage = tensor.new_zeros(batch, num_joints + 1, height + 2, width + 5)
    view = storage[:, 1:, 1:-1, 3:-2]
    return view.copy_(tensor)


def strided(*strides: int) -> Callable[[torch.Tensor], torch.Tensor]:
    def lay_out(tensor: torch.Tensor) -> torch.Tensor:
        last = sum((size - 1) * stride for size, stride in zip(tensor.shape, strides, strict=True))
        return tensor.new_zeros(last + 1).as_strided(tensor.shape, strides).copy_(tensor)

    return lay_out


# name: (how the maps are laid out, their shape, which kernel reads them)
LAYOUTS = {
    "contiguous": (torch.Tensor.contiguous, (2, 3, 8, 16), "kMaps"),
    "several blocks a map": (torch.Tensor.contiguous, (1, 2, 70, 64), "kMaps"),
    "channels_last": (channels_last, (2, 17, 8, 16), "kPixels"),
    "channels_last, several blocks": (channels_last, (1, 17, 48, 32), "kPixels"),
    "as many joints as threads": (channels_last, (1, 256, 2, 4), "kPixels"),
    "one map an image": (channels_last, (3, 1, 8, 16), "kMaps"),
    "unaligned": (unaligned, (2, 3, 8, 16), "kStrided"),
    "odd": (torch.Tensor.contiguous, (2, 3, 7, 9), "kStrided"),
    "odd channels_last": (channels_last, (2, 3, 7, 9), "kStrided"),
    "more joints than threads": (channels_last, (1, 257, 2, 8), "kStrided"),
    "transposed": (transposed, (2, 3, 8, 16), "kStrided"),
    "cut out": (cut_out, (2, 3, 8, 16), "kStrided"),
    # What has one element along an axis may have any stride there.
    "one column": (strided(48, 16, 1, 8), (2, 3, 16, 1), "kMaps"),
    "one column, spread": (strided(384, 128, 8, 8), (2, 3, 16, 1), "kStrided"),
    "one row": (strided(48, 16, 7, 1), (2, 3, 1, 16), "kMaps"),
    "one image": (strided(1, 128, 16, 1), (1, 2, 8, 16), "kMaps"),
    "one joint": (strided(128, 1, 16, 1), (2, 1, 8, 16), "kMaps"),
    "images an odd way apart": (strided(385, 128, 16, 1), (2, 3, 8, 16), "kStrided"),
    "maps an odd way apart": (strided(1024, 129, 16, 1), (2, 3, 8, 16), "kStrided"),
    "channels_last, an odd way apart": (strided(2177, 1, 272, 17), (2, 17, 8, 16), "kStrided"),
    "rows longer than a block": (unaligned, (1, 1, 3, 700), "kStrided"),
    "strided, several blocks": (transposed, (1, 1, 65, 66), "kStrided"),
}
