"""Poses brought to others by a similarity transform."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from tests import pose3d_transcriptions as plain
from tests.pose3d_scenes import poses, rotations

pytestmark = pytest.mark.usefixtures("device")
seeds = st.integers(0, 2**32 - 1)
# Numbers up to some thousands in float64, whose rotation a random pose may fix badly: 1e-12 of
# their size times 1e3 for that.
ATOL = 1e-6


def array(tensor):
    return tensor.detach().cpu().numpy()


def align(pred, gt, mask=None, **options):
    """The aligned pose of arrays."""
    mask = None if mask is None else torch.tensor(mask)
    return array(lp.procrustes(torch.tensor(pred), torch.tensor(gt), mask, **options))


@given(seed=seeds, joints=st.integers(4, 40), masked=st.booleans(), scale=st.booleans())
def test_it_is_the_transcription(seed, joints, masked, scale):
    pred, gt, mask, _ = poses(seed, joints=joints)
    mask[:, :4] = True  # fewer may leave the rotation open
    mask = mask if masked else None
    expected = plain.procrustes(pred, gt, mask, scale=scale)
    np.testing.assert_allclose(align(pred, gt, mask, scale=scale), expected, rtol=0, atol=ATOL)


@given(seed=seeds, scale=st.booleans(), mirrored=st.booleans())
def test_where_the_prediction_stands_does_not_matter(seed, scale, mirrored):
    """Nor how it is turned, and with scale how large it is; the ground truth's place does."""
    pred, gt, _, rng = poses(seed)
    pred = pred * [-1, 1, 1] if mirrored else pred
    size = 10 ** rng.uniform(-2, 2) if scale else 1.0
    moved = size * pred @ rotations(rng, 1)[0] + rng.normal(0, 1000, 3)
    expected = align(pred, gt, scale=scale)
    np.testing.assert_allclose(align(moved, gt, scale=scale), expected, rtol=0, atol=ATOL)
    turn, shift = rotations(rng, 1)[0], rng.normal(0, 1000, 3)
    turned = align(pred, gt @ turn + shift, scale=scale)
    np.testing.assert_allclose(turned, expected @ turn + shift, rtol=0, atol=ATOL)


@given(seed=seeds)
def test_a_turned_pose_comes_back(seed):
    _, gt, _, rng = poses(seed)
    pred = 3 * gt @ rotations(rng, 1)[0] + 7
    np.testing.assert_allclose(align(pred, gt), gt, rtol=0, atol=ATOL)
    np.testing.assert_allclose(align(pred / 3, gt, scale=False), gt, rtol=0, atol=ATOL)


@given(seed=seeds)
def test_a_mirrored_pose_stays_apart(seed):
    _, gt, _, _ = poses(seed)
    mirrored = gt * [1, 1, -1]
    aligned = align(mirrored, gt)
    # Three edges of a pose turn the same way before and after.
    before, after = (np.linalg.det(each[:, 1:4] - each[:, :1]) for each in (mirrored, aligned))
    assert (np.sign(before) == np.sign(after)).all()
    assert (np.linalg.norm(aligned - gt, axis=-1).mean(1) > 1).all()


@given(seed=seeds, value=st.sampled_from([0.0, 1e6, 1e300, np.nan, np.inf]))
def test_joints_that_do_not_count_do_not_matter(seed, value):
    pred, gt, mask, _ = poses(seed)
    mask[:, :3] = True
    expected = align(pred, gt, mask)
    pred[~mask], gt[~mask] = value, value
    joints = torch.tensor(pred, requires_grad=True)
    aligned = lp.procrustes(joints, torch.tensor(gt), torch.tensor(mask))
    np.testing.assert_array_equal(array(aligned)[mask], expected[mask])
    counts = torch.tensor(mask)[..., None]
    (gradient,) = torch.autograd.grad(torch.where(counts, aligned, 0.0).square().sum(), joints)
    assert (array(gradient)[~mask] == 0).all()
    assert np.isfinite(array(gradient)).all()


