"""Keypoints as a detector would have found them: a little off, now and then far off, or missing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from lowerpose_ops import COCO_SIGMAS, LOWER_BODY_SIGMAS
from python_models.motion.draws import Draws
from python_models.motion.known import extremes
from python_models.motion.motion import Floats
from python_models.motion.skeletons import COCO_17, Skeleton

_NORMAL = NormalDist()
_LEGS = ("hip", "knee", "ankle", "heel", "toe")
# Joints that COCO has not are as sure as the ones they lie among.
_SIGMAS = dict(zip(COCO_17.joints, COCO_SIGMAS, strict=True)) | {
    **dict.fromkeys(("pelvis", "spine"), 0.107),
    **dict.fromkeys(("thorax", "neck"), 0.079),
    "head_top": 0.035,
    **{f"{side}_{joint}": 0.089 for side in ("left", "right") for joint in ("heel", "toe")},
}


@dataclass(frozen=True)
class DetectorNoise:
    """How a detector errs. Probabilities are a joint's, or a pair's, in one picture.

    Lengths are shares of the person's size: the diagonal of the box around the known joints.

    Args:
        jitter: Standard deviation, in x and in y, of an average joint of the lower body; the
            joints' own are in the proportions of COCO's sigmas for object keypoint similarity.
        outliers: The probability that a joint is far off.
        outlier_size: Standard deviation, in x and in y, of how far.
        joint_swaps: The probability that a left joint and its right one are exchanged.
        leg_swaps: The probability that the whole legs are.
        missing: The probability that a joint is not found.
        correlation: Seconds after which, in a sequence, the correlation of errors is 1 / e; 0:
            those of one frame say nothing of the next one's.

    Raises:
        ValueError: A number is out of its range.
    """

    jitter: float = 0.0
    outliers: float = 0.0
    outlier_size: float = 0.0
    joint_swaps: float = 0.0
    leg_swaps: float = 0.0
    missing: float = 0.0
    correlation: float = 0.0

    def __post_init__(self) -> None:
        probabilities = {"outliers", "joint_swaps", "leg_swaps", "missing"}
        for field in fields(self):
            value, most = getattr(self, field.name), 1.0 if field.name in probabilities else 1e3
            if not 0 <= value <= most:
                raise ValueError(f"DetectorNoise: {field.name} must be 0 to {most:g}, got {value}")

    def apply(
        self, keypoints: Floats, skeleton: Skeleton, draws: Draws, *, size: Floats | None = None
    ) -> Floats:
        """Keypoints [B, K, 2] of B persons as they are found; NaN: not found, or not known before.

        size: of the persons [B] in pixels; by default that of their keypoints.
        """
        return self._applied(keypoints, skeleton, draws.normal, size)

    def apply_to_sequence(
        self,
        keypoints: Floats,
        skeleton: Skeleton,
        frame_rate: float,
        *,
        seed: int = 0,
        number: int = 0,
        size: Floats | None = None,
    ) -> Floats:
        """Keypoints [T, K, 2] of one person in a video of `frame_rate` pictures a second.

        Errors last: an outlier, a swap or a missing joint is one of several frames, whose shares of
        all frames are the probabilities still. Each sequence has its seed and number.

        Raises:
            ValueError: The frame rate is not positive.
        """
        if not 0 < frame_rate < math.inf:
            raise ValueError(
                f"DetectorNoise.apply_to_sequence: frame_rate must be positive, got {frame_rate}"
            )
        draws = Draws(seed, number, np.arange(len(keypoints)))
        lasting = math.exp(-1 / (frame_rate * self.correlation)) if self.correlation else 0.0

        def normal(purpose: str, count: int) -> Floats:
            return _lasting(draws.normal(purpose, count), lasting)

        return self._applied(keypoints, skeleton, normal, size)

    def _applied(
        self,
        keypoints: Floats,
        skeleton: Skeleton,
        normal: Callable[[str, int], Floats],
        size: Floats | None,
    ) -> Floats:
        """All events come of normal numbers, so that those of a sequence can last."""
        if keypoints.ndim != 3 or keypoints.shape[1:] != (len(skeleton), 2):
            raise ValueError(
                f"DetectorNoise: keypoints must be [B, {len(skeleton)}, 2] for {skeleton.name}, "
                f"got {list(keypoints.shape)}"
            )
        joints, result = len(skeleton), keypoints
        unit = (person_size(keypoints) if size is None else size)[:, None, None]
        if self.leg_swaps:
            legs = [pair for pair in skeleton.flip_pairs if is_of_legs(skeleton, pair)]
            every = _events(normal("leg swaps", 1), self.leg_swaps).repeat(len(legs), axis=1)
            result = swapped(result, legs, every)
        if self.joint_swaps:
            pairs = list(skeleton.flip_pairs)
            result = swapped(
                result, pairs, _events(normal("joint swaps", len(pairs)), self.joint_swaps)
            )
        if self.jitter:
            off = normal("jitter", 2 * joints).reshape(-1, joints, 2)
            result = result + off * (self.jitter * proportions(skeleton))[:, None] * unit
        if self.outliers:
            far = normal("outlier places", 2 * joints).reshape(-1, joints, 2)
            chosen = _events(normal("outliers", joints), self.outliers)[..., None]
            result = np.where(chosen, result + far * self.outlier_size * unit, result)
        if self.missing:
            gone = _events(normal("missing", joints), self.missing)[..., None]
            result = np.where(gone, np.nan, result)
        return result


NOISES = {
    "none": DetectorNoise(),
    "mild": DetectorNoise(
        jitter=0.01, outliers=0.01, outlier_size=0.1, joint_swaps=0.002, leg_swaps=0.002,
        missing=0.01, correlation=0.1,
    ),
    "hard": DetectorNoise(
        jitter=0.03, outliers=0.1, outlier_size=0.15, joint_swaps=0.01, leg_swaps=0.01,
        missing=0.05, correlation=0.2,
    ),
}  # fmt: skip
"""Noises by their names.

