"""From points in space to pixels, and supervision by another view."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from tests import pose3d_transcriptions as plain
from tests.pose3d_scenes import rotations

seeds = st.integers(0, 2**32 - 1)
CAMERA = np.array([[1145.0, 0, 512.5], [0, 1143.8, 515.4], [0, 0, 1]])
LENS = np.array([-0.207, 0.2477, -0.0009, -0.0016, -0.003])


@pytest.fixture(params=["cpu", "cuda"], autouse=True)
def real_device(request):
    """Torch's own operations: the emulated kernels have no part in them."""
    if request.param == "cuda":
        request.getfixturevalue("cuda")


def array(tensor):
    return tensor.detach().cpu().numpy()


def scene(seed, count=8):
    """Points [N, 3] in the world, in front of a camera with R and t, and the generator."""
    rng = np.random.default_rng(seed)
    seen = rng.normal(0, 600, (count, 3)) + np.array([0, 0, 4000])
    rotation, translation = rotations(rng, 1)[0], rng.normal(0, 1000, 3)
    return (seen - translation) @ rotation, rotation, translation, rng


@given(seed=seeds, coefficients=st.sampled_from([0, 4, 5]))
def test_it_is_opencvs(seed, coefficients):
    points, rotation, translation, _ = scene(seed)
    lens = LENS[:coefficients] if coefficients else None
    ours = lp.project_points(
        *map(torch.tensor, (points, CAMERA, rotation, translation)),
        None if lens is None else torch.tensor(lens),
    )
    theirs, _ = cv2.projectPoints(points, cv2.Rodrigues(rotation)[0], translation, CAMERA, lens)
    # Its rotation goes by way of an angle and an axis; pixels up to some thousands.
    np.testing.assert_allclose(array(ours), theirs[:, 0], rtol=0, atol=1e-6)
    for point, shown in zip(points, array(ours), strict=True):
        expected = plain.project_point(point, CAMERA, rotation, translation, lens)
        np.testing.assert_allclose(shown, expected, rtol=0, atol=1e-9)


def test_the_camera_matrix_may_have_a_skew():
    points = torch.tensor([[0.1, 0.2, 2.0]])
    camera = torch.tensor(
        [[100.0, 10, 5], [7, 200, 6], [8, 9, 3]]
    )  # of which (7) and row 3 are not
    assert lp.project_points(points, camera)[0].tolist() == pytest.approx([11, 26])


def test_what_is_not_in_front_of_the_camera():
    points = torch.zeros(6, 3, dtype=torch.float64)
    points[:, 2] = torch.tensor([1.0, 0, -0.0, -1, torch.nan, torch.inf])
    points[0, 0] = 0.5
    inputs = [points, *map(torch.tensor, (CAMERA, np.eye(3), np.zeros(3), LENS))]
    inputs = [each.requires_grad_() for each in inputs]
    shown = lp.project_points(*inputs)
    assert shown.isnan().all(1).tolist() == [False] + 5 * [True]
    gradients = torch.autograd.grad(shown.nansum(), inputs)
    assert all(each.isfinite().all() for each in gradients)
    assert (gradients[0][1:] == 0).all()
    alone = lp.project_points(points[:1], *inputs[1:])
    for once, again in zip(gradients, torch.autograd.grad(alone.sum(), inputs), strict=True):
        torch.testing.assert_close(once, again, rtol=0, atol=0)


def test_gradients():
    points, rotation, translation, _ = scene(1, 3)
    arrays = (points / 1000, CAMERA / 1000, rotation, translation / 1000, LENS)
    inputs = [torch.tensor(each, requires_grad=True) for each in arrays]
    torch.autograd.gradcheck(lp.project_points, inputs)


