"""What a call costs in Python and in torch's dispatcher: every public function on tiny inputs.

The limits of a loss are 12 us without a gradient, 30 us forward where one is wanted, and forward
and backward 2.2 times F.mse_loss (a ratio above 0.45). Beside each function stands the torch call
that does most like it, if there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.functional import mse_loss

import lowerpose_ops as lp

generator = torch.Generator().manual_seed(0)
HEATMAPS, TARGET = torch.rand(2, 1, 2, 8, 8, generator=generator)
WEIGHT = torch.ones(1, 2, 1)
JOINTS, OTHERS = 8 * torch.rand(2, 1, 2, 2, generator=generator)
VISIBLE = torch.ones(1, 2)
BOX = torch.tensor([[4.0, 4.0]])
SIZE, PAIRS = (8, 8), ((0, 1),)
AREA = torch.tensor([64.0])
SIGMAS = torch.tensor([0.1, 0.1])
SEEN = torch.cat([JOINTS, 2 * VISIBLE[..., None]], -1)  # [1, K, 3]
POSE, MOTION, TRUTH = torch.rand(3, 2, 6, 3, generator=generator)
KNEES, CAMERA, TURN = ((0, 1, 2), (3, 4, 5)), 8 * torch.eye(3), torch.eye(3)
IMAGE = torch.zeros(1, dtype=torch.int64)

plain_loss = lp.JointsMSELoss()
hardest_loss = lp.JointsOHKMMSELoss(topk=2)
rendered_loss = lp.GaussianJointsMSELoss()
decode = lp.SoftArgmax2d(5.0)

One = Callable[[Any], Any]
Peer = tuple[str, Callable[..., Any]] | None

MSE: Peer = ("F.mse_loss", lambda output: mse_loss(output, TARGET))
NORM: Peer = ("linalg.vector_norm", lambda pose: torch.linalg.vector_norm(pose - TRUTH))
SOFTMAX: Peer = ("torch.softmax", lambda maps: torch.softmax(maps, -1))

# What has a gradient, as a function of the tensor that it flows to.
DIFFERENTIABLE: dict[str, tuple[torch.Tensor, One, Peer]] = {
    "joints_mse_loss": (HEATMAPS, lambda o: lp.joints_mse_loss(o, TARGET, WEIGHT), MSE),
    "JointsMSELoss": (HEATMAPS, lambda o: plain_loss(o, TARGET, WEIGHT), MSE),
    "joints_mse_loss, visible": (
        HEATMAPS,
        lambda o: lp.joints_mse_loss(o, TARGET, WEIGHT, denominator="visible"),
        MSE,
    ),
    "joints_ohkm_mse_loss": (
        HEATMAPS,
        lambda o: lp.joints_ohkm_mse_loss(o, TARGET, WEIGHT, topk=2),
        MSE,
    ),
    "JointsOHKMMSELoss": (HEATMAPS, lambda o: hardest_loss(o, TARGET, WEIGHT), MSE),
    "gaussian_joints_mse_loss": (
        HEATMAPS,
        lambda o: lp.gaussian_joints_mse_loss(o, JOINTS, VISIBLE),
        MSE,
    ),
    "GaussianJointsMSELoss": (HEATMAPS, lambda o: rendered_loss(o, JOINTS, VISIBLE), MSE),
    "soft_argmax2d": (HEATMAPS, lambda maps: lp.soft_argmax2d(maps, 5.0), SOFTMAX),
    "SoftArgmax2d": (HEATMAPS, decode, SOFTMAX),
    "to_image": (
        JOINTS,
        lambda coords: lp.to_image(coords, BOX, BOX, SIZE),
        ("torch.addcmul", lambda coords: torch.addcmul(BOX, coords, BOX)),
    ),
    "mpjpe": (POSE, lambda pose: lp.mpjpe(pose, TRUTH), NORM),
    "mpjpe, procrustes": (POSE, lambda pose: lp.mpjpe(pose, TRUTH, align="procrustes"), NORM),
    "procrustes": (POSE, lambda pose: lp.procrustes(pose, TRUTH), NORM),
    "velocity_error": (MOTION, lambda motion: lp.velocity_error(motion, TRUTH), NORM),
    "joint_angles": (POSE, lambda pose: lp.joint_angles(pose, KNEES), None),
    "project_points": (POSE, lambda pose: lp.project_points(pose, CAMERA), None),
    "multi_view_consistency_loss": (
        POSE,
        lambda pose: lp.multi_view_consistency_loss(pose, TRUTH[..., :2], TURN, CAMERA),
        None,
    ),
}

DISTANCE: Peer = ("linalg.vector_norm", lambda pred, gt, *_: torch.linalg.vector_norm(pred - gt))
POINTS = (JOINTS, OTHERS, VISIBLE)

# The others on their inputs, as tensors and as arrays.
OTHER: dict[str, tuple[tuple[torch.Tensor, ...], One, Peer]] = {
    "gaussian_targets": ((JOINTS, VISIBLE), lambda x: lp.gaussian_targets(*x, SIZE), None),
    "decode_heatmaps": (
        (HEATMAPS,),
        lambda x: lp.decode_heatmaps(*x),
        ("Tensor.max", lambda maps: maps.flatten(2).max(-1)),
    ),
    "decode_and_score": (
        (HEATMAPS, JOINTS, VISIBLE),
        lambda x: lp.decode_and_score(*x, 8.0, (0.5, 1.0)),
        None,
    ),
    "decode_heatmaps, dark": ((HEATMAPS,), lambda x: lp.decode_heatmaps(*x, "dark"), None),
    "flip_merge": (
        (HEATMAPS, TARGET),
        lambda x: lp.flip_merge(*x, PAIRS),
        ("Tensor.flip", lambda maps, flipped: maps + flipped.flip(-1)),
    ),
    "soft_argmax2d": ((HEATMAPS,), lambda x: lp.soft_argmax2d(*x, 5.0), None),
    "to_image": ((JOINTS, BOX, BOX), lambda x: lp.to_image(*x, SIZE), None),
    "pck_counts": (POINTS, lambda x: lp.pck_counts(*x, 8.0, (0.5, 1.0)), DISTANCE),
    "pck": (POINTS, lambda x: lp.pck(*x, 8.0, 0.5), DISTANCE),
    "keypoint_error_sums": (POINTS, lambda x: lp.keypoint_error_sums(*x), DISTANCE),
    "keypoint_epe": (POINTS, lambda x: lp.keypoint_epe(*x), DISTANCE),
    "keypoint_nme": (POINTS, lambda x: lp.keypoint_nme(*x, 8.0), DISTANCE),
    "keypoint_auc": (POINTS, lambda x: lp.keypoint_auc(*x, 8.0), DISTANCE),
    "oks": (
        (JOINTS[:, None], OTHERS[:, None], VISIBLE[:, None], AREA[:, None], SIGMAS),
        lambda x: lp.oks(*x),
        ("torch.cdist", lambda pred, gt, *_: torch.cdist(pred[0], gt[0])),
    ),
    "keypoint_ap": (
        (SEEN, AREA, IMAGE, SEEN, IMAGE, AREA, SIGMAS),
        lambda x: lp.keypoint_ap(*x[:5], areas=x[5], sigmas=x[6], pred_areas=x[5]),
        None,
    ),
}


def forward(function: One, tensor: torch.Tensor) -> Callable[[], object]:
    return lambda: function(tensor)


def forward_and_backward(function: One, tensor: torch.Tensor) -> Callable[[], object]:
    result = function(tensor)
    incoming = torch.ones_like(result) if result.ndim else None  # a loss's is made by backward

    def step() -> None:
        tensor.grad = None
        function(tensor).backward(incoming)

    return step


MODES: dict[str, tuple[bool, Callable[..., Callable[[], object]]]] = {
    "no gradient": (False, forward),
    "forward": (True, forward),
    "forward + backward": (True, forward_and_backward),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_differentiable(compare, name, mode):
    tensor, ours, peer = DIFFERENTIABLE[name]
    wants_gradient, run = MODES[mode]
    given = tensor.clone().requires_grad_(wants_gradient)
    theirs = {} if peer is None else {peer[0]: run(peer[1], given)}
    compare(f"{name}, {mode}")(run(ours, given), theirs)


@pytest.mark.parametrize("name", OTHER)
def test_tensors(compare, name):
    tensors, ours, peer = OTHER[name]
    theirs = {} if peer is None else {peer[0]: lambda: peer[1](*tensors)}
    compare(f"{name}, tensors")(lambda: ours(tensors), theirs)


@pytest.mark.parametrize("name", OTHER)
def test_arrays(compare, name):
    tensors, ours, _ = OTHER[name]
    arrays = tuple(tensor.numpy() for tensor in tensors)
    compare(f"{name}, arrays")(lambda: ours(arrays), {})
