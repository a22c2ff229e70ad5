"""keypoint_ap on arrays and KeypointAP beside pycocotools, and what the projects disagree about."""

from __future__ import annotations

import copy
import doctest
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pycocotools.cocoeval import COCOeval as Original

import lowerpose_ops as lp
from lowerpose_ops.arrays._coco_statistics import STATISTICS
from lowerpose_ops.compat.cocoeval import COCOeval
from tests.coco_detections import coco, perturbed, results
from tests.metric_ranks import run_ranks

# Both add and divide in the same order; only the last bits of exp differ.
TOLERANCE = 1e-12


@pytest.fixture(scope="module")
def val538(data_folder: Path) -> dict[str, Any]:
    path = data_folder / "coco-val538" / "person_keypoints_val2017_538img.json"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    return json.loads(path.read_text())


def stats(evaluation: Any, **changes: Any) -> np.ndarray:
    for name, value in changes.items():
        setattr(evaluation.params, name, value)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats


def values(result: dict[str, Any]) -> np.ndarray:
    assert list(result) == list(STATISTICS)
    return np.array([float(value) for value in result.values()])


def joints_of(rows: list[Any]) -> np.ndarray:
    return np.array([row["keypoints"] for row in rows], float).reshape(len(rows), 17, 3)


def column(rows: list[Any], name: str) -> np.ndarray:
    return np.array([row[name] for row in rows])


def truth_arguments(rows: list[Any]) -> dict[str, Any]:
    return {
        "gt": joints_of(rows),
        "gt_images": column(rows, "image_id"),
        "areas": column(rows, "area"),
        "boxes": column(rows, "bbox"),
        "crowd": column(rows, "iscrowd"),
        "num_keypoints": column(rows, "num_keypoints"),
    }


def found_arguments(rows: list[Any]) -> dict[str, Any]:
    return {
        "pred": joints_of(rows),
        "scores": column(rows, "score"),
        "pred_images": column(rows, "image_id"),
    }


@pytest.fixture(scope="module")
def people(val538) -> list[Any]:
    return val538["annotations"][:700]


@pytest.fixture(scope="module")
def found(people) -> list[Any]:
    return perturbed(people, 11, 5, strays=[10**7])


@pytest.fixture(scope="module")
def expected(people, found) -> np.ndarray:
    images = [*sorted({row["image_id"] for row in people}), 10**7]
    truth = coco(copy.deepcopy(people), images)
    return stats(Original(truth, results(truth, copy.deepcopy(found)), "keypoints"))


def test_arrays_and_tensors(people, found, expected):
    arguments = truth_arguments(people) | found_arguments(found)
    np.testing.assert_allclose(
        values(lp.keypoint_ap(**arguments)), expected, rtol=0, atol=TOLERANCE
    )
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
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE)
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
    np.testing.assert_allclose(values(ours), theirs, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_the_number_of_threads_changes_no_bit(val538, threads, monkeypatch):
    """Every table that native code fills, with several categories and sizes of groups."""
    from lowerpose_ops import _arguments

    rows = [row | {"category_id": row["id"] % 3} for row in val538["annotations"]]
    truth = coco(rows, val538["images"], [{"id": kind, "name": "x"} for kind in range(3)])
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


# What the projects disagree about ----------------------------------------------------------------


@pytest.fixture
def small(people) -> tuple[list[Any], list[Any]]:
    rows = copy.deepcopy(people[:200])
    return rows, perturbed(rows, 13, 4)


def evaluations(rows: list[Any], guesses: list[Any]) -> tuple[Any, Any]:
    truth = coco(copy.deepcopy(rows), sorted({row["image_id"] for row in rows}))
    return truth, results(truth, copy.deepcopy(guesses))


def pycocotools(rows: list[Any], guesses: list[Any], **changes: Any) -> np.ndarray:
    return stats(Original(*evaluations(rows, guesses), "keypoints"), **changes)


def same(ours: np.ndarray, theirs: np.ndarray) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE)


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


# The metric --------------------------------------------------------------------------------------


def samples(people: list[Any], found: list[Any]) -> tuple[list[int], list[Any], list[Any]]:
    images = sorted({row["image_id"] for row in (*people, *found)})
    preds, target = [], []
    for image in images:
        own = [row for row in found if row["image_id"] == image]
        here = [row for row in people if row["image_id"] == image]
        arguments = truth_arguments(here) | found_arguments(own)
        preds.append(
            {
                "keypoints": torch.tensor(arguments["pred"].reshape(-1, 17, 3)),
                "scores": torch.tensor(arguments["scores"], dtype=torch.float64),
            }
        )
        target.append(
            {
                "keypoints": arguments["gt"].reshape(-1, 17, 3),
                "areas": arguments["areas"].astype(float),
                "boxes": arguments["boxes"].reshape(-1, 4).astype(float),
                "crowd": arguments["crowd"].astype(int),
                "num_keypoints": arguments["num_keypoints"].astype(int),
            }
        )
    return images, preds, target


def test_metric(people, found, expected):
    images, preds, target = samples(people, found)
    metric = lp.metrics.KeypointAP()
    for begin in range(0, len(images), 7):
        batch = slice(begin, begin + 7)
        metric.update(torch.tensor(images[batch]), preds[batch], target[batch])
    np.testing.assert_allclose(values(metric.compute()), expected, rtol=0, atol=TOLERANCE)
    metric.update(images[:9], preds[:9], target[:9])  # again
    np.testing.assert_allclose(values(metric.compute()), expected, rtol=0, atol=TOLERANCE)
    metric.reset()
    assert set(values(metric.compute())) == {-1.0}


