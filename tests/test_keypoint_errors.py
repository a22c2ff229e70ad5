from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.reference import pck as reference
from tests.scores_transcriptions import curve_area

# Sums of at most 300 positive numbers, in another order.
CLOSE = {"rtol": 1e-13, "atol": 0, "equal_nan": True}


def scene(seed, batch=30, num_joints=6):
    rng = np.random.default_rng(seed)
    gt = rng.uniform(0, 200, (batch, num_joints, 2))
    return gt + rng.normal(0, 10, gt.shape), gt, rng.random((batch, num_joints)) < 0.7


@pytest.mark.usefixtures("device")
@given(
    seed=st.integers(0, 1000),
    batch=st.integers(0, 40),
    num_joints=st.integers(2, 5),
    norm=st.sampled_from([1.0, 7.5, (0, 1), "instance", "axis"]),
    reduce=st.sampled_from(["pooled", "joint_mean", "joint_count_weighted"]),
    joints=st.sampled_from([None, (0,), (1, 0), ()]),
    inside=st.sampled_from([None, (100, 150)]),
)
def test_equals_the_reference(seed, batch, num_joints, norm, reduce, joints, inside):
    pred, gt, valid = (torch.tensor(array) for array in scene(seed, batch, num_joints))
    pred[:1, :1] = math.nan if seed % 3 == 0 else math.inf
    if isinstance(norm, str):
        norm = torch.linspace(-1, 9, 2 * batch, dtype=torch.float64).reshape(batch, 2)
        norm = norm[:, 0] if norm == "instance" else norm
    rules = {"inside": inside, "norm_layout": "axis" if isinstance(norm, torch.Tensor) else "auto"}
    ours = lp.keypoint_error_sums(pred, gt, valid, norm, **rules)
    plain = reference.keypoint_error_sums(pred, gt, valid, norm, **rules)
    torch.testing.assert_close(ours, plain, **CLOSE)
    mean = lp.keypoint_nme(pred, gt, valid, norm, joints=joints, reduce=reduce, **rules)
    expected = reference.mean_over_joints(*plain, joints, reduce)
    torch.testing.assert_close(mean, expected, **CLOSE)
    each = lp.keypoint_nme(pred, gt, valid, norm, joints=joints, reduce="per_joint", **rules)
    expected = plain[0] / plain[1]
    torch.testing.assert_close(
        each, expected if joints is None else expected[list(joints)], **CLOSE
    )
    steps = [0.25, 0.5, 0.75, 1.0]
    area = lp.keypoint_auc(pred, gt, valid, norm, steps, joints=joints, reduce=reduce, **rules)
    hits, counted = reference.pck_counts(pred, gt, valid, norm, steps, **rules)
    expected = reference.mean_over_joints(hits, counted, joints, reduce).mean()
    torch.testing.assert_close(area, expected, **CLOSE)


@pytest.mark.usefixtures("array_device")
def test_numpy_and_torch_agree():
    arrays = scene(0)
    tensors = [torch.tensor(array) for array in arrays]
    for function, extra in (
        (lp.keypoint_error_sums, (3.0,)),
        (lp.keypoint_epe, ()),
        (lp.keypoint_nme, (3.0,)),
        (lp.keypoint_auc, (30.0,)),
    ):
        ours, theirs = function(*arrays, *extra), function(*tensors, *extra)
        pairs = zip(ours, theirs, strict=True) if isinstance(ours, tuple) else [(ours, theirs)]
        for array, tensor in pairs:
            assert isinstance(tensor, torch.Tensor)
            np.testing.assert_allclose(array, tensor.numpy(), rtol=1e-15)
    each = lp.keypoint_epe(*arrays, reduce="per_joint")
    np.testing.assert_array_equal(each, lp.keypoint_epe(*tensors, reduce="per_joint").numpy())


@pytest.mark.usefixtures("array_device")
def test_known_means():
    pred, gt, valid = scene(1)
    distances = np.linalg.norm(pred - gt, axis=-1)
    assert lp.keypoint_epe(pred, gt, valid) == pytest.approx(distances[valid].mean(), rel=1e-14)
    each = [distances[valid[:, joint], joint].mean() for joint in range(6)]
    np.testing.assert_allclose(
        lp.keypoint_epe(pred, gt, valid, reduce="per_joint"), each, rtol=1e-14
    )
    mean = lp.keypoint_epe(pred, gt, valid, reduce="joint_mean")
    assert mean == pytest.approx(np.mean(each), rel=1e-14)
    norm = np.linspace(10, 40, len(gt))
    expected = (distances / norm[:, None])[valid].mean()
    assert lp.keypoint_nme(pred, gt, valid, norm) == pytest.approx(expected, rel=1e-14)


