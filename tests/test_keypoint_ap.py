"""keypoint_ap on arrays and tensors beside pycocotools, and what it refuses."""

from __future__ import annotations

import copy
import doctest
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pycocotools.cocoeval import COCOeval as Original

import lowerpose_ops as lp
from lowerpose_ops.compat.cocoeval import COCOeval
from tests.coco_detections import coco, perturbed, results
from tests.keypoint_ap_cases import (
    column,
    expected_of,
    found_arguments,
    found_of,
    people_of,
    same,
    stats,
    truth_arguments,
    val538,
    values,
)


@pytest.fixture(scope="module")
def people(data_folder: Path) -> list[Any]:
    return people_of(data_folder)


@pytest.fixture(scope="module")
def found(people) -> list[Any]:
    return found_of(people)


@pytest.fixture(scope="module")
def expected(people, found) -> np.ndarray:
    return expected_of(people, found)


def test_arrays_and_tensors(people, found, expected):
    arguments = truth_arguments(people) | found_arguments(found)
    same(values(lp.keypoint_ap(**arguments)), expected)
    tensors = {name: torch.tensor(value) for name, value in arguments.items()}
    np.testing.assert_array_equal(
        values(lp.keypoint_ap(**tensors)), values(lp.keypoint_ap(**arguments))
    )
    names = {
        name: [f"{image:09}" for image in arguments[name]] for name in ("pred_images", "gt_images")
    }
    np.testing.assert_array_equal(
        values(lp.keypoint_ap(**arguments | names)), values(lp.keypoint_ap(**arguments))
    )


def test_boxes_and_areas_of_detections(people, found):
    images = [*sorted({row["image_id"] for row in people}), 10**7]
    truth = coco(copy.deepcopy(people), images)
    rng = np.random.default_rng(0)
    boxed = [row | {"bbox": rng.uniform(10, 120, 4).tolist()} for row in found]
    theirs = stats(Original(truth, results(truth, copy.deepcopy(boxed)), "keypoints"))
    arguments = truth_arguments(people) | found_arguments(found)
    boxes = column(boxed, "bbox")
    ours = values(lp.keypoint_ap(**arguments, pred_boxes=boxes))
    same(ours, theirs)
    areas = boxes[:, 2] * boxes[:, 3]
    np.testing.assert_array_equal(values(lp.keypoint_ap(**arguments, pred_areas=areas)), ours)


def test_categories(people, found):
    kinds = {row["id"]: place % 3 for place, row in enumerate(people)}
    rows = [row | {"category_id": kinds[row["id"]]} for row in people]
    guesses = [row | {"category_id": place % 3} for place, row in enumerate(found)]
    images = [*sorted({row["image_id"] for row in people}), 10**7]
    truth = coco(copy.deepcopy(rows), images, [{"id": kind, "name": "x"} for kind in range(3)])
    theirs = stats(Original(truth, results(truth, copy.deepcopy(guesses)), "keypoints"))
    ours = lp.keypoint_ap(
        **truth_arguments(rows) | found_arguments(guesses),
        pred_categories=column(guesses, "category_id"),
        gt_categories=column(rows, "category_id"),
    )
    same(values(ours), theirs)


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_the_number_of_threads_changes_no_bit(data_folder, threads, monkeypatch):
    """Every table that native code fills, with several categories and sizes of groups."""
    from lowerpose_ops import _arguments

    val = val538(data_folder)
    rows = [row | {"category_id": row["id"] % 3} for row in val["annotations"]]
    truth = coco(rows, val["images"], [{"id": kind, "name": "x"} for kind in range(3)])
    detections = results(truth, perturbed(rows, 12, 6))

    def run(count: int) -> Any:
        monkeypatch.setattr(_arguments, "threads", lambda: count)
        evaluation = COCOeval(truth, detections)
        evaluation.evaluate()
        evaluation.accumulate()
        return evaluation

    one, many = run(1), run(threads)
    for name in ("precision", "recall", "scores"):
        assert one.eval[name].tobytes() == many.eval[name].tobytes()
    for name in ("oks", "match", "outcome", "positives"):
        assert getattr(one._matching, name).tobytes() == getattr(many._matching, name).tobytes()