def test_a_collection_keeps_other_rules_apart(people, found):
    """Although there is nobody in the first batch, by any of them."""
    torchmetrics = pytest.importorskip("torchmetrics")
    images, preds, target = samples(people, found)
    kinds = [{}, {"max_dets": 1}, {"use_area": False}, {"label_count": "counted"}]
    metrics = {str(kind): lp.metrics.KeypointAP(**kind) for kind in kinds}
    collection = torchmetrics.MetricCollection(metrics, prefix="in ")
    alone = {name: lp.metrics.KeypointAP(**kind) for name, kind in zip(metrics, kinds, strict=True)}
    for metric in (collection, *alone.values()):
        metric.update([10**6], [empty(preds[0])], [empty(target[0])])
        metric.update(images, preds, target)
    for name, metric in alone.items():
        results = values(collection[name].compute()), values(metric.compute())
        np.testing.assert_array_equal(*results)


def empty(sample):
    return {name: value[:0] for name, value in sample.items()}


def test_samples_of_one_image(people, found, expected):
    """One sample a person, in any order: detections go to one of them, to no effect."""
    images, preds, target = samples(people, found)
    metric = lp.metrics.KeypointAP()
    parts = []
    for image, pred, true in zip(images, preds, target, strict=True):
        nobody = {name: value[:0] for name, value in true.items()}
        nothing = {name: value[:0] for name, value in pred.items()}
        parts.append((image, 0, pred, nobody))
        for place in range(len(true["keypoints"])):
            one = {name: value[place : place + 1] for name, value in true.items()}
            parts.append((image, place + 1, nothing, one))
    for place in np.random.default_rng(0).permutation(len(parts)):
        image, sample, pred, true = parts[place]
        metric.update([image], [pred], [true], sample_ids=[sample])
    np.testing.assert_allclose(values(metric.compute()), expected, rtol=0, atol=TOLERANCE)


RANKS = """
rng = torch.Generator().manual_seed(0)
gt = torch.rand(10, 3, 6, 3, generator=rng, dtype=torch.float64) * 200
gt[..., 2] = (gt[..., 2] > 50) * 2
pred = gt + torch.randn(10, 3, 6, 3, generator=rng, dtype=torch.float64) * 10
scores = (torch.rand(10, 3, generator=rng) * 5).round() / 5
own = [index % 10 for index in range(rank, 10 + (-10) % ranks, ranks)]  # a padded sampler's
metric = lp.metrics.KeypointAP(lp.LOWER_BODY_SIGMAS)
for i in own:
    n = i % 4
    metric.update(
        [100 - i],
        [{"keypoints": pred[i, :n], "scores": scores[i, :n]}],
        [{"keypoints": gt[i], "areas": torch.full((3,), 5000.0)}],
    )
print({name: value.item() for name, value in metric.compute().items()})
print({name: value.item() for name, value in metric.compute().items()})
assert len(metric._rows(metric._sample_keys)) == len(own)  # its own again
"""


@pytest.mark.parametrize("torchmetrics", [False, True])
def test_ranks_with_a_padded_sampler(tmp_path, torchmetrics):
    if torchmetrics:
        pytest.importorskip("torchmetrics")
    alone = run_ranks(RANKS, tmp_path, ranks=1, torchmetrics=torchmetrics)[0].splitlines()
    assert 0.05 < json.loads(alone[0].replace("'", '"'))["AP"] < 0.95
    for printed in run_ranks(RANKS, tmp_path, ranks=3, torchmetrics=torchmetrics):
        assert printed.splitlines() == alone


def test_a_rank_without_samples(tmp_path):
    code = RANKS.replace("own = [", "own = [] if rank == 2 else [")
    for printed in run_ranks(code, tmp_path, ranks=3, torchmetrics=False):
        assert '"AP"' in printed.replace("'", '"')


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"image_ids": [1, 2]}, ValueError, "preds must be 2, as many as image_ids, got 1"),
        ({"image_ids": [1.0]}, TypeError, "image_ids must be integers"),
        ({"image_ids": 1}, TypeError, "image_ids must be a sequence"),
        ({"image_ids": [2**70]}, ValueError, "image_ids must be integers of 64 bits"),
        ({"sample_ids": []}, ValueError, "sample_ids must be 1"),
        ({"preds": {}}, TypeError, "preds must be one mapping a sample"),
        ({"preds": [3]}, TypeError, "preds must be one mapping a sample"),
        ({"preds": [{}]}, ValueError, "preds must have 'keypoints'"),
        ({"target": [{"keypoints": np.zeros((1, 17, 3))}]}, ValueError, "areas must be given"),
        (
            {"target": [{"keypoints": np.zeros((1, 17, 3)), "area": 3}]},
            ValueError,
            "target must be of keypoints, areas, boxes, crowd, num_keypoints, got 'area'",
        ),
        ({"target": [{"keypoints": np.zeros((1, 6, 3))}]}, ValueError, "gt must be"),
    ],
)
def test_what_the_metric_refuses(change, error, message):
    arguments = {
        "image_ids": [1],
        "preds": [{"keypoints": np.zeros((1, 17, 3)), "scores": np.zeros(1)}],
        "target": [{"keypoints": np.zeros((1, 17, 3)), "areas": np.ones(1)}],
    } | change
    with pytest.raises(error, match=f"KeypointAP: {message}"):
        lp.metrics.KeypointAP().update(**arguments)


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


def test_sigmas_of_the_metric():
    for wrong in ([0.1, 0.0], [0.1, np.nan], [-1.0]):
        with pytest.raises(ValueError, match="KeypointAP: sigmas must be"):
            lp.metrics.KeypointAP(wrong)
    assert len(lp.metrics.KeypointAP(torch.full((6,), 0.1)).sigmas) == 6
