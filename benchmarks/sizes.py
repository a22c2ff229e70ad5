"""The sizes that everything is measured at, and which candidates take part in which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

import lowerpose_ops as lp


@dataclass(frozen=True)
class Size:
    """A batch of heatmaps, named as the table names it."""

    name: str
    batch: int
    joints: int
    height: int
    width: int
    sigma: float = 2.0
    loops: bool = False  # NumPy loops take part: elsewhere they need seconds a call
    compiled: bool = False  # torch.compile takes part: it needs many seconds a form and size

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return self.batch, self.joints, self.height, self.width

    @property
    def heatmap_size(self) -> tuple[int, int]:
        """(W, H), as the operations take it."""
        return self.width, self.height

    @property
    def bytes(self) -> int:
        """Of one float32 stack of maps."""
        return 4 * self.batch * self.joints * self.height * self.width

    def __str__(self) -> str:
        return f"{self.name}, B={self.batch} K={self.joints} {self.height}x{self.width}"


LOWER_BODY_8 = Size("lower body", 8, 6, 64, 48, loops=True)
LOWER_BODY = Size("lower body", 64, 6, 64, 48, loops=True, compiled=True)
LOWER_BODY_256 = Size("lower body", 256, 6, 64, 48, loops=True)
COCO = Size("COCO", 64, 17, 64, 48, loops=True)
COCO_LARGE = Size("COCO", 64, 17, 96, 72, compiled=True)
WHOLE_BODY = Size("whole body", 32, 133, 96, 72)
# A stack of these maps is 606 MB: more than the third-level cache of the machine that this was
# chosen on (480 MB, of which its other virtual machines use their share). Whoever reads two and
# writes one moves 1.8 GB, and the process with all candidates stays below 12 GB.
SAPIENS = Size("Sapiens", 10, 308, 256, 192, sigma=6.0)

ALL = (LOWER_BODY_8, LOWER_BODY, LOWER_BODY_256, COCO, COCO_LARGE, WHOLE_BODY, SAPIENS)
# Without those that lie between two others.
WITHOUT_NEIGHBOURS = tuple(size for size in ALL if size not in (LOWER_BODY_256, COCO))
# One thread: where loader workers and small machines find it, in and beyond the cache of a core.
ALONE = (LOWER_BODY, COCO_LARGE)


def sizes_and_threads(
    sizes: Iterable[Size] = ALL, alone: Iterable[Size] = ALONE
) -> pytest.MarkDecorator:
    """All sizes with two threads, and some with one. The six-joint model comes first."""
    chosen = tuple(sizes)
    cases = [(size, 2) for size in chosen] + [(size, 1) for size in alone if size in chosen]
    return pytest.mark.parametrize(
        ("size", "threads"),
        [
            pytest.param(
                *(size, threads),
                marks=[pytest.mark.first] if size is LOWER_BODY else [],
                id=f"{size}, {threads} thread{'s' * (threads > 1)}",
            )
            for size, threads in cases
        ],
    )


def random_joints(size: Size) -> tuple[Tensor, Tensor]:
    """Joints [B, K, 2] all over the maps, and their visibility [B, K]: all seen."""
    generator = torch.Generator().manual_seed(0)
    places = torch.rand(size.batch, size.joints, 2, generator=generator)
    return places * torch.tensor(size.heatmap_size), torch.ones(size.batch, size.joints)


def noisy_heatmaps(size: Size, noise: float = 0.05) -> Tensor:
    """What a network predicts: a peak a joint, and noise."""
    heatmaps, _ = lp.gaussian_targets(*random_joints(size), size.heatmap_size, size.sigma)
    generator = torch.Generator().manual_seed(1)
    return heatmaps.add_(torch.rand(size.shape, generator=generator).mul_(noise))


def random_stacks(size: Size, count: int) -> Tensor:
    """[count, B, K, H, W] between 0 and 1."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, *size.shape, generator=generator)
