from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.reference import pck as reference

values = st.sampled_from([0.0, 3.0, 4.0, 5.0, 12.5, -7.0, np.nan, np.inf, 2.0**31])


@pytest.mark.usefixtures("device")
@given(
    data=st.data(),
    batch=st.integers(0, 3),
    num_joints=st.integers(1, 4),
    kind=st.sampled_from(["number", "instance", "axis", "joint"]),
    cmp=st.sampled_from(["lt", "le"]),
)
def test_equals_the_reference(data, batch, num_joints, kind, cmp):
    def draw(elements, *shape):
        count = math.prod(shape)
        drawn = data.draw(st.lists(elements, min_size=count, max_size=count))
        return torch.tensor(drawn, dtype=torch.float64).reshape(shape)

    pred, gt = draw(values, batch, num_joints, 2), draw(values, batch, num_joints, 2)
    valid = draw(st.sampled_from([0.0, 0.4, 0.5, 1.0, 2.0, np.nan]), batch, num_joints)
    norms = st.sampled_from([10.0, 100.0, 0.0, -5.0, np.nan, np.inf])
    shapes = {"instance": (batch,), "axis": (batch, 2), "joint": (batch, num_joints)}
    norm = 100.0 if kind == "number" else draw(norms, *shapes[kind])
    layout = kind if kind in ("axis", "joint") else "auto"
    options = {"cmp": cmp, "norm_layout": layout}
    thresholds = (0.0, 0.05, 0.5)
    counts = lp.pck_counts(pred, gt, valid, norm, thresholds, **options)
    expected = reference.pck_counts(pred, gt, valid, norm, thresholds, **options)
    for ours, plain in zip(counts, expected, strict=True):
        torch.testing.assert_close(ours, plain, rtol=0, atol=0)
    ratio = lp.pck(pred, gt, valid, norm, 0.05, **options)
    plain_ratio = expected[0][1].sum().double() / expected[1].sum()
    torch.testing.assert_close(ratio, plain_ratio, rtol=0, atol=0, equal_nan=True)


@pytest.mark.usefixtures("device")
def test_distances_on_the_threshold():
    gt = torch.zeros(1, 1, 2)
    pred = torch.tensor([[[3.0, 4.0]]])  # 5 pixels of 100
    valid = torch.ones(1, 1)
    assert lp.pck(pred, gt, valid, 100, 0.05).item() == 0
    assert lp.pck(pred, gt, valid, 100, 0.05, cmp="le").item() == 1
    assert lp.pck(pred, gt, valid, 100, 0.0500001).item() == 1


@pytest.mark.usefixtures("array_device")
def test_nan_predictions_are_wrong_and_nan_truth_does_not_count():
    gt = np.zeros((1, 3, 2))
    pred = np.zeros((1, 3, 2))
    pred[0, 0], gt[0, 1] = np.nan, np.nan
    correct, counted = lp.pck_counts(pred, gt, np.ones((1, 3)), 10.0, 0.5)
    assert correct.tolist() == [[0, 0, 1]]
    assert counted.tolist() == [1, 0, 1]


@pytest.mark.usefixtures("array_device")
def test_nothing_counted_is_nan():
    arrays = np.zeros((2, 3, 2)), np.zeros((2, 3, 2)), np.zeros((2, 3))
    assert math.isnan(lp.pck(*arrays, norm=1.0))
    assert lp.pck(*map(torch.tensor, arrays), norm=1.0).isnan()


@pytest.mark.usefixtures("array_device")
def test_numpy_and_torch_agree_for_every_type_of_argument():
    rng = np.random.default_rng(0)
    pred, gt = rng.integers(0, 50, (2, 8, 6, 2))
    for kind in (np.float32, np.int64, np.uint8):
        arrays = pred.astype(kind), gt.astype(kind), rng.random((8, 6)) < 0.7
        norm = rng.uniform(100, 200, 8)
        ours = lp.pck_counts(*arrays, norm, np.array([0.05, 0.1]))
        tensors = lp.pck_counts(*map(torch.tensor, arrays), torch.tensor(norm), (0.05, 0.1))
        for array, tensor in zip(ours, tensors, strict=True):
            np.testing.assert_array_equal(array, tensor.numpy())


