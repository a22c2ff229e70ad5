"""The mean distance of joints in space."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.reference import mpjpe as reference
from tests import pose3d_transcriptions as plain
from tests.pose3d_scenes import poses

pytestmark = pytest.mark.usefixtures("device")
seeds = st.integers(0, 2**32 - 1)
alignments = ("none", "root", "scale", "procrustes")
every_alignment = pytest.mark.parametrize("align", alignments)
# Distances up to some thousands in float64, after alignments that round 1e3 times worse.
RTOL, ATOL = 1e-9, 1e-6


def array(tensor):
    return tensor.detach().cpu().numpy()


def tensors(*arrays):
    return tuple(None if each is None else torch.tensor(each) for each in arrays)


@given(
    seed=seeds,
    align=st.sampled_from(alignments),
    dimensions=st.sampled_from([2, 3]),
    masked=st.booleans(),
    root=st.sampled_from([0, 3, (0, 3), [1]]),
)
def test_it_is_the_transcription(seed, align, dimensions, masked, root):
    dimensions = 3 if align == "procrustes" else dimensions
    pred, gt, mask, _ = poses(seed, dimensions=dimensions)
    mask = mask if masked else None
    if align == "procrustes" and masked:
        mask[:, :4] = True  # fewer may leave the rotation open
    options = {"align": align, "root": root}
    roots = (root,) if isinstance(root, int) else root
    expected = plain.joint_errors(pred, gt, mask, align, roots)
    ours = lp.mpjpe(*tensors(pred, gt, mask), reduction="none", **options)
    np.testing.assert_allclose(array(ours), expected, rtol=RTOL, atol=ATOL)
    mean = lp.mpjpe(*tensors(pred, gt, mask), **options)
    assert mean.ndim == 0
    np.testing.assert_allclose(
        array(mean), plain.mpjpe(pred, gt, mask, align=align, root=roots), rtol=RTOL, atol=ATOL
    )


def test_known_numbers():
    gt = torch.tensor([[[0.0, 0, 0], [0, 0, 300], [0, 400, 0]]])
    assert lp.mpjpe(gt + torch.tensor([3.0, 0, 4]), gt).item() == 5
    assert lp.mpjpe(gt + 7, gt, align="root").item() == 0
    assert lp.mpjpe(2 * gt, gt).item() == pytest.approx(700 / 3)
    assert lp.mpjpe(2 * gt, gt, align="scale").item() == 0
    assert lp.mpjpe(-gt, gt, align="scale").item() == 0  # the number that fits best may be negative
    # The scale has nothing of a shift.
    assert lp.mpjpe(gt + 7, gt, align="scale").item() > 1
    turned = 3 * gt[..., [1, 2, 0]] + 11
    assert lp.mpjpe(turned, gt, align="procrustes").item() == pytest.approx(0, abs=1e-4)


def test_each_alignment_is_at_most_as_bad_as_the_one_before():
    """Of squares, which is what they make least; root is none of them."""
    pred, gt, _, _ = poses(1)
    squares = [
        array(lp.mpjpe(*tensors(pred, gt), align=align, reduction="none")) ** 2
        for align in ("none", "scale", "procrustes")
    ]
    sums = np.array([each.sum(1) for each in squares])
    assert (np.diff(sums, axis=0) < 0).all()


@given(seed=seeds, align=st.sampled_from(alignments), value=st.sampled_from([0, 1e300, np.nan]))
def test_joints_that_do_not_count_do_not_matter(seed, align, value):
    pred, gt, mask, _ = poses(seed)
    expected = array(lp.mpjpe(*tensors(pred, gt, mask), align=align, reduction="none"))
    pred[~mask], gt[~mask] = value, value
    pred, gt, mask = tensors(pred, gt, mask)
    inputs = pred.requires_grad_(), gt.requires_grad_()
    errors = lp.mpjpe(*inputs, mask, align=align, reduction="none")
    np.testing.assert_array_equal(array(errors), expected)
    loss = lp.mpjpe(*inputs, mask, align=align)
    for gradient in torch.autograd.grad(loss, inputs):
        assert (gradient[~mask] == 0).all()
        assert gradient.isfinite().all()


@every_alignment
def test_ground_truth_that_is_not_known_does_not_count(align):
    pred, gt, _, _ = poses(2)
    mask = np.ones(gt.shape[:2])
    mask[0, 3], mask[1, 5], mask[2, 1] = 0, 0, 0
    unknown = gt.copy()
    unknown[0, 3, 1], unknown[1, 5], unknown[2, 1, 0] = np.nan, np.inf, 2.0**31
    ours = lp.mpjpe(*tensors(pred, unknown), align=align)
    assert ours.item() == lp.mpjpe(*tensors(pred, gt, mask), align=align).item()
    assert ours.isfinite()


@every_alignment
def test_predictions_that_are_not_finite_are_seen(align):
    for value in (np.nan, np.inf):
        pred, gt, _, _ = poses(3)
        pred[1, 2, 0] = value
        assert lp.mpjpe(*tensors(pred, gt), align=align).isnan()
        errors = lp.mpjpe(*tensors(pred, gt), align=align, reduction="none").isnan()
        assert errors[1, 2]
        assert not errors[[0, 2, 3, 4]].any()


@every_alignment
def test_nothing_counts(align):
    pred, gt, mask, _ = poses(4)
    pred = torch.tensor(pred, requires_grad=True)
    loss = lp.mpjpe(pred, *tensors(gt, 0 * mask), align=align)
    assert loss.isnan()
    (gradient,) = torch.autograd.grad(loss, pred)
    assert (gradient == 0).all()
    empty = torch.zeros(0, 6, 3)
    assert lp.mpjpe(empty, empty, align=align).isnan()
    assert lp.mpjpe(empty, empty, align=align, reduction="none").shape == (0, 6)
    if align != "root":  # which needs a joint
        nobody = torch.zeros(3, 0, 3, requires_grad=True)
        lp.mpjpe(nobody, nobody, align=align).backward()
        assert nobody.grad.shape == (3, 0, 3)


def test_a_root_that_does_not_count():
    pred, gt, mask, _ = poses(5)
    mask[:] = True
    mask[1, 3] = False
    errors = lp.mpjpe(*tensors(pred, gt, mask), align="root", root=(0, 3), reduction="none")
    assert errors[1].isnan().all()
    assert errors[[0, 2, 3, 4]].isfinite().all()


def test_alignments_that_have_nothing_to_hold_on_to():
    """Every scale of zeros is the same, so there is a best one."""
    _, gt, _, _ = poses(6)
    zeros, gt = torch.zeros(gt.shape, requires_grad=True), torch.tensor(gt)
    centred = gt - gt.mean(1, keepdim=True)
    for align, left in (("scale", gt), ("procrustes", centred)):
        error = lp.mpjpe(zeros, gt, align=align)
        torch.testing.assert_close(error, left.norm(dim=-1).mean(), rtol=1e-6, atol=0)
        (gradient,) = torch.autograd.grad(error, zeros)
        assert gradient.isfinite().all()


@every_alignment
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_gradients(align, reduction):
    pred, gt, mask, _ = poses(7, batch=2, joints=5)
    mask[:, :4], mask[1, 4] = True, False

    def errors(*both):
        found = lp.mpjpe(*both, torch.tensor(mask), align=align, reduction=reduction)
        return found[torch.tensor(mask)] if reduction == "none" else found

    inputs = [torch.tensor(each / 300, requires_grad=True) for each in (pred, gt)]
    torch.autograd.gradcheck(errors, inputs)


@every_alignment
@pytest.mark.parametrize("shape", [(3, 4), (9, 24), (5, 25), (2, 51), (131, 5), (257, 4)])
def test_sizes_around_those_of_tiles_and_blocks(align, shape):
    """Values and gradients are the reference's, whose decomposition torch differentiates."""
    pred, gt, mask, _ = poses(13, *shape)
    mask[:, :4] = True
    results = []
    for function in (lp.mpjpe, reference.mpjpe):
        inputs = [torch.tensor(each, requires_grad=True) for each in (pred, gt)]
        root = 0 if function is lp.mpjpe else (0,)
        error = function(*inputs, torch.tensor(mask), align=align, root=root)
        results.append((error.detach(), *torch.autograd.grad(error, inputs)))
    # Rotations of four joints may be badly conditioned: 1e-16 times 1e6.
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-10)


