"""The mean distance of joints in space, of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import _arguments as arguments
from ..pose3d._joints import ordered_sum
from ..pose3d.mpjpe import ALIGNMENTS, joint_errors
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
        self._total, self._counted = (
            self._name_of_rules(name, align, root) for name in ("total", "counted")
        )
        self._add_sum(self._total, torch.zeros((), dtype=torch.float64))
        self._add_sum(self._counted, torch.zeros((), dtype=torch.int64))

    def update(self, pred: Any, gt: Any, mask: Any = None) -> None:
        """Adds a batch."""
        pred, gt = (_tensor(name, value) for name, value in (("pred", pred), ("gt", gt)))
        if mask is not None:
            mask = _tensor("mask", mask)
        with torch.no_grad():
            errors, counts = joint_errors(_NAME, pred, gt, mask, self.align, self.root)
            self._follow(errors)
            # Not in place: a state that was made in inference mode could not be changed outside.
            total = getattr(self, self._total) + ordered_sum(torch.where(counts, errors, 0.0))
            setattr(self, self._total, total)
            setattr(self, self._counted, getattr(self, self._counted) + counts.sum())

    def compute(self) -> Tensor:
        """The mean of all updates on all ranks."""
        mean: Tensor = getattr(self, self._total) / getattr(self, self._counted)
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
