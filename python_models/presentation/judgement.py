"""From keypoints to an analysis: what cannot be relied on is left out, then smoothed, lifted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from python_models.analysis.facing import disagreements
from python_models.analysis.pose_sequence import UP, PoseSequence
from python_models.analysis.reliability import Checked, check
from python_models.analysis.results import Analysis, Issue
from python_models.analysis.signals import runs
from python_models.motion.conversion import convert, convert_confidence, sources
from python_models.motion.known import known
from python_models.motion.motion import Floats
from python_models.motion.skeletons import Skeleton
from python_models.prediction.smoothing import OneEuro
from python_models.presentation.keypoints import Keypoints

LEVEL = (
    "the camera is taken to be upright and level: a camera that looks down or is held askew adds "
    "its tilt to every angle against the vertical, such as the trunk's lean"
)
LIFTED = (
    "the 3D pose is a network's guess from one view: its scale is that of the people it was "
    "trained on, and depth is less sure than what the picture shows"
)
UNMEASURED = (
    "the lifter's training run does not say how far its joints are off: what is said to be certain "
    "is less so"
)
FLAT = "no lifter was given: the analysis is 2D, of angles in the picture"

Analyse = Callable[[PoseSequence], Analysis]


class PoseLifter(Protocol):
    """What is needed of a trained lifter."""

    @property
    def source(self) -> Skeleton:
        """Of the keypoints."""

    @property
    def target(self) -> Skeleton:
        """Of the points."""

    @property
    def calibrated(self) -> bool:
        """Whether it needs the camera's focal length; without, it takes none."""

    def lift(self, keypoints: Floats, size: Floats, focal: Floats | None = None) -> Floats:
        """Pixels [T, K, 2] in pictures of these sizes [T, 2] as millimetres [T, K', 3].

        The focal length is in pixels too. The axes are the camera's. NaN where there are too few
        keypoints.
        """


@dataclass(frozen=True)
class Judged:
    """An analysis and what it was made from.

    Attributes:
        analysis: The one to show.
        sequence: Whose angles it has.
        in_picture: The 2D analysis, if `analysis` is of a lifted pose.
        shown: [T, K, D], the keypoints to draw; NaN where they are missing or not relied on.
        notes: What a reader of the results must know.
    """

    analysis: Analysis
    sequence: PoseSequence
    in_picture: Analysis | None
    shown: Floats
    notes: tuple[str, ...]


def judge(
    keypoints: Keypoints,
    name: str,
    analyse: Analyse,
    *,
    lifter: PoseLifter | None = None,
    lifter_deviation: float | None = None,
    smoothing: Callable[[float], OneEuro] | None = None,
) -> Judged:
    """Analyses one person's keypoints.

    Joints that cannot be relied on (`analysis.reliability`) are taken out first, so that neither a
    filter nor a lifter spreads them to frames and joints that are right.

    Args:
        keypoints: 2D or 3D.
        name: Of the recording.
        analyse: The exercise's analysis.
        lifter: Makes 2D keypoints 3D.
        lifter_deviation: Millimetres by which it is off along each axis; None: not known.
        smoothing: Makes a filter, given the body's size in the points' unit.

    Raises:
        ValueError: The keypoints are 3D already and there is a lifter, or it needs joints that
            they do not have, or the size of their images, or the camera's focal length; single
            pictures are to be smoothed.
    """
    flat = keypoints.frame == "image"
    sequence = PoseSequence(
        keypoints.points,
        keypoints.skeleton,
        keypoints.frame_rate,
        np.array(UP[keypoints.frame]),
        keypoints.scores,
        keypoints.covariances,
        name=name,
        image_size=keypoints.image_size if flat else None,
    )
    checked = check(sequence)
    points = checked.points
    notes = list(keypoints.notes)
    if keypoints.frame != "world":
        notes.append(LEVEL)
    if smoothing is not None:
        points = smoothed(points, keypoints.frame_rate, smoothing)
    if lifter is None:
        notes += [FLAT] if flat else []
        if smoothing is None:
            return Judged(analyse(sequence), sequence, None, points, tuple(notes))
        sequence = replace(sequence, points=points)
        issues = checked.issues(sequence, keypoints.skeleton.joints)
        analysis = _with_issues(analyse(sequence), issues)
        return Judged(analysis, sequence, None, points, tuple(notes))
    if not flat:
        raise ValueError("a lifter is for 2D keypoints, got 3D ones")
    in_picture = analyse(sequence)
    notes += disagreements(sequence, checked.mended)  # a lifter is told nothing of faces
    lifted, issues = lift(replace(sequence, points=points), keypoints, checked, lifter)
    if lifter_deviation is None:
        notes.append(UNMEASURED)
    else:
        covariance = np.broadcast_to(
            lifter_deviation**2 * np.eye(3), (*lifted.points.shape, 3)
        ).copy()
        lifted = replace(lifted, covariance=covariance)
        notes.append(
            f"the lifter's joints are taken to be off by {lifter_deviation:.0f} mm along "
            "each axis (one standard deviation), as its training run measured"
        )
    analysis = _with_issues(analyse(lifted), issues)
    if lifter.calibrated:
        notes.append(
            f"the camera's focal length is taken to be {keypoints.focal:g} pixels: were it another "
            "one, so would be the pose in space"
        )
    return Judged(analysis, lifted, in_picture, points, (*notes, LIFTED))


