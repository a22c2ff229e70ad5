"""Object keypoint similarity, on tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .. import _arguments as arguments
from .. import _native
from .. import _score_arguments as score_arguments
from .._library import check_tensors, define_op, optional_view, view

_NAME = "oks"


def _allocate(
    pred: Tensor,
    gt: Tensor,
    visible: Tensor,
    area: Tensor,
    sigmas: Tensor | None,
    sigma_values: list[float],
    pred_visible: Tensor | None,
    pred_area: Tensor | None,
    bbox: Tensor | None,
    eps: float,
    no_visible: str,
    divide_by: str,
) -> Tensor:
    return pred.new_empty((pred.shape[0], pred.shape[1], gt.shape[1]), dtype=torch.float64)


def _run(
    pred: Tensor,
    gt: Tensor,
    visible: Tensor,
    area: Tensor,
    sigmas: Tensor | None,
    sigma_values: list[float],
    pred_visible: Tensor | None,
    pred_area: Tensor | None,
    bbox: Tensor | None,
    eps: float,
    no_visible: str,
    divide_by: str,
) -> Tensor:
    similarity = _allocate(
        *(pred, gt, visible, area, sigmas, sigma_values, pred_visible, pred_area, bbox),
        *(eps, no_visible, divide_by),
    )
    _native.core.oks(
        *(view(pred), view(gt), view(visible), view(area), optional_view(sigmas), sigma_values),
        *(optional_view(pred_visible), optional_view(pred_area), optional_view(bbox)),
        eps,
        no_visible,
        divide_by,
        view(similarity),
        arguments.threads(),
    )
    return similarity


_oks = define_op(
    "oks(Tensor pred, Tensor gt, Tensor visible, Tensor area, Tensor? sigmas, "
    "float[] sigma_values, Tensor? pred_visible, Tensor? pred_area, Tensor? bbox, float eps, "
    "str no_visible, str divide_by) -> Tensor",
    _run,
    _allocate,
)


def oks(
    pred: Tensor,
    gt: Tensor,
    visible: Tensor,
    area: Tensor,
    sigmas: Sequence[float] | np.ndarray[tuple[int], np.dtype[np.float64]] | Tensor | None = None,
    *,
    aligned: bool = False,
    bbox: Tensor | None = None,
    pred_visible: Tensor | None = None,
    pred_area: Tensor | None = None,
    eps: float = score_arguments.EPSILON,
    no_visible: str = "nan",
    divide_by: str = "visible",
) -> Tensor:
    """`lowerpose_ops.oks` for tensors."""
    options = score_arguments.oks_options(eps, no_visible, divide_by)
    given = {"gt": gt, "visible": visible, "area": area, "pred_visible": pred_visible}
    given |= {"pred_area": pred_area, "bbox": bbox}
    optional = ("pred_visible", "pred_area", "bbox")
    tensors = {
        name: tensor for name, tensor in given.items() if tensor is not None or name not in optional
    }
    tensor_sigmas = {"sigmas": sigmas} if isinstance(sigmas, Tensor) else {}
    check_tensors(_NAME, pred=pred, **tensors, **tensor_sigmas)
    layout = score_arguments.oks_layout(aligned, pred)
    score_arguments.check_oks_arrays(layout, tensors)
    axis = score_arguments.OKS_AXIS[layout]

    def batched(tensor: Tensor | None) -> Tensor | None:
        if tensor is None:
            return None
        plain = tensor.detach()  # a similarity has no gradient
        return plain if axis is None else plain.unsqueeze(axis)

    values = [] if tensor_sigmas else score_arguments.sigmas(_NAME, sigmas, pred.shape[-2])
    similarity: Tensor = _oks(
        *(batched(pred), batched(gt), batched(visible), batched(area)),
        sigmas.detach() if isinstance(sigmas, Tensor) else None,
        values,
        *(batched(pred_visible), batched(pred_area), batched(bbox)),
        *options,
    )
    if layout == "aligned":
        return similarity[:, 0, 0]
    return similarity[0] if layout == "pairs" else similarity
