"""lp.metrics.MPJPE, as a torchmetrics.Metric here, and without torchmetrics in processes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torchmetrics

import lowerpose_ops as lp
from tests import pose3d_transcriptions as plain
from tests.metric_ranks import run_ranks
from tests.pose3d_scenes import poses

every_alignment = pytest.mark.parametrize("align", ["none", "root", "scale", "procrustes"])


def scene(seed=0, batch=10):
    pred, gt, mask, _ = poses(seed, batch)
    mask[:, :4] = True  # fewer may leave the rotation open
    return pred, gt, mask


def batches(*arrays):
    for part in (slice(0, 3), slice(3, 3), slice(3, None)):
        yield tuple(array[part] for array in arrays)


@pytest.mark.usefixtures("device")
@every_alignment
def test_batches_make_what_the_whole_makes(align):
    arrays = scene()
    metric = lp.metrics.MPJPE(align)
    assert isinstance(metric, torchmetrics.Metric)
    expected = plain.mpjpe(*arrays, align=align)
    for kind in (torch.tensor, np.asarray):
        for batch in batches(*arrays):
            metric.update(*map(kind, batch))
        score = metric.compute()
        assert score.dtype == torch.float64
        assert score.shape == ()
        assert score.item() == pytest.approx(expected, rel=1e-9)  # as in test_mpjpe.py
        metric.reset()
    with pytest.warns(UserWarning, match="before the ``update`` method"):
        assert math.isnan(metric.compute().item())


def test_batches_count_by_their_joints():
    """Not the mean of the batches' means; and poses of other joints are pooled."""
    metric = lp.metrics.MPJPE()
    zeros = np.zeros((4, 6, 3))
    metric.update(zeros + np.array([3, 0, 4]), zeros)
    metric.update(zeros[0, :2], zeros[0, :2])
    assert metric.compute().item() == pytest.approx(5 * 24 / 26)
    metric.update(zeros[:2] + 100, zeros[:2], np.zeros((2, 6)))
    assert metric.compute().item() == pytest.approx(5 * 24 / 26)


def test_arrays_of_any_layout_and_mask_of_any_type():
    pred, gt, mask = scene(1)
    expected = lp.metrics.MPJPE()
    expected.update(pred, gt, mask)
    for kind in (np.bool_, np.uint16, np.int64, np.float16, np.longdouble):
        metric = lp.metrics.MPJPE()
        backwards = np.ascontiguousarray(pred[:, ::-1])[:, ::-1].astype(">f8")
        metric.update(backwards, np.asfortranarray(gt), mask.astype(kind))
        assert metric.compute().item() == expected.compute().item()
    metric = lp.metrics.MPJPE()
    metric.update(np.float32(pred), np.float32(gt), mask)
    assert metric.compute().item() == pytest.approx(expected.compute().item(), rel=1e-6)


def test_what_is_not_finite_is_seen():
    pred, gt, mask = scene(2)
    gt[0, 0] = np.nan
    metric = lp.metrics.MPJPE()
    metric.update(pred, gt, mask)
    assert metric.compute().isfinite()
    pred[1, 1] = np.nan
    metric.update(pred, gt, mask)
    assert metric.compute().isnan()


def test_it_keeps_no_graph():
    pred, gt, _ = map(torch.tensor, scene())
    metric = lp.metrics.MPJPE("procrustes")
    metric.update(pred.requires_grad_(), gt)
    assert not metric.compute().requires_grad


def test_in_and_out_of_inference_mode():
    arrays = scene()
    metric = lp.metrics.MPJPE("scale")
    with torch.inference_mode():
        metric.reset()
        metric.update(*arrays)
    metric.update(*arrays)
    expected = plain.mpjpe(*arrays, align="scale")
    assert metric.compute().item() == pytest.approx(expected, rel=1e-9)


