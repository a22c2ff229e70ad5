"""What a lifter learns from: keypoints in a picture, and the same joints in 3D."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from python_models.arrays import Array
from python_models.motion.detector_noise import DetectorNoise
from python_models.motion.draws import Draws
from python_models.motion.keypoint_frames import FRAMES, keypoint_frame
from python_models.motion.known import known
from python_models.motion.mirror import mirrored_keypoints, mirrored_points
from python_models.motion.motion import Floats
from python_models.motion.views import Views

Key = tuple[int, int]  # (epoch, index); epoch 0: as scored, always with the same random numbers
_SAMPLE, _BLOCK = 20000, 500  # pairs that statistics are taken of, and pairs at a time


class Pairs(TypedDict):
    """A batch of B pairs."""

    inputs: Tensor  # float32 [B, K, 2], normalised; 0 where the joint is not known
    inputs_known: Tensor  # float32 [B, K], 1: the keypoint is known, 0: it is not
    targets: Tensor  # float32 [B, K', 3], mm, camera frame, less the root; 0 where not known
    targets_known: Tensor  # float32 [B, K'], 1 or 0
    keypoints: Tensor  # float32 [B, K, 2], the inputs in pixels; 0 where not known
    size: Tensor  # float32 [B, 2], (W, H) of the pictures
    index: Tensor  # int64 [B], on the CPU


class LifterPairs:
    """Pairs of keypoints and joints in 3D by number, in batches, as the training loop takes them.

    The camera, the mirror and the noise of the pair (epoch, index) follow from (seed, epoch,
    index) alone: neither order, batches nor ranks change it. Epoch 0 is what models are scored on:
    each pair has one camera and one noise for ever, and is never mirrored.

    Args:
        views: The poses and their cameras.
        frame: The normalisation's name, of `keypoint_frames.FRAMES`.
        noise: Of the keypoints; None: they are exact.
        flip: The probability that a pair is mirrored, left and right joints exchanged.
        seed: At least 0.
        device: Where the batches go.

    Raises:
        ValueError: There is no such frame, or a number is out of its range.
    """

    def __init__(
        self,
        views: Views,
        *,
        frame: str = "person",
        noise: DetectorNoise | None = None,
        flip: float = 0.0,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        if frame not in FRAMES:
            raise ValueError(f"LifterPairs: frame must be among {FRAMES}, got {frame!r}")
        if not 0 <= flip <= 1:
            raise ValueError(f"LifterPairs: flip must be 0 to 1, got {flip}")
        if seed < 0:
            raise ValueError(f"LifterPairs: seed must be at least 0, got {seed}")
        self.views = views
        self.frame = frame
        self.noise = noise or DetectorNoise()
        self.flip = flip
        self.seed = seed
        self.device = torch.device(device)

    def __len__(self) -> int:
        return len(self.views)

    @property
    def subjects(self) -> list[str]:
        """Whose pose each pair is."""
        return self.views.subjects

    @property
    def actions(self) -> list[str]:
        """What the person does in each."""
        return self.views.actions

    def batches(self, blocks: Sequence[Sequence[Key]]) -> Iterator[Pairs]:
        """One batch a block, in their order."""
        for block in blocks:
            yield self.batch(block)

    def sample(self, seed: int, epoch: int) -> Iterator[Pairs]:
        """Batches of at most 20,000 pairs, drawn by a seed: enough for means and deviations."""
        order = np.random.default_rng(seed).permutation(len(self))[:_SAMPLE]
        for block in np.array_split(order, -(-len(order) // _BLOCK)):
            yield self.batch([(epoch, int(index)) for index in block])

    def batch(self, block: Sequence[Key]) -> Pairs:
        """The pairs of these keys."""
        epoch, index = np.array(block, np.int64).reshape(-1, 2).T
        keypoints, points, size = self.draw(epoch, index)
        frame = keypoint_frame(self.frame, keypoints, size, self.views.source)
        return Pairs(
            inputs=self._moved(_filled(frame.forward(keypoints))),
            inputs_known=self._moved(known(keypoints)),
            targets=self._moved(_filled(points)),
            targets_known=self._moved(known(points)),
            keypoints=self._moved(_filled(keypoints)),
            size=self._moved(size),
            index=torch.from_numpy(index.copy()),
        )

    def draw(self, epoch: Array, index: Array) -> tuple[Floats, Floats, Floats]:
        """Pairs in NumPy: keypoints [B, K, 2] in pixels, points [B, K', 3] in mm, size [B, 2].

        The points are in the camera's frame, less the root. NaN: not known.

        Args:
            epoch: [B]; 0 for the pairs that are scored.
            index: [B].
        """
        draws = Draws(self.seed, epoch, index)
        view = self.views.see(index, draws)
        keypoints, points = view.keypoints, view.points
        if self.flip:
            flipped = (draws.uniform("flip", 1)[:, 0] < self.flip) & (epoch > 0)
            here = flipped[:, None, None]
            mirrored = mirrored_keypoints(keypoints, view.size, self.views.source)
            keypoints = np.where(here, mirrored, keypoints)
            points = np.where(here, mirrored_points(points, self.views.target), points)
        return self.noise.apply(keypoints, self.views.source, draws), points, view.size

    def names(self, block: Sequence[Key]) -> str:
        """The poses' names and the epoch of their random numbers."""
        return ", ".join(f"{self.views.name(index)} (epoch {epoch})" for epoch, index in block)

    def digest(self) -> str:
        """Another one where another pose is in the data, or another camera, noise or seed."""
        options = (self.views.digest(), self.frame, self.noise, self.flip, self.seed)
        return hashlib.sha256(repr(options).encode()).hexdigest()[:16]

    def _moved(self, values: Array) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(values, np.float32))
        return tensor.to(self.device, non_blocking=True)


def _filled(values: Floats) -> Floats:
    return np.where(known(values)[..., None], values, 0.0)
