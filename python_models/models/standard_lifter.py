"""A lifter with its units: normalised keypoints in, millimetres out."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from python_models.motion.skeletons import ROOT, Skeleton

_SMALLEST = 1e-6  # a deviation below this is none: the number is always the same


def predicted_joints(target: Skeleton) -> tuple[str, ...]:
    """The joints that a network has to find: all but the root, which is at 0 by definition.

    A skeleton without a pelvis has all its joints: the middle of the hips is its root.
    """
    return tuple(joint for joint in target.joints if joint != ROOT)


class StandardLifter(nn.Module):
    """Keypoints [B, K, 2] as a keypoint frame has them, to points [B, K', 3] of the target.

    The network sees every coordinate less its mean in the training data, divided by its standard
    deviation there, and what it says is undone likewise: as in Martinez et al. Points are in
    millimetres, relative to the root, which is 0 where the target has it. The statistics are part
    of the state.

    Args:
        network: Maps [B, K, 2] to [B, J, 3], J being the target's joints without the root.
        inputs: K.
        target: Of the points.
    """

    def __init__(self, network: nn.Module, inputs: int, target: Skeleton) -> None:
        super().__init__()
        self.network = network
        joints = predicted_joints(target)
        for name, shape in (("input", (inputs, 2)), ("output", (len(joints), 3))):
            self.register_buffer(f"{name}_mean", torch.zeros(shape))
            self.register_buffer(f"{name}_deviation", torch.ones(shape))
        self.register_buffer("places", torch.tensor(target.indices(*joints)), persistent=False)
        self.input_mean: Tensor
        self.input_deviation: Tensor
        self.output_mean: Tensor
        self.output_deviation: Tensor
        self.places: Tensor
        self._joints = len(target)

    def forward(self, keypoints: Tensor) -> Tensor:
        standard = (keypoints - self.input_mean) / self.input_deviation
        found = self.network(standard).float() * self.output_deviation + self.output_mean
        points: Tensor = found.new_zeros(len(found), self._joints, 3)
        return torch.index_copy(points, 1, self.places, found)

    @torch.no_grad()
    def take_statistics(self, batches: Iterable[tuple[Tensor, Tensor, Tensor, Tensor]]) -> None:
        """Of training data: keypoints, which are known [B, K], points, which are known [B, K'].

        Sums are in float64. A coordinate that never changes, as that of the root among the
        keypoints, has the deviation 1.
        """
        pairs = [
            (keypoints, sure, points[:, self.places], known[:, self.places])
            for keypoints, sure, points, known in batches
        ]
        for name, first in (("input", 0), ("output", 2)):
            values = torch.cat([pair[first] for pair in pairs]).double()
            weights = torch.cat([pair[first + 1] for pair in pairs]).double()[..., None]
            count = weights.sum(0).clamp(min=1)
            mean = (values * weights).sum(0) / count
            deviation = ((values - mean).square() * weights).sum(0).div(count).sqrt()
            deviation = torch.where(deviation < _SMALLEST, 1.0, deviation)
            getattr(self, f"{name}_mean").copy_(mean)
            getattr(self, f"{name}_deviation").copy_(deviation)
