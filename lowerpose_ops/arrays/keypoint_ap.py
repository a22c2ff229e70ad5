"""Average precision of keypoints, on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _arguments as arguments
from ..keypoint_ap_presets import KeypointAPRules, rules
from . import _keypoint_matching as matching
from ._checks import Array, check_arrays
from ._coco_statistics import AREA_RANGES, IOU_THRESHOLDS, MAX_DETS, RECALLS, statistics
from ._keypoint_ap_inputs import Detections, People, detections_limit, ids_of, joint_sigmas


def evaluate(
    operation: str,
    detections: Detections,
    people: People,
    pred_places: tuple[Array, Array],
    gt_places: tuple[Array, Array],
    sigmas: Array,
    rule: KeypointAPRules,
    max_dets: int,
    threads: int | None = None,
) -> dict[str, float]:
    """The ten numbers. A place is an image and a category of each row."""
    for word, pred_ids, gt_ids in zip(
        ("images", "categories"), pred_places, gt_places, strict=True
    ):
        if (
            len(pred_ids)
            and len(gt_ids)
            and (pred_ids.dtype.kind == "U") != (gt_ids.dtype.kind == "U")
        ):
            raise TypeError(
                f"{operation}: pred_{word} and gt_{word} must be both numbers or strings"
            )
    images, categories = (
        np.unique([*pred_ids.tolist(), *gt_ids.tolist()])
        for pred_ids, gt_ids in zip(pred_places, gt_places, strict=True)
    )
    num_groups = len(images) * len(categories)

    def groups(places: tuple[Array, Array]) -> Array:
        image, category = places
        group = np.searchsorted(categories, category) * len(images)
        return np.ascontiguousarray(group + np.searchsorted(images, image), np.int64)

    group = groups(pred_places)
    group[~detections.kept(rule)] = -1
    offsets, rows = matching.by_group(group, detections.scores, num_groups, max_dets)
    gt_offsets, gt_rows = matching.by_group(groups(gt_places), None, num_groups)
    areas = people.areas[gt_rows]
    matched = matching.match(
        matching.Predictions(
            *(detections.keypoints[rows], detections.scores[rows], detections.areas[rows]),
            *(np.ones(len(rows), bool), offsets),
        ),
        matching.Truths(
            *(people.keypoints[gt_rows], people.boxes[gt_rows], areas, areas),
            *(people.ignored[gt_rows], people.crowd[gt_rows]),
            *(np.ones(len(gt_rows), bool), gt_offsets),
        ),
        matching.variances(operation, "sigmas", sigmas),
        IOU_THRESHOLDS,
        np.array(list(AREA_RANGES.values())),
        num_categories=len(categories),
        nan_matches=rule.nan_similarity == "match",
        threads=threads,
    )
    curves = matching.curves(
        *(matched, RECALLS, np.ones(len(images), bool), range(len(categories))),
        *(range(len(AREA_RANGES)), [max_dets]),
        threads=threads,
    )
    return statistics(curves.precision, curves.recall)


def keypoint_ap(
    pred: Array,
    scores: Array,
    pred_images: Array | Sequence[Any],
    gt: Array,
    gt_images: Array | Sequence[Any],
    *,
    areas: Array | None = None,
    boxes: Array | None = None,
    crowd: Array | None = None,
    num_keypoints: Array | None = None,
    pred_areas: Array | None = None,
    pred_boxes: Array | None = None,
    pred_categories: Array | Sequence[Any] | None = None,
    gt_categories: Array | Sequence[Any] | None = None,
    sigmas: Sequence[float] | Array | None = None,
    use_area: bool = True,
    max_dets: int = MAX_DETS,
    preset: str = "coco",
    fixed: bool = False,
    label_count: str | None = None,
    unscored: str | None = None,
    nan_similarity: str | None = None,
    extent: str | None = None,
) -> dict[str, float]:
    """`lowerpose_ops.keypoint_ap` for arrays."""
    name = "keypoint_ap"
    rule = rules(
        *(name, preset, fixed),
        label_count=label_count,
        unscored=unscored,
        nan_similarity=nan_similarity,
        extent=extent,
    )
    arguments.check_flag(name, "use_area", use_area)
    check_arrays(name, pred=pred, gt=gt)
    arguments.check_ndim(name, "gt", gt, {3: "[G, K, 3]"})
    values = joint_sigmas(name, sigmas, gt.shape[1])
    people = People.read(name, len(values), rule, use_area, gt, areas, boxes, crowd, num_keypoints)
    detections = Detections.read(name, len(values), rule, pred, scores, pred_areas, pred_boxes)
    if (pred_categories is None) != (gt_categories is None):
        raise ValueError(f"{name}: pred_categories and gt_categories must be given both or neither")
    num_pred, num_gt = len(detections.keypoints), len(people.keypoints)
    return evaluate(
        *(name, detections, people),
        (
            ids_of(name, "pred_images", pred_images, num_pred),
            ids_of(name, "pred_categories", pred_categories, num_pred),
        ),
        (
            ids_of(name, "gt_images", gt_images, num_gt),
            ids_of(name, "gt_categories", gt_categories, num_gt),
        ),
        *(values, rule, detections_limit(name, max_dets)),
    )