def test_in_a_collection_that_keeps_other_rules_apart():
    """Although all alignments have the same error in the first batch."""
    pred, gt, mask = scene(3)
    rules = {
        "plain": {"align": "none"},
        "hip": {"align": "root"},
        "hips": {"align": "root", "root": (0, 3)},
        "n": {"align": "scale"},
        "pa": {"align": "procrustes"},
        "again": {"align": "none"},
    }
    metrics = {name: lp.metrics.MPJPE(**options) for name, options in rules.items()}
    collection = torchmetrics.MetricCollection(dict(metrics), compute_groups=True)
    collection.update(0 * gt, 0 * gt, mask)
    batch = collection(pred, gt, mask)
    assert sorted(map(len, collection.compute_groups.values())) == [1, 1, 1, 1, 2]
    for name, score in collection.compute().items():
        align, root = rules[name]["align"], rules[name].get("root", 0)
        root = (root,) if isinstance(root, int) else root
        expected = plain.mpjpe(pred, gt, mask, align=align, root=root)
        assert batch[name].item() == pytest.approx(expected, rel=1e-9)
        assert score.item() == pytest.approx(expected / 2, rel=1e-9)


def test_it_stays_float64():
    metric = lp.metrics.MPJPE()
    metric.set_dtype(torch.float16)
    metric.update(*scene())
    assert metric.compute().dtype == torch.float64
    assert metric.higher_is_better is False


@pytest.mark.parametrize(
    ("options", "batch", "error", "message"),
    [
        ({"align": "rigid"}, None, ValueError, "align must be 'none' or"),
        ({}, (None, None), TypeError, "pred must be a NumPy array or a torch tensor, got NoneType"),
        ({}, (np.zeros((2, 3), int),) * 2, TypeError, "pred must be of a floating type, got int64"),
        ({}, (np.ma.zeros((2, 3)),) * 2, TypeError, "pred must be .*, got MaskedArray"),
        ({}, (np.zeros((2, 3)), np.zeros((3, 3))), ValueError, "gt must be"),
        ({}, (np.zeros((2, 3)),) * 2 + (np.array(["a", "b"]),), TypeError, "mask must be bool or"),
        ({}, (np.zeros((2, 3)),) * 2 + (np.ones(3),), ValueError, "mask must be"),
        ({"align": "root", "root": 2}, (np.zeros((2, 3)),) * 2, ValueError, "root must be one of"),
        ({"align": "procrustes"}, (np.zeros((2, 2)),) * 2, ValueError, "pred must be"),
    ],
)
def test_refusals(options, batch, error, message):
    with pytest.raises(error, match=f"MPJPE: {message}"):
        lp.metrics.MPJPE(**options).update(*batch)


RANKS = """
import numpy as np
rng = np.random.default_rng(0)
gt = rng.integers(0, 900, (10, 6, 3)).astype(float)
pred, valid = gt + 5 * rng.integers(0, 9, (10, 6, 1)) * [3, 0, 4], rng.random((10, 6)) < 0.7

for align in ("none", "root"):  # whose sums here are integers, the same in any order
    alone = lp.metrics.MPJPE(align, sync_on_compute=False)
    alone.update(pred, gt, valid)
    expected = alone.compute().item()
    assert expected > 1
    metric = lp.metrics.MPJPE(align)
    own = {0: range(4), 1: (), 2: range(4, 10)}[rank]
    for sample in own:
        part = slice(sample, sample + 1)
        metric.update(*(torch.tensor(array[part]) for array in (pred, gt, valid)))
    assert metric.compute().item() == expected
    assert metric(pred, gt, valid).item() == expected  # of this batch alone
    metric.reset()
    if rank == 1:
        metric.update(pred, gt, valid)
    assert metric.compute().item() == expected
print(expected)
"""


@pytest.mark.parametrize("torchmetrics", [True, False], ids=["torchmetrics", "alone"])
def test_three_ranks_give_what_one_gives(tmp_path, torchmetrics):
    """Ten samples, of which one rank has none."""
    outputs = run_ranks(RANKS, tmp_path, ranks=3, torchmetrics=torchmetrics)
    assert len(set(outputs)) == 1
