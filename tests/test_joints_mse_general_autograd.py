"""The loss's options among autograd, torch.compile and threads."""

from __future__ import annotations

import pytest
import torch
from torch.utils.checkpoint import checkpoint

import lowerpose_ops as lp
from tests.heatmap_samples import maps, weights
from tests.test_joints_mse_general import DIVIDED, REDUCTIONS, SHAPE, sample_mask, sample_weight

DENOMINATORS = ["all", "weighted", "visible"]
MASKS = ["none", "shared", "each"]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", ["joints", "pixels"])
@pytest.mark.parametrize("masked", MASKS)
def test_gradcheck(reduction, weighted, masked, device):
    """Each denominator with each other option, not with every pair of them.

    test_joints_mse_general.py compares the gradients of all combinations with the reference's.
    """
    if device == "cuda-emulated" and (weighted, masked) == ("pixels", "each"):
        return  # the same kernel as with one of them
    shape = (2, 2, 2, 3)
    denominator = "all"
    if reduction in DIVIDED:
        denominator = DENOMINATORS[(DIVIDED.index(reduction) + MASKS.index(masked)) % 3]
    output, target = maps(shape, torch.float64, 0, True), maps(shape, torch.float64, 1, True)
    weight, mask = sample_weight(weighted, shape), sample_mask(masked, shape)
    assert torch.autograd.gradcheck(
        lambda o, t: lp.joints_mse_loss(
            o, t, weight, mask=mask, reduction=reduction, denominator=denominator, preset="hrnet"
        ),
        (output, target),
    )


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_an_expanded_incoming_gradient(reduction):
    """As .sum() and .expand() give it, with stride 0."""
    results = []
    for expanded in (False, True):
        output = maps(SHAPE, grad=True)
        loss = lp.joints_mse_loss(
            output, maps(SHAPE, seed=1), weights(SHAPE), reduction=reduction, skip_empty=True
        )
        incoming = torch.full((), 2.0).expand(loss.shape)
        loss.backward(incoming if expanded else incoming.clone())
        results.append(output.grad)
    assert torch.equal(*results)
    assert results[0].any()


GENERAL_CALLS = [
    ("mean", "weighted", None, None),
    ("per_sample", "visible", "joints", "shared"),
    ("per_joint", "all", "pixels", None),
    ("none", "all", "joints", "each"),
    ("sum", "all", "pixels", "each"),
]


@pytest.mark.parametrize(("reduction", "denominator", "weighted", "masked"), GENERAL_CALLS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_opcheck(reduction, denominator, weighted, masked, layout):
    output = maps(SHAPE).contiguous(memory_format=layout).requires_grad_()
    target = maps(SHAPE, seed=1, grad=True)
    weight, mask = sample_weight(weighted or "none"), sample_mask(masked or "none")
    given = (output, target, weight, mask)
    operations = torch.ops.lowerpose_ops
    options = False, reduction, denominator, True, 0, 2.0
    torch.library.opcheck(operations.joints_mse_general.default, (*given, *options))
    loss, scales = operations.joints_mse_general(*given, *options)
    torch.library.opcheck(
        operations.joints_mse_general_backward.default,
        (
            torch.ones_like(loss),
            *(output.detach(), target.detach(), weight, mask, scales.detach(), False, reduction),
        ),
    )


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("masked", ["none", "shared"])
def test_double_backward_is_refused(reduction, masked):
    output = maps(SHAPE, grad=True)
    loss = lp.joints_mse_loss(
        output, maps(SHAPE, seed=1), mask=sample_mask(masked), reduction=reduction, skip_empty=True
    )
    (gradient,) = torch.autograd.grad(loss.sum(), output, create_graph=True)
    with pytest.raises(ValueError, match=r"^joints_mse_loss: the gradient of its gradient"):
        gradient.sum().backward()


@pytest.mark.parametrize("targets_too", [False, True])
def test_checkpointing_computes_the_maps_again_once(targets_too):
    output, target = maps(SHAPE, grad=True), maps(SHAPE, seed=1, grad=targets_too)
    inputs = [output, target] if targets_too else [output]

    def loss(output, target):
        return lp.joints_mse_loss(output * 2, target, denominator="visible")

    plain = torch.autograd.grad(loss(output, target), inputs)
    kept = checkpoint(loss, output, target, use_reentrant=False)
    torch.testing.assert_close(torch.autograd.grad(kept, inputs), plain, rtol=0, atol=0)


def test_forward_mode_is_refused():
    def loss(output):
        return lp.joints_mse_loss(output, torch.zeros(SHAPE), reduction="none")

    with pytest.raises(ValueError, match="forward-mode differentiation is not available"):
        torch.func.jvp(loss, (maps(SHAPE),), (torch.ones(SHAPE),))


def test_a_gradient_for_the_target_alone():
    target = maps(SHAPE, seed=1, grad=True)
    lp.joints_mse_loss(maps(SHAPE), target, reduction="per_sample").sum().backward()
    expected = 2 * (target.detach() - maps(SHAPE)) / (3 * 4 * 5)
    torch.testing.assert_close(target.grad, expected, rtol=1e-6, atol=0)