def test_batches():
    points, rotation, translation, rng = scene(2, 24)
    points = torch.tensor(points).reshape(4, 6, 3)
    camera, turn, shift = map(torch.tensor, (CAMERA, rotation, translation))
    whole = lp.project_points(points, camera, turn, shift)
    assert whole.shape == (4, 6, 2)
    turns = torch.tensor(rotations(rng, 5))[:, None]
    views = lp.project_points(points, camera, turns, shift, torch.tensor(LENS).expand(4, 5))
    assert views.shape == (5, 4, 6, 2)
    for v in range(5):
        one = lp.project_points(points[2], camera, turns[v, 0], shift, torch.tensor(LENS))
        torch.testing.assert_close(views[v, 2], one, rtol=0, atol=0, equal_nan=True)
    assert lp.project_points(points[:0], camera).shape == (0, 6, 2)
    assert lp.project_points(points[:, :0], camera).shape == (4, 0, 2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtypes(dtype):
    points = torch.tensor([[0.5, -0.25, 2.0]]).to(dtype).requires_grad_()
    shown = lp.project_points(points, torch.tensor(CAMERA).to(dtype))
    assert shown.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    shown.sum().backward()
    assert points.grad.dtype == dtype


EYE = torch.eye(3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((None, EYE), TypeError, "points must be a torch tensor, got NoneType"),
        ((EYE, None), TypeError, "camera_matrix must be a torch tensor, got NoneType"),
        ((EYE, EYE.numpy()), TypeError, "camera_matrix must be a torch tensor, got ndarray"),
        ((EYE, EYE.int()), TypeError, "camera_matrix must be of a floating type"),
        ((EYE[:, :2], EYE), ValueError, r"points must be \[..., N, 3\], got \[3, 2\]"),
        ((EYE[0], EYE), ValueError, r"points must be \[..., N, 3\], got \[3\]"),
        ((EYE, EYE[:2]), ValueError, r"camera_matrix must be \[..., 3, 3\], got \[2, 3\]"),
        ((EYE, EYE, EYE[0]), ValueError, r"rotation must be \[..., 3, 3\], got \[3\]"),
        ((EYE, EYE, EYE, EYE[0, :2]), ValueError, r"translation must be \[..., 3\], got \[2\]"),
        ((EYE, EYE, EYE, EYE[0], EYE[0]), ValueError, r"distortion must be \[..., 4 or 5\]"),
        (
            (torch.zeros(2, 4, 3), torch.zeros(5, 3, 3)),
            ValueError,
            r"camera_matrix must be of first sizes that broadcast to \[2\], got \[5, 3, 3\]",
        ),
    ],
)
def test_refusals(arguments, error, message):
    with pytest.raises(error, match=f"project_points: {message}"):
        lp.project_points(*arguments)


# Supervision by another view ---------------------------------------------------------------------


def two_views(seed, joints=6):
    """A pose, what view 2 shows of another one, and how it is seen."""
    rng = np.random.default_rng(seed)
    pose, other = rng.normal(0, 300, (2, joints, 3))
    rotation, root = rotations(rng, 1)[0], np.array([100.0, -200, 4000])
    points = np.stack([plain.project_point(p, CAMERA, None, root) for p in other])
    return pose, points, rotation, root, rng


@given(seed=seeds, masked=st.booleans(), limb=st.sampled_from([None, (1, 4)]))
def test_the_loss_is_the_transcription(seed, masked, limb):
    pose, points, rotation, root, rng = two_views(seed)
    mask = (rng.random(6) < 0.7) if masked else None
    points[2] = np.nan
    sizes = {"limb": limb, "limb_length": None if limb is None else 431.5}
    ours = lp.multi_view_consistency_loss(
        *map(torch.tensor, (pose, points, rotation, CAMERA)),
        translation=torch.tensor(root),
        mask=None if mask is None else torch.tensor(mask),
        **sizes,
    )
    expected = plain.multi_view_loss(pose, points, rotation, CAMERA, root, mask, **sizes)
    np.testing.assert_allclose(array(ours), expected, rtol=1e-10)


def test_a_pose_that_fits_has_no_loss():
    """Of any size, if a limb tells it; and a batch is the mean of its poses."""
    pose, _, rotation, root, _ = two_views(3)
    points = np.stack([plain.project_point(p, CAMERA, rotation, root) for p in pose])
    length = np.linalg.norm(pose[0] - pose[5])
    given_arguments = map(torch.tensor, (pose * 0.3, points, rotation, CAMERA))
    sizes = {"translation": torch.tensor(root), "limb": (0, 5), "limb_length": torch.tensor(length)}
    assert lp.multi_view_consistency_loss(*given_arguments, **sizes).item() < 1e-18
    poses = torch.tensor(np.stack([pose, 2 * pose]))
    others = torch.tensor(points), torch.tensor(rotation), torch.tensor(CAMERA)
    each = [
        lp.multi_view_consistency_loss(one, *others, translation=torch.tensor(root))
        for one in poses
    ]
    both = lp.multi_view_consistency_loss(poses, *others, translation=torch.tensor(root))
    torch.testing.assert_close(both, sum(each) / 2)
    # In the camera itself, a larger pose looks the same.
    ahead = torch.tensor(pose) + torch.tensor([0.0, 0, 5000])
    turn = torch.eye(3, dtype=torch.float64)
    plainly = lp.multi_view_consistency_loss(ahead, others[0], turn, others[2])
    sized = lp.multi_view_consistency_loss(
        ahead, others[0], turn, others[2], limb=(0, 1), limb_length=9.0
    )
    torch.testing.assert_close(plainly, sized)


