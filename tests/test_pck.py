from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.reference import pck as reference
from tests.scores_transcriptions import accuracy_of_peaks, head_sized, pooled_inside

values = st.sampled_from([0.0, 3.0, 4.0, 5.0, 12.5, -7.0, np.nan, np.inf, 2.0**31])


@pytest.mark.usefixtures("device")
@given(
    data=st.data(),
    batch=st.integers(0, 3),
    num_joints=st.integers(1, 4),
    kind=st.sampled_from(["number", "instance", "axis", "joint", "pair"]),
    cmp=st.sampled_from(["lt", "le"]),
    inside=st.sampled_from([None, (5.0, 12.5)]),
    above=st.sampled_from([None, 0.0, 3.0]),
    reduce=st.sampled_from(["pooled", "joint_mean", "joint_count_weighted"]),
)
def test_equals_the_reference(data, batch, num_joints, kind, cmp, inside, above, reduce):
    if kind == "pair":
        num_joints += 1

    def draw(elements, *shape):
        count = math.prod(shape)
        drawn = data.draw(st.lists(elements, min_size=count, max_size=count))
        return torch.tensor(drawn, dtype=torch.float64).reshape(shape)

    pred, gt = draw(values, batch, num_joints, 2), draw(values, batch, num_joints, 2)
    valid = draw(st.sampled_from([0.0, 0.4, 0.5, 1.0, 2.0, np.nan]), batch, num_joints)
    norms = st.sampled_from([10.0, 100.0, 0.0, -5.0, np.nan, np.inf])
    shapes = {"instance": (batch,), "axis": (batch, 2), "joint": (batch, num_joints)}
    fixed = {"number": 100.0, "pair": (num_joints - 1, 0)}
    norm = fixed[kind] if kind in fixed else draw(norms, *shapes[kind])
    layout = kind if kind in ("axis", "joint") else "auto"
    options = {"cmp": cmp, "norm_layout": layout, "inside": inside, "above": above}
    thresholds = (0.0, 0.05, 0.5)
    counts = lp.pck_counts(pred, gt, valid, norm, thresholds, **options)
    expected = reference.pck_counts(pred, gt, valid, norm, thresholds, **options)
    for ours, plain in zip(counts, expected, strict=True):
        torch.testing.assert_close(ours, plain, rtol=0, atol=0)
    joints = data.draw(st.none() | st.sets(st.integers(0, num_joints - 1)).map(tuple))
    score = lp.pck(pred, gt, valid, norm, 0.05, joints=joints, reduce=reduce, **options)
    plain = reference.mean_over_joints(expected[0][1], expected[1], joints, reduce)
    # A mean of at most five fractions, added in another order.
    torch.testing.assert_close(score, plain, rtol=1e-15, atol=0, equal_nan=True)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("num_joints", [11, 12, 17, 64, 65, 133])
@pytest.mark.parametrize("kind", ["number", "instance", "axis", "joint", "pair"])
@pytest.mark.parametrize("interleaved", [False, True])
def test_many_joints(num_joints, kind, interleaved):
    """On the CPU they are counted in vectors, wherever their coordinates lie."""
    rng = np.random.default_rng(num_joints)

    def draw(values, *shape):
        tensor = torch.tensor(rng.choice(values, shape))
        return tensor.movedim(0, -1).contiguous().movedim(-1, 0) if interleaved else tensor

    shape = 5, num_joints
    usual = [0.0, 3.0, 4.0, 5.0, 12.5, 60.0, 80.0]
    odd = [*usual, *usual, -7.0, np.nan, np.inf, 2.0**31]
    pred, gt = draw(odd, *shape, 2).float(), draw(odd, *shape, 2)
    valid = draw([0.0, 0.4, 0.5, 1.0, 1.0, np.nan], *shape)
    norms = [10.0, 100.0, 100.0, 0.0, -5.0, np.nan, np.inf]
    shapes = {"instance": shape[:1], "axis": (5, 2), "joint": shape}
    fixed = {"number": 100.0, "pair": (num_joints - 1, 0)}
    norm = fixed[kind] if kind in fixed else draw(norms, *shapes[kind])
    layout = kind if kind in ("axis", "joint") else "auto"
    for options in ({"cmp": "lt"}, {"cmp": "le", "inside": (5.0, 70.0), "above": -1.0}):
        options |= {"norm_layout": layout}
        counts = lp.pck_counts(pred, gt, valid, norm, (0.05, 0.5), **options)
        expected = reference.pck_counts(pred, gt, valid, norm, (0.05, 0.5), **options)
        for ours, plain in zip(counts, expected, strict=True):
            torch.testing.assert_close(ours, plain, rtol=0, atol=0)


