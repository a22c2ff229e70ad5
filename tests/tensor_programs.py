"""Every operation on tensors, as programs: for what torch does to them, and for determinism.

A new operation is one more line of `PROGRAMS`, or several where options lead to other kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch

import lowerpose_ops as lp
from tests.heatmap_samples import maps, weights

Tensors = tuple[torch.Tensor, ...]
Shape = tuple[int, int, int, int]  # B, K, H, W

# More pixels than a thread takes at a time (kGrainPixels in csrc/cpu/tiles.h): so each map may go
# to another one.
LARGE_MAPS: tuple[Shape, ...] = ((3, 5, 130, 129), (7, 17, 130, 129))
PAIRS = ((0, 1),)


@dataclass(frozen=True)
class Program:
    draw: Callable[[Shape], Tensors]
    run: Callable[..., torch.Tensor | Tensors]
    wanted: int = 0  # so many inputs, the first ones, get a gradient
    large: tuple[Shape, ...] = LARGE_MAPS  # with work for 7 threads
    threads: bool = True  # whether there are any


def draw_maps(shape: Shape) -> Tensors:
    """Two stacks of maps, and weights [B, K, 1]."""
    return maps(shape), maps(shape, seed=1), weights(shape)


def draw_masked(shape: Shape) -> Tensors:
    return *draw_maps(shape), maps((shape[0], 1, *shape[2:]), seed=3).abs()


def draw_weighted_pixels(shape: Shape) -> Tensors:
    return *draw_maps(shape)[:2], maps(shape, seed=3).abs()


def draw_joints(shape: Shape) -> Tensors:
    """Joints in and about maps of the shape of the last tensor, and which are visible."""
    batch, num_joints, height, width = shape
    corner = torch.tensor([width, height])
    joints = (0.5 + 0.3 * maps((batch, num_joints, 2))) * corner
    return joints, weights(shape)[..., 0], torch.empty(1).expand(1, 1, height, width)


def draw_pose(shape: Shape) -> Tensors:
    """Maps, the joints that they shall show, a sigma a joint, and which are visible."""
    joints, visible, _ = draw_joints(shape)
    return maps(shape), joints, 1 + maps(shape[1:2], seed=4).abs(), visible


def draw_poses(shape: Shape) -> Tensors:
    return maps(shape), *draw_people(shape)[:2]


def draw_people(shape: Shape) -> Tensors:
    joints, visible, size = draw_joints(shape)
    both = torch.stack([joints, joints.flip(1) + 3], 1), torch.stack([visible, visible.flip(1)], 1)
    return *both, 1 + maps((shape[0], 2), seed=4).abs(), size


def draw_points(shape: Shape) -> Tensors:
    """Predictions, ground truth and which joints are valid."""
    truth = 20 * maps((*shape[:2], 2))
    return truth + 4 * maps(truth.shape, seed=1), truth, weights(shape)[..., 0]


def draw_boxes(shape: Shape) -> Tensors:
    one_each = (shape[0], 2)
    return maps((*shape[:2], 2)), 30 * maps(one_each, seed=1), 40 + maps(one_each, seed=2)


def draw_detections(shape: Shape) -> Tensors:
    """Four detections and three people an image, and the people's areas."""
    batch, num_joints = shape[:2]
    pred, gt = (20 * maps((batch, each, num_joints, 2), seed=each) for each in (4, 3))
    visible = weights((3 * batch, num_joints)).reshape(batch, 3, num_joints)
    return pred, gt, visible, 400 + 50 * maps((batch, 3)).abs()


def draw_poses_in_space(shape: Shape) -> Tensors:
    """Predictions and ground truths [B, K, 3], and which joints count; enough for a rotation."""
    truth = 20 * maps((*shape[:2], 3))
    counts = weights(shape)[..., 0].clone()
    counts[:, :4] = 1
    return truth + 4 * maps(truth.shape, seed=1), truth, counts


def draw_views(shape: Shape) -> Tensors:
    """Poses, what other cameras show of them, these cameras' turns, and where the poses are."""
    pose, *_ = draw_poses_in_space(shape)
    matrices = maps((shape[0], 3, 3), seed=2)
    turns = torch.linalg.cross(matrices, matrices.roll(1, -1))
    return pose, maps((*shape[:2], 2), seed=3), turns, 900 + maps((shape[0], 3), seed=4)


def size_of(heatmaps: torch.Tensor) -> tuple[int, int]:
    return heatmaps.shape[3], heatmaps.shape[2]