def lift(
    sequence: PoseSequence, keypoints: Keypoints, checked: Checked, lifter: PoseLifter
) -> tuple[PoseSequence, tuple[Issue, ...]]:
    """The sequence in 3D, and what was wrong with the joints that it was lifted from.

    A joint that was not relied on in the picture is not known in space either, even where a lifter
    fills it in: its angle would be a guess that looks like a measurement.
    """
    skeleton, source, target = sequence.skeleton, lifter.source, lifter.target
    weights = {joint: sources(joint, skeleton) for joint in source.joints}
    lacking = [joint for joint, parts in weights.items() if parts is None]
    if lacking:
        raise ValueError(f"the lifter needs {lacking}, which {skeleton.name} does not have")
    if keypoints.image_sizes is None:
        raise ValueError("to be lifted, keypoints must come with image_size, [width, height]")
    focal = focal_for(lifter, keypoints.focal)
    sizes = sorted({(max(size), min(size)) for size in keypoints.image_sizes})  # turned or not
    if focal is not None and len(sizes) > 1:
        raise ValueError(f"a focal length is for pictures of one size, got {sizes[:3]}")
    inputs = convert(sequence.points, skeleton, source)
    found = known(inputs)
    joints = lifter.lift(inputs, np.array(keypoints.image_sizes, np.float64), focal).copy()
    for place, joint in enumerate(target.joints):
        if joint in source.joints:
            joints[~found[:, source.index(joint)], place] = np.nan
    confidence = None
    if sequence.confidence is not None:
        given = convert_confidence(sequence.confidence, skeleton, source)
        least = np.where(found, given, 1.0).min(axis=1, keepdims=True)
        confidence = np.broadcast_to(least, joints.shape[:2]).copy()
    used = {place for parts in weights.values() for place, _ in parts or ()}
    names = tuple(skeleton.joints[place] for place in sorted(used))
    up, name = np.array(UP["camera"]), sequence.name
    lifted = PoseSequence(joints, target, sequence.frame_rate, up, confidence, name=name)
    return lifted, checked.issues(sequence, names)


def focal_for(lifter: PoseLifter, focal: float | None) -> Floats | None:
    """What a lifter is told of the camera: nothing, if it has learnt nothing about cameras.

    Raises:
        ValueError: It needs a focal length, and there is none.
    """
    if not lifter.calibrated:
        return None
    if focal is None:
        raise ValueError(
            "the lifter was trained with known focal lengths: give the camera's by --focal, in "
            "pixels of the pictures"
        )
    return np.array(focal, np.float64)


def smoothed(points: Floats, rate: float | None, smoothing: Callable[[float], OneEuro]) -> Floats:
    """Points [T, K, D] through a filter that starts anew after each gap of a joint.

    Raises:
        ValueError: They have no time.
    """
    if rate is None:
        raise ValueError("smoothing is for motions: give --fps if these are moments of one")
    found = known(points)
    whole = points[found.all(axis=1)]
    size = float(np.median(np.ptp(whole, axis=1).max(axis=-1))) if len(whole) else 0.0
    result = points.copy()
    for joint in range(points.shape[1]):
        for first, last in runs(found[:, joint]):
            one_euro = smoothing(max(size, 1.0))
            for frame in range(first, last + 1):
                result[frame, joint] = one_euro(points[frame, joint], frame / rate)
    return result


def _with_issues(analysis: Analysis, issues: tuple[Issue, ...]) -> Analysis:
    """The causes of what was taken out of the points, where the analysis only sees it missing."""
    own = [issue for issue in analysis.reliability.issues if issue.kind != "missing"]
    merged = tuple(sorted({*own, *issues}, key=lambda issue: (issue.first, issue.last)))
    return replace(analysis, reliability=replace(analysis.reliability, issues=merged))
