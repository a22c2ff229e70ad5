"""Made-up squats whose angles are known: a figure of COCO's body joints that faces +X, Z up."""

from __future__ import annotations

import numpy as np

from python_models.analysis.pose_sequence import PoseSequence
from python_models.motion.skeletons import COCO_17, skeleton

BODY = skeleton("body", COCO_17.joints[5:])
SHANK, THIGH, TRUNK, HIPS, UPPER, FORE = 400.0, 420.0, 500.0, 190.0, 300.0, 260.0


def waves(count: int, rate: float, depth: float = 110.0, seconds: float = 2.0, rest: float = 5.0):
    """Flexion [T] of `count` squats with a second of standing before, between and after."""
    squat = rest + (depth - rest) * np.sin(np.linspace(0, np.pi, round(seconds * rate))) ** 2
    still = np.full(round(rate), rest)
    return np.concatenate([still, *[part for _ in range(count) for part in (squat, still)]])


def figure(
    left_flexion, right_flexion=None, *, lean=20.0, inside=0.0, elbow=90.0, raised=90.0
) -> np.ndarray:
    """Joints [T, 12, 3] with these angles in degrees.

    Shins lean by 0.3 of the flexion. The hips are placed by the left leg; `inside` moves both knees
    towards one another, in millimetres (then the flexion is no longer exact).
    """
    left = np.radians(np.atleast_1d(np.asarray(left_flexion, float)))
    right = left if right_flexion is None else np.radians(np.atleast_1d(right_flexion))
    places = {}
    for side, flexion, sign in (("left", left, 1), ("right", right, -1)):
        shin = 0.3 * flexion
        ankle = np.stack([0 * flexion, 0 * flexion + sign * HIPS / 2, 0 * flexion + 80], -1)
        knee = ankle + SHANK * _inclined(shin)
        hip = knee + THIGH * _inclined(shin - flexion)
        places |= {f"{side}_ankle": ankle, f"{side}_knee": knee, f"{side}_hip": hip}
    # One pelvis: the right leg hangs from where the left one holds it.
    shift = places["left_hip"] - places["right_hip"] - np.array([0, HIPS, 0])
    for joint in ("ankle", "knee", "hip"):
        places[f"right_{joint}"] = places[f"right_{joint}"] + shift
    places["left_knee"] = places["left_knee"] - np.array([0, inside, 0])
    places["right_knee"] = places["right_knee"] + np.array([0, inside, 0])
    trunk = TRUNK * _inclined(np.radians(lean) + 0 * left)
    for side in ("left", "right"):
        shoulder = places[f"{side}_hip"] + trunk
        arm = np.radians(180 - raised) + 0 * left
        below = np.radians(180 - raised + elbow) + 0 * left
        places[f"{side}_shoulder"] = shoulder
        places[f"{side}_elbow"] = shoulder + UPPER * _inclined(arm)
        places[f"{side}_wrist"] = places[f"{side}_elbow"] + FORE * _inclined(below)
    return np.stack([places[joint] for joint in BODY.joints], axis=1)


def sequence(points, rate=30.0, **more) -> PoseSequence:
    """In the world, Z up."""
    return PoseSequence(points, BODY, rate, np.array([0.0, 0.0, 1.0]), **more)


def squats(count=3, rate=30.0, **more) -> PoseSequence:
    """A sequence of squats of 110 degrees."""
    return sequence(figure(waves(count, rate)), rate, **more)


def _inclined(angle):
    """Unit vectors [T, 3] that lean forward from the vertical by an angle in radians."""
    return np.stack([np.sin(angle), 0 * angle, np.cos(angle)], -1)
