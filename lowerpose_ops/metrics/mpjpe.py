"""The mean distance of joints in space, of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import _arguments as arguments
from ..ops.mpjpe import measure
from ..pose3d.mpjpe import ALIGNMENTS, check_alignment
from ._metric import Metric

_NAME = "MPJPE"


class MPJPE(Metric):
    """The mean distance of joints from their ground truth, of all batches and ranks.

    The distances are summed in float64 where the batches are, and nothing waits for a GPU before
    compute. Which joints count, and what the alignments do, is told at `mpjpe`.

    Args:
        align: "none", "root", "scale" (N-MPJPE) or "procrustes" (PA-MPJPE).
        root: The joint of align="root", or several, whose mean it is.
        **options: Those of torchmetrics.Metric; without torchmetrics process_group and
            sync_on_compute.

    update(pred, gt, mask=None): [..., K, 3] twice and [..., K], tensors or NumPy arrays, as for
    `mpjpe`. Batches may differ in their number of joints: all joints are pooled.

    compute(): A float64 tensor without dimensions, in the joints' unit; NaN where no joint counts.
    All ranks call it and get the same.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: A word is unknown; a shape does not fit; root is not there.

    Example:
        >>> metric = MPJPE(align="root")
        >>> gt = torch.zeros(2, 6, 3)
        >>> pred = gt.clone()
        >>> pred[:, 1:] += torch.tensor([30.0, 0, 40])
        >>> metric.update(pred, gt)
        >>> metric.update(gt, gt, torch.ones(2, 6))
        >>> round(metric.compute().item(), 6)  # 50 mm at 10 of 24 joints
        20.833333
    """

    higher_is_better = False

    def __init__(
        self, align: str = "none", *, root: int | Sequence[int] = 0, **options: Any
    ) -> None:
        super().__init__(**options)
        arguments.choice(_NAME, "align", align, ALIGNMENTS)
        self.align, self.root = align, root
        # The sum of the distances, and how many they are: exact up to 2^53.
        self._totals = self._name_of_rules("totals", align, root)
        self._add_sum(self._totals, torch.zeros(2, dtype=torch.float64))

    def update(self, pred: Any, gt: Any, mask: Any = None) -> None:
        """Adds a batch."""
        pred, gt = (_tensor(name, value) for name, value in (("pred", pred), ("gt", gt)))
        if mask is not None:
            mask = _tensor("mask", mask)
        roots = check_alignment(_NAME, pred, gt, mask, self.align, self.root)
        poses = pred.detach(), gt.detach()
        _, totals = measure(_NAME, *poses, mask, self.align, roots, "mean")
        self._follow(totals)
        # Not in place: a state that was made in inference mode could not be changed outside.
        setattr(self, self._totals, getattr(self, self._totals) + totals)

    def compute(self) -> Tensor:
        """The mean of all updates on all ranks."""
        distances, number = getattr(self, self._totals)
        mean: Tensor = distances / number
        return mean


def _tensor(argument: str, value: Any) -> Tensor:
    """A tensor as it is, and an array as one on the CPU."""
    if isinstance(value, Tensor):
        return value
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
        raise arguments.type_error(_NAME, argument, "a NumPy array or a torch tensor", value)
    if value.dtype.kind not in "f" and argument != "mask":
        raise TypeError(f"{_NAME}: {argument} must be of a floating type, got {value.dtype}")
    if value.dtype.kind not in "biuf":
        raise TypeError(f"{_NAME}: {argument} must be bool or real, got {value.dtype}")
    if argument == "mask":
        return torch.from_numpy(np.asarray(value >= 0.5))
    small = value.dtype.itemsize <= 4
    return torch.from_numpy(np.ascontiguousarray(value, np.float32 if small else np.float64))
