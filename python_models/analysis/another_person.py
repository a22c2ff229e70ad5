"""Jumps of the whole body: another person may be seen, or the same one in another take."""

from __future__ import annotations

import math

import numpy as np

from python_models.analysis.geometry import length
from python_models.analysis.results import Bools
from python_models.motion.known import known
from python_models.motion.motion import Floats

_SAME_PLACE = 0.5  # of the jump before: who is nearer than that to where they left is back
_NOISY = 4.0  # times the usual deviation from a straight way
_SURE = 0.6  # of the frames: whoever has fewer may be the wrong one


def taken_turns(
    points: Floats,
    rate: float,
    size: float,
    *,
    noise: float,
    speed: float,
    acceleration: float,
    memory: float,
) -> tuple[Bools, Bools]:
    """Frames [T] in which the person may be another one, and moments in which the body is away.

    The body jumps where more than half of its joints, and their median, move farther from one known
    frame to the next than `noise` and `speed` allow; or from the way that it had before and has
    after than `noise`, `acceleration` and the trembling of the whole sequence allow.

    Between jumps the person stays. Stays that begin near to where an earlier one ended are of one
    person. If one person has most of the frames, the others are left out. If not, who is the right
    one cannot be known, and each jump becomes a gap of more than `memory` seconds, which nothing
    bridges: what is between two jumps is of one person, whoever that is. Stays shorter than
    `memory` are moments in which the body is away; without longer ones nothing is believed.

    Args:
        points: [T, K, D]; NaN is a gap.
        rate: Frames per second.
        size: The length of a leg, in the points' unit.
        noise: Leg lengths by which joints may be off.
        speed: Leg lengths per second at which a body may move.
        acceleration: Leg lengths per second squared.
        memory: Seconds; a shorter stay is an outlier, and after a longer gap anyone may be seen.
    """
    out = np.zeros(len(points), dtype=bool)
    away = out.copy()
    frames = np.flatnonzero(known(points).sum(1) >= 2)
    if len(frames) < 2:
        return out, away
    passed = np.diff(frames) / rate
    reach = size * (noise + speed * passed) + _NOISY * _trembling(points[frames])
    jumps = _body_moved(points[frames[:-1]], points[frames[1:]], reach) > reach
    jumps &= passed <= max(memory, 1 / rate)
    jumps |= _leaps(points[frames], size * (noise + acceleration / rate**2)) & _in_turn(frames)
    if not jumps.any():
        return out, away
    stays = np.split(frames, np.flatnonzero(jumps) + 1)
    longest = max(len(stay) for stay in stays)
    if longest < memory * rate and 2 * longest < len(frames):
        out[frames] = True
        return out, away
    for stay in stays:
        away[stay] = len(stay) < min(longest, memory * rate)
    direct = [not away[stay[0]] for stay in [stays[0], *stays]]  # was the stay before believed?
    direct = [one for one, stay in zip(direct, stays, strict=False) if not away[stay[0]]]
    stays = [stay for stay in stays if not away[stay[0]]]
    persons = _persons(points, stays, direct, rate, size * noise, size * speed)
    shares = np.bincount(persons, weights=[len(stay) for stay in stays])
    right = int(shares.argmax())
    if shares[right] >= _SURE * shares.sum():
        for stay, person in zip(stays, persons, strict=True):
            out[stay] |= person != right
        return out, away
    gap = int(max(1.0, memory * rate)) + 1
    for before, after, old, new in zip(
        stays[:-1], stays[1:], persons[:-1], persons[1:], strict=True
    ):
        if old != new:
            missing = max(0, gap - (after[0] - before[-1] - 1))
            middle = -(-missing // 2)
            out[max(0, before[-1] + 1 - middle) : before[-1] + 1] = True
            out[after[0] : after[0] + missing - middle] = True
    return out, away


def _trembling(points: Floats) -> float:
    """How far off the joints usually are, whoever they belong to: one standard deviation.

    From second differences of the joints' places in the body, which do not know where it is; their
    lower quarter, since those of two persons in turn are large.
    """
    if len(points) < 3:
        return 0.0
    inside = points - np.nanmedian(points, axis=1, keepdims=True)
    second = length(np.diff(inside, 2, axis=0))
    second = second[np.isfinite(second)]
    if not second.size:
        return 0.0
    quarter = {2: 0.76, 3: 1.10}[points.shape[-1]]  # of the length of a standard normal vector
    return float(np.quantile(second, 0.25)) / (quarter * math.sqrt(6))


def _in_turn(frames: np.ndarray) -> Bools:
    """[N - 1], where four known frames, this one, the one before and the next two, have no gap."""
    found = np.zeros(len(frames) - 1, dtype=bool)
    found[1:-1] = frames[3:] - frames[:-3] == 3
    return found


def _leaps(points: Floats, reach: float) -> Bools:
    """[N - 1], where most joints leave the way that they had before and have after it.

    White noise of the joints makes the median of all frames; four times that is none of its doing.
    """
    leaps = np.zeros(len(points) - 1, dtype=bool)
    if len(points) < 4:
        return leaps
    steps = np.diff(points, axis=0)
    off = length(steps[1:-1] - (steps[:-2] + steps[2:]) / 2)  # [N - 3, K]
    counted = np.isfinite(off).sum(1)
    body = np.zeros(len(leaps))
    enough = counted >= 2
    if not enough.any():
        return leaps
    body[1:-1][enough] = np.nanmedian(off[enough], axis=1)
    reach += _NOISY * float(np.median(body[1:-1][enough]))
    leaps[1:-1] = (body[1:-1] > reach) & (body[1:-1] >= np.maximum(body[:-2], body[2:]))
    return leaps


def _body_moved(old: Floats, new: Floats, reach: Floats) -> Floats:
    """[N], how far the median of the joints moved; 0 where most joints are within reach [N]."""
    moved = new - old  # [N, K, D]
    both = known(moved)
    with np.errstate(invalid="ignore"):
        far = (length(moved) > reach[:, None]) & both
    most = (2 * far.sum(1) > both.sum(1)) & (both.sum(1) >= 2)
    body = np.zeros(len(moved))
    if most.any():
        body[most] = length(np.nanmedian(moved[most], axis=1))
    return body


def _persons(
    points: Floats,
    stays: list[np.ndarray],
    direct: list[bool],
    rate: float,
    noise: float,
    speed: float,
) -> list[int]:
    """A number for each stay, the same for stays that continue one another."""
    last: list[np.ndarray] = []  # of each person, the last stay
    persons: list[int] = []
    for stay, at_once in zip(stays, direct, strict=True):
        person = len(last)
        if persons:
            ends = points[[one[-1] for one in last]]
            starts = np.repeat(points[stay[:1]], len(ends), axis=0)
            away = _body_moved(ends, starts, np.zeros(len(ends)))
            previous = persons[-1]
            # Nobody stayed between but for a moment: may it be the way of the one before?
            passed = (stay[0] - last[previous][-1]) / rate
            if not at_once and away[previous] <= noise + speed * passed / 2:
                person = previous
            else:
                others = [n for n in range(len(last)) if n != previous]
                nearest = min(others, key=lambda n: float(away[n]), default=person)
                if nearest < len(last) and away[nearest] < _SAME_PLACE * away[previous]:
                    person = nearest
        if person == len(last):
            last.append(stay)
        last[person] = stay
        persons.append(person)
    return persons