@pytest.mark.usefixtures("array_device")
def test_sums_of_batches_add_up():
    pred, gt, valid = scene(2)
    parts = [
        lp.keypoint_error_sums(pred[part], gt[part], valid[part], 5.0)
        for part in (slice(0, 7), slice(7, 30))
    ]
    sums, counted = lp.keypoint_error_sums(pred, gt, valid, 5.0)
    np.testing.assert_allclose(parts[0][0] + parts[1][0], sums, rtol=1e-14)
    np.testing.assert_array_equal(parts[0][1] + parts[1][1], counted)


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
def test_a_prediction_that_is_not_finite_is_seen_in_the_mean(lost):
    pred, gt, valid = scene(3)
    valid[:] = True
    pred[4, 2, 0] = lost
    assert math.isnan(lp.keypoint_epe(pred, gt, valid))
    assert np.isnan(lp.keypoint_epe(pred, gt, valid, reduce="per_joint")).tolist() == [
        joint == 2 for joint in range(6)
    ]
    assert not math.isnan(lp.keypoint_epe(pred, gt, valid, joints=(0, 1, 3, 4, 5)))
    valid[4, 2] = False
    assert not math.isnan(lp.keypoint_epe(pred, gt, valid))


@pytest.mark.usefixtures("array_device")
def test_nothing_counted_is_nan():
    pred, gt, valid = scene(4)
    nothing = np.zeros_like(valid)
    assert math.isnan(lp.keypoint_epe(pred, gt, nothing))
    assert math.isnan(lp.keypoint_nme(pred, gt, nothing, 3.0))
    assert math.isnan(lp.keypoint_auc(pred, gt, nothing, 3.0))
    assert np.isnan(lp.keypoint_epe(pred, gt, nothing, reduce="per_joint")).all()
    assert lp.keypoint_error_sums(pred, gt, nothing)[0].tolist() == [0.0] * 6


@pytest.mark.usefixtures("array_device")
def test_the_area_under_the_curve():
    pred, gt, valid = scene(5)
    assert lp.keypoint_auc(gt, gt, valid, 30.0) == 1
    assert lp.keypoint_auc(gt + 30, gt, valid, 30.0) == 0
    zero_first = np.arange(20) / 20
    assert lp.keypoint_auc(gt, gt, valid, 30.0, zero_first) == pytest.approx(0.95, rel=1e-15)
    ours = lp.keypoint_auc(pred, gt, valid, 30.0, zero_first, reduce="joint_mean")
    theirs = curve_area(pred, gt, valid, 30.0, 20)
    assert ours == pytest.approx(theirs, rel=1e-14)


@pytest.mark.parametrize(
    ("function", "change", "error", "message"),
    [
        ("keypoint_epe", {"pred": None}, TypeError, "pred must be a NumPy array or a torch tensor"),
        ("keypoint_epe", {"gt": np.zeros((1, 2))}, ValueError, r"gt must be \[B, K, 2\]"),
        ("keypoint_epe", {"reduce": "sum"}, ValueError, "reduce must be .*'per_joint' or 'pooled'"),
        ("keypoint_nme", {"norm": 0.0}, ValueError, "norm must be positive and finite"),
        ("keypoint_nme", {"norm": (0, 9)}, ValueError, "norm must be indices of the 2 joints"),
        ("keypoint_auc", {"norm": 1, "thresholds": ()}, ValueError, "thresholds must be at least"),
        (
            "keypoint_auc",
            {"norm": 1, "thresholds": (-1,)},
            ValueError,
            "thresholds must be not neg",
        ),
        ("keypoint_auc", {"norm": 1, "reduce": "per_joint"}, ValueError, "reduce must be"),
        ("keypoint_error_sums", {"norm": "a"}, TypeError, "norm .if no array. must be a number"),
        ("keypoint_error_sums", {"inside": (1,)}, ValueError, r"inside must be \(W, H\)"),
    ],
)
def test_refusals_name_what_is_wrong(function, change, error, message):
    joints = np.zeros((1, 2, 2))
    arguments = {"pred": joints, "gt": joints, "valid": np.ones((1, 2))} | change
    with pytest.raises(error, match=f"{function}: {message}"):
        getattr(lp, function)(**arguments)
