from __future__ import annotations

import contextlib
import copy
import math

import pytest
import torch
from torch import nn

from python_models.models import max_norm
from python_models.models.lifter import Lifter
from python_models.training import checkpoint
from python_models.training.plan import Plan
from tests.toy_training import SAMPLES, SCORED, Vectors, make_trainer


def test_the_sizes_are_the_papers():
    model = Lifter()
    linear = [m for m in model.modules() if isinstance(m, nn.Linear)]
    shapes = [(m.in_features, m.out_features) for m in linear]
    assert shapes == [(32, 1024), *[(1024, 1024)] * 4, (1024, 45)]
    assert sum(p.numel() for p in model.parameters()) == 4_288_557
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.5] * 5
    assert model(torch.randn(4, 16, 2)).shape == (4, 15, 3)


def test_each_block_has_a_shortcut():
    """Without what its layers add, the network is its first layer and its last one."""
    model = Lifter(6, 6, width=32).eval()
    for block in model.blocks:
        nn.init.zeros_(block.layers[4].weight)
    keypoints = torch.randn(5, 6, 2)
    expected = model.last(model.first(keypoints.flatten(1))).view(5, 6, 3)
    # In eval mode a fresh BatchNorm keeps zero at zero.
    torch.testing.assert_close(model(keypoints), expected)


def test_it_starts_as_kaiming_says():
    torch.manual_seed(0)
    for module in Lifter().modules():
        if isinstance(module, nn.Linear):
            wanted = math.sqrt(2 / module.in_features)
            # 32 x 1024 numbers or more: their deviation is known to 0.4 %.
            assert module.weight.std().item() == pytest.approx(wanted, rel=0.02)
            assert not module.bias.any()


@pytest.mark.parametrize(
    "sizes",
    [{"inputs": 0}, {"outputs": 0}, {"width": 0}, {"blocks": 0}, {"dropout": 1.0}],
)
def test_sizes_out_of_range_are_refused(sizes):
    with pytest.raises(ValueError, match=next(iter(sizes))):
        Lifter(**sizes)


def test_other_keypoints_are_refused():
    model = Lifter(6, 6, width=8)
    with pytest.raises(ValueError, match=r"\[B, 6, 2\]"):
        model(torch.zeros(3, 7, 2))
    with pytest.raises(TypeError, match="floating point"):
        model(torch.zeros(3, 6, 2, dtype=torch.int64))


def test_max_norm_shortens_long_rows_and_leaves_short_ones():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[3, 0, 4], [0.3, 0, 0.4], [0, 0, 0], [0, 1, 0.0]]))
        model[1].weight.fill_(7)
    bias = model[0].bias.clone()
    max_norm.constrain(model)
    expected = torch.tensor([[0.6, 0, 0.8], [0.3, 0, 0.4], [0, 0, 0], [0, 1, 0.0]])
    torch.testing.assert_close(model[0].weight.detach(), expected)
    torch.testing.assert_close(model[0].bias.detach(), bias)
    assert model[1].weight.unique().item() == 7
    with pytest.raises(ValueError, match="limit"):
        max_norm.constrain(model, 0)


def longest(state, prefix=""):
    """The largest norm of a row of the linear layers' weights."""
    names = [f"{prefix}0.weight", f"{prefix}4.weight"]
    return max(state[name].norm(dim=1).max().item() for name in names)


PLAN = Plan(epochs=3, batch_size=4, ema_decay=0.9, save_every=1)


def constrained(folder, *, resume=False, stop_at=None):
    """Trains with a limit of 0.4, which the toy's first weights already exceed."""
    calls = []

    def after_step(model):
        max_norm.constrain(model, 0.4)
        calls.append(longest(model.state_dict()))
        if len(calls) == stop_at:
            raise KeyboardInterrupt

    trainer = make_trainer(folder, PLAN, after_step=after_step)
    trainer.start(resume=resume)
    with contextlib.suppress(KeyboardInterrupt):
        trainer.fit(Vectors(SAMPLES), Vectors(SCORED, seed=1))
    return calls


def test_weights_are_constrained_after_every_step_and_when_a_run_goes_on(tmp_path):
    whole = constrained(tmp_path / "whole")
    steps = 3 * math.ceil(SAMPLES / 4)
    assert len(whole) == steps
    assert max(whole) == pytest.approx(0.4, rel=1e-6)  # the limit is reached, and kept
    stopped = constrained(tmp_path / "stopped", stop_at=14)  # in the second epoch
    rest = constrained(tmp_path / "stopped", resume=True)
    assert len(stopped) + len(rest) == steps + 1  # the step it was stopped in counts twice
    assert max(stopped + rest) == pytest.approx(0.4, rel=1e-6)
    one, other = (checkpoint.load(tmp_path / name / "last.pt") for name in ("whole", "stopped"))
    for name, weight in one["model"].items():
        assert torch.equal(weight, other["model"][name]), name
    # An average of short rows is short: what is scored is constrained too. (torch's average is
    # the first step's weights after the first step.)
    assert longest(one["model"]) <= 0.4 * (1 + 1e-6)
    assert longest(one["average"], "module.") <= 0.4 * (1 + 1e-6)


def test_eval_mode_drops_nothing():
    torch.manual_seed(0)
    model = Lifter(6, 6, width=16)
    keypoints = torch.randn(8, 6, 2)
    first = copy.deepcopy(model).train()(keypoints)
    second = copy.deepcopy(model).train()(keypoints)
    assert not torch.equal(first, second)
    model.eval()
    assert torch.equal(model(keypoints), model(keypoints))
