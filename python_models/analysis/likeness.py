"""Where legs in a picture look as likely with left and right of a joint exchanged.

In a picture a knee is no leg's own: what tells is that thighs and shanks hardly cross, that both
legs do about the same, and that no bone is longer than it is elsewhere. Where that does not tell,
either leg may have either knee, and angles are good for no more than the difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from python_models.analysis import proportions
from python_models.analysis.definitions import SIDES, Scene, definitions
from python_models.analysis.geometry import angle_between, length
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.results import Bools, Curve
from python_models.analysis.rules import RuleFile
from python_models.analysis.signals import median_filtered
from python_models.analysis.swaps import exchange
from python_models.motion.known import known
from python_models.motion.motion import Floats

MOST = 15.0
"""Degrees by which an exchange may change an angle of the leg that is still told: as much as a view
from the side is good for."""

_BOTH = "both sides"
_KINDS = ("hip", "knee", "ankle")
_LIKELY = 0.04  # squared bone lengths; of squats seen 75 degrees from the front it is 0.13 and more
_LONGER = 1.1  # of a bone's length: noise makes none longer
_WEIGHT = 20.0  # of what is longer, against the squares of lengths
_SMOOTH = 0.3  # seconds: as measures are smoothed


def likely_exchanges(sequence: PoseSequence, points: Floats) -> dict[str, Bools]:
    """By kind of joint (hip, knee, ankle), frames [T] whose legs are as likely with it exchanged.

    Of the given legs and the exchanged ones the likelier have less of the sum of their bones'
    squared lengths (they cross less, and are more alike) and of what bones are too long. Within a
    small margin both are likely, and the other ones where they are clearly likelier. By the median
    of 0.3 s; a single frame counts where it is clear by itself.

    Args:
        sequence: Of pictures.
        points: [T, K, 2]; NaN is a gap, and tells nothing.
    """
    legs = _legs(sequence, points)
    if legs is None:
        return {}
    given, crossed = _bones(legs), _bones(_other(legs, "knee"))
    longest = np.minimum(given.max(-1), crossed.max(-1))  # [T, bones]
    if sequence.frame_rate is not None:
        longest = np.array([[proportions.nan_quantile(bone, 0.95) for bone in longest.T]])
    with np.errstate(invalid="ignore", divide="ignore"):
        costs = _cost(crossed / longest[..., None]) - _cost(given / longest[..., None])
        # Exchanged hips change the thighs, and exchanged ankles the shanks, as exchanged knees do.
        thighs, shanks = costs.T
        both = np.where(np.isnan(thighs), shanks, thighs + np.nan_to_num(shanks))
        costs_of = {"hip": thighs, "knee": both, "ankle": shanks}
        return {
            kind: (_smooth(sequence, cost) < _LIKELY) | (cost < -_LIKELY)
            for kind, cost in costs_of.items()
        }


def alike(
    sequence: PoseSequence, points: Floats, likely: Mapping[str, Bools]
) -> tuple[Bools, Bools]:
    """Joints [T, K] that change an angle of the leg by more than MOST if they are exchanged.

    And those of them [T, K] that change the mean of both knees' flexion too: seen straight from the
    side the legs only change places, and their mean is known.
    """
    lost, both = np.zeros(points.shape[:2], bool), np.zeros(points.shape[:2], bool)
    legs = _legs(sequence, points)
    for kind, frames in likely.items():
        if legs is None or not frames.any():
            continue
        given, other = _angles(sequence, legs), _angles(sequence, _other(legs, kind))
        change = np.abs(other - given)  # [T, angles, sides]
        middle = np.abs((other - given)[:, 0].mean(-1))
        far, off = (
            frames & (np.fmax(_smooth(sequence, size), 0) > MOST)
            for size in (np.fmax.reduce(change, axis=(1, 2)), middle)
        )
        # An exchange between hips and knees is of the thighs, and knees end them.
        pair = [f"{side}_{kind if kind == 'ankle' else 'knee'}" for side in SIDES]
        places = sequence.skeleton.indices(*pair)
        lost[:, places] |= far[:, None]
        both[:, places] |= (far & off)[:, None]
    return lost, both


def unchecked(sequence: PoseSequence, points: Floats, joints: tuple[str, ...]) -> tuple[str, ...]:
    """A sentence about a picture's frames that show one leg whole, and of the other one less.

    Args:
        sequence: Its joints.
        points: [T, K, 2], what is believed.
        joints: That the exercise needs.
    """
    legs = _legs(sequence, points) if sequence.dimensions == 2 else None
    if legs is None or "left_knee" not in joints:
        return ()
    left, right = np.asarray(known(legs).all(1)).T
    frames = int(np.count_nonzero(left != right))
    if not frames:
        return ()
    return (
        f"In {frames} frames only one leg is seen whole: whether its hip, knee and ankle are all "
        "of the same leg cannot be checked there.",
    )


def doubted(
    curves: Mapping[str, Curve],
    main: Curve,
    sequence: PoseSequence,
    points: Floats,
    likely: Mapping[str, Bools],
    rules: RuleFile,
) -> tuple[dict[str, Curve], Curve]:
    """Curves, and that of both sides, with what likely exchanges would change in them.

    Args:
        curves: By name.
        main: `angles.combined` of the exercise's curve.
        sequence: Of pictures.
        points: [T, K, 2], as `likely` was told from them.
        likely: Of `likely_exchanges`.
        rules: The exercise's.
    """
    if not likely:  # as in space
        return dict(curves), main
    given = _formulas(sequence, points, rules)
    changes = {name: np.zeros(len(points)) for name in given}
    for kind, frames in likely.items():
        if frames.any():
            other = _formulas(sequence, exchanged(sequence, points, kind), rules)
            for name, values in other.items():
                size = _smooth(sequence, np.abs(values - given[name]))
                changes[name] = np.fmax(changes[name], np.where(frames, size, 0.0))
    made = {name: told(curve, changes.get(name)) for name, curve in curves.items()}
    both = changes.get(_BOTH, changes.get(rules.curve, np.zeros(len(points))))
    for there, gap in (SIDES, SIDES[::-1]):  # where one side is a gap, the other one is both
        one = made.get(f"{gap}_{rules.curve}")
        if one is not None:
            both = np.where(np.isnan(one.values), changes.get(f"{there}_{rules.curve}", both), both)
    return made, told(main, both)


def told(curve: Curve, sides: Floats | None) -> Curve:
    """A curve with `sides` where it has values: of a gap nothing is said that could change."""
    if sides is None:
        return curve
    sides = np.where(np.isnan(curve.values), 0.0, sides)
    return replace(curve, sides=sides if sides.any() else None)


def _formulas(sequence: PoseSequence, points: Floats, rules: RuleFile) -> dict[str, Floats]:
    """The numbers of all curves by name, whatever the view is, and of both sides together."""
    joints = set(sequence.skeleton.joints)
    places = {name: proportions.joint(sequence, points, name) for name in joints}
    scene = Scene(places, sequence.up, proportions.leg_length(sequence, points))
    with np.errstate(invalid="ignore"):
        made = {
            one.name: one.formula(scene)
            for one in definitions(sequence.skeleton)
            if joints.issuperset(one.joints)
        }
    a, b = (made.get(f"{side}_{rules.curve}") for side in SIDES)
    if a is not None and b is not None:
        made[_BOTH] = (a + b) / 2 if rules.sides == "mean" else np.maximum(a, b)
    return made


def exchanged(sequence: PoseSequence, points: Floats, kind: str) -> Floats:
    """Points [T, K, D] with left and right of a kind of joint exchanged."""
    made = points.copy()
    pair = sequence.skeleton.indices(f"left_{kind}", f"right_{kind}")
    exchange(made, np.arange(len(points)), pair)
    return made


def _legs(sequence: PoseSequence, points: Floats) -> Floats | None:
    """[T, hip knee ankle, left right, 2]; None if the skeleton has no such joints."""
    names = [f"{side}_{kind}" for kind in _KINDS for side in SIDES]
    if not set(names) <= set(sequence.skeleton.joints):
        return None
    legs = points[:, sequence.skeleton.indices(*names)]
    legs = np.where(known(legs)[..., None], legs, np.nan)
    return legs.reshape(len(points), 3, 2, points.shape[-1])


def _other(legs: Floats, kind: str) -> Floats:
    made = legs.copy()
    place = _KINDS.index(kind)
    made[:, place] = legs[:, place, ::-1]
    return made


def _bones(legs: Floats) -> Floats:
    """Lengths [T, thigh shank, left right]."""
    return length(np.diff(legs, axis=1))


def _cost(lengths: Floats) -> Floats:
    """[T, bones] of lengths [T, bones, sides] in those of the bones."""
    return np.asarray((lengths**2 + _WEIGHT * np.maximum(lengths - _LONGER, 0) ** 2).sum(-1))


def _angles(sequence: PoseSequence, legs: Floats) -> Floats:
    """Flexion, and how thigh and shank are inclined, [T, 3, sides]; degrees."""
    thighs, shanks = legs[:, 1] - legs[:, 0], legs[:, 2] - legs[:, 1]
    down = np.broadcast_to(-sequence.up, thighs.shape)
    pairs = ((thighs, shanks), (thighs, down), (shanks, down))
    return np.stack([angle_between(a, b) for a, b in pairs], axis=1)


def _smooth(sequence: PoseSequence, values: Floats) -> Floats:
    return median_filtered(values, round(_SMOOTH * (sequence.frame_rate or 0)))
