"""The error of joints' movements; what is refused is in test_mpjpe.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from tests import pose3d_transcriptions as plain
from tests.pose3d_scenes import poses, rotations

seeds = st.integers(0, 2**32 - 1)
RTOL = 1e-9  # differences of differences of some thousands in float64


@pytest.fixture(params=["cpu", "cuda"], autouse=True)
def real_device(request):
    """Torch's own operations: the emulated kernels have no part in them."""
    if request.param == "cuda":
        request.getfixturevalue("cuda")


def array(tensor):
    return tensor.detach().cpu().numpy()


def tensors(*arrays):
    return tuple(None if each is None else torch.tensor(each) for each in arrays)


@given(seed=seeds, dimensions=st.sampled_from([2, 3]), masked=st.booleans())
def test_velocities_are_the_transcription(seed, dimensions, masked):
    pred, gt, mask, _ = poses(seed, batch=7, dimensions=dimensions)
    gt[2, 3] = np.nan
    mask = mask if masked else None
    expected = plain.velocity_error(pred, gt, mask)
    ours = lp.velocity_error(*tensors(pred, gt, mask), reduction="none")
    np.testing.assert_allclose(array(ours), expected, rtol=RTOL)
    mean = lp.velocity_error(*tensors(pred, gt, mask))
    np.testing.assert_allclose(array(mean), np.nanmean(expected), rtol=RTOL)


def test_velocities_do_not_see_where_a_motion_is():
    pred, gt, _, rng = poses(11, batch=9)
    shift = rng.normal(0, 1000, 3)
    once, again = (lp.velocity_error(*tensors(each, gt)).item() for each in (pred, pred + shift))
    assert again == pytest.approx(once, rel=RTOL)
    turn = rotations(rng, 1)[0]
    assert lp.velocity_error(*tensors(pred @ turn, gt @ turn)).item() == pytest.approx(once)


@pytest.mark.parametrize("frames", [0, 1])
def test_motions_without_a_step(frames):
    motion = torch.zeros(2, frames, 6, 3, requires_grad=True)
    error = lp.velocity_error(motion, motion.detach())
    assert error.isnan()
    error.backward()
    assert (motion.grad == 0).all()
    shape = lp.velocity_error(motion, motion, reduction="none").shape
    assert shape == (2, max(frames - 1, 0), 6)


def test_gradients_of_velocities():
    pred, gt, mask, _ = poses(12, batch=4)
    pred[~mask] = np.nan
    inputs = [torch.tensor(each, requires_grad=True) for each in (pred / 300, gt / 300)]
    loss = lp.velocity_error(*inputs, torch.tensor(mask))
    for gradient in torch.autograd.grad(loss, inputs):
        assert gradient.isfinite().all()
    inputs = [torch.tensor(each / 300, requires_grad=True) for each in (gt + 3 * pred[0, 0, 0], gt)]
    pred = torch.tensor(gt / 200, requires_grad=True)
    torch.autograd.gradcheck(
        lambda *both: lp.velocity_error(*both, torch.tensor(mask)), (pred, inputs[1])
    )
