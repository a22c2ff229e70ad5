"""Poses of one skeleton as poses of another.

A joint that both skeletons have is taken over as it is. Another one is worked out where a rule of
`RULES` says how; where none does, it is NaN. docs/skeletons.md has the table and what each rule
is worth.
"""

from __future__ import annotations

import functools

import numpy as np

from python_models.motion.motion import Floats, Motion
from python_models.motion.skeletons import Skeleton

Weights = tuple[tuple[int, float], ...]  # number of a source's joint, its share; they add up to 1

# A joint is the sum of others times their shares, which add up to 1. A joint of a rule that the
# source has not is made by its own rule. `head`, the head's middle, is a joint of motion capture.
RULES: dict[str, tuple[dict[str, float], ...]] = {
    "pelvis": ({"left_hip": 0.5, "right_hip": 0.5},),
    "thorax": ({"left_shoulder": 0.5, "right_shoulder": 0.5},),
    "spine": ({"pelvis": 0.5, "thorax": 0.5},),
    "neck": ({"thorax": 0.82, "head_top": 0.18},),
    "nose": ({"thorax": 0.5, "head_top": 0.5},),
    "head_top": (
        {"thorax": -0.6, "left_ear": 0.8, "right_ear": 0.8},
        {"thorax": -0.6, "head": 1.6},
    ),
}
"""How joints are worked out that a source has not: by the first rule whose joints it gives."""


def sources(joint: str, source: Skeleton) -> Weights | None:
    """Of which of the source's joints a joint is made; None: it cannot be known."""
    shares = _shares(joint, source)
    if shares is None:
        return None
    return tuple((source.index(name), share) for name, share in shares.items())


def convert(points: Floats, source: Skeleton, target: Skeleton) -> Floats:
    """Poses [..., K, D] of the source as poses [..., K', D] of the target, 2D or 3D.

    Joints of both keep every bit. A joint is NaN where one that it is made of is NaN, and where the
    source says nothing of it.

    Raises:
        ValueError: The points do not fit the source.
    """
    if points.ndim < 2 or points.shape[-2] != len(source):
        raise ValueError(
            f"convert: points must be [..., {len(source)}, D] for {source.name}, "
            f"got {list(points.shape)}"
        )
    result = np.full((*points.shape[:-2], len(target), points.shape[-1]), np.nan)
    for number, weights in enumerate(_plan(source, target)):
        if weights is not None:
            result[..., number, :] = _sum(points, weights)
    return result


def convert_confidence(confidence: Floats, source: Skeleton, target: Skeleton) -> Floats:
    """Confidences [..., K] of the source's joints as those of the target's [..., K'].

    A joint that is made of others has the least of theirs; one that cannot be known has 0.

    Raises:
        ValueError: The confidences do not fit the source.
    """
    if confidence.ndim < 1 or confidence.shape[-1] != len(source):
        raise ValueError(
            f"convert_confidence: confidence must be [..., {len(source)}] for {source.name}, "
            f"got {list(confidence.shape)}"
        )
    result = np.zeros((*confidence.shape[:-1], len(target)))
    for number, weights in enumerate(_plan(source, target)):
        if weights is not None:
            result[..., number] = confidence[..., [joint for joint, _ in weights]].min(axis=-1)
    return result


def convert_motion(motion: Motion, target: Skeleton) -> Motion:
    """A recording with the target's joints."""
    return motion.with_joints(convert(motion.joints, motion.skeleton, target), target)


@functools.cache
def _plan(source: Skeleton, target: Skeleton) -> tuple[Weights | None, ...]:
    return tuple(sources(joint, source) for joint in target.joints)


def _sum(points: Floats, weights: Weights) -> Floats:
    if len(weights) == 1:
        return points[..., weights[0][0], :]
    terms = [points[..., joint, :] * share for joint, share in weights]
    return np.asarray(functools.reduce(np.add, terms))


def _shares(joint: str, source: Skeleton) -> dict[str, float] | None:
    if joint in source.joints:
        return {joint: 1.0}
    for rule in RULES.get(joint, ()):
        parts = {name: _shares(name, source) for name in rule}
        result: dict[str, float] = {}
        for name, share in rule.items():
            for part, of_part in (parts[name] or {}).items():
                result[part] = result.get(part, 0.0) + share * of_part
        if None not in parts.values():
            return result
    return None
