"""The scores of an evaluation as a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import lowerpose_ops as lp
from python_models.coco_results import result_row
from python_models.evaluation.evaluation import Evaluation
from python_models.evaluation.person_scores import Scores, worst_first
from python_models.heatmap_task import THRESHOLDS

_AP = ("AP", "AP50", "AP75", "AR")
_WORST = 100  # persons that the JSON names


def results(evaluation: Evaluation) -> dict[str, Any]:
    """All numbers, for strict JSON."""
    people, task = evaluation.people, evaluation.task
    order, distances = worst_first(people, evaluation.found, task)
    worst = [
        {
            "annotation_id": people.annotation_ids[row],
            "image_id": people.image_ids[row],
            "mean_distance_input_pixels": number(distance),
        }
        for row, distance in zip(order[:_WORST].tolist(), distances.tolist(), strict=False)
    ]
    return {
        "persons": len(people),
        "unreadable": evaluation.unreadable,
        "input_size": list(task.input_size),
        "pck_norm_input_pixels": max(task.input_size),
        "methods": {name: as_json(scores) for name, scores in evaluation.methods.items()},
        "detailed": evaluation.decoding.name,
        "by_person_to_image_ratio": {
            name: as_json(scores) for name, scores in evaluation.ratios.items()
        },
        "worst_persons": worst,
    }


def coco_results(evaluation: Evaluation) -> list[dict[str, Any]]:
    """The rows of a COCO results file, of the detailed decoding.

    A prediction that is no number, which JSON has not, is left out.
    """
    people, found = evaluation.people, evaluation.found
    joints = found.image_joints(people)
    rows = zip(people.image_ids, joints, found.maxima, people.boxes.tolist(), strict=True)
    return [
        result_row(image_id, points, maxima, box)
        for image_id, points, maxima, box in rows
        if np.isfinite(points).all() and np.isfinite(maxima).all()
    ]


def tables(evaluation: Evaluation) -> str:
    """The decodings side by side; joints and ratios of the detailed one."""
    return "\n\n".join(
        [
            methods_table(evaluation.methods),
            f"{evaluation.decoding.name}:",
            joints_table(evaluation.scores),
            ratios_table(evaluation.ratios),
        ]
    )


def as_json(scores: Scores) -> dict[str, Any]:
    """Strict JSON: null for what is no number. A joint's name is its key."""

    def joints(values: Sequence[float]) -> dict[str, float | int | None]:
        return dict(zip(lp.LOWER_BODY_JOINTS, map(number, values), strict=True))

    return {
        "persons": scores.persons,
        "joints": joints(scores.joints.tolist()),
        "pck": {
            str(threshold): {
                "all": number(scores.pooled_pck[threshold]),
                **joints(scores.pck[threshold].tolist()),
            }
            for threshold in THRESHOLDS
        },
        "distance_input_pixels": {
            "all": number(scores.input_distance),
            **joints(scores.input_distances.tolist()),
        },
        "distance_image_pixels": {
            "all": number(scores.image_distance),
            **joints(scores.image_distances.tolist()),
        },
        # COCO's -1 says that there is nobody of that size.
        "ap": {name: None if value < 0 else number(value) for name, value in scores.ap.items()},
    }


def number(value: float) -> float | int | None:
    """The value for JSON, which has no NaN."""
    return value if math.isfinite(value) else None


def methods_table(methods: Mapping[str, Scores], title: str = "decoding") -> str:
    """A row a method: PCK over all joints, AP, mean distances."""
    header = [*(f"PCK@{threshold}" for threshold in THRESHOLDS), *_AP, "input px", "image px"]
    rows = {
        name: [
            *(_part(scores.pooled_pck[threshold]) for threshold in THRESHOLDS),
            *(_part(scores.ap[measure]) for measure in _AP),
            _pixels(scores.input_distance),
            _pixels(scores.image_distance),
        ]
        for name, scores in methods.items()
    }
    return _table(title, header, rows)


def joints_table(scores: Scores) -> str:
    """A row a joint: how many count, PCK, mean distances."""
    header = ["count", *(f"PCK@{threshold}" for threshold in THRESHOLDS), "input px", "image px"]
    rows = {
        name.replace("_", " "): [
            str(scores.joints[joint]),
            *(_part(scores.pck[threshold][joint]) for threshold in THRESHOLDS),
            _pixels(scores.input_distances[joint]),
            _pixels(scores.image_distances[joint]),
        ]
        for joint, name in enumerate(lp.LOWER_BODY_JOINTS)
    }
    rows["all"] = [
        str(scores.joints.sum()),
        *(_part(scores.pooled_pck[threshold]) for threshold in THRESHOLDS),
        _pixels(scores.input_distance),
        _pixels(scores.image_distance),
    ]
    return _table("joint", header, rows)


def ratios_table(bins: Mapping[str, Scores]) -> str:
    """A row a bin of person-to-image ratios."""
    header = ["persons", *(f"PCK@{threshold}" for threshold in THRESHOLDS), "input px", "AP"]
    rows = {
        name: [
            str(scores.persons),
            *(_part(scores.pooled_pck[threshold]) for threshold in THRESHOLDS),
            _pixels(scores.input_distance),
            _part(scores.ap["AP"]),
        ]
        for name, scores in bins.items()
    }
    return _table("person / image", header, rows)


def _part(value: float) -> str:
    return f"{value:.3f}" if value >= 0 else "-"


def _pixels(value: float) -> str:
    return f"{value:.2f}" if value >= 0 else "-"


def _table(title: str, header: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    first = max(map(len, (title, *rows)))
    lines = [[title, *header], *([name, *cells] for name, cells in rows.items())]
    return "\n".join(
        f"{name:<{first}}" + "".join(f"{cell:>10}" for cell in cells) for name, *cells in lines
    )
