"""Object keypoint similarity, on arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import _arguments as arguments
from .. import _native
from .. import _score_arguments as score_arguments
from ._checks import Array, check_arrays


def oks(
    pred: Array,
    gt: Array,
    visible: Array,
    area: Array,
    sigmas: Sequence[float] | Array | None = None,
    *,
    aligned: bool = False,
    bbox: Array | None = None,
    pred_visible: Array | None = None,
    pred_area: Array | None = None,
    eps: float = score_arguments.EPSILON,
    no_visible: str = "nan",
    divide_by: str = "visible",
) -> Array:
    """`lowerpose_ops.oks` for arrays."""
    name = "oks"
    options = score_arguments.oks_options(eps, no_visible, divide_by)
    needed = {"gt": gt, "visible": visible, "area": area}
    optional = {"pred_visible": pred_visible, "pred_area": pred_area, "bbox": bbox}
    arrays = needed | {argument: value for argument, value in optional.items() if value is not None}
    check_arrays(name, pred=pred, **arrays)
    layout = score_arguments.oks_layout(aligned, pred)
    score_arguments.check_oks_arrays(layout, arrays)
    axis = score_arguments.OKS_AXIS[layout]

    def batched(array: Array) -> Array:
        return array if axis is None else np.expand_dims(array, axis)

    values = score_arguments.sigmas(name, sigmas, pred.shape[-2])
    detections, persons = batched(pred), batched(gt)
    similarity: Array = np.empty((*detections.shape[:2], persons.shape[1]), np.float64)
    seen, areas, boxes = (
        None if array is None else batched(array) for array in (pred_visible, pred_area, bbox)
    )
    _native.core.oks(
        detections,
        persons,
        batched(visible),
        batched(area),
        np.array(values),  # as an array, which may be of any number of joints
        [],
        seen,
        areas,
        boxes,
        *options,
        similarity,
        arguments.threads(),
    )
    if layout == "aligned":
        return similarity[:, 0, 0]
    return similarity[0] if layout == "pairs" else similarity
