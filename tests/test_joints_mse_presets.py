"""Each preset against its project's formula, written out again joint by joint in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lowerpose_ops as lp

# Random problems of each kind; an emulated thread is slow.
COUNTS = {"cpu": 400, "cuda-emulated": 10, "cuda": 100}

# Half a float32 unit of the loss, and the lanes' rounding of squares: see LOSS_RTOL. A gradient is
# a difference of float32 numbers times a factor, rounded three or four times.
RTOL = 1e-6


def lower_body(output, target, weight):
    """Each joint's mean of (w o - w t)^2, then the mean over the joints."""
    per_joint = [
        (output[:, j] * weight[:, j, None, None] - target[:, j] * weight[:, j, None, None])
        .square()
        .mean()
        for j in range(output.shape[1])
    ]
    return sum(per_joint) / len(per_joint)


def hrnet(output, target, weight):
    """Half of it."""
    return 0.5 * lower_body(output, target, weight)


def mmpose(output, target, weight):
    """The weight multiplies the squares, and everything counts."""
    weight = weight if weight.ndim == 4 else weight[..., None, None]
    return ((output - target).square() * weight).mean()


def document(output, target, weight):
    total = sum(
        weight[b, j] * (output[b, j] - target[b, j]).square().sum()
        for b in range(output.shape[0])
        for j in range(output.shape[1])
    )
    return total / output.numel()


def hourglass(output, target):
    """A loss a sample: the mean over joints, rows and columns in turn."""
    return (output - target).square().mean(3).mean(2).mean(1)


def hard_joints(output, target, weight, topk, half, power=2):
    """Sample by sample: the largest means of the joints, added up and divided by topk."""
    total = 0
    for b in range(output.shape[0]):
        joints = [
            half * (weight[b, j] ** power * (output[b, j] - target[b, j]) ** 2).mean()
            for j in range(output.shape[1])
        ]
        order = sorted(range(len(joints)), key=lambda j: -float(joints[j].detach()))  # stable
        total = total + sum(joints[j] for j in order[:topk]) / topk
    return total / output.shape[0]


def problem(rng):
    """Maps of random sizes as float32, in one of two layouts, and weights with zeros."""
    shape = tuple(int(rng.integers(1, high)) for high in (5, 7, 10, 10))
    output, target = (torch.as_tensor(rng.normal(size=shape).astype("float32")) for _ in range(2))
    weight = torch.as_tensor(rng.choice([0.0, 0.3, 1.0, 2.0], size=shape[:2]).astype("float32"))
    device = torch.get_default_device()
    output, target, weight = (tensor.to(device) for tensor in (output, target, weight))
    if rng.random() < 0.3:
        output = output.contiguous(memory_format=torch.channels_last)
    return output, target, weight


def check(ours, formula, output, target):
    """Value and both gradients; the formula has float64 copies."""
    output, target = output.detach().requires_grad_(), target.detach().requires_grad_()
    loss = ours(output, target)
    upstream = torch.linspace(0.5, 2, loss.numel()).reshape(loss.shape)
    loss.backward(upstream)
    exact = [tensor.detach().double().requires_grad_() for tensor in (output, target)]
    expected = formula(*exact)
    expected.backward(upstream.double())
    torch.testing.assert_close(loss.double(), expected, rtol=RTOL, atol=0)
    for tensor, plain in zip((output, target), exact, strict=True):
        torch.testing.assert_close(tensor.grad.double(), plain.grad, rtol=RTOL, atol=0)


FORMULAS = {
    "document": document,
    "lower_body": lower_body,
    "hrnet": hrnet,
    "mmpose": mmpose,
}


@pytest.mark.parametrize("preset", FORMULAS)
def test_means(preset, device):
    rng = np.random.default_rng(1)
    for _ in range(COUNTS[device]):
        output, target, weight = problem(rng)
        given = weight[..., None] if rng.random() < 0.5 else weight
        check(
            lambda o, t, w=given: lp.joints_mse_loss(o, t, w, preset=preset),
            lambda o, t, w=weight: FORMULAS[preset](o, t, w.double()),
            output,
            target,
        )


def test_mmpose_with_pixel_weights_masks_and_empty_maps(device):
    rng = np.random.default_rng(2)
    for _ in range(COUNTS[device]):
        output, target, weight = problem(rng)
        target[:, 0] = 0
        if rng.random() < 0.5:
            weight = weight[..., None, None] * torch.ones_like(output)
            weight[..., 0] = 0.7
        maps = 1 if rng.random() < 0.5 else output.shape[1]
        mask = torch.as_tensor(rng.random((output.shape[0], maps, *output.shape[2:])) < 0.6)
        mask = mask.to(output.device)
        skip, loss_weight = bool(rng.random() < 0.5), float(rng.choice([1.0, 0.1, 500.0]))

        def formula(o, t, weight=weight, mask=mask, skip=skip, loss_weight=loss_weight):
            factors = weight.double() if weight.ndim == 4 else weight.double()[..., None, None]
            factors = factors * mask
            if skip:
                factors = (
                    factors
                    * torch.stack(
                        [torch.stack([(joint != 0).any() for joint in sample]) for sample in t]
                    )[..., None, None]
                )
            return (factors * (o - t).square()).mean() * loss_weight

        options = {"mask": mask, "skip_empty": skip, "loss_weight": loss_weight}
        check(
            lambda o, t, w=weight, options=options: lp.joints_mse_loss(
                o, t, w, preset="mmpose", **options
            ),
            formula,
            output,
            target,
        )


def test_hourglass_is_per_sample(device):
    rng = np.random.default_rng(3)
    for _ in range(COUNTS[device]):
        output, target, _ = problem(rng)
        check(
            lambda o, t: lp.joints_mse_loss(o, t, reduction="per_sample"),
            hourglass,
            output,
            target,
        )


@pytest.mark.parametrize(
    ("preset", "half", "power"),
    [("hrnet", 0.5, 2), ("mmpose", 1, 2), ("lower_body", 1, 2), ("document", 1, 1)],
)
def test_hard_joints(preset, half, power, device):
    rng = np.random.default_rng(4)
    for _ in range(COUNTS[device]):
        output, target, weight = problem(rng)
        topk = int(rng.integers(1, output.shape[1] + 1))
        check(
            lambda o, t, w=weight, topk=topk: lp.joints_ohkm_mse_loss(
                o, t, w, topk=topk, preset=preset
            ),
            lambda o, t, w=weight, topk=topk: hard_joints(o, t, w.double(), topk, half, power),
            output,
            target,
        )


def test_denominators(device):
    """The same sums, divided by the weights or by how many of them are not 0."""
    rng = np.random.default_rng(5)
    for _ in range(COUNTS[device]):
        output, target, weight = problem(rng)
        power = int(rng.choice([1, 2]))

        def formula(o, t, weight=weight, power=power, counted=None):
            factors = weight.double()[..., None, None] ** power * torch.ones_like(o)
            divisor = factors.sum() if counted == "weighted" else (factors != 0).sum()
            total = (factors * (o - t).square()).sum()
            return total / divisor if divisor != 0 else 0 * total

        for denominator in ("weighted", "visible"):
            check(
                lambda o, t, w=weight, power=power, d=denominator: lp.joints_mse_loss(
                    o, t, w, weight_power=power, denominator=d
                ),
                lambda o, t, f=formula, d=denominator: f(o, t, counted=d),
                output,
                target,
            )