def test_the_box_of_scored_joints():
    """A joint at (0, 0) that was not found makes a small person large."""
    gt = np.array([[[500.0, 500, 2], [550, 550, 2], [0, 0, 0]]])
    stray = np.array([[[0.0, 0, 1], [50, 50, 1], [900, 900, 0]]])
    arguments = {
        "pred": np.concatenate([gt, stray]),
        "scores": np.array([0.5, 0.9]),
        "pred_images": [1, 1],
        "gt": gt,
        "gt_images": [1],
        "areas": np.array([9500.0]),
        "sigmas": [0.1] * 3,
    }
    # The stray one, 900 pixels wide, is wrong among the large; 50 pixels wide it is not looked at.
    assert lp.keypoint_ap(**arguments)["APL"] == pytest.approx(0.5)
    assert lp.keypoint_ap(**arguments, extent="scored")["APL"] == pytest.approx(1.0)
    assert lp.keypoint_ap(**arguments, fixed=True)["APL"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"pred": np.zeros((2, 3, 2))}, ValueError, r"pred must be \[N, K, 2 or 3\]"),
        ({"pred": [1]}, TypeError, "pred must be a NumPy array"),
        (
            {"pred": np.zeros((2, 17, 3), complex)},
            TypeError,
            "pred must be a NumPy array of numbers",
        ),
        ({"gt": np.zeros((1, 17))}, ValueError, r"gt must have shape \[G, K, 3\]|gt must be"),
        ({"gt": np.zeros((1, 6, 3))}, ValueError, "sigmas must be given for 6 joints"),
        ({"scores": np.zeros(3)}, ValueError, r"scores must be \[2\], got \[3\]"),
        ({"areas": np.zeros((1, 1))}, ValueError, r"areas must be \[1\]"),
        ({"boxes": np.zeros(4)}, ValueError, r"boxes must be \[1, 4\]"),
        ({"gt_images": [1, 2]}, ValueError, r"gt_images must be \[1\]"),
        ({"gt_images": [1.5]}, TypeError, "gt_images must be integers or strings"),
        ({"gt_images": ["a"]}, TypeError, "both numbers or strings"),
        ({"pred_categories": [1, 2]}, ValueError, "both or neither"),
        ({"max_dets": 0}, ValueError, "max_dets must be at least 1"),
        ({"max_dets": 2.0}, TypeError, "max_dets must be an integer"),
        ({"use_area": 1}, TypeError, "use_area must be True or False"),
        ({"preset": "lvis"}, ValueError, "preset must be 'coco' or 'xtcoco'"),
        ({"extent": "no"}, ValueError, "extent must be 'all' or 'scored'"),
        ({"sigmas": [0.1] * 16}, ValueError, "sigmas must be one number for each of 17 joints"),
        ({"sigmas": [0.1] * 16 + [0]}, ValueError, "sigmas must be positive"),
        ({"sigmas": [0.1] * 16 + [np.inf]}, ValueError, "sigmas must be finite"),
        ({"sigmas": [0.1] * 16 + [1e-200]}, ValueError, "sigmas must be positive and finite"),
    ],
)
def test_refusals_name_what_is_wrong(change, error, message):
    arguments = {
        "pred": np.zeros((2, 17, 3)),
        "scores": np.zeros(2),
        "pred_images": [1, 2],
        "gt": np.zeros((1, 17, 3)),
        "gt_images": [1],
        "areas": np.ones(1),
    } | change
    with pytest.raises(error, match=f"keypoint_ap: .*({message})"):
        lp.keypoint_ap(**arguments)


def test_native_code_refuses_what_does_not_fit():
    from lowerpose_ops import _native

    offsets, order = np.empty(3, np.int64), np.empty(2, np.int64)
    with pytest.raises(ValueError, match=r"keypoint_ap: scores must be \[N\] = \[2\]"):
        _native.core.keypoint_ap_order(np.zeros(2, np.int64), np.zeros(3), 1, offsets, order)
    with pytest.raises(TypeError, match="keypoint_ap: group must be int64"):
        _native.core.keypoint_ap_order(np.zeros(2), None, 1, offsets, order)
    with pytest.raises(ValueError, match="keypoint_ap: rows must be from 0 to 0, got 1"):
        _native.core.read_annotation_lists(
            *([{}], np.array([1]), np.array([0]), "bbox", np.empty((1, 4)), 1)
        )


@pytest.mark.parametrize("module", ["compat.cocoeval", "metrics.keypoint_ap"])
def test_examples(module):
    found = doctest.testmod(
        importlib.import_module(f"lowerpose_ops.{module}"), extraglobs={"torch": torch}
    )
    assert found.attempted > 0
    assert found.failed == 0


def test_it_comes_without_torch_and_pycocotools():
    code = (
        "import sys, numpy as np, lowerpose_ops as lp; import lowerpose_ops.compat.cocoeval\n"
        "gt = np.ones((1, 17, 3))\n"
        "assert lp.keypoint_ap(gt, np.ones(1), [1], gt, [1], areas=np.ones(1))['AP'] > 0.999\n"
        "assert not {'torch', 'pycocotools'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