def loss(**options: Any) -> Callable[..., torch.Tensor]:
    def run(output: torch.Tensor, target: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        weight, mask = (*others, None, None)[:2]
        return lp.joints_mse_loss(output, target, weight, mask=mask, **options)

    return run


def draw_argmax(shape: Shape) -> Tensors:
    return maps(shape), 3 + maps(shape[1:2], seed=1).abs()


stacked = lp.JointsMSELoss(preset="hrnet", denominator="visible", skip_empty=True)
hardest = lp.JointsOHKMMSELoss(topk=2)
rendered = lp.GaussianJointsMSELoss(preset="hrnet")
soft = lp.SoftArgmax2d(1.0, normalized=True)

MANY_JOINTS: tuple[Shape, ...] = ((6003, 5, 1, 1), (1757, 17, 1, 1))
MANY_PEOPLE: tuple[Shape, ...] = ((201, 5, 1, 1), (175, 17, 1, 1))

# Numbers enough for torch's threads, which take 32768 at a time, and more than one thread.
MANY_POSES: tuple[Shape, ...] = ((16003, 5, 1, 1), (5003, 17, 1, 1))
CAMERA = torch.tensor([[60.0, 0, 24], [0, 60, 32], [0, 0, 1]])

PROGRAMS = {
    "gaussian_targets": Program(
        draw_joints, lambda joints, visible, m: lp.gaussian_targets(joints, visible, size_of(m))
    ),
    "gaussian_targets, people": Program(
        draw_people,
        lambda joints, visible, sigma, m: lp.gaussian_targets(
            joints, visible, size_of(m), sigma, preset="mmpose_udp", instance_weights=True
        ),
    ),
    "joints_mse_loss": Program(draw_maps, loss(), 1),
    "joints_mse_loss, target too": Program(draw_maps, loss(preset="lower_body"), 2),
    "joints_mse_loss, visible, masked": Program(draw_masked, loss(denominator="visible"), 2),
    "joints_mse_loss, weighted": Program(draw_weighted_pixels, loss(denominator="weighted"), 1),
    "joints_mse_loss, per_sample": Program(draw_maps, loss(reduction="per_sample"), 1),
    "joints_mse_loss, per_joint, masked": Program(draw_masked, loss(reduction="per_joint"), 1),
    "joints_mse_loss, none": Program(draw_maps, loss(reduction="none", skip_empty=True), 1),
    "JointsMSELoss, stages": Program(
        draw_maps, lambda output, target, weight: stacked([output, -output], target, weight), 1
    ),
    "joints_ohkm_mse_loss": Program(
        draw_maps,
        lambda *inputs: lp.joints_ohkm_mse_loss(*inputs, topk=3),
        1,
        (*LARGE_MAPS, (469, 17, 9, 7)),  # samples enough for a thread each
    ),
    "JointsOHKMMSELoss": Program(draw_maps, lambda *inputs: hardest(*inputs), 2),
    "gaussian_joints_mse_loss": Program(
        lambda shape: (maps(shape), *draw_joints(shape)[:2]), lp.gaussian_joints_mse_loss, 1
    ),
    "gaussian_joints_mse_loss, joints too": Program(
        draw_pose,
        lambda output, joints, sigma, visible: lp.gaussian_joints_mse_loss(
            output, joints, visible, sigma=sigma
        ),
        3,
    ),
    "gaussian_joints_mse_loss, people, topk": Program(
        draw_poses,
        lambda *inputs: lp.gaussian_joints_mse_loss(*inputs, preset="hourglass", topk=2),
        1,
    ),
    "GaussianJointsMSELoss": Program(
        lambda shape: (maps(shape), *draw_joints(shape)[:2]), lambda *inputs: rendered(*inputs), 1
    ),
    "soft_argmax2d": Program(draw_argmax, lp.soft_argmax2d, 2),
    "SoftArgmax2d": Program(
        lambda shape: (maps(shape), torch.tensor(4.0)),
        lambda heatmaps, beta: torch.func.functional_call(soft, {"beta": beta}, (heatmaps,)),
        1,
    ),
    "flip_merge": Program(
        lambda shape: draw_maps(shape)[:2], lambda *both: lp.flip_merge(*both, PAIRS, True)
    ),
    "decode_heatmaps": Program(lambda shape: (maps(shape),), lp.decode_heatmaps),
    "decode_heatmaps, dark, merged": Program(
        lambda shape: draw_maps(shape)[:2],
        lambda heatmaps, flipped: lp.decode_heatmaps(
            *(heatmaps, "dark"), covariance=True, flipped=flipped, flip_pairs=PAIRS, shift=True
        ),
    ),
    "to_image": Program(
        draw_boxes, lambda *boxes: lp.to_image(*boxes, (48, 64), "udp"), 1, MANY_JOINTS
    ),
    "decode_and_score": Program(
        lambda shape: (maps(shape), *draw_points(shape)[1:]),
        lambda heatmaps, *truth: lp.decode_and_score(heatmaps, *truth, 64.0, (0.05, 0.1), "dark"),
    ),
    "pck_counts": Program(
        draw_points,
        lambda *points: lp.pck_counts(*points, 64.0, (0.05, 0.1)),
        large=MANY_JOINTS,
        threads=False,
    ),
    "pck": Program(
        draw_points,
        lambda *points: lp.pck(*points, (0, 1), 0.5, reduce="joint_mean"),
        large=MANY_JOINTS,
        threads=False,
    ),
    "keypoint errors": Program(
        draw_points,
        lambda *points: (
            *lp.keypoint_error_sums(*points),
            lp.keypoint_epe(*points),
            lp.keypoint_nme(*points, (0, 1), reduce="per_joint"),
            lp.keypoint_auc(*points, 30.0),
        ),
        large=MANY_JOINTS,
        threads=False,
    ),
    "mpjpe": Program(draw_poses_in_space, lp.mpjpe, 2, MANY_POSES),
    "mpjpe, scale": Program(
        draw_poses_in_space, lambda *poses: lp.mpjpe(*poses, align="scale"), 2, MANY_POSES
    ),
    "mpjpe, root, none": Program(
        draw_poses_in_space,
        lambda *poses: lp.mpjpe(*poses, align="root", root=(0, 3), reduction="none").nan_to_num(),
        2,
        MANY_POSES,
    ),
    "mpjpe, procrustes": Program(
        draw_poses_in_space, lambda *poses: lp.mpjpe(*poses, align="procrustes"), 2, MANY_POSES
    ),
    "procrustes": Program(draw_poses_in_space, lp.procrustes, 2, MANY_POSES),
    "velocity_error": Program(draw_poses_in_space, lp.velocity_error, 2, MANY_POSES),
    "joint_angles": Program(
        lambda shape: draw_poses_in_space(shape)[:1],
        lambda points: lp.joint_angles(points, ((0, 1, 2), (3, 1, 0))),
        1,
        MANY_POSES,
    ),
    "project_points": Program(
        lambda shape: (draw_poses_in_space(shape)[0] + 99,),
        lambda points: lp.project_points(points, CAMERA.to(points.device)),
        1,
        MANY_POSES,
    ),
    "multi_view_consistency_loss": Program(
        draw_views,
        lambda pose, points, turns, root: lp.multi_view_consistency_loss(
            *(pose, points, turns, CAMERA.to(pose.device)),
            translation=root,
            limb=(0, 1),
            limb_length=20.0,
        ),
        4,
        MANY_POSES,
    ),
    "oks": Program(
        draw_detections,
        lambda *people: lp.oks(*people, [0.05] * people[0].shape[2]),
        large=MANY_PEOPLE,
    ),
}
every_program = pytest.mark.parametrize("program", PROGRAMS.values(), ids=list(PROGRAMS))

# What a model that gives heatmaps [B, 4, H, W] can be trained with.
TRAINED = {
    name: program
    for name, program in PROGRAMS.items()
    if program.wanted and program.draw((2, 4, 12, 10))[0].shape == (2, 4, 12, 10)
}
every_trained = pytest.mark.parametrize("program", TRAINED.values(), ids=list(TRAINED))


def one_number(program: Program, output: torch.Tensor, others: Tensors) -> torch.Tensor:
    """What is trained on: the sum of all that a program computes, not all alike."""
    result = program.run(output, *others)
    assert isinstance(result, torch.Tensor)
    count = torch.arange(result.numel(), device=result.device)
    return (result * (1 + count.reshape(result.shape) % 7)).sum()


def results_of(program: Program, inputs: Tensors, run: Callable[..., Any] | None = None) -> Tensors:
    """The results, and the wanted gradients for an incoming one that differs at each element."""
    given = [tensor.detach() for tensor in inputs]
    wanted = [tensor.requires_grad_() for tensor in given[: program.wanted]]
    results = (run or program.run)(*given)
    results = (results,) if isinstance(results, torch.Tensor) else results
    gradients: Tensors = ()
    if wanted:
        count = results[0].numel()
        incoming = (1 + torch.arange(count) % 7).to(results[0].dtype).reshape(results[0].shape)
        gradients = torch.autograd.grad(results[0], wanted, incoming)
    return *(result.detach() for result in results), *gradients


def check_same_bits(results: Tensors, expected: Tensors) -> None:
    torch.testing.assert_close(results, expected, rtol=0, atol=0, equal_nan=True)
