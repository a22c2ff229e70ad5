from __future__ import annotations

import pytest
import torch

from python_models.models.sem_gcn import NonLocal, SemGCN, SemGraphConv, adjacency
from python_models.motion.skeletons import HUMAN36M_16, LOWER_BODY_6, skeleton


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_sizes_are_the_papers():
    """0.43 million parameters, 0.27 without non-local layers, for 16 joints."""
    assert count(SemGCN(HUMAN36M_16)) == 434_063
    assert count(SemGCN(HUMAN36M_16, non_local=False)) == 267_343


def test_bones_are_the_graph_and_joints_without_a_parent_are_neighbours():
    linked = adjacency(LOWER_BODY_6)
    names = LOWER_BODY_6.joints
    edges = {frozenset((names[i], names[j])) for i in range(6) for j in range(6) if linked[i, j]}
    assert edges == {
        frozenset(("left_hip", "right_hip")),
        *(frozenset((f"{s}_hip", f"{s}_knee")) for s in ("left", "right")),
        *(frozenset((f"{s}_knee", f"{s}_ankle")) for s in ("left", "right")),
    }
    assert torch.equal(linked, linked.T)
    assert adjacency(HUMAN36M_16).sum() == 2 * 15  # a tree


def test_a_graph_convolution_is_its_formula():
    torch.manual_seed(0)
    linked = adjacency(LOWER_BODY_6)
    conv = SemGraphConv(2, 3, linked).double()
    with torch.no_grad():
        conv.edges.normal_()
        conv.bias.normal_()
    x = torch.randn(4, 6, 2, dtype=torch.float64)
    expected = torch.zeros(4, 6, 3, dtype=torch.float64)
    places = [(i, j) for i in range(6) for j in range(6) if i == j or linked[i, j]]
    score = {place: conv.edges[number] for number, place in enumerate(places)}
    for i in range(6):
        total = sum(score[place].exp() for place in places if place[0] == i)
        for j in range(6):
            if (i, j) in score:
                share = score[i, j].exp() / total
                expected[:, i] += share * (x[:, j] @ conv.weight[0 if i == j else 1])
        expected[:, i] += conv.bias
    torch.testing.assert_close(conv(x), expected)


def test_the_shares_are_learnt():
    conv = SemGraphConv(2, 3, adjacency(LOWER_BODY_6))
    shares = conv.shares()
    torch.testing.assert_close(shares.sum(1), torch.ones(6))
    ankle = shares[LOWER_BODY_6.index("left_ankle")]
    assert sorted(ankle.tolist()) == [0, 0, 0, 0, 0.5, 0.5]  # itself and the knee
    conv(torch.randn(4, 6, 2)).square().sum().backward()
    assert conv.edges.grad.abs().max() > 0


def test_what_a_joint_sees():
    """One graph layer looks one bone far; with non-local layers everything is seen."""

    def seen(model):
        model.eval()
        keypoints = torch.randn(1, 6, 2, requires_grad=True)
        model(keypoints)[0, LOWER_BODY_6.index("left_ankle")].sum().backward()
        away = keypoints.grad[0].abs().sum(1) > 0
        return {name for name, far in zip(LOWER_BODY_6.joints, away, strict=True) if far}

    torch.manual_seed(0)
    conv = SemGraphConv(2, 3, adjacency(LOWER_BODY_6))
    assert seen(conv) == {"left_ankle", "left_knee"}
    small = SemGCN(LOWER_BODY_6, width=8, blocks=1, non_local=False)
    assert seen(small) == {"left_ankle", "left_knee", "left_hip", "right_hip", "right_knee"}
    whole = SemGCN(LOWER_BODY_6, width=8, blocks=1)
    for module in whole.modules():
        if isinstance(module, NonLocal):
            torch.nn.init.ones_(module.norm.weight)
    assert seen(whole) == set(LOWER_BODY_6.joints)


def test_a_non_local_layer_starts_as_the_identity():
    x = torch.randn(4, 6, 8)
    assert torch.equal(NonLocal(8)(x), x)


def test_only_the_wanted_joints_come_out_in_their_order():
    torch.manual_seed(0)
    whole = SemGCN(HUMAN36M_16, width=8, blocks=1)
    wanted = ("right_knee", "left_ankle")
    part = SemGCN(HUMAN36M_16, wanted, width=8, blocks=1)
    part.load_state_dict(whole.state_dict())
    keypoints = torch.randn(3, 16, 2)
    expected = whole.eval()(keypoints)[:, HUMAN36M_16.indices(*wanted)]
    assert torch.equal(part.eval()(keypoints), expected)


def test_a_graph_without_edges_is_fine():
    lonely = skeleton("lonely", ("nose",))
    assert SemGCN(lonely, width=4, blocks=1)(torch.randn(3, 1, 2)).shape == (3, 1, 3)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="no pelvis"):
        SemGCN(LOWER_BODY_6, ("pelvis",))
    with pytest.raises(ValueError, match="width"):
        SemGCN(LOWER_BODY_6, width=0)
    with pytest.raises(ValueError, match=r"\[B, 6, 2\]"):
        SemGCN(LOWER_BODY_6, width=4)(torch.zeros(2, 16, 2))