def test_a_joint_without_a_place_is_moved_nevertheless():
    pred, gt, mask, _ = poses(0)
    mask[:] = True
    mask[:, 4], gt[:, 5, 1] = False, np.nan
    aligned = align(pred, gt, mask)
    np.testing.assert_allclose(aligned, plain.procrustes(pred, gt, mask), rtol=0, atol=ATOL)
    assert np.isfinite(aligned).all()


DEGENERATE = {
    "one joint": lambda gt: gt[:, :1],
    "two joints": lambda gt: gt[:, :2],
    "three joints": lambda gt: gt[:, :3],
    "in a plane": lambda gt: gt * [1, 1, 0],
    "on a line": lambda gt: gt[:, :, :1] * [1.0, 2, -3],
    "in one place": lambda gt: np.ones_like(gt),
    "at the origin": np.zeros_like,
    "a regular tetrahedron": lambda gt: np.broadcast_to(
        np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]), (len(gt), 4, 3)
    ),
    "a mirrored tetrahedron": lambda gt: np.broadcast_to(
        -np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]), (len(gt), 4, 3)
    ),
    "nearly on a line": lambda gt: gt * [1, 1e-8, 1e-8],
    "nearly in a plane": lambda gt: gt * [1, 1, 1e-9],
}


@pytest.mark.parametrize("goal", DEGENERATE)
@pytest.mark.parametrize("source", DEGENERATE)
def test_degenerate_poses_are_as_near_as_can_be(source, goal):
    """There may be many best rotations, but only one least distance."""
    first, second, _, _ = poses(1)
    pred, gt = DEGENERATE[source](first), DEGENERATE[goal](second)
    count = min(pred.shape[1], gt.shape[1])
    pred, gt = pred[:, :count].copy(), gt[:, :count].copy()
    for scale in (True, False):
        joints = torch.tensor(pred, requires_grad=True)
        aligned = lp.procrustes(joints, torch.tensor(gt), scale=scale)
        found = ((array(aligned) - gt) ** 2).sum((1, 2))
        least = ((plain.procrustes(pred, gt, scale=scale) - gt) ** 2).sum((1, 2))
        # Squares of some hundreds, where a gap of 2^-32 between rotations is not resolved.
        np.testing.assert_allclose(found, least, rtol=1e-8, atol=1e-6)
        (gradient,) = torch.autograd.grad(aligned.sum(), joints)
        assert np.isfinite(array(gradient)).all()


def test_joints_in_one_place_come_to_the_mean():
    _, gt, _, _ = poses(0)
    mean = np.broadcast_to(gt.mean(1, keepdims=True), gt.shape)
    np.testing.assert_allclose(align(np.full_like(gt, 5.0), gt), mean, rtol=0, atol=ATOL)
    np.testing.assert_allclose(align(gt[:, :1] + 9, gt[:, :1]), gt[:, :1], rtol=0, atol=ATOL)


def test_what_is_not_finite_is_seen():
    pred, gt, _, _ = poses(0, batch=6)
    mask = np.ones(gt.shape[:2])
    mask[0] = 0
    pred[1, 2, 0], pred[2, 3, 1], pred[3] = np.nan, np.inf, 1e200
    pred[4, 5, 2], mask[4, 5] = np.nan, 0
    aligned = align(pred, gt, mask)
    assert np.isnan(aligned[:3]).all()
    assert np.isnan(aligned[4, 5]).all()
    assert np.isfinite(aligned[4, :5]).all()
    assert np.isfinite(aligned[5]).all()


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("kind", ["any", "in a plane", "equal singular values", "mirrored"])
def test_gradients(kind, scale):
    pred, gt, mask, _ = poses(3, batch=2, joints=5)
    pred, gt = pred / 300, gt / 300
    mask[:, :4] = True
    if kind == "in a plane":
        pred[..., 2] = 0
    if kind == "equal singular values":  # where the gradient of torch's decomposition is NaN
        pred, mask = np.eye(5, 3)[None] * [[[1.0]], [[2.0]]], mask | True
        gt = pred @ rotations(np.random.default_rng(0), 1)[0]
    if kind == "mirrored":
        pred = pred * [-1, 1, 1]
    inputs = [torch.tensor(each, requires_grad=True) for each in (pred, gt)]
    torch.autograd.gradcheck(
        lambda *both: lp.procrustes(*both, torch.tensor(mask), scale=scale), inputs
    )


