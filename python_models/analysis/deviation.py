"""How far a curve can be off, from how far its joints can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from python_models.analysis.definitions import Definition, Scene
from python_models.motion.motion import Floats


def deviation(definition: Definition, scene: Scene, covariance: Mapping[str, Floats]) -> Floats:
    """Standard deviation [T] of a curve, from the covariance [T, D, D] of each of its joints.

    The joints' errors are taken to be independent, and the formula as linear within them: each
    joint is moved by one standard deviation along each axis of its covariance, to and fro, and the
    squares of the changes add up. Of the two changes the larger counts. They are the same where
    the formula is linear; where it has a corner, as an angle of 0 or 180 degrees has, the linear
    rule by itself would promise an exact angle.

    NaN where a covariance is not known.
    """
    values = definition.formula(scene)
    total = np.zeros_like(values)
    for joint in definition.joints:
        for step in _axes(covariance[joint]):
            changes = []
            for move in (step, -step):
                moved = replace(scene, points={**scene.points, joint: scene[joint] + move})
                changes.append(np.abs(definition.formula(moved) - values))
            total += np.maximum(*changes) ** 2
    return np.sqrt(total)


def _axes(covariance: Floats) -> list[Floats]:
    """Steps [T, D] of one standard deviation along the axes of covariances [T, D, D]."""
    known = np.asarray(np.isfinite(covariance).all((-2, -1)))
    sizes, axes = np.linalg.eigh(np.where(known[:, None, None], covariance, 0.0))
    sizes = np.where(known[:, None], np.maximum(sizes, 0), np.nan)  # below 0 by rounding only
    return [np.sqrt(sizes[:, axis, None]) * axes[:, :, axis] for axis in range(sizes.shape[-1])]
