"""Every operation with typical inputs, for the tests that run on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch

import lowerpose_ops as lp
from lowerpose_ops import _native
from tests.heatmap_samples import maps, weights

needs_gpu = pytest.mark.skipif(
    not (torch.cuda.is_available() and _native.core.cuda_version),
    reason="needs a GPU, and a build with CUDA",
)

Tensors = tuple[torch.Tensor, ...]
TYPICAL = (64, 6, 64, 48)
SIZE = (48, 64)  # (W, H)


@dataclass(frozen=True)
class Operation:
    draw: Callable[[int], Tensors]  # its inputs on the CPU, from a seed
    run: Callable[..., Tensors]
    kernels: tuple[str, ...]  # what a run launches
    torch_kernels: int = 0  # what torch may launch besides


def draw_joints(seed: int) -> Tensors:
    generator = torch.Generator().manual_seed(seed)
    joints = torch.rand(*TYPICAL[:2], 2, generator=generator) * torch.tensor(SIZE)
    return joints, torch.randint(0, 3, TYPICAL[:2], generator=generator).float()


def draw_maps(seed: int) -> Tensors:
    return maps(TYPICAL, seed=2 * seed), maps(TYPICAL, seed=2 * seed + 1), weights(TYPICAL, seed)


def draw_channels_last(seed: int) -> Tensors:
    return (maps(TYPICAL, seed=seed).contiguous(memory_format=torch.channels_last),)


def draw_points(seed: int) -> Tensors:
    shape = (*TYPICAL[:2], 2)
    truth = 20 * maps(shape, seed=2 * seed)
    return truth + 4 * maps(shape, seed=2 * seed + 1), truth, weights(TYPICAL, seed)[..., 0]


def draw_poses(seed: int) -> Tensors:
    shape = (*TYPICAL[:2], 3)
    truth = 300 * maps(shape, seed=2 * seed)
    return truth + 60 * maps(shape, seed=2 * seed + 1), truth, weights(TYPICAL, seed)[..., 0]


def distance_and_gradient(pred: torch.Tensor, *others: torch.Tensor) -> Tensors:
    pred = pred.detach().requires_grad_()
    distance = lp.mpjpe(pred, *others, align="procrustes")
    return distance.detach(), *torch.autograd.grad(distance, pred)


def loss_alone(*inputs: torch.Tensor) -> Tensors:
    return (lp.joints_mse_loss(*inputs),)


def loss_and_gradient(output: torch.Tensor, *others: torch.Tensor, **options: Any) -> Tensors:
    output = output.detach().requires_grad_()
    loss = lp.joints_mse_loss(output, *others, **options)
    return loss.detach(), *torch.autograd.grad(loss, output)


def draw_people(seed: int) -> Tensors:
    return maps(TYPICAL, seed=seed), *draw_joints(seed)


def drawn_and_gradient(output: torch.Tensor, *joints: torch.Tensor, **options: Any) -> Tensors:
    output = output.detach().requires_grad_()
    loss = lp.gaussian_joints_mse_loss(output, *joints, **options)
    return loss.detach(), *torch.autograd.grad(loss, output)


def drawn_and_all_gradients(output: torch.Tensor, *joints: torch.Tensor) -> Tensors:
    leaves = [tensor.detach().requires_grad_() for tensor in (output, joints[0])]
    loss = lp.gaussian_joints_mse_loss(*leaves, joints[1], topk=3)
    return loss.detach(), *torch.autograd.grad(loss, leaves)


def dark_merged(heatmaps: torch.Tensor, flipped: torch.Tensor) -> Tensors:
    return lp.decode_heatmaps(
        *(heatmaps, "dark"),
        covariance=True,
        flipped=flipped,
        flip_pairs=lp.LOWER_BODY_FLIP_PAIRS,
        shift=True,
    )


def hardest_and_gradient(output: torch.Tensor, *others: torch.Tensor) -> Tensors:
    output = output.detach().requires_grad_()
    loss = lp.joints_ohkm_mse_loss(output, *others, topk=3)
    return loss.detach(), *torch.autograd.grad(loss, output)


def masked_and_gradient(output: torch.Tensor, target: torch.Tensor, _: torch.Tensor) -> Tensors:
    return loss_and_gradient(output, target, None, mask=target)


def argmax_and_gradients(heatmaps: torch.Tensor) -> Tensors:
    heatmaps = heatmaps.detach().requires_grad_()
    beta = torch.full(TYPICAL[1:2], 5.0, device=heatmaps.device, requires_grad=True)
    coords = lp.soft_argmax2d(heatmaps, beta)
    incoming = torch.ones_like(coords)
    return coords.detach(), *torch.autograd.grad(coords, (heatmaps, beta), incoming)


def count_points(*inputs: torch.Tensor) -> Tensors:
    return lp.pck_counts(*inputs, 64.0, (0.05, 0.1))


def score_maps(heatmaps: torch.Tensor, truth: torch.Tensor, seen: torch.Tensor) -> Tensors:
    return lp.decode_and_score(heatmaps, truth, seen, 64.0, (0.05, 0.1))


def score_merged_maps(heatmaps: torch.Tensor, flipped: torch.Tensor, *points: Any) -> Tensors:
    _, truth, seen = points
    return lp.decode_and_score(
        *(heatmaps, truth, seen, (0, 3), [0.01 * i for i in range(70)]),
        preset="mmpose_udp",
        flipped=flipped,
        flip_pairs=lp.LOWER_BODY_FLIP_PAIRS,
        center=truth[:, 0],
        scale=truth[:, 1].abs(),
    )


def compare_points(pred: torch.Tensor, truth: torch.Tensor, seen: torch.Tensor) -> Tensors:
    area = 400 + 50 * truth[:, 0, 0].abs()
    return (lp.oks(pred, truth, seen > 0, area, lp.LOWER_BODY_SIGMAS),)


OPERATIONS = {
    "gaussian_targets": Operation(
        draw_joints,
        lambda joints, visible: lp.gaussian_targets(joints, visible, SIZE),
        ("gaussian_targets_kernel",),
    ),
    "gaussian_joints_mse_loss": Operation(
        draw_people,
        lambda *inputs: (lp.gaussian_joints_mse_loss(*inputs),),
        ("gaussian_joints_mse_kernel",),
    ),
    "gaussian_joints_mse_loss and its gradient": Operation(
        draw_people,
        drawn_and_gradient,
        # The second looks at the incoming gradient, which is 1, and has nothing to do.
        ("gaussian_joints_mse_kernel", "gaussian_joints_mse_kernel"),
        torch_kernels=1,  # the 1 that the gradient begins with
    ),
    "gaussian_joints_mse_loss of the hardest, and all its gradients": Operation(
        draw_people,
        drawn_and_all_gradients,
        (
            "gaussian_joints_mse_kernel",
            "gaussian_joints_mse_kernel",
            "gaussian_joints_mse_joints_backward_kernel",
        ),
        torch_kernels=2,  # the 1, and the gradient of joints to float32
    ),
    "joints_mse_loss": Operation(draw_maps, loss_alone, ("joints_mse_kernel",)),
    "joints_mse_loss and its gradient": Operation(
        draw_maps,
        loss_and_gradient,
        ("joints_mse_kernel", "joints_mse_kernel"),
        torch_kernels=1,  # the 1 that the gradient begins with
    ),
    "joints_mse_loss, visible": Operation(
        draw_maps,
        lambda *inputs: (lp.joints_mse_loss(*inputs, denominator="visible"),),
        ("joints_mse_general_kernel",),
    ),
    "joints_ohkm_mse_loss": Operation(
        draw_maps,
        lambda *inputs: (lp.joints_ohkm_mse_loss(*inputs, topk=3),),
        ("joints_mse_general_kernel",),
    ),
    "decode_and_score": Operation(
        lambda seed: (maps(TYPICAL, seed=seed), *draw_points(seed)[1:]),
        score_maps,
        ("score_map_kernel",),
    ),
    "decode_and_score, channels_last": Operation(
        lambda seed: (*draw_channels_last(seed), *draw_points(seed)[1:]),
        score_maps,
        ("score_image_kernel",),
    ),
    "decode_and_score, merged, in the image, 70 thresholds": Operation(
        lambda seed: (*draw_maps(seed)[:2], *draw_points(seed)),
        score_merged_maps,
        ("score_map_kernel", "score_more_kernel"),
        torch_kernels=1,  # the sizes of the boxes
    ),
    "decode_heatmaps": Operation(
        lambda seed: (maps(TYPICAL, seed=seed),), lp.decode_heatmaps, ("decode_map_kernel",)
    ),
    "decode_heatmaps, channels_last": Operation(
        draw_channels_last, lp.decode_heatmaps, ("decode_image_kernel",)
    ),
    "decode_heatmaps, mmpose_udp": Operation(
        lambda seed: (maps(TYPICAL, seed=seed) - 1,),
        lambda heatmaps: lp.decode_heatmaps(heatmaps, preset="mmpose_udp"),
        ("decode_map_kernel",),
    ),
    "decode_heatmaps, dark, merged, with covariance": Operation(
        lambda seed: draw_maps(seed)[:2], dark_merged, ("decode_map_kernel",)
    ),
    "joints_ohkm_mse_loss and its gradient": Operation(
        draw_maps,
        hardest_and_gradient,
        ("joints_mse_general_kernel", "joints_mse_kernel"),
        torch_kernels=1,  # the 1 that the gradient begins with
    ),
    "joints_mse_loss, masked, and its gradient": Operation(
        draw_maps,
        masked_and_gradient,
        ("joints_mse_general_kernel", "joints_mse_general_backward_kernel"),
        torch_kernels=1,
    ),
    "flip_merge": Operation(
        lambda seed: draw_maps(seed)[:2],
        lambda *heatmaps: (lp.flip_merge(*heatmaps, lp.LOWER_BODY_FLIP_PAIRS, True),),
        ("flip_merge_kernel",),
    ),
    "to_image": Operation(
        draw_points,
        lambda coords, center, _: (lp.to_image(coords, center[:, 0], center[:, 1], SIZE),),
        ("to_image_kernel",),
    ),
    "mpjpe": Operation(
        draw_poses,
        lambda *poses: (lp.mpjpe(*poses),),
        ("mpjpe_kernel",),
    ),
    "mpjpe, procrustes, and its gradient": Operation(
        draw_poses,
        distance_and_gradient,
        ("mpjpe_kernel", "mpjpe_backward_kernel"),
        torch_kernels=1,  # the incoming gradient
    ),
    "procrustes": Operation(draw_poses, lambda *poses: (lp.procrustes(*poses),), ("mpjpe_kernel",)),
    "soft_argmax2d": Operation(
        lambda seed: (maps(TYPICAL, seed=seed),),
        lambda heatmaps: (lp.soft_argmax2d(heatmaps, 5.0),),
        ("soft_argmax_kernel",),
    ),
    "soft_argmax2d and its gradients": Operation(
        lambda seed: (maps(TYPICAL, seed=seed),),
        argmax_and_gradients,
        ("soft_argmax_kernel", "soft_argmax_backward_kernel"),
        torch_kernels=2,  # beta, and the incoming gradient
    ),
    "oks": Operation(
        draw_points,
        compare_points,
        ("oks_kernel",),
        torch_kernels=4,  # the comparison, and three for the area
    ),
    "pck_counts": Operation(draw_points, count_points, ("pck_counts_kernel",)),
}
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))


def on_gpu(tensors: Tensors) -> Tensors:
    return tuple(tensor.cuda() for tensor in tensors)


def check_same_bits(results: Tensors, expected: Tensors) -> None:
    for result, wanted in zip(results, expected, strict=True):
        torch.testing.assert_close(result.cpu(), wanted.cpu(), rtol=0, atol=0)
