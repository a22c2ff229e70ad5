"""Angles at joints."""

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
TRIPLETS = ((0, 1, 2), (2, 1, 0), (5, 3, 4), (3, 5, 1))


@pytest.fixture(params=["cpu", "cuda"], autouse=True)
def real_device(request):
    """Torch's own operations: the emulated kernels have no part in them."""
    if request.param == "cuda":
        request.getfixturevalue("cuda")


def array(tensor):
    return tensor.detach().cpu().numpy()


def leg(degrees, dimensions=3, length=400.0):
    """Hip, knee and ankle with this angle at the knee."""
    angle = torch.deg2rad(torch.as_tensor(degrees, dtype=torch.float64))
    ankle = length * torch.stack([angle.cos(), angle.sin(), 0 * angle][:dimensions])
    zeros = torch.zeros(dimensions, dtype=torch.float64)
    hip = zeros.clone()
    hip[0] = length
    return torch.stack([hip, zeros, ankle])


@given(seed=seeds, dimensions=st.sampled_from([2, 3]))
def test_they_are_the_transcription(seed, dimensions):
    points, _, _, _ = poses(seed, dimensions=dimensions)
    ours = array(lp.joint_angles(torch.tensor(points), TRIPLETS))
    assert ours.shape == (5, 4)
    for b in range(5):
        for a, (one, vertex, other) in enumerate(TRIPLETS):
            expected = plain.joint_angle(*points[b, [one, vertex, other]])
            # arccos loses half of the digits near 0 and 180.
            assert ours[b, a] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("degrees", [0, 1e-9, 1e-3, 30, 90, 139, 179.999999, 180])
def test_known_angles(degrees, dimensions):
    """To all digits at both ends, whatever the bones' lengths."""
    for length in (400.0, 1e-180, 1e180):
        angle = lp.joint_angles(leg(degrees, dimensions, length), [(0, 1, 2)])
        # The angle's own sine and cosine are rounded: 1e-16 radians and a part of the angle.
        assert angle.item() == pytest.approx(degrees, rel=1e-14, abs=2e-14)


@given(seed=seeds)
def test_neither_place_nor_size_nor_order_matters(seed):
    points, _, _, rng = poses(seed)
    once = array(lp.joint_angles(torch.tensor(points), TRIPLETS))
    moved = 7 * points @ rotations(rng, 1)[0] + rng.normal(0, 1000, 3)
    again = array(lp.joint_angles(torch.tensor(moved), TRIPLETS))
    np.testing.assert_allclose(again, once, rtol=0, atol=1e-6)
    # Bones that change places: rounding as above.
    np.testing.assert_allclose(once[:, 0], once[:, 1], rtol=1e-14, atol=2e-14)
    assert ((once >= 0) & (once <= 180)).all()


@pytest.mark.parametrize("dimensions", [2, 3])
def test_gradients(dimensions):
    points, _, _, _ = poses(1, dimensions=dimensions)
    inputs = torch.tensor(points / 300, requires_grad=True)
    torch.autograd.gradcheck(lambda x: lp.joint_angles(x, TRIPLETS), inputs)


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("degrees", [0, 180])
def test_gradients_at_both_ends(degrees, dimensions):
    end = torch.zeros(dimensions)
    end[0] = 400.0 if degrees == 0 else -400.0
    for other in (end, 2 * end):
        points = torch.stack([torch.eye(dimensions)[0] * 400, 0 * end, other]).requires_grad_()
        angle = lp.joint_angles(points, [(0, 1, 2)])
        assert angle.item() == degrees
        angle.sum().backward()
        assert (points.grad == 0).all()


def test_gradients_near_the_ends_are_those_of_an_angle():
    """A degree for each 400 mm * pi / 180 across, however near."""
    for degrees in (1e-6, 180 - 1e-6):
        points = leg(degrees).requires_grad_()
        lp.joint_angles(points, [(0, 1, 2)]).sum().backward()
        expected = 180 / np.pi / 400
        assert points.grad[2].norm().item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_angles_that_there_are_not(dimensions):
    points = torch.tensor(poses(2, dimensions=dimensions)[0])
    alone = points.clone().requires_grad_()
    lp.joint_angles(alone[1:2], TRIPLETS[2:3]).sum().backward()
    points[0, 0] = points[0, 1]  # no bone
    points[1, 0] = torch.nan
    points[2, 2, 1] = torch.inf
    points = points.requires_grad_()
    angles = lp.joint_angles(points, TRIPLETS)
    assert angles[:3, :2].isnan().all()
    assert angles[3:].isfinite().all()
    assert angles[:, 2].isfinite().all()
    angles[1].sum().backward()
    assert points.grad.isfinite().all()
    assert (points.grad[1, 0] == 0).all()
    assert (points.grad[0] == 0).all()
    # The joints 3, 4 and 5 have the gradient that they have alone, and that of the fourth triplet.
    points.grad = None
    lp.joint_angles(points, TRIPLETS)[1, [0, 1, 2]].sum().backward()
    torch.testing.assert_close(points.grad[1], alone.grad[1], rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtypes(dtype):
    points = torch.tensor(poses(3)[0] / 100).to(dtype).requires_grad_()
    angles = lp.joint_angles(points, TRIPLETS)
    assert angles.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    exact = lp.joint_angles(points.detach().double(), TRIPLETS)
    torch.testing.assert_close(angles, exact.to(angles.dtype), rtol=0, atol=0)
    angles.sum().backward()
    assert points.grad.dtype == dtype
    assert points.grad.isfinite().all()


def test_shapes():
    points = torch.zeros(2, 0, 4, 6, 3)
    assert lp.joint_angles(points, TRIPLETS).shape == (2, 0, 4, 4)
    assert lp.joint_angles(torch.rand(6, 3), TRIPLETS[:1]).shape == (1,)


@pytest.mark.parametrize(
    ("points", "triplets", "error", "message"),
    [
        (None, TRIPLETS, TypeError, "points must be a torch tensor, got NoneType"),
        (torch.zeros(6, 3).int(), TRIPLETS, TypeError, "points must be of a floating type"),
        (torch.zeros(6, 4), TRIPLETS, ValueError, r"points must be \[..., K, 2\] or"),
        (torch.zeros(3), TRIPLETS, ValueError, r"points must be \[..., K, 2\] or"),
        (torch.zeros(6, 3), 1, TypeError, "triplets must be .*, got int"),
        (torch.zeros(6, 3), [], ValueError, r"triplets must be .*, got \[\]"),
        (torch.zeros(6, 3), [(0, 1)], ValueError, "triplets must be"),
        (torch.zeros(6, 3), [(0, 1, 6)], ValueError, "triplets must be .* of the 6 joints"),
        (torch.zeros(6, 3), [(0, 1, -1)], ValueError, "triplets must be"),
        (torch.zeros(6, 3), [(0, 1, 0)], ValueError, "triplets must be .* different"),
        (torch.zeros(6, 3), [(0, 1, 2.0)], TypeError, "triplets must be .*, got float"),
    ],
)
def test_refusals(points, triplets, error, message):
    with pytest.raises(error, match=f"joint_angles: {message}"):
        lp.joint_angles(points, triplets)
