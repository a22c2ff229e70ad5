"""A crop cache in the memory of a device: batches are gathered there, and no loader is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from python_models.arrays import Array
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.data.crop_store import CropCache
from python_models.data.samples import Batch, Key, Sample, Unreadable
from python_models.data.view import LUMA, View, inverse, widened

_STEP = 256  # crops that are copied to the device at a time


def device_bytes(cache: CropCache) -> int:
    """What `DeviceCrops` needs for a cache, besides its batches."""
    return cache.plain.nbytes + (0 if cache.wide is cache.plain else cache.wide.nbytes)


def fits(cache: CropCache, device: torch.device, share: float = 0.5) -> bool:
    """Whether a cache takes at most a share of what a device has free; of a CPU's: never asked."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return device_bytes(cache) <= share * free


class DeviceCrops:
    """The crops of a data set as uint8 tensors on a device.

    `batches` gives what `loader` gives, but with images, joints and visibilities on the device (the
    indices stay on the CPU). Joints are the same to the bit. So are images that are not augmented,
    or only mirrored. Others are turned and coloured by torch on the device, from the same crops
    and with the same random numbers as by a data set with this cache; their values are rounded
    otherwise.

    Args:
        data: The data set; whether it uses the cache itself does not matter.
        cache: Its cache, as `crop_cache.prepare` gives it.
        device: Where to; see `fits`.

    Raises:
        ValueError: The cache has another number of persons, or other sizes.
    """

    def __init__(self, data: CocoLowerBody, cache: CropCache, device: torch.device | str) -> None:
        data.check(cache)
        self.data = data
        self.device = torch.device(device)
        self.unreadable = cache.unreadable
        self._plain = _copied(cache.plain, self.device)
        self._wide = self._plain
        if cache.wide is not cache.plain:
            self._wide = _copied(cache.wide, self.device)

    def batches(self, blocks: Sequence[Sequence[Key]]) -> DeviceBatches:
        """One batch for each block of keys, in their order; may be gone through repeatedly."""
        return DeviceBatches(self, blocks)

    def batch(self, keys: Sequence[Key]) -> Batch:
        """The samples of some keys."""
        good, bad = [], []
        for key in keys:
            index = key[1] if isinstance(key, tuple) else key
            if index in self.unreadable:
                path = self.data.persons[index].image_path
                bad.append(Unreadable(path, self.unreadable[index]))
            else:
                good.append((index, self.data.view(key)))
        if not good:
            return Batch(samples=None, unreadable=bad)
        labels = [self.data.labels_of(index, view) for index, view in good]
        samples = Sample(
            image=self._images(good).permute(0, 3, 1, 2),
            joints=self._sent(np.stack([joints for joints, _ in labels])),
            visible=self._sent(np.stack([visible for _, visible in labels])),
            index=torch.tensor([index for index, _ in good]),
        )
        return Batch(samples=samples, unreadable=bad)

    def _images(self, views: list[tuple[int, View]]) -> Tensor:
        """uint8 [B, H, W, 3]."""
        images = self._plain[self._sent(np.array([index for index, _ in views]))]
        as_it_is = [view.shows(self.data.crop(index)) for index, view in views]
        flipped = [n for n, (_, view) in enumerate(views) if as_it_is[n] and view.flip]
        if flipped:
            where = self._sent(np.array(flipped))
            images[where] = images[where].flip(2)
        moved = [n for n, plain in enumerate(as_it_is) if not plain]
        if moved:
            images[self._sent(np.array(moved))] = self._moved([views[n] for n in moved])
        colored = [n for n, (_, view) in enumerate(views) if view.colors.factors != (1, 1, 1)]
        if colored:
            where = self._sent(np.array(colored))
            factors = np.array([views[n][1].colors.factors for n in colored], np.float32)
            images[where] = _colored(images[where], self._sent(factors))
        return images

    def _moved(self, views: list[tuple[int, View]]) -> Tensor:
        """The same of views that show another part; `View.pixels_of_wide` for all at once."""
        width, height = size = self.data.input_size
        wide_height, wide_width = self._wide.shape[1:3]
        matrices = []
        for index, view in views:
            around = widened(self.data.crop(index), size, (wide_width, wide_height))
            matrices.append(inverse(view.within(around, (wide_width, wide_height)).matrix(size)))
        back = self._sent(np.array(matrices, np.float32))  # from input pixels to wide ones
        x = torch.arange(width, device=self.device, dtype=torch.float32)
        y = torch.arange(height, device=self.device, dtype=torch.float32)
        a = back[:, None, None]  # [B, 1, 1, 2, 3]
        where = a[..., 0] * x[:, None] + a[..., 1] * y[:, None, None] + a[..., 2]
        # grid_sample counts from -1 to 1, from one outer edge to the other: pixel 0 begins at -1.
        grid = torch.stack(
            [(2 * where[..., 0] + 1) / wide_width - 1, (2 * where[..., 1] + 1) / wide_height - 1],
            dim=-1,
        )
        wide = self._wide[self._sent(np.array([index for index, _ in views]))]
        moved = functional.grid_sample(
            wide.permute(0, 3, 1, 2).float(), grid, padding_mode="zeros", align_corners=False
        )
        return moved.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)

    def _sent(self, array: Array) -> Tensor:
        tensor = torch.from_numpy(array)
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)


@dataclass(frozen=True)
class DeviceBatches:
    """One batch for each block of keys, as often as asked."""

    crops: DeviceCrops
    blocks: Sequence[Sequence[Key]]

    def __len__(self) -> int:
        return len(self.blocks)

    def __iter__(self) -> Iterator[Batch]:
        for keys in self.blocks:
            yield self.crops.batch(keys)


def _copied(crops: Array, device: torch.device) -> Tensor:
    """A mapped array on the device; a part at a time, so that the CPU never holds it whole."""
    result = torch.empty(crops.shape, dtype=torch.uint8, device=device)
    for first in range(0, len(crops), _STEP):
        part = np.array(crops[first : first + _STEP])
        result[first : first + _STEP].copy_(torch.from_numpy(part))
    return result


def _colored(images: Tensor, factors: Tensor) -> Tensor:
    """`Colors.apply` of uint8 images [B, H, W, 3] with factors [B, 3]."""
    brightness, contrast, saturation = factors[:, None, None, None].unbind(-1)
    values = images.float() * brightness
    red, green, blue = (weight * values[..., c] for c, weight in enumerate(LUMA))
    gray = (red + green + blue)[..., None]
    mean = gray.mean(dim=(1, 2), keepdim=True)
    values = contrast * (gray + saturation * (values - gray)) + (1 - contrast) * mean
    return values.round().clamp(0, 255).to(torch.uint8)
