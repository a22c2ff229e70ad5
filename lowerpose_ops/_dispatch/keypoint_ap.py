"""Average precision of keypoints."""

from __future__ import annotations

from typing import Any, Literal

from ._kinds import host_array, is_numpy


def keypoint_ap(
    pred: Any,
    scores: Any,
    pred_images: Any,
    gt: Any,
    gt_images: Any,
    *,
    areas: Any = None,
    boxes: Any = None,
    crowd: Any = None,
    num_keypoints: Any = None,
    pred_areas: Any = None,
    pred_boxes: Any = None,
    pred_categories: Any = None,
    gt_categories: Any = None,
    sigmas: Any = None,
    use_area: bool = True,
    max_dets: int = 20,
    preset: Literal["coco", "xtcoco"] = "coco",
    fixed: bool = False,
    label_count: Literal["given", "counted"] | None = None,
    unscored: Literal["keep", "drop"] | None = None,
    nan_similarity: Literal["match", "miss"] | None = None,
    extent: Literal["all", "scored"] | None = None,
) -> dict[str, float]:
    """COCO's average precision and recall of keypoints, of a whole data set at once.

    Detections and people stand in any order; their images say which belong together. Tensors are
    copied to the CPU, where all is computed in float64. For the curves themselves, other area
    ranges and annotation files see `lowerpose_ops.compat.cocoeval.COCOeval`; for batches and ranks
    `lowerpose_ops.metrics.KeypointAP`.

    Args:
        pred: [D, K, 2] or [D, K, 3]: x, y in pixels, and a score that only `unscored` and `extent`
            look at. Numbers of any type; likewise below.
        scores: [D]. NaN comes last.
        pred_images: [D], the ids of the detections' images: integers or strings.
        gt: [G, K, 3]: x, y in pixels, v > 0 where a joint is labelled.
        gt_images: [G].
        areas: [G], the people's areas in square pixels.
        boxes: [G, 4]: x, y, width, height. They say how near a detection is to a person without
            labelled joints; left out, nobody is near it.
        crowd: [G], not 0 for a crowd, which any number of detections may match to no effect.
        num_keypoints: [G], the labelled joints of each; left out, they are counted.
        pred_areas: [D]; left out, the areas of `pred_boxes`.
        pred_boxes: [D, 4]; left out, the boxes around the joints.
        pred_categories: [D], ids; the result is the mean over categories.
        gt_categories: [G], likewise.
        sigmas: K numbers, one a joint; left out, COCO's 17.
        use_area: False takes 0.53 times the box's area for a person's, and for a box that is left
            out the one around the labelled joints.
        max_dets: How many detections of an image count, the best first.
        preset: What is done with unusual data: as pycocotools ("coco") or xtcocotools ("xtcoco")
            does.
        fixed: As its authors meant: NaN similarities match nobody, and the box of a detection is
            around its joints with a score above 0.
        label_count: People without labelled joints are ignored: "given" looks at `num_keypoints`,
            "counted" at v.
        unscored: "drop" leaves out detections without a joint score above 0.
        nan_similarity: "match": a detection with a NaN coordinate finds anybody, as pycocotools
            has it; "miss".
        extent: The box of a detection is around "all" its joints, or the "scored" ones.

    Returns:
        AP AP50 AP75 APM APL AR AR50 AR75 ARM ARL as floats; -1 where there is nobody to be found.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: A shape does not fit; sigmas are not positive and finite, or left out where K
            is not 17; areas are left out; categories are given on one side alone; max_dets is
            below 1.

    Example:
        >>> gt = np.array([[[10.0, 10.0, 2], [30.0, 40.0, 2]]])
        >>> result = keypoint_ap(
        ...     gt + 0.5, np.array([0.9]), [7], gt, [7], areas=np.array([1500.0]), sigmas=(0.1, 0.1)
        ... )
        >>> round(result["AP"], 3), round(result["APM"], 3), result["APL"]
        (1.0, 1.0, -1.0)

    COCO: https://cocodataset.org/#keypoints-eval
    """
    from ..arrays.keypoint_ap import keypoint_ap as evaluate

    is_numpy("keypoint_ap", "pred", pred)
    given = {
        "areas": areas,
        "boxes": boxes,
        "crowd": crowd,
        "num_keypoints": num_keypoints,
        "pred_areas": pred_areas,
        "pred_boxes": pred_boxes,
        "pred_categories": pred_categories,
        "gt_categories": gt_categories,
        "sigmas": sigmas,
    }
    return evaluate(
        *map(host_array, (pred, scores, pred_images, gt, gt_images)),
        **{name: host_array(value) for name, value in given.items()},
        use_area=use_area,
        max_dets=max_dets,
        preset=preset,
        fixed=fixed,
        label_count=label_count,
        unscored=unscored,
        nan_similarity=nan_similarity,
        extent=extent,
    )
