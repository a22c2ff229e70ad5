"""What projects disagree about in keypoint_ap, beside pycocotools."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.cocoeval import COCOeval as Original

import lowerpose_ops as lp
from lowerpose_ops.compat.cocoeval import COCOeval
from tests.coco_detections import coco, perturbed, results
from tests.keypoint_ap_cases import (
    found_arguments,
    joints_of,
    people_of,
    same,
    stats,
    truth_arguments,
    values,
)


@pytest.fixture(scope="module")
def people(data_folder: Path) -> list[Any]:
    return people_of(data_folder)


@pytest.fixture
def small(people) -> tuple[list[Any], list[Any]]:
    rows = copy.deepcopy(people[:200])
    return rows, perturbed(rows, 13, 4)


def evaluations(rows: list[Any], guesses: list[Any]) -> tuple[Any, Any]:
    truth = coco(copy.deepcopy(rows), sorted({row["image_id"] for row in rows}))
    return truth, results(truth, copy.deepcopy(guesses))


def pycocotools(rows: list[Any], guesses: list[Any], **changes: Any) -> np.ndarray:
    return stats(Original(*evaluations(rows, guesses), "keypoints"), **changes)


def test_a_person_with_id_zero(small):
    rows, guesses = small
    first = next(place for place, row in enumerate(rows) if row["num_keypoints"] > 10)
    rows.insert(0, rows.pop(first))
    for place, row in enumerate(rows):
        row["id"] = place
    legacy = pycocotools(rows, guesses)
    meant = pycocotools([row | {"id": row["id"] + 1} for row in rows], guesses)
    assert legacy[5] < meant[5]
    pair = evaluations(rows, guesses)
    same(stats(COCOeval(*pair)), legacy)
    same(stats(COCOeval(*pair, zero_ids="matched")), meant)
    same(stats(COCOeval(*pair, fixed=True)), meant)
    same(stats(COCOeval(*pair, preset="xtcoco")), meant)
    # Tables, too, tell nobody from number 0.
    evaluation = COCOeval(*pair, preset="xtcoco")
    stats(evaluation)
    matches = np.concatenate([image["dtMatches"].ravel() for image in evaluation.evalImgs if image])
    assert matches.min() == -1
    assert (matches == 0).any()


@pytest.mark.parametrize("shift", [-3, -500])
def test_detections_with_ids_below_one(small, shift):
    rows, guesses = small
    ours, theirs = evaluations(rows, guesses), evaluations(rows, guesses)
    for _, detections in (ours, theirs):
        for row in detections.dataset["annotations"]:
            row["id"] += shift
        detections.createIndex()
    legacy = stats(Original(*theirs, "keypoints"))
    same(stats(COCOeval(*ours)), legacy)
    same(stats(COCOeval(*ours, zero_ids="any")), pycocotools(rows, guesses))


def test_detections_whose_joints_have_no_score(small):
    rows, guesses = small
    for row in guesses[::3]:
        row["keypoints"][2::3] = [0] * 17
    kept = pycocotools(rows, guesses)
    dropped = pycocotools(rows, [row for row in guesses if any(row["keypoints"][2::3])])
    assert abs(kept - dropped).max() > 0.01
    pair = evaluations(rows, guesses)
    same(stats(COCOeval(*pair)), kept)
    same(stats(COCOeval(*pair, preset="xtcoco")), dropped)
    same(stats(COCOeval(*pair, unscored="drop")), dropped)
    arguments = truth_arguments(rows) | found_arguments(guesses)
    same(values(lp.keypoint_ap(**arguments)), kept)
    same(values(lp.keypoint_ap(**arguments, preset="xtcoco")), dropped)


def test_num_keypoints_is_missing_or_wrong(small):
    rows, guesses = small
    counted = pycocotools(rows, guesses)
    for row in rows[::4]:
        row["num_keypoints"] = 0
    given = pycocotools(rows, guesses)
    pair = evaluations(rows, guesses)
    same(stats(COCOeval(*pair)), given)
    same(stats(COCOeval(*pair, label_count="counted")), counted)
    arguments = truth_arguments(rows) | found_arguments(guesses)
    same(values(lp.keypoint_ap(**arguments)), given)
    same(values(lp.keypoint_ap(**arguments, preset="xtcoco")), counted)
    without = [{key: value for key, value in row.items() if key != "num_keypoints"} for row in rows]
    pair = evaluations(without, guesses)
    with pytest.raises(KeyError, match="num_keypoints"):
        COCOeval(*pair).evaluate()
    same(stats(COCOeval(*pair, preset="xtcoco")), counted)
    arguments["num_keypoints"] = None
    same(values(lp.keypoint_ap(**arguments)), counted)


def test_areas_of_boxes(small):
    rows, guesses = small
    shares = [row | {"area": row["bbox"][3] * row["bbox"][2] * 0.53} for row in rows]
    theirs = pycocotools(shares, guesses)
    without = [{key: value for key, value in row.items() if key != "area"} for row in rows]
    same(stats(COCOeval(*evaluations(rows, guesses), use_area=False)), theirs)
    same(stats(COCOeval(*evaluations(without, guesses), use_area=False)), theirs)
    with pytest.raises(KeyError, match="has no 'area'"):
        COCOeval(*evaluations(without, guesses)).evaluate()
    arguments = truth_arguments(rows) | found_arguments(guesses)
    same(values(lp.keypoint_ap(**arguments, use_area=False)), theirs)
    with pytest.raises(ValueError, match="areas must be given, or use_area=False"):
        lp.keypoint_ap(**arguments | {"areas": None})


def test_truth_without_boxes(small):
    rows, guesses = small
    # With areas, boxes matter for people without labelled joints alone: those are then far away.
    far = [row | ({} if row["num_keypoints"] else {"bbox": [1e9, 1e9, 1, 1]}) for row in rows]
    arguments = truth_arguments(rows) | found_arguments(guesses) | {"boxes": None}
    same(values(lp.keypoint_ap(**arguments)), pycocotools(far, guesses))
    around = []
    for row in far:
        points = joints_of([row])[0]
        points = points[points[:, 2] > 0, :2]
        box = [*points.min(0), *np.ptp(points, 0)] if len(points) else row["bbox"]
        area = box[3] * box[2] * 0.53 if len(points) else 0.0
        around.append(row | {"bbox": box, "area": area})
    ours = lp.keypoint_ap(**arguments | {"areas": None}, use_area=False)
    same(values(ours), pycocotools(around, guesses))


def test_no_detections_and_nobody(small):
    rows, guesses = small
    truth = coco(copy.deepcopy(rows), sorted({row["image_id"] for row in rows}))
    nothing = coco([], truth.imgs)
    with pytest.raises(IndexError):
        results(truth, [])  # pycocotools stops before its evaluation, which gives zeros
    zeros = stats(Original(truth, nothing, "keypoints"))
    for preset in ("coco", "xtcoco"):
        same(stats(COCOeval(truth, nothing, preset=preset)), zeros)
        same(stats(COCOeval(nothing, nothing, preset=preset)), np.full(10, -1.0))
    arguments = truth_arguments(rows) | found_arguments(guesses)
    none = {name: value[:0] for name, value in found_arguments(guesses).items()}
    same(values(lp.keypoint_ap(**arguments | none)), zeros)
    nobody = {name: value[:0] for name, value in truth_arguments(rows).items()}
    same(values(lp.keypoint_ap(**arguments | nobody)), np.full(10, -1.0))


def test_nan_coordinates(small):
    rows, guesses = small
    for row in guesses[::5]:
        row["keypoints"][::3] = [float("nan")] * 17
    pair = evaluations(rows, guesses)
    same(stats(COCOeval(*pair)), stats(Original(*evaluations(rows, guesses), "keypoints")))
    # Where they find nobody they are as good as detections that are far from everybody.
    far = copy.deepcopy(guesses)
    for row in far[::5]:
        row["keypoints"][::3] = [1e9] * 17
    missed, distant = evaluations(rows, guesses), evaluations(rows, far)
    for theirs, ours in zip(
        *(pair[1].dataset["annotations"] for pair in (distant, missed)), strict=True
    ):
        theirs["area"] = ours["area"]
    expected = stats(Original(*distant, "keypoints"))
    same(stats(COCOeval(*missed, nan_similarity="miss")), expected)
    same(stats(COCOeval(*missed, fixed=True)), expected)


def test_without_categories(small):
    rows, guesses = small
    for row in rows:
        row["category_id"] = 1
    for row in guesses:
        row["category_id"] = 1
    same(
        stats(COCOeval(*evaluations(rows, guesses)), useCats=0),
        pycocotools(rows, guesses, useCats=0),
    )
    meant = pycocotools(rows, guesses)
    assert meant[0] > 0.1
    same(
        stats(COCOeval(*evaluations(rows, guesses), pooled_categories="matched"), useCats=0), meant
    )
    same(stats(COCOeval(*evaluations(rows, guesses), fixed=True), useCats=0), meant)
