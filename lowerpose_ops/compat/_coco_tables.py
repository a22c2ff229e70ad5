"""Annotations as packed arrays, and pycocotools' tables of what was found in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _arguments as arguments
from .. import _native
from ..arrays import _keypoint_matching as matching
from ..arrays._checks import Array
from ..arrays._keypoint_ap_inputs import BOX_SHARE
from ..keypoint_ap_presets import KeypointAPRules

_KNOWN_COCO = {"pycocotools.coco", "xtcocotools.coco"}


class AnnotationTable:
    """The annotations of a COCO object that are evaluated, in groups of image and category."""

    def __init__(self, coco: Any, params: Any) -> None:
        self.annotations = _annotations_of(coco, params.imgIds)
        self._params = params
        self.rows: Array  # of each annotation that is evaluated, group by group
        self.offsets: Array
        self.ids: Array

    def _numbers(
        self,
        rows: Array,
        keys: dict[str, float | None],
        *,
        strict: bool = True,
        **tables: Any,
    ) -> dict[str, Array]:
        """Columns of numbers by key, with their defaults; None: an annotation must have it."""
        numbers = np.empty((len(keys), len(rows)))
        _native.core.read_annotations(
            *(self.annotations, rows, tuple(keys), tuple(keys.values())),
            *(tuple(tables.get(key) for key in keys), strict, numbers, arguments.threads()),
        )
        return dict(zip(keys, numbers, strict=True))

    def _lists(self, key: str, rows: Array, size: int) -> Array:
        numbers = np.empty((len(rows), size))
        place = np.full(len(self.annotations), -1)
        place[rows] = np.arange(len(rows))
        places = place[place >= 0]  # of the numbers, in the order of memory
        _native.core.read_annotation_lists(
            *(self.annotations, rows[places], places, key, numbers, arguments.threads())
        )
        return numbers

    def _keypoints(self, rows: Array, num_joints: int) -> Array:
        if len(rows):
            found = len(self.annotations[rows[0]].get("keypoints", range(3 * num_joints)))
            if found != 3 * num_joints:
                raise arguments.value_error(
                    *("COCOeval", "params.kpt_oks_sigmas"),
                    f"one number a joint, {found // 3} as in the annotations",
                    f"{num_joints} numbers",
                )
        return self._lists("keypoints", rows, 3 * num_joints).reshape(-1, num_joints, 3)

    def _sort(
        self,
        keys: dict[str, float | None],
        most: int,
        left_out: Callable[[Array], Array] | None = None,
    ) -> dict[str, Array]:
        """Puts the annotations into groups, and returns the numbers of those that are kept.

        `left_out` tells which of some rows are not.
        """
        everyone = np.arange(len(self.annotations))
        images, categories = (
            {value: place for place, value in enumerate(np.array(values).tolist())}
            for values in (self._params.imgIds, self._params.catIds)
        )
        # All at once, because the next annotation in memory is read faster than the next one of
        # an image. What is wrong with those that nobody asked for does not matter.
        place: dict[str, Any] = {"image_id": images, "category_id": categories}
        columns = self._numbers(everyone, {**dict.fromkeys(place), **keys}, strict=False, **place)
        if any(np.isnan(columns[key]).any() for key in place):
            self._numbers(everyone, dict.fromkeys(place), **place)
        image = columns.pop("image_id").astype(np.int64)
        kind = columns.pop("category_id").astype(np.int64)
        rows, num_groups, groups = everyone, len(images), image.copy()
        if self._params.useCats:
            groups += kind * len(images)
            num_groups *= len(categories)
        elif len(categories) > 1:  # an image's annotations stand category by category
            rows = np.argsort(kind, kind="stable")
        groups[(image < 0) | (kind < 0)] = -1
        if left_out is not None:
            asked = np.flatnonzero(groups >= 0)
            groups[asked[left_out(asked)]] = -1
        scores = columns.get("score")
        if scores is not None:
            self._numbers(everyone[np.isnan(scores) & (groups >= 0)], {"score": None})
            scores = scores[rows]
        self.offsets, order = matching.by_group(groups[rows], scores, num_groups, most)
        self.rows = rows[order]
        columns = {key: numbers[self.rows] for key, numbers in columns.items()}
        for key, numbers in columns.items():
            self._numbers(self.rows[np.isnan(numbers)], {key: keys[key]})
        return columns

    def predictions(
        self, num_joints: int, rules: KeypointAPRules, most: int
    ) -> matching.Predictions:
        def unscored(rows: Array) -> Array:
            return np.asarray(~(self._keypoints(rows, num_joints)[..., 2] > 0).any(1))

        left_out = unscored if rules.unscored == "drop" else None
        columns = self._sort({"score": None, "area": None, "id": None}, most, left_out)
        self.ids = columns["id"]
        takes = {"unmatched": self.ids > 0, "matched": self.ids >= 0, "any": self.ids == self.ids}
        return matching.Predictions(
            self._keypoints(self.rows, num_joints),
            *(columns["score"], columns["area"], takes[rules.zero_ids], self.offsets),
        )

    def truths(self, num_joints: int, rules: KeypointAPRules, use_area: bool) -> matching.Truths:
        wanted: dict[str, float | None] = {"id": None, "iscrowd": 0.0}
        if use_area:
            wanted["area"] = None
        if rules.label_count == "given":
            wanted["num_keypoints"] = None
        columns = self._sort(wanted, 2**62)
        self.ids = columns["id"]
        keypoints = self._keypoints(self.rows, num_joints)
        unlabelled = np.asarray(~(keypoints[..., 2] > 0).any(1))
        boxes = np.zeros((len(self.rows), 4))
        needed = unlabelled if use_area else np.ones_like(unlabelled)
        boxes[needed] = self._lists("bbox", self.rows[needed], 4)
        areas = columns["area"] if use_area else boxes[:, 3] * boxes[:, 2] * BOX_SHARE
        crowd = columns["iscrowd"] != 0
        empty = columns["num_keypoints"] == 0 if "num_keypoints" in columns else unlabelled
        counts = {"unmatched": self.ids != 0, "matched": self.ids >= 0, "any": self.ids == self.ids}
        return matching.Truths(
            *(keypoints, boxes, areas, areas, crowd | empty, crowd, counts[rules.zero_ids]),
            self.offsets,
        )

    def group(self, group: int) -> list[Any]:
        """A group's annotations in the order of the arrays."""
        rows = self.rows[self.offsets[group] : self.offsets[group + 1]]
        return [self.annotations[row] for row in rows]