class Subclass(torch.Tensor):
    """A tensor subclass without behaviour of its own."""


@pytest.mark.parametrize("align", ["root", "procrustes"])
def test_views_of_every_kind(align):
    pred, gt, mask = map(torch.tensor, poses(14)[:3])
    expected = lp.mpjpe(pred, gt, mask, align=align)
    wide = torch.zeros(5, 12, 6, dtype=pred.dtype)
    wide[:, ::2, 1::2] = pred
    views = {
        "transposed": pred.permute(2, 1, 0).contiguous().permute(2, 1, 0),
        "sliced": wide[:, ::2, 1::2],
        "negative bit": torch._neg_view(-pred),
        "parameter": torch.nn.Parameter(pred),
        "subclass": pred.clone().as_subclass(Subclass),
        "flipped": pred.flip(1).contiguous().flip(1),
    }
    for name, view in views.items():
        assert torch.Tensor(lp.mpjpe(view, gt, mask, align=align)).item() == expected.item(), name
    one = lp.mpjpe(pred[:1], gt[:1], align=align)
    many = lp.mpjpe(pred[:1].expand(7, 6, 3), gt[:1].expand(7, 6, 3), align=align)
    assert many.item() == pytest.approx(one.item())


def test_what_there_is_no_gradient_of_is_refused():
    pred, gt = (torch.tensor(each) for each in poses(15)[:2])
    error = lp.mpjpe(pred.requires_grad_(), gt)
    (gradient,) = torch.autograd.grad(error, pred, create_graph=True)
    with pytest.raises(ValueError, match="mpjpe: the gradient of its gradient is not available"):
        gradient.sum().backward()
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(pred.detach(), gt)
        with pytest.raises(ValueError, match="mpjpe: forward-mode differentiation is not"):
            lp.mpjpe(dual, gt)