@pytest.mark.parametrize("spread", [1.0, 1e-2, 1e-4])
def test_float32_is_at_least_as_accurate_as_its_decomposition(spread):
    """Also of poses that are nearly on a line."""
    pred, gt, _, _ = poses(4, batch=200, joints=17)
    pred, gt = (np.float32(each * [1, spread, spread]) for each in (pred, gt))
    exact = plain.procrustes(*(np.float64(each) for each in (pred, gt)))
    by_decomposition = plain.procrustes(pred, gt)
    ours = np.abs(align(pred, gt) - exact).max()
    assert ours <= np.abs(by_decomposition - exact).max()
    assert ours <= 2.0**-24 * np.abs(exact).max()  # it is but rounded


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtypes(dtype):
    pred, gt, _, _ = poses(5)
    pred, gt = (torch.tensor(each).to(dtype) for each in (pred, gt))
    aligned = lp.procrustes(pred.requires_grad_(), gt)
    assert aligned.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    expected = plain.procrustes(array(pred.double()), array(gt.double()))
    rtol = 1e-12 if dtype == torch.float64 else 1e-7
    np.testing.assert_allclose(array(aligned), expected, rtol=rtol, atol=rtol * 5000)
    (gradient,) = torch.autograd.grad(aligned.sum(), pred)
    assert gradient.dtype == dtype
    mixed = lp.procrustes(pred, gt.double())
    assert mixed.dtype == torch.float64


def test_dimensions_before():
    pred, gt, mask, _ = poses(6, batch=12)
    mask[:, :4] = True
    whole = align(pred, gt, mask)
    shaped = [each.reshape(2, 3, 2, *each.shape[1:]) for each in (pred, gt, mask)]
    np.testing.assert_array_equal(align(*shaped), whole.reshape(2, 3, 2, 6, 3))
    np.testing.assert_allclose(align(pred[0], gt[0], mask[0]), whole[0], rtol=0, atol=ATOL)


@pytest.mark.parametrize("shape", [(0, 6, 3), (3, 0, 3), (2, 0, 6, 3), (0, 3)])
def test_nothing(shape):
    joints = torch.zeros(shape, requires_grad=True)
    aligned = lp.procrustes(joints, torch.zeros(shape), torch.ones(shape[:-1]))
    assert aligned.shape == shape
    aligned.sum().backward()
    assert joints.grad.shape == shape


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"pred": None}, TypeError, "pred must be a torch tensor, got NoneType"),
        ({"gt": np.zeros((2, 6, 3))}, TypeError, "gt must be a torch tensor, got ndarray"),
        ({"mask": [1]}, TypeError, "mask must be a torch tensor, got list"),
        ({"pred": torch.zeros(2, 6, 3).int()}, TypeError, "pred must be of a floating type"),
        ({"gt": torch.zeros(2, 6, 3).int()}, TypeError, "gt must be of a floating type"),
        ({"mask": torch.zeros(2, 6) * 1j}, TypeError, "mask must be"),
        (
            {"pred": torch.zeros(2, 6, 2)},
            ValueError,
            r"pred must be \[..., K, 3\].*got \[2, 6, 2\]",
        ),
        ({"pred": torch.zeros(3)}, ValueError, r"pred must be \[..., K, 3\].*got \[3\]"),
        ({"gt": torch.zeros(1, 6, 3)}, ValueError, r"gt must be .*\[2, 6, 3\], got \[1, 6, 3\]"),
        ({"mask": torch.zeros(2, 1)}, ValueError, r"mask must be .*\[2, 6\], got \[2, 1\]"),
        ({"scale": 1}, TypeError, "scale must be True or False"),
    ],
)
def test_refusals(change, error, message):
    given_arguments = {"pred": torch.zeros(2, 6, 3), "gt": torch.zeros(2, 6, 3)} | change
    with pytest.raises(error, match=f"procrustes: {message}"):
        lp.procrustes(**given_arguments)
