"""Which joints of which frames can be relied on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from python_models.analysis import proportions
from python_models.analysis.another_person import taken_turns
from python_models.analysis.geometry import length
from python_models.analysis.likeness import alike, likely_exchanges
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.results import Bools, Issue
from python_models.analysis.signals import runs
from python_models.analysis.swaps import sort_sides
from python_models.motion.known import known
from python_models.motion.motion import Floats

_LIMBS = tuple(
    (f"{side}_{a}", f"{side}_{b}")
    for side in ("left", "right")
    for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
)


@dataclass(frozen=True)
class Limits:
    """What is no longer believed. Lengths are in lengths of the leg (thigh and shank).

    Attributes:
        confidence: Below it a joint is not relied on.
        noise: How far a joint may be off by itself.
        acceleration: Leg lengths per second squared; 15 is about 1.3 g.
        speed: Leg lengths per second; 8 is about 7 m/s.
        travel: The same of the whole body; 4 is the start of a jump of 0.6 m.
        memory: Seconds after which a joint may be anywhere; a stay that is longer is no outlier.
        bone: Change of a bone's length in 3D, as a part of its median. Skin markers move by 8 %.
        doubt: Part of exchanged frames from which it is not known which side is which.
    """

    confidence: float = 0.3
    noise: float = 0.1
    acceleration: float = 15.0
    speed: float = 8.0
    travel: float = 4.0
    memory: float = 0.5
    bone: float = 0.25
    doubt: float = 0.3


@dataclass(frozen=True)
class Checked:
    """A sequence's points without what cannot be relied on.

    Attributes:
        points: [T, K, D]; NaN where a joint is not relied on.
        mended: The same, but joints that only changed sides are back in their place: good for
            numbers in which the sides do not differ, such as a count.
        causes: [T, K] flags by the kind of issue.
        likely: `likeness.likely_exchanges` of pictures.
    """

    points: Floats
    mended: Floats
    causes: dict[str, Bools]
    likely: Mapping[str, Bools] = field(default_factory=dict)

    def issues(self, sequence: PoseSequence, joints: tuple[str, ...]) -> tuple[Issue, ...]:
        """Runs of frames in which some of the joints have a cause, in order."""
        places = [sequence.skeleton.index(joint) for joint in joints]
        found = []
        for kind, flags in self.causes.items():
            for first, last in runs(np.asarray(flags[:, places].any(1))):
                there = flags[first : last + 1, places].any(0)
                names = tuple(joints[place] for place in np.flatnonzero(there))
                found.append(Issue(kind, first, last, names))
        return tuple(sorted(found, key=lambda issue: (issue.first, issue.last)))


def check(sequence: PoseSequence, limits: Limits | None = None) -> Checked:
    """Looks at every joint of every frame.

    - missing: a coordinate is not finite.
    - low-confidence: below the limit, or not a number.
    - out-of-picture: a 2D point outside the picture, if its size is known.
    - swap: the left and the right joint of a pair exchange their places from one frame to the next.
      In the world's 3D knees that bend backwards are exchanged. Where nothing tells, the rarer
      state is the wrong one; if neither is rare, both are not relied on.
    - sides-unknown: in a picture or a camera's 3D, after a long gap, a pair lies otherwise than
      before it.
    - sides-alike: in a picture the leg would be as likely with its left and right knee (or ankle)
      exchanged, and have quite other angles (`likeness`).
    - jump: a joint is farther from the middle of its neighbours in time than it can accelerate, or
      it stays for a moment where it cannot have moved to.
    - another-person: the whole body jumps (`another_person.taken_turns`), and whoever is there then
      may be somebody else.
    - bone-length: in 3D a limb is longer or shorter than its median; both its ends are in doubt.

    Single pictures (no frame rate) have no neighbours in time: only the first three and sides-alike
    are looked for.
    """
    limits = limits or Limits()
    points = sequence.points.copy()
    causes = {"missing": ~known(points)}
    if sequence.confidence is not None:
        causes["low-confidence"] = ~(sequence.confidence >= limits.confidence) & ~causes["missing"]
    if sequence.image_size is not None:
        with np.errstate(invalid="ignore"):
            outside = (points < 0) | (points > np.array(sequence.image_size) - 1)
        causes["out-of-picture"] = np.asarray(outside.any(-1)) & ~causes["missing"]
    points[np.any(list(causes.values()), axis=0)] = np.nan
    mended = points
    if sequence.frame_rate is not None:
        size = float(proportions.leg_length(sequence, points)[0])
        if not size > 0:  # no leg anywhere: the arms' and trunk's own size
            size = 2 * _extent(points)
        sides = sort_sides(
            sequence,
            points,
            size,
            noise=limits.noise,
            memory=limits.memory,
            doubt=limits.doubt,
        )
        mended, causes["swap"], causes["sides-unknown"] = sides.mended, sides.swapped, sides.unknown
        causes["another-person"], away = taken_turns(
            mended,
            sequence.frame_rate,
            size,
            noise=limits.noise,
            speed=limits.travel,
            acceleration=limits.acceleration,
            memory=limits.memory,
        )
        causes["another-person"] = causes["another-person"][:, None] & known(mended)
        mended = np.where(causes["another-person"][..., None], np.nan, mended)
        causes["jump"] = _jumps(sequence, mended, size, limits) | (away[:, None] & known(mended))
        mended = np.where(causes["jump"][..., None], np.nan, mended)
        if sequence.dimensions == 3:
            causes["bone-length"] = _stretched(sequence, mended, limits)
            mended = np.where(causes["bone-length"][..., None], np.nan, mended)
        one_sided = causes["swap"] | causes["sides-unknown"]
        points = np.where(one_sided[..., None], np.nan, mended)
    if sequence.dimensions != 2:
        return Checked(points, mended, causes)
    likely = likely_exchanges(sequence, mended)
    causes["sides-alike"], lost = alike(sequence, mended, likely)
    points = np.where(causes["sides-alike"][..., None], np.nan, points)
    return Checked(points, np.where(lost[..., None], np.nan, mended), causes, likely)


def _extent(points: Floats) -> float:
    """A typical distance of a joint from the middle of the joints."""
    whole = points[known(points).all(-1)]
    if not len(whole):
        return float("nan")
    return float(np.median(length(whole - whole.mean(1, keepdims=True))))


def _jumps(sequence: PoseSequence, points: Floats, size: float, limits: Limits) -> Bools:
    rate = float(sequence.frame_rate or 0)
    return _off_neighbours(points, rate, size, limits) | _off_track(points, rate, size, limits)


def _off_neighbours(points: Floats, rate: float, size: float, limits: Limits) -> Bools:
    """Outliers of one or two frames: far from the median of five."""
    if len(points) < 5:
        return np.zeros(points.shape[:2], dtype=bool)
    windows = np.lib.stride_tricks.sliding_window_view(points, 5, axis=0)
    reach = size * (limits.noise + limits.acceleration / 2 * (2 / rate) ** 2)
    bad = np.zeros(points.shape[:2], dtype=bool)
    with np.errstate(invalid="ignore"):  # a window with a gap is NaN and tells nothing
        bad[2:-2] = length(points[2:-2] - np.median(windows, axis=-1)) > reach
    return bad


def _off_track(points: Floats, rate: float, size: float, limits: Limits) -> Bools:
    """Short stays of a joint where it cannot have moved to from one frame to the next."""
    bad = np.zeros(points.shape[:2], dtype=bool)
    for joint in range(points.shape[1]):
        frames = np.flatnonzero(known(points[:, joint]))
        if len(frames) < 2:
            continue
        passed = np.diff(frames) / rate
        moved = length(np.diff(points[frames, joint], axis=0))
        jumps = moved > size * (limits.noise + limits.speed * passed)
        jumps &= passed <= max(limits.memory, 1 / rate)
        stays = np.split(frames, np.flatnonzero(jumps) + 1)
        longest = max(len(stay) for stay in stays)
        lasting = limits.memory * rate
        none = longest < lasting and 2 * longest < len(frames)  # all of them are moments
        for stay in stays:
            if none or len(stay) < min(longest, lasting):
                bad[stay, joint] = True
    return bad


def _stretched(sequence: PoseSequence, points: Floats, limits: Limits) -> Bools:
    bad = np.zeros(points.shape[:2], dtype=bool)
    for a, b in _LIMBS:
        if {a, b} <= set(sequence.skeleton.joints):
            lengths = proportions.bone_length(sequence, points, a, b)
            middle = proportions.nan_quantile(lengths, 0.5)
            with np.errstate(invalid="ignore"):
                wrong = np.abs(lengths - middle) > limits.bone * middle
            bad[:, sequence.skeleton.indices(a, b)] |= wrong[:, None]
    return bad