def test_which_joints_count():
    pose, points, rotation, root, _ = two_views(4)
    arrays = {"rotation": rotation, "camera_matrix": CAMERA, "translation": root}
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in arrays.items()}
    mask = torch.tensor([1.0, 1, 1, 0, 1, 1])
    expected = lp.multi_view_consistency_loss(
        torch.tensor(pose), torch.tensor(points), mask=mask, **tensors
    )
    pose[3], points[3] = np.nan, np.nan
    inputs = [torch.tensor(pose, requires_grad=True), torch.tensor(points, requires_grad=True)]
    loss = lp.multi_view_consistency_loss(*inputs, mask=mask, **tensors)
    assert loss.item() == expected.item()
    gradients = torch.autograd.grad(loss, [*inputs, *tensors.values()])
    assert all(each.isfinite().all() for each in gradients)
    # Behind the camera: not counted. Not a number: seen.
    pose = torch.tensor(two_views(4)[0])
    behind = pose.clone()
    behind[3] = torch.linalg.solve(torch.tensor(rotation), torch.tensor([0.0, 0, -9000]).double())
    loss = lp.multi_view_consistency_loss(behind, inputs[1].detach(), mask=None, **tensors)
    assert loss.item() == expected.item()
    pose[3] = torch.nan
    full = torch.tensor(two_views(4)[1])
    assert lp.multi_view_consistency_loss(pose, full, **tensors).isnan()
    none = lp.multi_view_consistency_loss(pose, full, mask=0 * mask, **tensors)
    assert none.isnan()
    # A limb without a length: the pose does not count.
    together = torch.tensor(np.stack([two_views(4)[0]] * 2))
    together[1, 1] = together[1, 0]
    sizes = {"limb": (0, 1), "limb_length": 400.0}
    one = lp.multi_view_consistency_loss(together[0], full, **tensors, **sizes)
    both = lp.multi_view_consistency_loss(together.requires_grad_(), full, **tensors, **sizes)
    assert both.item() == pytest.approx(one.item())
    assert torch.autograd.grad(both, together)[0].isfinite().all()


def test_gradients_of_the_loss():
    pose, points, rotation, root, _ = two_views(5)
    arrays = (pose / 1000, points / 1000, rotation, CAMERA / 1000, root / 1000, np.array(0.4))
    inputs = [torch.tensor(each, requires_grad=True) for each in arrays]
    torch.autograd.gradcheck(
        lambda pose, points, turn, camera, root, length: lp.multi_view_consistency_loss(
            *(pose, points, turn, camera), translation=root, limb=(0, 1), limb_length=length
        ),
        inputs,
    )


def test_many_views_of_many_poses():
    poses, eye = torch.rand(4, 6, 3), torch.eye(3)
    turns = torch.tensor(rotations(np.random.default_rng(0), 3))[:, None].float()
    points, root = torch.rand(3, 4, 6, 2), torch.tensor([0.0, 0, 9])
    loss = lp.multi_view_consistency_loss(poses, points, turns, eye, translation=root)
    each = [
        lp.multi_view_consistency_loss(pose, points[v, b], turns[v, 0], eye, translation=root)
        for v in range(3)
        for b, pose in enumerate(poses)
    ]
    torch.testing.assert_close(loss, sum(each) / 12)
    nobody = lp.multi_view_consistency_loss(poses[:0], points[:, :0], turns, eye, translation=root)
    assert nobody.isnan()
    assert nobody.dtype == torch.float32


POSE, POINTS = torch.zeros(2, 6, 3), torch.zeros(2, 6, 2)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"pose": None}, TypeError, "pose must be a torch tensor"),
        ({"points": POSE}, ValueError, r"points must be \[..., N, 2\], got"),
        ({"points": POINTS[:, :5]}, ValueError, r"points must be .* K = 6"),
        ({"rotation": EYE[0]}, ValueError, "rotation must be"),
        ({"translation": EYE[:, :2]}, ValueError, "translation must be"),
        ({"mask": torch.ones(6)}, ValueError, r"mask must be .*\[2, 6\], got \[6\]"),
        ({"limb": (0, 1)}, ValueError, "limb and limb_length must be given together"),
        ({"limb_length": 1.0}, ValueError, "limb and limb_length must be given together"),
        ({"limb": (0, 1), "limb_length": -1}, ValueError, "limb_length must be positive"),
        ({"limb": (0, 1), "limb_length": "x"}, TypeError, "limb_length .* must be a number"),
        ({"limb": (0, 6), "limb_length": 1}, ValueError, "limb must be"),
        ({"limb": (0, 0), "limb_length": 1}, ValueError, "limb must be"),
        ({"limb": 3, "limb_length": 1}, ValueError, "limb must be two joints"),
    ],
)
def test_refusals_of_the_loss(change, error, message):
    good = {"pose": POSE, "points": POINTS, "rotation": EYE, "camera_matrix": EYE}
    with pytest.raises(error, match=f"multi_view_consistency_loss: {message}"):
        lp.multi_view_consistency_loss(**(good | change))
