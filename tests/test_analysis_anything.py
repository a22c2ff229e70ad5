"""Any poses at all: an analysis comes out, without a warning, and nothing passes in silence."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from python_models.analysis.analysis import analyse
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.results import as_json
from python_models.analysis.rules import exercises
from python_models.analysis.view_error import seen_from
from python_models.motion.skeletons import SKELETONS
from tests.squat_sequences import BODY, figure, sequence, waves


def draw(generator) -> PoseSequence:
    """Squats or noise, of any size, with holes, cuts and whatever is known of them or not."""
    frames = int(generator.choice([1, 2, 3, 5, 30, 90, 150]))
    rate = generator.choice([None, 0.01, 1.0, 10.0, 30.0, 120.0, 1e6])
    dimensions = int(generator.choice([2, 3]))
    if generator.random() < 0.3:
        skeleton = list(SKELETONS.values())[generator.integers(len(SKELETONS))]
        size = generator.choice([0, 1e-8, 1, 100, 1e8])
        points = generator.normal(0, size, (frames, len(skeleton), dimensions))
    else:
        skeleton, curve = BODY, waves(2, 30)[:frames]
        poses = figure(curve, inside=generator.normal(0, 50), lean=generator.normal(0, 40))
        points = poses
        if dimensions == 2:
            points = seen_from(sequence(poses), generator.uniform(0, 360)).points
    points = points.copy()
    if generator.random() < 0.6:
        holes = generator.random(points.shape[:2]) < generator.choice([0.02, 0.3, 0.9, 1])
        points[holes] = generator.choice([np.nan, np.inf, 0])
    if generator.random() < 0.3:
        points[len(points) // 2 :] += 1e4
    more = {}
    if generator.random() < 0.4:
        factors = generator.normal(0, 3, (*points.shape, dimensions))
        more["covariance"] = (
            factors @ factors.swapaxes(-1, -2) * generator.choice([0, 1e-9, 1, 1e9])
        )
        more["covariance"][generator.random(points.shape[:2]) < 0.1] = np.nan
    if generator.random() < 0.4:
        more["confidence"] = generator.random(points.shape[:2])
        more["confidence"][0] = np.nan
    if dimensions == 2 and generator.random() < 0.3:
        more["image_size"] = (200.0, 100.0)
    up = np.array([0, -1.0]) if dimensions == 2 else np.array([0, 0, 1.0])
    return PoseSequence(points, skeleton, rate, up, **more)


@pytest.mark.parametrize("seed", range(8))
def test_any_poses_can_be_analysed(seed):
    generator = np.random.default_rng(seed)
    for _ in range(25):
        poses = draw(generator)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = analyse(poses, str(generator.choice(exercises())))
        json.dumps(as_json(found), allow_nan=False)
        assert bool(found.refused) <= (not found.repetitions)
        for rep in found.repetitions:
            assert 0 <= rep.start <= rep.bottom <= rep.end < len(poses)
            for measure in rep.measures.values():
                assert np.isfinite(measure.value) == (measure.refused is None)
        for advice in found.advice:
            assert np.isfinite(advice.value) or advice.verdict == "refused"
        for curve in found.curves.values():
            assert len(curve.values) == len(poses)
            assert np.isnan(curve.values).all() or curve.refused is None
