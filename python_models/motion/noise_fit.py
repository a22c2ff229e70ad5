"""How a detector errs, measured from what it found where the truth is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from python_models.motion.detector_noise import (
    DetectorNoise,
    is_of_legs,
    person_size,
    proportions,
    swapped,
)
from python_models.motion.known import known
from python_models.motion.motion import Floats
from python_models.motion.skeletons import Skeleton

_DEVIATION = 1.4826  # standard deviations of a normal distribution in its median magnitude
_FAR = 4.0  # standard deviations from which on an error is an outlier
_FAR_BY_CHANCE = math.exp(-_FAR * _FAR / 2)  # share of two-dimensional normal errors beyond
_APART = 0.1  # of the person's size, that a left and a right joint are, lest a swap is not seen

Flags = NDArray[np.bool_]


def fit_noise(
    predicted: Floats,
    true: Floats,
    skeleton: Skeleton,
    *,
    size: Floats | None = None,
    frame_rate: float | None = None,
) -> DetectorNoise:
    """The noise that `DetectorNoise` would have to add to the true keypoints.

    A swap is one where both keypoints are nearer to the other side's joint than half way; joints
    that lie closer together than a tenth of the person's size are not counted. The jitter is 1.48
    medians of the errors' magnitudes after the swaps are undone, so that a few far errors do not
    count (a tenth of outliers makes it 13 % too large at most); those beyond four deviations are
    the outliers, less the few that are so by chance.

    Args:
        predicted: [N, K, 2] in pixels; NaN: not found.
        true: [N, K, 2] in pixels; NaN: not known, and not counted.
        skeleton: Names the joints.
        size: Of the persons [N] in pixels; by default the diagonal of their true keypoints.
        frame_rate: Where the N are the frames of one person's video in their order: pictures a
            second. Without it the correlation is 0.

    Raises:
        ValueError: The shapes differ, or fewer than 20 keypoints are both found and known.
    """
    expected = (len(true), len(skeleton), 2)
    for name, keypoints in (("predicted", predicted), ("true", true)):
        if keypoints.shape != expected:
            raise ValueError(
                f"fit_noise: {name} must be {list(expected)} for {skeleton.name}, "
                f"got {list(keypoints.shape)}"
            )
    if frame_rate is not None and not 0 < frame_rate < math.inf:
        raise ValueError(f"fit_noise: frame_rate must be positive, got {frame_rate}")
    unit = person_size(true) if size is None else size
    asked = known(true) & (unit > 0)[:, None]
    both = known(predicted) & asked
    if both.sum() < 20:
        raise ValueError(
            f"fit_noise: at least 20 keypoints must be found and known, got {both.sum()}"
        )
    swaps = _swaps(predicted, true, unit, skeleton)
    pairs = list(skeleton.flip_pairs)
    straight = swapped(predicted, pairs, swaps.every)
    both = known(straight) & asked
    away = np.where(both[..., None], (straight - true) / unit[:, None, None], np.nan)
    own = np.broadcast_to(proportions(skeleton), both.shape)
    errors = away / own[..., None]  # of an average joint
    jitter = _DEVIATION * float(np.median(np.abs(errors[both])))
    outliers, outlier_size = _far(away[both], jitter * own[both])
    return DetectorNoise(
        jitter=jitter,
        outliers=outliers,
        outlier_size=outlier_size,
        joint_swaps=swaps.joints,
        leg_swaps=swaps.legs,
        missing=1 - float(both.sum() / asked.sum()),
        correlation=0.0 if frame_rate is None else _correlation(errors, jitter, frame_rate),
    )


@dataclass(frozen=True)
class _Swaps:
    every: Flags  # [N, pairs]
    joints: float  # the share of pairs, where the legs are not swapped as a whole
    legs: float  # the share of persons


def _swaps(predicted: Floats, true: Floats, unit: Floats, skeleton: Skeleton) -> _Swaps:
    if not skeleton.flip_pairs:
        return _Swaps(np.zeros((len(true), 0), np.bool_), 0.0, 0.0)
    left, right = np.array(skeleton.flip_pairs).T
    apart = _distance(true[:, left], true[:, right])
    crossed = np.maximum(
        _distance(predicted[:, left], true[:, right]), _distance(predicted[:, right], true[:, left])
    )
    seen = (apart > _APART * unit[:, None]) & np.isfinite(crossed)
    every = seen & (crossed < apart / 2)
    of_legs = np.array([is_of_legs(skeleton, pair) for pair in skeleton.flip_pairs])
    legs_seen = seen[:, of_legs].sum(axis=1)
    tellable = legs_seen >= 2
    legs = tellable & (every[:, of_legs].sum(axis=1) == legs_seen)
    alone = seen & ~(legs[:, None] & of_legs)
    return _Swaps(every, _share(every & alone, alone), _share(legs, tellable))


def _far(errors: Floats, jitter: Floats) -> tuple[float, float]:
    """The share of outliers among errors [M, 2] whose jitter is [M], and their deviation."""
    square = (errors * errors).sum(axis=-1)
    limit = (_FAR * jitter) ** 2
    beyond = square > limit
    if beyond.mean() <= 2 * _FAR_BY_CHANCE:
        return 0.0, 0.0
    # Beyond any limit the squared lengths of two-dimensional normal errors fall off exponentially,
    # by 1 / e in twice the variance; half of them within ln 2 of that.
    variance = float(np.median((square - limit)[beyond])) / (2 * math.log(2))
    seen = float(np.exp(-limit / (2 * variance)).mean())
    share = (float(beyond.mean()) - _FAR_BY_CHANCE) / max(seen - _FAR_BY_CHANCE, 1e-3)
    return min(share, 1.0), math.sqrt(max(variance - float(np.square(jitter).mean()), 0.0))


def _correlation(errors: Floats, jitter: float, frame_rate: float) -> float:
    """Seconds in which errors [T, K, 2] lose all but 1 / e of what they have in common."""
    steps = np.diff(errors, axis=0)
    steps = steps[np.isfinite(steps)]
    if not jitter or not steps.size:
        return 0.0
    # The variance of the difference of two numbers of correlation c is 2 (1 - c) times theirs.
    step = _DEVIATION * float(np.median(np.abs(steps)))
    lasting = 1 - step * step / (2 * jitter * jitter)
    if lasting <= 0:
        return 0.0
    return -1 / (frame_rate * math.log(min(lasting, 1 - 1e-9)))


def _distance(a: Floats, b: Floats) -> Floats:
    away = a - b
    return np.asarray(np.hypot(away[..., 0], away[..., 1]))


def _share(some: Flags, of: Flags) -> float:
    return float(some.sum()) / max(float(of.sum()), 1.0)