def test_expanded_gradients_of_distances():
    """An incoming gradient of stride zero, and one for each distance."""
    pred, gt = (torch.tensor(each) for each in poses(16)[:2])
    pred.requires_grad_()
    errors = lp.mpjpe(pred, gt, align="scale", reduction="none")
    (by_sum,) = torch.autograd.grad(errors.sum(), pred, retain_graph=True)
    (plainly,) = torch.autograd.grad(errors, pred, torch.ones(5, 6).double(), retain_graph=True)
    torch.testing.assert_close(by_sum, plainly, rtol=0, atol=0)
    (mean,) = torch.autograd.grad(lp.mpjpe(pred, gt, align="scale"), pred)
    torch.testing.assert_close(mean, plainly / 30, rtol=1e-12, atol=1e-15)


@every_alignment
def test_the_gradient_of_a_perfect_prediction_is_zero(align):
    _, gt, _, _ = poses(8)
    pred, gt = tensors(gt, gt)
    loss = lp.mpjpe(pred.requires_grad_(), gt, align=align)
    (gradient,) = torch.autograd.grad(loss, pred)
    assert gradient.isfinite().all()
    if align != "procrustes":  # where rounding leaves distances, which have directions
        assert (gradient == 0).all()


@every_alignment
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtypes(align, dtype):
    pred, gt, _, _ = poses(9)
    pred, gt = (torch.tensor(each).to(dtype) for each in (pred, gt))
    ours = lp.mpjpe(pred.requires_grad_(), gt, align=align)
    assert ours.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    expected = plain.mpjpe(array(pred.double()), array(gt.double()), align=align)
    # Float64 arithmetic, rounded once.
    assert ours.item() == pytest.approx(expected, rel=1e-11 if dtype == torch.float64 else 1e-7)
    assert torch.autograd.grad(ours, pred)[0].dtype == dtype


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16])
def test_masks_of_any_type(dtype):
    pred, gt, mask, _ = poses(10)
    expected = lp.mpjpe(*tensors(pred, gt, mask))
    assert lp.mpjpe(*tensors(pred, gt), torch.tensor(mask).to(dtype)).item() == expected.item()


@pytest.mark.parametrize("align", ["none", "procrustes"])
def test_any_number_of_threads_gives_the_same_bits(align):
    rng = np.random.default_rng(0)
    pred, gt = (torch.tensor(rng.normal(size=(9001, 17, 3))) for _ in range(2))
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            found.append(lp.mpjpe(pred, gt, align=align).item())
    finally:
        torch.set_num_threads(before)
    assert len(set(found)) == 1


@pytest.mark.parametrize("call", [lp.mpjpe, lp.velocity_error])
def test_refusals_of_both(call):
    name, good = call.__name__, torch.zeros(2, 6, 3)
    for arguments, options, error, message in (
        ((None, good), {}, TypeError, "pred must be a torch tensor, got NoneType"),
        ((good, good.numpy()), {}, TypeError, "gt must be a torch tensor, got ndarray"),
        ((good.int(), good), {}, TypeError, "pred must be of a floating type"),
        ((good, good, [1]), {}, TypeError, "mask must be a torch tensor, got list"),
        ((good[..., :1], good), {}, ValueError, "pred must be"),
        ((good[0, 0], good), {}, ValueError, "pred must be"),
        ((good, good[:1]), {}, ValueError, r"gt must be .*\[2, 6, 3\], got \[1, 6, 3\]"),
        ((good, good, good), {}, ValueError, r"mask must be .*\[2, 6\], got \[2, 6, 3\]"),
        ((good, good), {"reduction": "sum"}, ValueError, "reduction must be"),
    ):
        with pytest.raises(error, match=f"{name}: {message}"):
            call(*arguments, **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"align": "rigid"}, ValueError, "align must be 'none' or 'procrustes' or 'root' or"),
        ({"align": None}, ValueError, "align must be"),
        ({"align": "root", "root": 6}, ValueError, "root must be one of the 6 joints .*, got 6"),
        ({"align": "root", "root": -1}, ValueError, "root must be one of the 6 joints"),
        ({"align": "root", "root": ()}, ValueError, "root must be one of the 6 joints"),
        ({"align": "root", "root": (1, 1)}, ValueError, "root must be .* different"),
        ({"align": "root", "root": "hip"}, TypeError, "root must be one of the 6 joints .*got str"),
        ({"align": "root", "root": True}, TypeError, "root must be one of the 6 joints"),
    ],
)
def test_refusals(options, error, message):
    with pytest.raises(error, match=f"mpjpe: {message}"):
        lp.mpjpe(torch.zeros(2, 6, 3), torch.zeros(2, 6, 3), **options)
    with pytest.raises(ValueError, match=r"mpjpe: pred must be \[..., K, 3\], got \[2, 6, 2\]"):
        lp.mpjpe(torch.zeros(2, 6, 2), torch.zeros(2, 6, 2), align="procrustes")