@pytest.mark.usefixtures("device")
def test_few_joints_and_many_have_the_same_bits():
    rng = np.random.default_rng(0)
    gt = torch.tensor(rng.uniform(0, 100, (30, 40, 2)))
    pred = gt + torch.tensor(rng.normal(0, 5, gt.shape))
    valid = torch.tensor(rng.random((30, 40)) < 0.7)
    sums, counted = lp.keypoint_error_sums(pred, gt, valid, 7.0)
    for first in range(0, 40, 10):
        few = slice(first, first + 10)
        some, number = lp.keypoint_error_sums(pred[:, few], gt[:, few], valid[:, few], 7.0)
        assert torch.equal(sums[few], some)
        assert torch.equal(counted[few], number)


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
        ({"norm": (0, 0)}, ValueError, r"norm must be two different joints, got \(0, 0\)"),
        ({"norm": (0, 1, 1)}, ValueError, "norm must be two different joints"),
        ({"norm": (0, 2)}, ValueError, "norm must be indices of the 2 joints, got 2"),
        ({"norm": (0, 1.0)}, TypeError, "norm must be joint indices, got float"),
        ({"norm": (0, -1)}, ValueError, r"norm must be joint indices, got \(0, -1\)"),
        ({"inside": 5}, ValueError, r"inside must be \(W, H\), got 5"),
        ({"inside": (5, 0)}, ValueError, r"inside must be \(W, H\), both positive"),
        ({"inside": (5, "6")}, TypeError, "inside must be two numbers, got str"),
        ({"above": "1"}, TypeError, "above must be a number, got str"),
        ({"above": math.nan}, ValueError, "above must be finite"),
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


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"joints": (0, 2)}, ValueError, "joints must be indices of the 2 joints, got 2"),
        ({"joints": (1, 1)}, ValueError, "joints must be joint indices, each once, got"),
        ({"joints": 1}, TypeError, "joints must be a sequence of joint indices, got int"),
        ({"joints": (True,)}, TypeError, "joints must be joint indices, got bool"),
        ({"reduce": "mean"}, ValueError, "reduce must be 'joint_count_weighted' or 'joint_mean'"),
        ({"reduce": "per_joint"}, ValueError, "reduce must be"),
        ({"gt": np.zeros((2, 2, 2))}, ValueError, r"gt must be \[B, K, 2\] = \[1, 2, 2\]"),
    ],
)
def test_refusals_of_scores(change, error, message):
    joints = np.zeros((1, 2, 2))
    arguments = {"pred": joints, "gt": joints, "valid": np.ones((1, 2)), "norm": 1.0} | change
    with pytest.raises(error, match=f"pck: {message}"):
        lp.pck(**arguments)


def people(seed=0, batch=20, num_joints=16):
    rng = np.random.default_rng(seed)
    gt = rng.uniform(-20, 220, (batch, num_joints, 2))
    pred = gt + rng.normal(0, 12, gt.shape)
    return pred, gt, rng.random((batch, num_joints)) < 0.7, rng


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize("threshold", [0.05, 0.1])
def test_the_lower_body_project_s_accuracy(threshold):
    pred, gt, valid, _ = people()
    ours = lp.pck(pred, gt, valid, 256, threshold, cmp="le", inside=(192, 256))
    theirs = pooled_inside(pred, gt, valid, threshold, width=192, height=256)
    assert ours == pytest.approx(theirs, rel=1e-15)


@pytest.mark.usefixtures("array_device")
def test_hrnet_s_accuracy():
    """Its norm has height and width exchanged; joints on the first two rows and columns do not
    count; joints without data are left out of the mean."""
    rng = np.random.default_rng(1)
    gt = rng.integers(0, 12, (9, 17, 2)).astype(np.float64)
    gt[:, 3] = 1
    pred = gt + rng.integers(-4, 5, gt.shape)
    norm = np.tile([64 / 10, 48 / 10], (9, 1))
    ones = np.ones((9, 17))
    ours = lp.pck(pred, gt, ones, norm, 0.5, above=1, reduce="joint_mean")
    theirs = accuracy_of_peaks(pred, gt, height=64, width=48)
    assert ours == pytest.approx(theirs, rel=1e-15)
    right_way = lp.pck(pred, gt, ones, norm[:, ::-1], 0.5, above=1, reduce="joint_mean")
    assert right_way != pytest.approx(theirs)


@pytest.mark.usefixtures("array_device")
def test_pckh():
    pred, gt, valid, rng = people(2)
    boxes = rng.uniform(10, 40, (len(gt), 4))
    norm = 0.6 * np.hypot(boxes[:, 2], boxes[:, 3])
    body = [joint for joint in range(16) if joint not in (6, 7)]
    each, mean = head_sized(pred, gt, valid, norm, left_out=(6, 7))
    correct, counted = lp.pck_counts(pred, gt, valid, norm, 0.5, cmp="le")
    np.testing.assert_allclose(correct[0] / counted, each, rtol=1e-15)
    for reduce in ("joint_count_weighted", "pooled"):
        ours = lp.pck(pred, gt, valid, norm, 0.5, cmp="le", joints=body, reduce=reduce)
        assert ours == pytest.approx(mean, rel=1e-14)
    plain = lp.pck(pred, gt, valid, norm, 0.5, cmp="le", joints=body, reduce="joint_mean")
    assert plain == pytest.approx(np.mean(each[body]), rel=1e-14)


@pytest.mark.usefixtures("array_device")
def test_a_pair_of_joints_as_norm():
    pred, gt, _, _ = people(3)
    everything = np.ones(gt.shape[:2])
    waist = np.linalg.norm(gt[:, 2] - gt[:, 3], axis=-1)
    by_hand = lp.pck_counts(pred, gt, everything, waist, (0.1, 0.5))
    for ours, theirs in zip(
        lp.pck_counts(pred, gt, everything, (2, 3), (0.1, 0.5)), by_hand, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    # Whoever has no second hip has no norm.
    everything[4, 3] = 0
    assert lp.pck_counts(pred, gt, everything, (2, 3), 0.5)[1].tolist() == [19] * 16


def test_opcheck():
    joints = torch.linspace(0.1, 0.9, 12).reshape(2, 3, 2)
    rules = (1.0, [], "auto", [0.05, 0.1], False, [], None, None, "pooled")
    lp.pck(joints, joints, torch.ones(2, 3), 1.0)  # which declares the operation
    others = (1.0, [0, 2], "auto", [0.05], True, [48.0, 64.0], 0.01, [0, 1], "joint_mean")
    for norm, given_rules in ((None, rules), (torch.ones(2), rules), (None, others)):
        torch.library.opcheck(
            torch.ops.lowerpose_ops.pck_counts.default,
            ("pck", joints, joints + 0.1, torch.ones(2, 3), norm, *given_rules),
        )