"hard" errs about as much as this project's small networks (96 x 128 pixels in) on synthetic squats
of other persons, by `noise_fit`: jitter 0.02 to 0.035, outliers 0.06 to 0.15 of size 0.1 to 0.2,
swaps 0 to 0.02; up to the 95th percentile the sizes of real and made errors agree, beyond it the
real ones are larger. "mild" is a guess of what a good detector does on a large picture. Missing
joints and correlations are guesses in both: these networks always find something.
"""


def person_size(keypoints: Floats) -> Floats:
    """The diagonal [...] of the box around the known ones of keypoints [..., K, 2]; 0 of none."""
    low, high = extremes(keypoints)
    width, height = np.moveaxis(np.maximum(high - low, 0.0), -1, 0)
    return np.asarray(np.hypot(width, height))


def proportions(skeleton: Skeleton) -> Floats:
    """How sure each joint's place is [K]: its OKS sigma over the mean of the lower body's."""
    mean = sum(LOWER_BODY_SIGMAS) / len(LOWER_BODY_SIGMAS)
    return np.array([_SIGMAS.get(joint, mean) / mean for joint in skeleton.joints])


def is_of_legs(skeleton: Skeleton, pair: tuple[int, int]) -> bool:
    """Whether a left and a right joint belong to the legs."""
    return skeleton.joints[pair[0]].removeprefix("left_") in _LEGS


def swapped(keypoints: Floats, pairs: list[tuple[int, int]], which: NDArray[np.bool_]) -> Floats:
    """Keypoints [B, K, 2] with those pairs of joints exchanged where `which` [B, pairs] says so."""
    order = np.tile(np.arange(keypoints.shape[1]), (len(keypoints), 1))
    for number, (left, right) in enumerate(pairs):
        here = which[:, number]
        order[here, left], order[here, right] = order[here, right], order[here, left]
    return np.take_along_axis(keypoints, order[..., None], axis=1)


def _events(normal: Floats, probability: float) -> NDArray[np.bool_]:
    limit = _NORMAL.inv_cdf(probability) if 0 < probability < 1 else probability * 2e9 - 1e9
    return normal < limit


def _lasting(normal: Floats, share: float) -> Floats:
    """Independent rows [T, n] as an autoregressive sequence of the same mean and deviation."""
    if not share:
        return normal
    result = normal.copy()
    fresh = math.sqrt(1 - share * share)
    for row in range(1, len(result)):
        result[row] = share * result[row - 1] + fresh * normal[row]
    return result
