"""The losses as modules: their options, their reprs, and what they do without a weight."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lowerpose_ops as lp
from tests.heatmap_samples import maps, weights

SHAPE = (2, 9, 4, 5)


@pytest.fixture
def batch():
    return maps(SHAPE), maps(SHAPE, seed=1), weights(SHAPE)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"preset": "mmpose"}, "preset='mmpose'"),
        ({"reduction": "per_joint"}, "preset='document', reduction='per_joint'"),
        ({"loss_weight": 3}, "preset='document', loss_weight=3.0"),
        ({"half": True, "weight_power": 2}, "preset='document', half=True, weight_power=2"),
        ({"half": False, "preset": "hrnet"}, "preset='hrnet', half=False"),
        (
            {"denominator": "visible", "skip_empty": True},
            "preset='document', denominator='visible', skip_empty=True",
        ),
    ],
)
def test_options_reach_the_function_and_the_repr(options, shown, batch):
    module = lp.JointsMSELoss(**options)
    assert repr(module) == f"JointsMSELoss(use_target_weight=True, {shown})"
    assert torch.equal(module(*batch), lp.joints_mse_loss(*batch, **options))


def test_a_mask_and_stages(batch):
    output, target, weight = batch
    mask = maps((2, 1, 4, 5), seed=3) > 0
    module = lp.JointsMSELoss(denominator="weighted")
    expected = lp.joints_mse_loss(output, target, weight, mask=mask, denominator="weighted")
    assert torch.equal(module(output, target, weight, mask), expected)
    assert torch.equal(module([output, output], target, weight, mask), 2 * expected)


def test_options_leave_the_methods_of_modules_alone():
    assert isinstance(lp.JointsMSELoss(half=True).half(), lp.JointsMSELoss)


@pytest.mark.parametrize("preset", ["document", "lower_body", "hrnet"])
def test_the_flag_decides_about_the_weight(preset, batch):
    output, target, weight = batch
    using, ignoring = (lp.JointsMSELoss(flag, preset=preset) for flag in (True, False))
    weighted = lp.joints_mse_loss(output, target, weight, preset=preset)
    plain = lp.joints_mse_loss(output, target, preset=preset)
    assert weighted != plain
    assert using(output, target, weight) == weighted
    assert ignoring(output, target, weight) == ignoring(output, target) == plain
    with pytest.raises(ValueError, match="target_weight must be a tensor with use_target_weight"):
        using(output, target)


@pytest.mark.parametrize("flag", [True, False])
def test_mmpose_never_reads_its_flag(flag, batch):
    """Its KeypointMSELoss weights whenever it is given weights."""
    output, target, weight = batch
    module = lp.JointsMSELoss(flag, preset="mmpose")
    assert module(output, target, weight) == lp.joints_mse_loss(*batch, preset="mmpose")
    assert module(output, target) == lp.joints_mse_loss(output, target, preset="mmpose")


def test_mmpose_fixed_reads_it(batch):
    output, target, weight = batch
    plain = lp.joints_mse_loss(output, target, preset="mmpose")
    ignoring = lp.JointsMSELoss(False, preset="mmpose", fixed=True)
    assert ignoring(output, target, weight) == ignoring(output, target) == plain
    using = lp.JointsMSELoss(True, preset="mmpose", fixed=True)
    assert using(output, target, weight) == lp.joints_mse_loss(*batch, preset="mmpose") != plain
    assert using(output, target) == plain
    assert repr(using) == "JointsMSELoss(use_target_weight=True, preset='mmpose', fixed=True)"


@pytest.mark.parametrize("preset", ["lower_body", "hrnet"])
def test_where_nothing_is_wrong_fixed_changes_nothing(preset, batch):
    fixed, plain = (lp.JointsMSELoss(preset=preset, fixed=flag) for flag in (True, False))
    assert fixed(*batch) == plain(*batch)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"fixed": True}, ValueError, "fixed must be False with preset 'document', got True"),
        ({"use_target_weight": "hrnet"}, TypeError, "use_target_weight must be True or False"),
        ({"weight_power": torch.ones(2)}, TypeError, "weight_power must be 1 or 2, got Tensor"),
        ({"reduction": np.ones(2)}, ValueError, "reduction must be 'mean' or"),
        ({"fixed": 1}, TypeError, "fixed must be True or False"),
        ({"reduction": "max"}, ValueError, "reduction must be"),
        ({"denominator": "most"}, ValueError, "denominator must be"),
        ({"denominator": "visible", "reduction": "sum"}, ValueError, "denominator must be 'all' w"),
        ({"half": 1}, TypeError, "half must be True or False"),
        ({"weight_power": 0}, ValueError, "weight_power must be 1 or 2"),
        ({"skip_empty": None}, TypeError, "skip_empty must be True or False"),
    ],
)
def test_wrong_options_are_refused_when_the_module_is_made(options, error, message):
    with pytest.raises(error, match=f"JointsMSELoss: {message}"):
        lp.JointsMSELoss(**options)


def test_hard_joints(batch):
    output, target, weight = batch
    module = lp.JointsOHKMMSELoss()
    assert repr(module) == "JointsOHKMMSELoss(use_target_weight=True, topk=8, preset='hrnet')"
    assert module(*batch) == lp.joints_ohkm_mse_loss(*batch)
    with pytest.raises(ValueError, match="JointsOHKMMSELoss: target_weight must be a tensor"):
        module(output, target)
    ignoring = lp.JointsOHKMMSELoss(False, 3, preset="mmpose", loss_weight=2)
    assert repr(ignoring) == (
        "JointsOHKMMSELoss(use_target_weight=False, topk=3, preset='mmpose', loss_weight=2.0)"
    )
    expected = lp.joints_ohkm_mse_loss(output, target, topk=3, preset="mmpose", loss_weight=2)
    assert ignoring(output, target, weight) == ignoring(output, target) == expected
    one = lp.joints_ohkm_mse_loss(output[:1], target[:1])  # an IndexError in HRNet
    assert lp.JointsOHKMMSELoss(False)(output[:1], target[:1]) == one
    with pytest.raises(ValueError, match="JointsOHKMMSELoss: topk must be"):
        lp.JointsOHKMMSELoss(topk=0)
