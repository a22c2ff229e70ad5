"""Scores of persons: PCK, distances, COCO's average precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import lowerpose_ops as lp
from python_models.arrays import Array
from python_models.evaluation.people import Found, People
from python_models.evaluation.person_ratio import BINS, UNKNOWN, person_ratios, ratio_bins
from python_models.heatmap_task import THRESHOLDS, HeatmapTask


@dataclass(frozen=True)
class Scores:
    """Of some persons by one decoding; NaN where no joint counts. K joints."""

    persons: int
    joints: Array  # [K], how many count
    pck: dict[float, Array]  # by threshold, [K]
    pooled_pck: dict[float, float]  # over all joints
    input_distances: Array  # [K], mean distance in input pixels
    input_distance: float  # over all joints
    image_distances: Array  # [K], in image pixels
    image_distance: float
    ap: dict[str, float]  # COCO's AP ... ARL; -1 where there is nobody


def measure(people: People, found: Found, task: HeatmapTask) -> Scores:
    """PCK, distances and COCO's average precision of all these persons."""
    return measure_chosen(people, found, task, np.ones(len(people), bool))


def measure_chosen(people: People, found: Found, task: HeatmapTask, chosen: Array) -> Scores:
    """The same of the persons where `chosen`, [N] bool, says so."""
    input_found, image_found = found.input_joints(task)[chosen], found.image_joints(people)[chosen]
    truth, visible = people.input_joints[chosen], people.visible[chosen]
    image_truth = people.image_joints[chosen]
    correct, counted = lp.pck_counts(input_found, truth, visible, max(task.input_size), THRESHOLDS)
    input_sums, _ = lp.keypoint_error_sums(input_found, truth, visible)
    image_sums, _ = lp.keypoint_error_sums(image_found, image_truth, visible)
    rows = np.flatnonzero(chosen)
    numbers = _numbered(people.image_ids)
    images = [numbers[people.image_ids[row]] for row in rows]
    average_precision = lp.keypoint_ap(
        image_found,
        found.scores()[chosen],
        images,
        np.concatenate([image_truth, 2 * visible[..., None]], -1),
        images,
        areas=people.areas[chosen],
        boxes=people.boxes[chosen],
        pred_boxes=people.boxes[chosen],
        sigmas=lp.LOWER_BODY_SIGMAS,
        nan_similarity="miss",
    )
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: no such joint
        return Scores(
            persons=len(rows),
            joints=counted,
            pck={t: hits / counted for t, hits in zip(THRESHOLDS, correct, strict=True)},
            pooled_pck={
                t: float(hits.sum() / counted.sum())
                for t, hits in zip(THRESHOLDS, correct, strict=True)
            },
            input_distances=input_sums / counted,
            input_distance=float(input_sums.sum() / counted.sum()),
            image_distances=image_sums / counted,
            image_distance=float(image_sums.sum() / counted.sum()),
            ap=average_precision,
        )


def _numbered(image_ids: Sequence[Any]) -> dict[Any, int]:
    """A number for each image, in the order of ids that are integers; files have others too."""

    def place(identifier: Any) -> tuple[bool, int, str]:
        integer = isinstance(identifier, int)
        return not integer, identifier if integer else 0, repr(identifier)

    return {image_id: n for n, image_id in enumerate(sorted(set(image_ids), key=place))}


def by_ratio(people: People, found: Found, task: HeatmapTask) -> dict[str, Scores]:
    """The scores of each bin of person-to-image ratios; empty bins have 0 persons.

    With a bin "unknown" where the annotations do not tell an image's size.
    """
    bins = ratio_bins(person_ratios(people.boxes, people.image_sizes))
    names = dict(enumerate(BINS))
    if (bins == UNKNOWN).any():
        names[UNKNOWN] = "unknown"
    return {
        name: measure_chosen(people, found, task, bins == number) for number, name in names.items()
    }


def worst_first(people: People, found: Found, task: HeatmapTask) -> tuple[Array, Array]:
    """Rows of the persons, the largest mean distance of visible joints first; the distances.

    In input pixels. A person whose prediction is no number is the worst of all.
    """
    distances = np.linalg.norm(found.input_joints(task) - people.input_joints, axis=-1)
    seen = people.visible > 0
    sums = np.where(seen, distances, 0).sum(1, dtype=np.float64)
    means = sums / np.maximum(seen.sum(1), 1)
    means = np.where(np.isnan(means), np.inf, means)
    order = np.argsort(-means, kind="stable")
    return order, means[order]
