"""lp.metrics.PCK, as a torchmetrics.Metric here, and without torchmetrics in processes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torchmetrics

import lowerpose_ops as lp
from tests.metric_ranks import run_ranks

IMAGE = {"norm": "image", "image_size": (192, 256)}


def scene(seed=0, batch=10, num_joints=6):
    rng = np.random.default_rng(seed)
    gt = rng.uniform(0, 190, (batch, num_joints, 2))
    return gt + rng.normal(0, 15, gt.shape), gt, rng.random((batch, num_joints)) < 0.7


def batches(*arrays):
    for part in (slice(0, 3), slice(3, 3), slice(3, None)):
        yield tuple(array[part] for array in arrays)


def values(metric):
    return {name: score.tolist() for name, score in metric.compute().items()}


@pytest.mark.usefixtures("device")
def test_batches_make_what_the_whole_makes():
    tensors = tuple(map(torch.tensor, scene()))
    metric = lp.metrics.PCK(**IMAGE)
    assert isinstance(metric, torchmetrics.Metric)
    for batch in batches(*tensors):
        metric.update(*batch)
    expected = [lp.pck(*tensors, 256, threshold).item() for threshold in (0.05, 0.1)]
    assert values(metric) == {"PCK@0.05": expected[0], "PCK@0.1": expected[1]}
    metric.reset()
    with pytest.warns(UserWarning, match="before the ``update`` method"):
        assert all(math.isnan(score) for score in values(metric).values())
    metric.update(*tensors)
    assert values(metric)["PCK@0.1"] == expected[1]


@pytest.mark.parametrize("reduce", ["pooled", "joint_mean", "joint_count_weighted", "per_joint"])
@pytest.mark.parametrize("joints", [None, (4, 0)])
def test_reductions_and_rules(reduce, joints):
    tensors = tuple(map(torch.tensor, scene(1)))
    rules = {"cmp": "le", "inside": (150, 180), "above": 3}
    metric = lp.metrics.PCK((0.05, 0.03), 100.0, reduce=reduce, joints=joints, **rules)
    for batch in batches(*tensors):
        metric.update(*batch)
    ours = metric.compute()
    if reduce == "per_joint":
        correct, counted = lp.pck_counts(*tensors, 100.0, (0.05, 0.03), **rules)
        each = correct / counted if joints is None else (correct / counted)[:, list(joints)]
        torch.testing.assert_close(torch.stack(list(ours.values())), each.double())
        return
    options = {"reduce": reduce, "joints": joints} | rules
    for name, score in ours.items():
        expected = lp.pck(*tensors, 100.0, float(name[4:]), **options)
        torch.testing.assert_close(score, expected, rtol=1e-15, atol=0)


def test_norms():
    arrays = scene(2)
    rng = np.random.default_rng(0)
    boxes = rng.uniform(50, 200, (10, 4))
    longest, diagonal = boxes[:, 2:].max(1), np.hypot(boxes[:, 2], boxes[:, 3])
    for norm, given, expected in (
        ("bbox", {"bbox": boxes}, longest),
        ("head", {"head_bbox": boxes}, 0.6 * diagonal),
        ("waist", {}, (0, 3)),
        ((1, 2), {}, (1, 2)),
        ([1, 2], {}, (1, 2)),
        (77, {}, 77),
        (None, {"norm": longest}, longest),
    ):
        metric = lp.metrics.PCK(0.1, norm)
        metric.update(*arrays, **given)
        assert values(metric) == {"PCK@0.1": lp.pck(*arrays, expected, 0.1)}
        tensors = {name: torch.tensor(value) for name, value in given.items()}
        metric.reset()
        metric.update(*map(torch.tensor, arrays), **tensors)
        assert values(metric) == {"PCK@0.1": lp.pck(*arrays, expected, 0.1)}
    people = scene(3, num_joints=17)
    for norm, pair in (("torso", (5, 12)), ("waist", (11, 12))):
        metric = lp.metrics.PCK(0.2, norm)
        metric.update(*people)
        assert values(metric) == {"PCK@0.2": lp.pck(*people, pair, 0.2)}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"norm": "image"}, ValueError, "image_size must be given with norm='image', got None"),
        ({"norm": 5, "image_size": (1, 2)}, ValueError, "image_size must be left out without"),
        ({"image_size": 5}, ValueError, r"image_size must be \(W, H\), got 5"),
        ({"image_size": (5, -1)}, ValueError, r"image_size must be \(W, H\), both positive"),
        ({"norm": "hip"}, ValueError, "norm must be 'bbox' or 'head' or 'image'"),
        ({"norm": 0}, ValueError, "norm must be positive, got 0"),
        ({"norm": (1, 1)}, ValueError, "norm must be two different joints"),
        ({"norm": torch.ones(2)}, TypeError, "norm .if no word. must be a number, got Tensor"),
        ({"norm": 1, "thresholds": -1}, ValueError, "thresholds must be not negative"),
        ({"norm": 1, "reduce": "sum"}, ValueError, "reduce must be"),
        ({"norm": 1, "joints": 3}, TypeError, "joints must be a sequence"),
        ({"norm": 1, "cmp": "<"}, ValueError, "cmp must be"),
        ({"norm": 1, "inside": 3}, ValueError, "inside must be"),
    ],
)
def test_refusals_of_the_constructor(options, error, message):
    with pytest.raises(error, match=f"PCK: {message}"):
        lp.metrics.PCK(**options)


@pytest.mark.parametrize(
    ("norm", "given", "error", "message"),
    [
        ("bbox", {}, ValueError, "bbox must be given with norm='bbox'"),
        ("head", {"bbox": np.ones((10, 4))}, ValueError, "bbox must be left out with norm='head'"),
        (5, {"norm": 5}, ValueError, "norm must be left out with norm=5"),
        (None, {}, ValueError, "norm must be given with norm=None"),
        ("bbox", {"bbox": np.ones((10, 2))}, ValueError, r"bbox must be \[B, 4\] = \[10, 4\]"),
        ("bbox", {"bbox": [1]}, TypeError, "bbox must be a NumPy array or a torch tensor"),
        ("torso", {}, ValueError, "norm must be two joints where there are 6, because 'torso'"),
    ],
)
def test_refusals_of_an_update(norm, given, error, message):
    with pytest.raises(error, match=f"PCK: {message}"):
        lp.metrics.PCK(0.1, norm).update(*scene(), **given)


def test_joints_that_are_not_there():
    metric = lp.metrics.PCK(0.1, 5.0, joints=(6,))
    with pytest.raises(ValueError, match="PCK: joints must be indices of the 6 joints, got 6"):
        metric.update(*scene())
    metric = lp.metrics.PCK(0.1, 5.0)
    metric.update(*scene())
    with pytest.raises(ValueError, match="PCK: pred must be of 6 joints like those before, got 17"):
        metric.update(*scene(num_joints=17))
    joints = np.zeros((1, 1025, 2))
    with pytest.raises(ValueError, match="PCK: pred must be of at most 1024 joints, got 1025"):
        lp.metrics.PCK(0.1, 5.0).update(joints, joints, np.ones((1, 1025)))


def test_in_and_out_of_inference_mode():
    arrays = scene()
    metric = lp.metrics.PCK(0.1, 64.0)
    with torch.inference_mode():
        metric.reset()
        metric.update(*arrays)
    metric.update(*arrays)
    assert values(metric) == {"PCK@0.1": lp.pck(*arrays, 64.0, 0.1)}


def test_in_a_collection_and_by_calling():
    arrays = scene()
    names = {"at": lp.metrics.PCK(0.1, 64.0), "waist": lp.metrics.PCK(0.5, "waist")}
    collection = torchmetrics.MetricCollection(names)
    batch = collection(*arrays)
    assert {name: score.item() for name, score in batch.items()} == {
        "PCK@0.1": lp.pck(*arrays, 64.0, 0.1),
        "PCK@0.5": lp.pck(*arrays, (0, 3), 0.5),
    }
    assert {name: score.item() for name, score in collection.compute().items()} == {
        name: score.item() for name, score in batch.items()
    }


def test_a_collection_keeps_other_rules_apart():
    """Although nothing is correct in the first batch, by any of them."""
    pred, gt, valid = scene()
    kinds = {"at 128": (0.1, 128.0), "at 256": (0.1, 256.0), "loosely": (0.4, 128.0)}
    scores = {name: lp.pck(pred, gt, valid, norm, limit) for name, (limit, norm) in kinds.items()}
    assert len(set(scores.values())) == 3
    metrics = {name: lp.metrics.PCK(*rules) for name, rules in kinds.items()}
    metrics["joint by joint"] = lp.metrics.PCK(0.1, 128.0, reduce="joint_mean")
    collection = torchmetrics.MetricCollection(dict(metrics), compute_groups=True)
    collection.update(gt + 1000, gt, valid)
    collection.update(pred, gt, valid)
    # Whose counts are the same are counted once.
    assert sorted(map(len, collection.compute_groups.values())) == [1, 1, 2]
    for name, metric in collection.items():
        if name in scores:
            (score,) = metric.compute().values()
            assert score.item() == pytest.approx(scores[name] / 2, rel=1e-15)


@pytest.mark.parametrize("by_calling", [False, True])
def test_the_number_of_joints_is_that_of_the_first_batch_until_reset(by_calling):
    metric = lp.metrics.PCK(0.1, 64.0)
    add = metric if by_calling else metric.update
    add(*scene())
    three = [array[:, :3] for array in scene()]
    with pytest.raises(ValueError, match="pred must be of 6 joints like those before, got 3"):
        add(*three)
    metric.reset()
    add(*three)
    assert values(metric) == {"PCK@0.1": lp.pck(*three, 64.0, 0.1)}


def test_a_batch_that_fails_changes_nothing():
    metric = lp.metrics.PCK(0.1, 64.0)
    metric.update(*scene())
    with pytest.raises(ValueError, match="norm must be left out"):
        metric(*scene(), norm=8.0)
    with pytest.raises(ValueError, match="pred must be of 6 joints like those before"):
        metric(*(array[:, :3] for array in scene()))


def test_joints_count_once():
    with pytest.raises(ValueError, match="PCK: joints must be joint indices, each once"):
        lp.metrics.PCK(0.1, 64.0, joints=(0, 0, 1))
    with pytest.raises(ValueError, match="PCK: joints must be below 1024"):
        lp.metrics.PCK(0.1, 64.0, joints=(2000,))


def test_counts_stay_counts():
    metric = lp.metrics.PCK(0.1, 64.0)
    metric.set_dtype(torch.float16)
    metric.update(*scene())
    assert metric.correct.dtype == torch.int64


RANKS = """
import numpy as np
rng = np.random.default_rng(0)
gt = rng.uniform(0, 190, (10, 6, 2))
pred, valid = gt + rng.normal(0, 15, gt.shape), rng.random((10, 6)) < 0.7

