"""Left and right joints that exchange their names, and where it cannot be known which is which."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from python_models.analysis.geometry import dot, left_axis, length
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.results import Bools
from python_models.motion.known import known
from python_models.motion.motion import Floats

_ABOVE = (("knee", "hip"), ("ankle", "knee"))
_CERTAIN = 6.0  # standard deviations by which two joints are told apart
_AHEAD = 0.05  # leg lengths by which knees lie before hips and ankles: bent by about 25 degrees
_UPRIGHT = 0.9  # the up axis of the world is its third one, that of a camera is not
_FEWEST = 3  # frames with knees that far ahead, or behind
_MOST = 0.8  # of them that agree


@dataclass(frozen=True)
class Sides:
    """What is known of the sides.

    Attributes:
        mended: [T, K, D] with exchanged pairs back in place.
        swapped: [T, K], where they were or may have been exchanged.
        unknown: [T, K], where nothing tells which side is which.
    """

    mended: Floats
    swapped: Bools
    unknown: Bools


def tells_sides(sequence: PoseSequence) -> bool:
    """Whether a body by itself tells its sides: in the world's space.

    A pose that was lifted from a picture can have its depth mirrored, with the right sides.
    """
    return sequence.dimensions == 3 and bool(sequence.up[2] > _UPRIGHT)


def sort_sides(
    sequence: PoseSequence,
    points: Floats,
    size: float,
    *,
    noise: float,
    memory: float,
    doubt: float,
) -> Sides:
    """Follows each pair through time, and asks the body which of its two states is right.

    A pair is exchanged from one frame to the next where both of its joints together are at most
    half as far from each other's last place as from their own; the same holds of the place where
    their speed would have taken them, so that legs may pass one another; and each moved farther
    than its own noise can explain. A pair is followed through gaps of up to `memory` seconds.

    In the world's space the body knows its sides: knees bend forwards, and thighs and shanks do not
    cross. In a picture, or a pose lifted from one, the rarer state is the wrong one, and after a
    longer gap the pair must lie as before it.

    Args:
        sequence: What the points are of.
        points: [T, K, D]; NaN is a gap.
        size: The length of a leg.
        noise: Leg lengths by which joints may be off.
        memory: Seconds.
        doubt: Part of exchanged frames from which a pair's sides are not known.
    """
    rate = float(sequence.frame_rate or 0)
    sides = Sides(points.copy(), np.zeros(points.shape[:2], bool), np.zeros(points.shape[:2], bool))
    solid = tells_sides(sequence)
    told: dict[str, Bools] = {}  # by kind of joint, frames in which the body tells its sides
    states = {}
    for pair in sequence.skeleton.flip_pairs:
        both = points[:, pair]
        frames = np.flatnonzero(known(both).all(1))
        if len(frames) < 2:
            continue
        parts = np.split(
            np.arange(len(frames)), np.flatnonzero(np.diff(frames) > max(1.0, memory * rate)) + 1
        )
        states[pair] = frames, parts, _followed(both[frames], frames, parts, size * noise)
    names = sequence.skeleton.joints
    order = sorted(states, key=lambda pair: _rank(names[pair[0]]))
    for pair in order:
        frames, parts, state = states[pair]
        exchange(sides.mended, frames[state], pair)
        kind = names[pair[0]].replace("left_", "")
        certain = np.zeros(len(frames), dtype=bool)
        if solid:
            signs = _evidence(sequence, sides.mended, kind, size, told)[frames]
            for part in parts:
                sign = _verdict(signs[part])
                certain[part] = sign != 0
                if sign < 0:
                    state[part] = ~state[part]
                    exchange(sides.mended, frames[part], pair)
            told[kind] = np.zeros(len(points), dtype=bool)
            told[kind][frames[certain]] = True
        if not certain.any():
            if 2 * state.mean() > 1:
                state = ~state
                exchange(sides.mended, frames, pair)
            if not solid:
                lost = _unlike(sides.mended[frames][:, pair], parts, size * noise)
                for place in pair:
                    sides.unknown[frames[lost], place] = True
        doubtful = state if state.mean() < doubt else np.ones_like(state)
        for place in pair:
            sides.swapped[frames[doubtful], place] = True
    sides.unknown[sides.swapped] = False
    return sides


def _rank(joint: str) -> int:
    """Hips first, then what hangs on them."""
    kinds = ("left_hip", "left_knee", "left_ankle")
    return kinds.index(joint) if joint in kinds else len(kinds)


def exchange(points: Floats, frames: np.ndarray, pair: Sequence[int]) -> None:
    """Exchanges two joints of points [T, K, D] in some frames, by their numbers."""
    left, right = pair
    points[frames, left], points[frames, right] = points[frames, right], points[frames, left]


def _followed(both: Floats, frames: np.ndarray, parts: list[np.ndarray], floor: float) -> Bools:
    """[N], where a pair [N, 2, D] is exchanged against the start of its part."""
    floor = max(floor, _CERTAIN * _deviation(both, frames))
    old, new = both[:-1], both[1:]
    stayed, changed = length(new - old), length(new - old[:, ::-1])
    exchange = (changed.sum(1) < 0.5 * stayed.sum(1)) & (stayed > floor).all(1)
    exchange[[part[0] - 1 for part in parts[1:]]] = False
    state = np.zeros(len(both), dtype=bool)
    previous = 0
    for place in (np.flatnonzero(exchange) + 1).tolist():
        state[previous:place] = state[previous]
        now = state[place - 1]
        state[place] = now
        if place < 2 or frames[place] - frames[place - 2] > 2 or _leaves(both, state, place):
            state[place] = not now
        previous = place
    state[previous:] = state[previous]
    for part in parts[1:]:  # each by itself
        if state[part[0]]:
            state[part[0] :] = ~state[part[0] :]
    return state


def _leaves(both: Floats, state: Bools, place: int) -> bool:
    """Whether the pair is exchanged against the place where its speed would have taken it."""
    before, last = (both[n, ::-1] if state[n] else both[n] for n in (place - 2, place - 1))
    here = both[place, ::-1] if state[place] else both[place]
    ahead = 2 * last - before
    stayed, changed = length(here - ahead).sum(), length(here[::-1] - ahead).sum()
    return bool(changed < 0.5 * stayed)


def _deviation(both: Floats, frames: np.ndarray) -> float:
    """Standard deviation of a joint along an axis.

    From second differences of the pair's middle, which is the same if the sides are exchanged.
    """
    if len(frames) < 3:
        return 0.0
    second = length(np.diff(both.mean(1), 2, axis=0))[frames[2:] - frames[:-2] == 2]
    if not second.size:
        return 0.0
    middle = {2: 1.177, 3: 1.538}[both.shape[-1]]  # of the length of a standard normal vector
    return float(np.median(second)) / middle / math.sqrt(6) * math.sqrt(2)


def _evidence(
    sequence: PoseSequence, points: Floats, kind: str, size: float, told: dict[str, Bools]
) -> Floats:
    """[T]: above 0 the pair lies as it should, below 0 it is exchanged, 0 tells nothing."""
    nothing = np.zeros(len(points))

    def pair(joint: str) -> tuple[Floats, Floats] | None:
        names = f"left_{joint}", f"right_{joint}"
        if not set(names) <= set(sequence.skeleton.joints):
            return None
        left, right = sequence.skeleton.indices(*names)
        return points[:, left], points[:, right]

    hips, own = pair("hip"), pair(kind)
    above = pair(dict(_ABOVE).get(kind, "hip"))
    if hips is None or own is None or above is None:
        return nothing
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        if kind == "hip":
            knees, ankles = pair("knee"), pair("ankle")
            if knees is None or ankles is None:
                return nothing
            left = left_axis(hips[0], hips[1], sequence.up)
            forward = np.cross(left, sequence.up)
            ahead = (knees[0] + knees[1]) / 2 - (hips[0] + hips[1] + ankles[0] + ankles[1]) / 4
            value = dot(forward, ahead) / size
            clear = np.abs(value) > _AHEAD
        elif kind in dict(_ABOVE):
            straight = length(own[0] - above[0]) + length(own[1] - above[1])
            across = length(own[0] - above[1]) + length(own[1] - above[0])
            value = (across - straight) / size
            clear = np.abs(value) > _AHEAD / 2
        else:
            value = dot(own[0] - own[1], hips[0] - hips[1]) / size**2
            clear = np.isfinite(value) & (kind == "shoulder")
        if kind != "hip":
            clear &= told.get(dict(_ABOVE).get(kind, "hip"), np.zeros(len(points), bool))
        return np.where(clear & np.isfinite(value), np.sign(value), nothing)


def _verdict(signs: Floats) -> int:
    """1: as it should be; -1: exchanged; 0: not known."""
    counted = int(np.count_nonzero(signs))
    if counted < _FEWEST or abs(signs.sum()) < (2 * _MOST - 1) * counted:
        return 0
    return int(np.sign(signs.sum()))


def _unlike(both: Floats, parts: list[np.ndarray], floor: float) -> np.ndarray:
    """Places of the parts in which the pair does not lie as in the longest part.

    Where both joints are at one place it does not matter which is which.
    """
    across = both[:, 0] - both[:, 1]
    longest = max(parts, key=len)
    usual = np.median(across[longest], axis=0)
    lost = [np.zeros(0, dtype=int)]
    for part in parts:
        if part is longest:
            continue
        here = np.median(across[part], axis=0)
        apart = max(np.quantile(length(across[one]), 0.95) for one in (part, longest))
        alike = dot(here, usual) > 0.5 * max(dot(here, here), dot(usual, usual))
        if apart > floor and not alike:
            lost.append(part)
    return np.concatenate(lost)
