"""The drop-in scores of MMPose: their results, their bugs, and without."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowerpose_ops.compat import mmpose
from tests import compat_mmpose_transcriptions as transcriptions


def persons(seed, dimensions=2, dtype=np.float32, count=6):
    rng = np.random.default_rng(seed)
    gt = rng.uniform(0, 100, (count, 5, dimensions)).astype(dtype)
    pred = (gt + rng.normal(0, 8, gt.shape)).astype(dtype)
    pred[0, 0] = gt[0, 0] + 0.05 * 100  # on a threshold
    mask = rng.random((count, 5)) < 0.7
    mask[:, 4] = False
    return pred, gt, mask, rng


def norms(rng, count, dimensions, dtype, usual=False):
    norm = rng.uniform(50, 200, (count, dimensions)).astype(dtype)
    norm[0] = 100
    if not usual:
        norm[rng.random(norm.shape) < 0.1] = 0
        norm[rng.random(norm.shape) < 0.1] = -3
    return norm


kinds = {
    "seed": st.integers(0, 2**32 - 1),
    "dimensions": st.sampled_from([2, 3]),
    "dtype": st.sampled_from([np.float32, np.float64]),
    "nan": st.booleans(),
}


@given(**kinds, thr=st.sampled_from([0.0, 0.05, 0.2, np.float64(0.05)]))
def test_pck_equals_the_transcription(seed, dimensions, dtype, nan, thr):
    pred, gt, mask, rng = persons(seed, dimensions, dtype)
    if nan:
        pred[1, 0] = gt[2, 1] = np.nan
    norm = norms(rng, len(pred), dimensions, dtype)
    plain_norm = norm.copy()
    acc, avg_acc, cnt = mmpose.keypoint_pck_accuracy(pred, gt, mask, thr, norm)
    plain = transcriptions.keypoint_pck_accuracy(pred, gt, mask, thr, plain_norm)
    np.testing.assert_array_equal(acc, plain[0])
    assert (avg_acc, cnt) == plain[1:]
    np.testing.assert_array_equal(norm, plain_norm)  # overwritten alike


@given(**kinds, num_thrs=st.sampled_from([20, 7]))
def test_auc_equals_the_transcription(seed, dimensions, dtype, nan, num_thrs):
    pred, gt, mask, _ = persons(seed, 2, dtype)
    if nan:
        pred[1, 0] = np.nan
    for norm in (30, 45.5, -1.0, 0):
        ours = mmpose.keypoint_auc(pred, gt, mask, norm, num_thrs)
        plain = transcriptions.keypoint_auc(pred, gt, mask, norm, num_thrs)
        assert ours == pytest.approx(plain, rel=1e-12)  # sums of num_thrs doubles


@given(**kinds)
def test_mean_errors_equal_the_transcription(seed, dimensions, dtype, nan):
    pred, gt, mask, rng = persons(seed, dimensions, dtype)
    if nan:
        pred[1, 0] = np.nan
    norm = norms(rng, len(pred), dimensions, dtype)
    plain_norm = norm.copy()
    # Sums of at most 30 float32 numbers.
    np.testing.assert_allclose(
        mmpose.keypoint_nme(pred, gt, mask, norm),
        transcriptions.keypoint_nme(pred, gt, mask, plain_norm),
        rtol=1e-6,
    )
    np.testing.assert_array_equal(norm, plain_norm)
    np.testing.assert_allclose(
        mmpose.keypoint_epe(pred, gt, mask), transcriptions.keypoint_epe(pred, gt, mask), rtol=1e-6
    )


@given(**kinds, alignment=st.sampled_from(["none", "scale", "procrustes"]))
def test_mpjpe_equals_the_transcription(seed, dimensions, dtype, nan, alignment):
    pred, gt, mask, _ = persons(seed, 3, dtype)
    mask[0, 0] = True
    if nan:  # a reflection
        pred[..., 0] *= -1
    ours = mmpose.keypoint_mpjpe(pred, gt, mask, alignment)
    plain = transcriptions.keypoint_mpjpe(pred, gt, mask, alignment)
    # Sums and decompositions in float32, of numbers up to 100.
    assert ours == pytest.approx(plain, rel=1e-4 if dtype == np.float32 else 1e-10)


@pytest.mark.parametrize("call", ["keypoint_pck_accuracy", "keypoint_nme"])
def test_the_callers_norms(call):
    pred, gt, mask, _ = persons(0)
    mask[:] = True
    pred = gt + 500
    thr = (0.2,) if call == "keypoint_pck_accuracy" else ()

    def score(value, **options):
        norm = np.full((6, 2), 100.0)
        norm[0] = value
        result = getattr(mmpose, call)(pred, gt, mask, *thr, norm, **options)
        return result[1] if thr else result, norm[0].tolist()

    base, _ = score(100.0)
    negative, norm = score(-1.0)  # 1e6: everybody is correct
    assert norm == [1e6, 1e6]
    assert negative > base if thr else negative < base
    dropped, norm = score(0.0)
    assert norm == [1e6, 1e6]  # though it does not count
    assert dropped == pytest.approx(base)
    for value in (-1.0, 0.0, np.nan, np.inf):
        fixed, norm = score(value, fixed=True)
        np.testing.assert_equal(norm, [value, value])
        assert fixed == pytest.approx(base)


def test_a_zero_along_one_axis_drops_the_instance():
    pred, gt, mask, _ = persons(0, count=2)
    norm = np.array([[100.0, 0.0], [100.0, 100.0]])
    mask[:] = True
    mask[1, 1:] = False
    _, _, cnt = mmpose.keypoint_pck_accuracy(pred, gt, mask, 0.05, norm)
    assert cnt == 1


def test_nobody_counts():
    pred, gt, mask, _ = persons(0)
    mask[:] = False
    acc, avg_acc, cnt = mmpose.keypoint_pck_accuracy(pred, gt, mask, 0.05, np.ones((6, 2)))
    assert (acc.tolist(), avg_acc, cnt) == ([-1] * 5, 0, 0)
    assert mmpose.keypoint_auc(pred, gt, mask, 30) == 0
    assert mmpose.keypoint_epe(pred, gt, mask) == 0
    assert mmpose.keypoint_nme(pred, gt, mask, np.ones((6, 2))) == 0
    with pytest.raises(ValueError, match="mask must be True somewhere"):
        mmpose.keypoint_mpjpe(pred, gt, mask)


def test_a_perfect_prediction():
    _, gt, mask, _ = persons(0)
    assert mmpose.keypoint_auc(gt, gt, mask, 30) == pytest.approx(0.95)
    assert mmpose.keypoint_auc(gt, gt, mask, 30, 10) == pytest.approx(0.9)
    assert mmpose.keypoint_auc(gt, gt, mask, 30, fixed=True) == pytest.approx(1)
    for norm in (0, -1):
        assert mmpose.keypoint_auc(gt + 50, gt, mask, norm) == pytest.approx(0.95)
        with pytest.raises(ValueError, match="norm_factor must be positive"):
            mmpose.keypoint_auc(gt + 50, gt, mask, norm, fixed=True)


def test_masked_joints_take_part_in_alignments():
    rng = np.random.default_rng(0)
    gt = rng.normal(0, 100, (3, 17, 3))
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))
    pred = gt.copy()
    mask = np.ones((3, 17), bool)
    mask[:, 5] = False
    pred[:, 5] += 1000  # nobody asked for this joint
    for alignment, moved in (("scale", 2 * pred), ("procrustes", 2 * pred @ rotation + 7)):
        assert mmpose.keypoint_mpjpe(moved, gt, mask, alignment) > 10
        assert mmpose.keypoint_mpjpe(moved, gt, mask, alignment, fixed=True) < 1e-9


def test_alignments_of_degenerate_joints():
    gt = np.random.default_rng(0).normal(size=(2, 5, 3))
    mask = np.ones((2, 5), bool)
    for alignment in ("scale", "procrustes"):
        assert np.isnan(mmpose.keypoint_mpjpe(np.zeros_like(gt), gt, mask, alignment))


def test_scores_refuse():
    pred, gt, mask, _ = persons(0)
    with pytest.raises(TypeError, match="mask must be bool"):
        mmpose.keypoint_epe(pred, gt, mask.astype(int))
    with pytest.raises(ValueError, match=r"norm_factor must be \[6, 2\] or \[6, 1\]"):
        mmpose.keypoint_pck_accuracy(pred, gt, mask, 0.05, np.ones((5, 2)))
    with pytest.raises(ValueError, match="normalize_factor"):
        mmpose.keypoint_nme(pred, gt, mask, np.ones(6))
    with pytest.raises(ValueError, match="num_thrs"):
        mmpose.keypoint_auc(pred, gt, mask, 30, 0)
    with pytest.raises(ValueError, match="alignment"):
        mmpose.keypoint_mpjpe(pred, gt, mask, "root")
    with pytest.raises(ValueError, match=r"\[N, K, 3\]"):
        mmpose.keypoint_mpjpe(pred, gt, mask, "procrustes")
    pred3, gt3, mask3, _ = persons(0, 3, np.float64)
    for value in (np.nan, np.inf, 1e308):  # whose products are no numbers any more
        pred3[0, 0] = value
        with pytest.raises(ValueError, match="finite"):
            mmpose.keypoint_mpjpe(pred3, gt3, mask3, "procrustes")
