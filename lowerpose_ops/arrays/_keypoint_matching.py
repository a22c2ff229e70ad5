"""Average precision of keypoints on packed arrays: what the native functions take and fill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import _arguments as arguments
from .. import _native
from ._checks import Array


@dataclass
class Predictions:
    """Detections, group by group and by falling score; a group is a category and an image."""

    keypoints: Array  # [D, K, 3] float64
    scores: Array  # [D] float64
    areas: Array  # [D] float64
    takes: Array  # [D] bool: a person whom it finds is found
    offsets: Array  # [groups + 1] int64


@dataclass
class Truths:
    """People, group by group."""

    keypoints: Array  # [G, K, 3] float64
    boxes: Array  # [G, 4] float64
    scales: Array  # [G] float64, the area that squared distances are divided by
    areas: Array  # [G] float64, the area that is in a range or not
    ignored: Array  # [G] bool
    crowd: Array  # [G] bool
    counts: Array  # [G] bool: who finds them is right
    offsets: Array  # [groups + 1] int64


@dataclass
class Matching:
    """Which detection has found whom, at T thresholds and in A area ranges."""

    num_categories: int
    scores: Array  # [D]
    pred_offsets: Array
    gt_offsets: Array
    oks_offsets: Array
    oks: Array  # a group's [detections, people] similarities, one behind the other
    match: Array  # [A, T, D] int32: the person within the group, or -1
    outcome: Array  # [A, T, D] uint8: 0 false, 1 true, 2 ignored
    positives: Array  # [A, groups] int32: people who are not ignored


@dataclass
class Curves:
    """Precision over recall; -1 where there is nobody to be found."""

    precision: Array  # [T, R, K, A, M]
    recall: Array  # [T, K, A, M]
    scores: Array  # [T, R, K, A, M]


def by_group(
    groups: Array, scores: Array | None, num_groups: int, most: int = 2**62
) -> tuple[Array, Array]:
    """The offsets of the groups and the rows they hold, the best `most` of each."""
    offsets = np.empty(num_groups + 1, np.int64)
    order = np.empty(len(groups), np.int64)
    _native.core.keypoint_ap_order(groups, scores, most, offsets, order)
    return offsets, order[: offsets[-1]]


def variances(operation: str, argument: str, sigmas: Array) -> Array:
    """(2 sigma)^2, refused where similarities would not be numbers."""
    with np.errstate(over="ignore", under="ignore"):
        result = (sigmas * 2) ** 2
    if not ((sigmas > 0) & (result > 0) & np.isfinite(result)).all():
        raise arguments.value_error(operation, argument, "positive and finite", sigmas.tolist())
    return np.ascontiguousarray(result)


def match(
    pred: Predictions,
    truth: Truths,
    variances: Array,
    thresholds: Array,
    ranges: Array,
    *,
    num_categories: int = 1,
    comparable: bool = True,
    nan_matches: bool = True,
    threads: int | None = None,
) -> Matching:
    """Finds people; nobody if they are not `comparable` with the detections."""
    num_groups, num_pred, num_gt = len(pred.offsets) - 1, len(pred.keypoints), len(truth.keypoints)
    oks_offsets = np.zeros(num_groups + 1, np.int64)
    if comparable:
        np.cumsum(np.diff(pred.offsets) * np.diff(truth.offsets), out=oks_offsets[1:])
    num_ranges, num_thresholds = len(ranges), len(thresholds)
    matching = Matching(
        num_categories,
        pred.scores,
        pred.offsets,
        truth.offsets,
        oks_offsets,
        oks=np.empty(oks_offsets[-1]),
        match=np.empty((num_ranges, num_thresholds, num_pred), np.int32),
        outcome=np.empty((num_ranges, num_thresholds, num_pred), np.uint8),
        positives=np.empty((num_ranges, num_groups), np.int32),
    )
    _native.core.keypoint_ap_match(
        *(pred.keypoints, pred.areas, pred.takes, pred.offsets),
        *(truth.keypoints, truth.boxes, truth.scales, truth.areas),
        *(truth.ignored, truth.crowd, truth.counts, truth.offsets),
        *(variances, thresholds, ranges, oks_offsets),
        *(matching.oks, matching.match, matching.outcome, matching.positives),
        np.empty(truth.keypoints.shape[:2], np.int32),
        np.empty(num_gt, np.int32),
        np.empty(num_gt, np.int32),
        np.empty(num_gt, np.int64),
        np.empty(num_pred),
        nan_matches,
        arguments.threads() if threads is None else threads,
    )
    return matching


def curves(
    matching: Matching,
    recalls: Array,
    images: Array,
    categories: Sequence[int],
    ranges: Sequence[int],
    max_dets: Sequence[int],
    shape: tuple[int, int, int] | None = None,
    *,
    threads: int | None = None,
) -> Curves:
    """Precision over recall for the images, categories, ranges and numbers of detections.

    `shape` is (K, A, M) of the result, if there is to be more than what is asked for.
    """
    kinds, areas, numbers = shape or (len(categories), len(ranges), len(max_dets))
    num_thresholds, num_pred = matching.outcome.shape[1:]
    large = (num_thresholds, len(recalls), kinds, areas, numbers)
    result = Curves(
        np.empty(large), np.empty((num_thresholds, kinds, areas, numbers)), np.empty(large)
    )
    asked = [np.array(chosen, np.int64) for chosen in (categories, ranges, max_dets)]
    _native.core.keypoint_ap_curves(
        *(matching.outcome, matching.positives, matching.scores, matching.pred_offsets, images),
        *(asked[0], asked[1], asked[2], recalls),
        *(result.precision, result.recall, result.scores),
        *(np.empty(num_pred, np.int64), np.empty(num_pred, np.int32)),
        np.empty(matching.num_categories, np.int64),
        arguments.threads() if threads is None else threads,
    )
    return result
