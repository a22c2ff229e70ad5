"""Object keypoint similarity, in float64."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_LARGEST_COORDINATE = 2.0**30


def oks(
    pred: Tensor,
    gt: Tensor,
    visible: Tensor,
    area: Tensor,
    sigmas: Sequence[float] | Tensor,
    *,
    bbox: Tensor | None = None,
    pred_visible: Tensor | None = None,
    pred_area: Tensor | None = None,
    eps: float = 2.0**-52,
    no_visible: str = "nan",
    divide_by: str = "visible",
) -> Tensor:
    """`lowerpose_ops.oks` of a batch of pairs: pred [B, D, K, 2] and gt [B, G, K, 2]."""
    pred, gt = pred.double()[:, :, None], gt.double()[:, None]
    areas = area.double()[:, None]
    if pred_area is not None:
        areas = (areas + pred_area.double()[:, :, None]) / 2
    areas = torch.where((areas >= 0) & areas.isfinite(), areas, torch.nan)
    widths = torch.as_tensor(sigmas, dtype=torch.float64)
    widths = torch.where((widths > 0) & widths.isfinite(), widths, torch.nan)

    def similarities(delta: Tensor) -> Tensor:
        return torch.exp(
            -delta.pow(2).sum(-1) / (2 * widths) ** 2 / (areas[..., None] + eps) / 2
        ).expand(batch, detections, persons, num_joints)

    batch, detections, _, num_joints, _ = pred.shape
    persons = gt.shape[2]
    seen = (visible[:, None] > 0) & (gt.abs() <= _LARGEST_COORDINATE).all(-1)
    seen = seen.expand(batch, detections, persons, num_joints)
    counted = seen if pred_visible is None else seen & (pred_visible[:, :, None] > 0)
    count = counted.sum(-1)
    divisor = torch.full_like(count, num_joints) if divide_by == "joints" else count
    # A joint that does not count may hold anything.
    total = torch.where(counted, similarities(pred - gt), 0.0).sum(-1)
    found = torch.where(count > 0, total / divisor.clamp(min=1), 0.0)
    if bbox is not None:
        corner, size = bbox.double()[:, None, :, None, :2], bbox.double()[:, None, :, None, 2:]
        below, above = corner - size - pred, pred - (corner + 2 * size)
        beyond = torch.maximum(below, torch.zeros(())) + torch.maximum(above, torch.zeros(()))
        nothing = similarities(beyond).mean(-1)
    else:
        nothing = torch.full_like(found, 0.0 if no_visible == "zero" else torch.nan)
    result = torch.where(seen.any(-1), found, nothing)
    return torch.where(areas.isnan(), torch.nan, result)