def numbers(scores):
    numbers = {name: score.tolist() for name, score in scores.items()}
    assert "nan" not in str(numbers)
    return numbers

for reduce in ("pooled", "joint_mean", "per_joint"):
    options = {"norm": "image", "image_size": (192, 256), "reduce": reduce}
    alone = lp.metrics.PCK(**options, sync_on_compute=False)
    alone.update(pred, gt, valid)
    metric = lp.metrics.PCK(**options)
    own = {0: range(4), 1: (), 2: range(4, 10)}[rank]
    for sample in own:
        part = slice(sample, sample + 1)
        metric.update(*(torch.tensor(array[part]) for array in (pred, gt, valid)))
    assert numbers(metric.compute()) == numbers(alone.compute())
    assert numbers(metric(pred, gt, valid)) == numbers(alone.compute())  # of this batch alone
    metric.reset()
    if rank == 1:
        metric.update(pred, gt, valid)
    assert numbers(metric.compute()) == numbers(alone.compute())
print(numbers(alone.compute()))
"""


@pytest.mark.parametrize("torchmetrics", [True, False], ids=["torchmetrics", "alone"])
def test_three_ranks_give_what_one_gives(tmp_path, torchmetrics):
    """Ten samples, of which one rank has none."""
    outputs = run_ranks(RANKS, tmp_path, ranks=3, torchmetrics=torchmetrics)
    assert len(set(outputs)) == 1
