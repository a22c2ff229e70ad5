"""SemGCN: a graph network over the joints, which learns how much each bone matters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from python_models.models.arguments import check_keypoints, check_sizes
from python_models.motion.skeletons import Skeleton


class SemGraphConv(nn.Module):
    """Features [B, K, inputs] to [B, K, outputs]: of each joint and of its neighbours.

    y_i = a_ii W_0 x_i + sum_j a_ij W_1 x_j + b over the neighbours j of joint i, where each row of
    a is the softmax of learnt numbers, one an edge of the graph and one a joint. They start equal.
    """

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(2, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        for weight in self.weight:
            nn.init.xavier_uniform_(weight)
        linked = adjacency | torch.eye(len(adjacency), dtype=torch.bool)
        self.edges = nn.Parameter(torch.zeros(int(linked.sum())))
        self.register_buffer("linked", linked, persistent=False)
        self.linked: Tensor

    def shares(self) -> Tensor:
        """A [K, K]; the rows add up to 1, and what is not linked has 0."""
        scores = self.edges.new_full(self.linked.shape, -torch.inf)
        return scores.masked_scatter(self.linked, self.edges).softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        shares = self.shares()
        own = shares.diagonal()[:, None] * (x @ self.weight[0])
        others = (shares - torch.diag(shares.diagonal())) @ (x @ self.weight[1])
        return own + others + self.bias


class GraphLayer(nn.Module):
    """SemGraphConv, BatchNorm over batch and joints, ReLU, dropout."""

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor, dropout: float) -> None:
        super().__init__()
        self.conv = SemGraphConv(inputs, outputs, adjacency)
        self.norm = nn.BatchNorm1d(outputs)
        self.rest = nn.Sequential(nn.ReLU(), nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(self.conv(x).transpose(1, 2)).transpose(1, 2)
        result: Tensor = self.rest(normed)
        return result


class NonLocal(nn.Module):
    """Every joint looks at all others, added to what it has (Wang et al. 2018).

    The last BatchNorm's scale starts from 0: the layer starts as the identity.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = max(width // 2, 1)
        self.query, self.key, self.value = (nn.Linear(width, inner) for _ in range(3))
        self.out = nn.Linear(inner, width)
        self.norm = nn.BatchNorm1d(width)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.query(x), self.key(x), self.value(x)
        looked = query @ key.transpose(1, 2) / key.shape[1] @ value
        result: Tensor = x + self.norm(self.out(looked).transpose(1, 2)).transpose(1, 2)
        return result


class SemGCN(nn.Module):
    """Keypoints [B, K, 2] of a skeleton to points [B, outputs, 3] of those of its joints.

    A graph layer to `width` channels; residual blocks of two such layers; a SemGraphConv to three
    numbers a joint. With `non_local`, a non-local layer follows the first layer and each block.
    For 16 joints: 267,343 parameters without and 434,063 with non-local layers, where the paper
    has 0.27 and 0.43 million.

    Zhao et al., "Semantic graph convolutional networks for 3D human pose regression", 2019. Where
    several joints have no parent, as the two hips of the lower body, they are neighbours.

    Args:
        skeleton: Of the keypoints; its bones are the graph.
        outputs: The joints whose points are wanted, by their names; all, if not given.
        width: Channels of a joint.
        blocks: How many residual blocks.
        dropout: The probability that a feature is left out while training; the paper has none.
        non_local: Whether joints also see those that they do not hang together with.

    Raises:
        ValueError: A number is out of its range, or the skeleton lacks a joint of `outputs`; in
            forward, keypoints of another shape.
        TypeError: In forward, keypoints that are not floating point.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        outputs: tuple[str, ...] | None = None,
        *,
        width: int = 128,
        blocks: int = 4,
        dropout: float = 0.0,
        non_local: bool = True,
    ) -> None:
        super().__init__()
        wanted = skeleton.joints if outputs is None else outputs
        check_sizes("SemGCN", dropout, outputs=len(wanted), width=width, blocks=blocks)
        graph = adjacency(skeleton)

        def layer(inputs: int) -> GraphLayer:
            return GraphLayer(inputs, width, graph, dropout)

        def look() -> nn.Module:
            return NonLocal(width) if non_local else nn.Identity()

        self.inputs = len(skeleton)
        self.first = nn.Sequential(layer(2), look())
        self.blocks = nn.ModuleList(
            nn.Sequential(layer(width), layer(width)) for _ in range(blocks)
        )
        self.looks = nn.ModuleList(look() for _ in range(blocks))
        self.last = SemGraphConv(width, 3, graph)
        wanted_joints = torch.tensor(skeleton.indices(*wanted))
        self.register_buffer("wanted", wanted_joints, persistent=False)
        self.wanted: Tensor

    def forward(self, keypoints: Tensor) -> Tensor:
        check_keypoints("SemGCN", keypoints, self.inputs)
        x = self.first(keypoints)
        for block, look in zip(self.blocks, self.looks, strict=True):
            x = look(x + block(x))
        points: Tensor = self.last(x)
        return points[:, self.wanted]


def adjacency(skeleton: Skeleton) -> Tensor:
    """Which joints hang together [K, K]: ends of a bone, and joints without a parent."""
    linked = torch.zeros(len(skeleton), len(skeleton), dtype=torch.bool)
    for parent, child in skeleton.bones:
        linked[parent, child] = linked[child, parent] = True
    roots = [number for number, parent in enumerate(skeleton.parents) if parent is None]
    for one in roots:
        for other in roots:
            linked[one, other] = one != other
    return linked
