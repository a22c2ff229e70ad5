"""Lengths of the body that a sequence shows, and from where it is seen."""

from __future__ import annotations

import numpy as np

from python_models.analysis.definitions import HIPS, SIDES
from python_models.analysis.geometry import length
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.results import View
from python_models.analysis.signals import median_filtered
from python_models.motion.motion import Floats

# Distance of the hip joints over the length of thigh and shank. UI-PRMD's adults: 0.23 to 0.26 by
# Harrington's hip centres (one 0.37: markers on a wide pelvis), 0.17 to 0.21 as a Kinect has them.
HIPS_OVER_LEG = 0.21

TURN = 2.0
"""Seconds around a frame that tell its view."""

SURE = 20.0
"""Degrees that an azimuth is good for."""

FRONT = 35.0
SIDE = 65.0
"""Degrees of azimuth: a view up to FRONT counts as frontal, one from SIDE on as from the side."""


def joint(sequence: PoseSequence, points: Floats, name: str) -> Floats:
    """Trajectory [T, D] of a joint; NaN where the skeleton has none."""
    if name not in sequence.skeleton.joints:
        return np.full_like(points[:, 0], np.nan)
    return np.asarray(points[:, sequence.skeleton.index(name)])


def bone_length(sequence: PoseSequence, points: Floats, a: str, b: str) -> Floats:
    """[T], in the points' unit."""
    return length(joint(sequence, points, a) - joint(sequence, points, b))


def nan_quantile(values: Floats, quantile: float) -> float:
    """Of the known values; NaN of none."""
    known = values[np.isfinite(values)]
    return float(np.quantile(known, quantile)) if known.size else float("nan")


def leg_length(sequence: PoseSequence, points: Floats) -> Floats:
    """Thigh and shank together: [1] of a motion, [T] of single pictures.

    In 3D the median; in pictures, which shorten, the longest that they show (the 95th percentile).
    NaN where there is no leg, or one without length.
    """
    legs = np.stack(
        [
            bone_length(sequence, points, f"{side}_hip", f"{side}_knee")
            + bone_length(sequence, points, f"{side}_knee", f"{side}_ankle")
            for side in SIDES
        ]
    )
    if sequence.frame_rate is None:
        size = np.asarray(np.fmax(legs[0], legs[1]))
    else:
        size = np.array([nan_quantile(legs, 0.5 if sequence.dimensions == 3 else 0.95)])
    return np.where(size > 0, size, np.nan)


def azimuths(sequence: PoseSequence, points: Floats) -> Floats:
    """How far pictures are from a frontal view, [T]; degrees; NaN where it cannot be told.

    A frontal view shows the hips at their full distance, a side view shows none of it. It is an
    estimate from usual proportions: 20 degrees wrong for people, views and detectors that differ.

    Of a motion it is the whole sequence's, by the median of the hips' distance. Where the median
    of TURN seconds around a frame says otherwise by more than the estimate is good for, the person
    has turned, and that stretch's counts.
    """
    there = near_azimuths(sequence, points)
    if sequence.frame_rate is None:
        return there
    hips = bone_length(sequence, points, *HIPS)
    front = HIPS_OVER_LEG * leg_length(sequence, points)
    whole = np.full(len(hips), _azimuth(nan_quantile(hips, 0.5) / front)[0])
    return np.where(np.abs(there - whole) > SURE, there, whole)


def near_azimuths(sequence: PoseSequence, points: Floats) -> Floats:
    """The azimuth [T] that TURN seconds around each frame say by themselves; of a picture its own.

    A frame without hips is seen as the nearest one with them.
    """
    hips = bone_length(sequence, points, *HIPS)
    front = HIPS_OVER_LEG * leg_length(sequence, points)
    if sequence.frame_rate is None:
        return _azimuth(hips / front)
    around = min(round(TURN * sequence.frame_rate), 2 * len(hips))
    there = _azimuth(median_filtered(hips, around) / front)
    frames = np.flatnonzero(np.isfinite(there))
    if not len(frames):
        return there
    nearest = np.interp(np.arange(len(hips)), frames, np.arange(len(frames))).round().astype(int)
    return np.asarray(there[frames][nearest])


def _azimuth(seen: Floats) -> Floats:
    return np.asarray(np.degrees(np.arccos(np.clip(seen, 0, 1))))


def view_of(azimuth: Floats) -> View:
    """The middle one of frames' views."""
    middle = nan_quantile(azimuth, 0.5)
    if np.isnan(middle):
        return View(middle, middle, "unknown")
    seen = float(np.cos(np.radians(middle)))
    if middle < FRONT:
        return View(middle, seen, "front")
    return View(middle, seen, "side" if middle >= SIDE else "oblique")