def _annotations_of(coco: Any, image_ids: list[Any]) -> list[Any]:
    """The annotations of the images, perhaps with others among them."""
    own = type(coco).getAnnIds, type(coco).loadAnns
    if all(getattr(method, "__module__", None) in _KNOWN_COCO for method in own):
        # The same in the order of memory, where the next one is read faster; unless annotations
        # share an id, or the list has changed since the index was made.
        rows: Any = coco.dataset.get("annotations", [])
        indexed = len(rows) == len(coco.anns) == sum(map(len, coco.imgToAnns.values()))
        if indexed and all(coco.anns.get(row["id"]) is row for row in (*rows[:1], *rows[-1:])):
            return rows if isinstance(rows, list) else list(rows)
    return list(coco.loadAnns(coco.getAnnIds(imgIds=image_ids)))


def _categories(params: Any) -> list[Any]:
    return list(params.catIds) if params.useCats else [-1]


def similarities(matched: matching.Matching, params: Any) -> dict[tuple[Any, Any], Any]:
    """Pycocotools' `ious`."""
    tables: dict[tuple[Any, Any], Any] = {}
    for i, image in enumerate(params.imgIds):
        for k, category in enumerate(_categories(params)):
            group = k * len(params.imgIds) + i
            begin, end = matched.oks_offsets[group : group + 2]
            people = matched.gt_offsets[group + 1] - matched.gt_offsets[group]
            tables[image, category] = (
                matched.oks[begin:end].reshape(-1, people) if begin < end else []
            )
    return tables


def eval_images(
    matched: matching.Matching,
    params: Any,
    truth: AnnotationTable,
    found: AnnotationTable,
    ignored: Array,
    areas: Array,
    *,
    unmatched: int,
) -> list[dict[str, Any] | None]:
    """Pycocotools' `evalImgs`; `unmatched` stands in its matches for nobody."""
    return [
        _eval_image(
            *(matched, truth, found, ignored, areas, k * len(params.imgIds) + i, a),
            *(image, category, params.areaRng[a], params.maxDets[-1], unmatched),
        )
        for k, category in enumerate(_categories(params))
        for a in range(len(params.areaRng))
        for i, image in enumerate(params.imgIds)
    ]


def _eval_image(
    matched: matching.Matching,
    truth: AnnotationTable,
    found: AnnotationTable,
    ignored: Array,
    areas: Array,
    group: int,
    a: int,
    image: Any,
    category: Any,
    limits: Any,
    max_det: int,
    unmatched: int,
) -> dict[str, Any] | None:
    people, detections = truth.group(group), found.group(group)
    if not people and not detections:
        return None
    of_truth = slice(truth.offsets[group], truth.offsets[group + 1])
    of_found = slice(found.offsets[group], found.offsets[group + 1])
    area = areas[of_truth]
    hidden = ignored[of_truth] | (area < limits[0]) | (area > limits[1])
    order = np.argsort(hidden, kind="stable")
    hits = matched.match[a][:, of_found]
    kind = float if unmatched == 0 else np.int64
    dt_matches = np.full(hits.shape, unmatched, kind)
    gt_matches = np.full((len(hits), len(people)), unmatched, kind)
    at, detection = np.nonzero(hits >= 0)
    dt_matches[at, detection] = truth.ids[of_truth][hits[at, detection]]
    for t, d in zip(at, detection, strict=True):  # the last one that finds a crowd stays there
        gt_matches[t, hits[t, d]] = found.ids[of_found][d]
    return {
        "image_id": image,
        "category_id": category,
        "aRng": limits,
        "maxDet": max_det,
        "dtIds": [detection["id"] for detection in detections],
        "gtIds": [people[place]["id"] for place in order],
        "dtMatches": dt_matches,
        "gtMatches": gt_matches[:, order],
        "dtScores": [detection["score"] for detection in detections],
        "gtIgnore": hidden[order].astype(int) if people else np.array([]),
        "dtIgnore": matched.outcome[a][:, of_found] == 2,
    }
