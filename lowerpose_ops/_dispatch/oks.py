"""Object keypoint similarity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from .._score_arguments import EPSILON
from ._kinds import is_numpy

if TYPE_CHECKING:
    import torch

    Array = np.ndarray[Any, Any]


@overload
def oks(
    pred: Array,
    gt: Array,
    visible: Array,
    area: Array,
    sigmas: Sequence[float] | Array | None = ...,
    *,
    aligned: bool = ...,
    bbox: Array | None = ...,
    pred_visible: Array | None = ...,
    pred_area: Array | None = ...,
    eps: float = ...,
    no_visible: Literal["nan", "zero", "box"] = ...,
    divide_by: Literal["visible", "joints"] = ...,
) -> Array: ...
@overload
def oks(
    pred: torch.Tensor,
    gt: torch.Tensor,
    visible: torch.Tensor,
    area: torch.Tensor,
    sigmas: Sequence[float] | Array | torch.Tensor | None = ...,
    *,
    aligned: bool = ...,
    bbox: torch.Tensor | None = ...,
    pred_visible: torch.Tensor | None = ...,
    pred_area: torch.Tensor | None = ...,
    eps: float = ...,
    no_visible: Literal["nan", "zero", "box"] = ...,
    divide_by: Literal["visible", "joints"] = ...,
) -> torch.Tensor: ...
def oks(
    pred: Any,
    gt: Any,
    visible: Any,
    area: Any,
    sigmas: Any = None,
    *,
    aligned: bool = False,
    bbox: Any = None,
    pred_visible: Any = None,
    pred_area: Any = None,
    eps: float = EPSILON,
    no_visible: Literal["nan", "zero", "box"] = "nan",
    divide_by: Literal["visible", "joints"] = "visible",
) -> Any:
    """Compares the joints of detections with those of persons, with the COCO API's similarity.

    The mean over a person's visible joints of exp(-d^2 / (2 (2 sigma)^2 (area + eps))), where d is
    the distance of prediction and ground truth: 1 for the same joints, 0 for far ones. All
    arithmetic is in float64.

    Args:
        pred: [D, K, 2], (x, y): the detections of an image, each of which is compared with each
            person. [B, D, K, 2] for a batch of images; with aligned=True [B, K, 2]. uint8, a signed
            integer or a floating type; likewise below.
        gt: [G, K, 2], [B, G, K, 2] or [B, K, 2]: the persons, in the same unit.
        visible: [G, K], [B, G, K] or [B, K]: visible where above 0, as COCO's labels 1 and 2 are.
            A joint whose ground truth is not finite or beyond 2^30 in size is not visible.
        area: [G], [B, G] or [B]: of the person, in the unit of the joints squared. Without areas,
            COCO's evaluations take 0.53 * width * height of the box. One that is negative or not
            finite gives NaN.
        sigmas: [K]: how far annotators disagree on each joint, as a part of the square root of the
            area. A sequence or a NumPy array; with tensors also a tensor on their device, in which
            an unusable number gives NaN. None means COCO's, for its 17 joints alone;
            LOWER_BODY_SIGMAS are those of the six joints.
        aligned: Whether detection b belongs to person b alone.
        bbox: [G, 4], [B, G, 4] or [B, 4]: (left, top, width, height) of the persons, for
            no_visible="box".
        pred_visible: [D, K], [B, D, K] or [B, K]: then only joints count that are visible in the
            detection as well; 0 if there are none, as HRNet's NMS has it.
        pred_area: [D], [B, D] or [B]: then the area is the mean of the person's and the
            detection's, as in the NMS of HRNet and MMPose.
        eps: Is added to the area. The default is the COCO API's.
        no_visible: The similarity with a person of whom no joint is visible: "nan", "zero", or
            "box": joints may lie anywhere in the box, doubled towards all sides, and count from its
            border, as in the COCO API.
        divide_by: "visible", or "joints": the sum is divided by K, as in MMPose's OKSLoss.

    Returns:
        [D, G], [B, D, G] or [B], float64. A prediction that is not a number gives NaN where its
        joint counts, and an infinite one counts 0.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: Shapes do not fit; sigmas are missing for other than 17 joints, not positive or
            not finite; bbox is given without no_visible="box", or not given with it; eps is
            negative.

    Example:
        >>> person = np.array([[[10.0, 10.0], [20.0, 30.0]]])
        >>> detections = np.concatenate([person, person + 3.0])
        >>> similarity = oks(detections, person, np.ones((1, 2)), np.array([900.0]), (0.1, 0.1))
        >>> similarity.round(4).tolist()
        [[1.0], [0.7788]]

    COCO API, https://cocodataset.org/#keypoints-eval.
    """
    arguments: tuple[Any, ...] = (pred, gt, visible, area, sigmas)
    if is_numpy("oks", "pred", pred):
        from ..arrays import oks as compare_arrays

        compare: Any = compare_arrays
    else:
        from ..ops.oks import oks as compare_tensors

        compare = compare_tensors
    return compare(
        *arguments,
        aligned=aligned,
        bbox=bbox,
        pred_visible=pred_visible,
        pred_area=pred_area,
        eps=eps,
        no_visible=no_visible,
        divide_by=divide_by,
    )
