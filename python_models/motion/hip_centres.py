"""The centres of the hips, regressed from the four markers of the pelvis."""

from __future__ import annotations

import numpy as np

from python_models.motion.kinematics import unit
from python_models.motion.motion import Floats


def hip_centres(
    left_asis: Floats, right_asis: Floats, left_psis: Floats, right_psis: Floats
) -> tuple[Floats, Floats]:
    """The left and right hip centre [T, 3] of each frame.

    The pelvis's axes have their origin in the middle of the two anterior markers (ASIS): z from
    the left one to the right one; x forward from the middle of the posterior ones (PSIS), at right
    angles to z; y = z x x upward. In them, in millimetres,

        x = -0.24 PD - 9.9, y = -0.30 PW - 10.9, z = +-(0.33 PW + 7.3),

    with the pelvis's width PW between the ASIS and its depth PD between the middles of ASIS and
    PSIS. These are the paper's equations of one predictor each; those with the length of the leg
    need it measured on the person. PW and PD are the medians over the frames: a pelvis is rigid,
    the skin under its markers is not. The markers' own radius is not taken off.

    Args:
        left_asis: [T, 3], millimetres, in a right-handed frame; NaN where the marker is missing.
        right_asis: Likewise.
        left_psis: Likewise.
        right_psis: Likewise.

    Returns:
        Both [T, 3]; NaN in frames where one of the four is missing.

    Harrington, Zavatsky, Lawson, Yuan and Theologis, "Prediction of the hip joint centre in adults,
    children, and patients with cerebral palsy based on magnetic resonance imaging", Journal of
    Biomechanics 40, 2007.
    """
    front, back = (left_asis + right_asis) / 2, (left_psis + right_psis) / 2
    across, forward = right_asis - left_asis, front - back
    width, depth = _median_length(across), _median_length(forward)
    z = unit(across)
    x = unit(forward - (forward * z).sum(axis=-1, keepdims=True) * z)
    y = np.cross(z, x)
    middle = front + (-0.24 * depth - 9.9) * x + (-0.30 * width - 10.9) * y
    side = (0.33 * width + 7.3) * z
    return middle - side, middle + side


def _median_length(vectors: Floats) -> float:
    lengths = np.linalg.norm(vectors, axis=-1)
    known = lengths[~np.isnan(lengths)]
    return float(np.median(known)) if known.size else np.nan
