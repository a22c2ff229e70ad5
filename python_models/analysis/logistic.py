"""Logistic regression for few samples of few features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from python_models.analysis.results import Bools
from python_models.motion.motion import Floats

_STEPS = 100
_DONE = 1e-10


@dataclass(frozen=True)
class Logistic:
    """A model of the probability of true.

    Attributes:
        middle: [F], subtracted from the features.
        scale: [F], by which they are divided then.
        weights: [F + 1]; the last is the constant.
    """

    middle: Floats
    scale: Floats
    weights: Floats

    @classmethod
    def fit(cls, features: Floats, labels: Bools, penalty: float = 1.0) -> Logistic:
        """The minimum of the log loss and a penalty, found by Newton's method.

        Features are standardised by these samples. Both classes weigh alike, however many samples
        they have. The loss is the sum over samples whose weights add up to their number, plus
        penalty / 2 times the squares of the weights, but not of the constant.

        Args:
            features: [N, F].
            labels: [N].
            penalty: Positive; 1 is what a normal prior of the weights of variance 1 says.

        Raises:
            ValueError: One of the classes has no sample; a feature is not finite; the penalty is
                not positive.
        """
        if labels.all() or not labels.any():
            raise ValueError("Logistic: both classes must have samples")
        if not np.isfinite(features).all() or not penalty > 0:
            raise ValueError("Logistic: features must be finite and the penalty positive")
        middle, scale = features.mean(0), features.std(0)
        scale = np.where(scale > 0, scale, 1.0)
        inputs = _with_constant((features - middle) / scale)
        share = np.where(labels, 0.5 / labels.mean(), 0.5 / (~labels).mean())
        shrink = np.full(inputs.shape[1], penalty)
        shrink[-1] = 0
        weights = np.zeros(inputs.shape[1])
        for _ in range(_STEPS):
            chance = _probability(inputs @ weights)
            gradient = inputs.T @ (share * (chance - labels)) + shrink * weights
            curvature = (inputs.T * (share * chance * (1 - chance))) @ inputs + np.diag(shrink)
            step = np.linalg.solve(curvature, gradient)
            weights = weights - step
            if np.abs(step).max() < _DONE:
                break
        return cls(middle, scale, weights)

    def probability(self, features: Floats) -> Floats:
        """Of true, of [N, F] -> [N]."""
        return _probability(_with_constant((features - self.middle) / self.scale) @ self.weights)


def _with_constant(features: Floats) -> Floats:
    return np.column_stack([features, np.ones(len(features))])


def _probability(score: Floats) -> Floats:
    return np.asarray(0.5 + 0.5 * np.tanh(score / 2))