@pytest.mark.usefixtures("array_device")
def test_the_limit_of_usable_coordinates():
    edge = np.array([[[2.0**30, 0.0], [np.nextafter(2.0**30, np.inf), 0.0]]])
    _, counted = lp.pck_counts(edge, edge, np.ones((1, 2)), 1.0, 0.5)
    assert counted.tolist() == [1, 0]


def test_tensors_are_checked_as_arrays_are():
    joints, valid = torch.zeros(1, 2, 2, requires_grad=True), torch.ones(1, 2)
    assert not lp.pck(joints, joints.detach(), valid, 1.0).requires_grad
    norm = torch.ones(1, requires_grad=True)
    assert not lp.pck(joints.detach(), joints, valid.requires_grad_(), norm).requires_grad
    with pytest.raises(ValueError, match="pck: cmp must be"):
        lp.pck(joints, joints, valid, 1.0, cmp="<")
    with pytest.raises(ValueError, match="pck: threshold must be not negative"):
        lp.pck(joints, joints, valid, 1.0, -1.0)


@pytest.mark.usefixtures("array_device")
def test_counts_of_batches_add_up():
    rng = np.random.default_rng(1)
    pred, gt = rng.uniform(0, 50, (2, 9, 6, 2))
    valid = rng.random((9, 6)) < 0.5
    whole = lp.pck_counts(pred, gt, valid, 64, (0.1, 0.2))
    parts = [
        lp.pck_counts(pred[s], gt[s], valid[s], 64, (0.1, 0.2)) for s in (slice(4), slice(4, 9))
    ]
    for index in range(2):
        np.testing.assert_array_equal(whole[index], parts[0][index] + parts[1][index])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"gt": np.zeros((2, 2, 2))}, ValueError, r"gt must be \[B, K, 2\] = \[1, 2, 2\]"),
        ({"pred": np.zeros((2, 2))}, ValueError, r"pred must be \[B, K, 2\]"),
        ({"valid": np.zeros((1, 3))}, ValueError, r"valid must be \[B, K\]"),
        ({"norm": np.ones((1, 2))}, ValueError, "norm_layout must be 'axis' or 'joint'"),
        ({"norm": np.ones(3)}, ValueError, r"norm must be \[B\] = \[1\]"),
        ({"norm": np.ones((1, 3))}, ValueError, r"norm must be .* \[B, K\] = \[1, 2\]"),
        ({"norm": 0}, ValueError, "norm must be positive and finite, got 0"),
        ({"norm": None}, TypeError, r"norm \(if no array\) must be a number, got NoneType"),
        ({"norm": np.ones((1, 3)), "norm_layout": "axis"}, ValueError, r"norm must be \[B, 2\]"),
        ({"norm": np.ones(1), "norm_layout": "joint"}, ValueError, r"norm must be \[B, K\]"),
        ({"norm_layout": "both"}, ValueError, "norm_layout must be 'auto' or 'axis' or 'joint'"),
        ({"thresholds": (0.1, math.nan)}, ValueError, "thresholds must be finite"),
        ({"thresholds": -0.1}, ValueError, "thresholds must be not negative"),
        ({"thresholds": "0.1"}, TypeError, "thresholds must be a number or a sequence"),
        ({"cmp": "<"}, ValueError, "cmp must be 'le' or 'lt'"),
    ],
)
def test_refusals_name_what_is_wrong(change, error, message):
    arguments = {
        "pred": np.zeros((1, 2, 2)),
        "gt": np.zeros((1, 2, 2)),
        "valid": np.ones((1, 2)),
        "norm": 10.0,
        "thresholds": 0.1,
    } | change
    with pytest.raises(error, match=f"pck_counts: {message}"):
        lp.pck_counts(**arguments)


def test_opcheck():
    joints = torch.rand(2, 3, 2)
    for norm in (None, torch.ones(2)):
        torch.library.opcheck(
            torch.ops.lowerpose_ops.pck_counts.default,
            (joints, joints + 0.1, torch.ones(2, 3), norm, 1.0, "auto", [0.05, 0.1], False),
        )
