"""What each curve is: the joints that it needs and its formula.

All angles are in degrees. A formula gives [T]; it is the same in a picture and in space.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from python_models.analysis.geometry import angle_between, dot, left_axis, length, signed_angle
from python_models.analysis.results import Side
from python_models.motion.kinematics import unit as direction
from python_models.motion.motion import Floats
from python_models.motion.skeletons import Skeleton


@dataclass(frozen=True)
class Scene:
    """What formulas know; `scene[joint]` is the place of a joint, [T, D].

    Attributes:
        points: Places by the joint's name.
        up: [D], the unit vector against gravity.
        leg_length: [T] or [1], thigh and shank together, in the points' unit.
    """

    points: Mapping[str, Floats]
    up: Floats
    leg_length: Floats

    def __getitem__(self, joint: str) -> Floats:
        return self.points[joint]


Formula = Callable[[Scene], Floats]

# In which pictures a projected number is near the body's own: "side" of what happens in the
# body's sagittal plane, "front" of what happens in its frontal plane, "any" of the arms, which
# move in either.
Plane = Literal["side", "front", "any"]

SIDES: tuple[Side, Side] = ("left", "right")
_STEEP = 30.0  # degrees from the vertical: a body line this upright has no sag
_SEEN = 0.4  # part of a thigh that the frontal plane must show for an angle in it


@dataclass(frozen=True)
class Definition:
    """One curve.

    Attributes:
        kind: Without the side.
        side: None where it is of the whole body.
        unit: Of its values.
        plane: Which pictures show it.
        joints: That the formula reads.
        bones: Pairs of joints whose directions it depends on, for foreshortening in pictures.
        formula: Of the values.
    """

    kind: str
    side: Side | None
    unit: str
    plane: Plane
    joints: tuple[str, ...]
    bones: tuple[tuple[str, str], ...]
    formula: Formula

    @property
    def name(self) -> str:
        return f"{self.side}_{self.kind}" if self.side else self.kind


HIPS = ("left_hip", "right_hip")
ANKLES = ("left_ankle", "right_ankle")
_SHOULDERS = ("left_shoulder", "right_shoulder")

# Kinds that need no more than this; the tests hold that they are the ones defined.
KINDS: dict[str, str] = {
    "knee_flexion": "degrees",
    "thigh_inclination": "degrees",
    "shin_inclination": "degrees",
    "hip_flexion": "degrees",
    "trunk_over_shin": "degrees",
    "trunk_lean": "degrees",
    "knee_valgus": "degrees",
    "knee_medial": "ratio",
    "knee_separation": "ratio",
    "pelvis_shift": "ratio",
    "elbow_flexion": "degrees",
    "shoulder_elevation": "degrees",
    "upper_arm_inclination": "degrees",
    "arm_inclination": "degrees",
    "body_line": "degrees",
}
"""Every kind of curve with its unit."""

SIDED = frozenset(KINDS) - {"trunk_lean", "knee_separation", "pelvis_shift"}
"""The kinds of which there is one for the left and one for the right."""


def trunk_top(skeleton: Skeleton) -> tuple[str, ...]:
    """The joints whose middle is the trunk's upper end; none if the skeleton has no such joint."""
    for joints in (_SHOULDERS, ("thorax",), ("neck",)):
        if all(joint in skeleton.joints for joint in joints):
            return joints
    return ()


def definitions(skeleton: Skeleton) -> list[Definition]:
    """Every curve, whether or not the skeleton has its joints."""
    top = trunk_top(skeleton) or _SHOULDERS
    made = []
    for side in SIDES:
        made += _leg(side, top) + _frontal_leg(side) + _arm(side, top)
        made.append(_body_line(side))
    return [*made, *_whole_body(top)]


def _middle(at: Scene, joints: tuple[str, ...]) -> Floats:
    return np.asarray(sum(at[joint] for joint in joints) / len(joints))


def _leg(side: Side, top: tuple[str, ...]) -> list[Definition]:
    hip, knee, ankle = (f"{side}_{joint}" for joint in ("hip", "knee", "ankle"))
    thigh, shank = (hip, knee), (knee, ankle)

    def knee_flexion(at: Scene) -> Floats:
        return angle_between(at[knee] - at[hip], at[ankle] - at[knee])

    def thigh_inclination(at: Scene) -> Floats:
        return angle_between(at[knee] - at[hip], -at.up)

    def shin_inclination(at: Scene) -> Floats:
        return angle_between(at[knee] - at[ankle], at.up)

    def hip_flexion(at: Scene) -> Floats:
        trunk = _middle(at, top) - _middle(at, HIPS)
        return angle_between(at[hip] - at[knee], trunk)

    def trunk_over_shin(at: Scene) -> Floats:
        trunk = _middle(at, top) - _middle(at, HIPS)
        return angle_between(trunk, at.up) - shin_inclination(at)

    return [
        Definition(
            "trunk_over_shin",
            side,
            "degrees",
            "side",
            (*HIPS, knee, ankle, *top),
            (shank,),
            trunk_over_shin,
        ),
        Definition(
            "knee_flexion", side, "degrees", "side", (*thigh, ankle), (thigh, shank), knee_flexion
        ),
        Definition(
            "thigh_inclination", side, "degrees", "side", thigh, (thigh,), thigh_inclination
        ),
        Definition("shin_inclination", side, "degrees", "side", shank, (shank,), shin_inclination),
        Definition(
            "hip_flexion", side, "degrees", "side", (*HIPS, knee, *top), (thigh,), hip_flexion
        ),
    ]


def _frontal_leg(side: Side) -> list[Definition]:
    hip, knee, ankle = (f"{side}_{joint}" for joint in ("hip", "knee", "ankle"))
    joints = (*HIPS, knee, ankle)

    def in_frontal_plane(at: Scene) -> tuple[Floats, Floats]:
        """Thigh and shank from above as (medial, up), [T, 2] each."""
        left = left_axis(at["left_hip"], at["right_hip"], at.up)
        medial = -left if side == "left" else left
        thigh, shank = at[knee] - at[hip], at[ankle] - at[knee]
        return (
            np.stack([dot(thigh, medial), dot(thigh, at.up)], -1),
            np.stack([dot(shank, medial), dot(shank, at.up)], -1),
        )

    def knee_valgus(at: Scene) -> Floats:
        thigh, shank = in_frontal_plane(at)
        # Turning from the thigh to the shank: a knee that is medial of the line from hip to ankle
        # has a thigh that goes in and a shank that goes out again.
        turned = signed_angle(
            dot(thigh, shank), thigh[..., 1] * shank[..., 0] - thigh[..., 0] * shank[..., 1]
        )
        seen = length(thigh) >= _SEEN * length(at[knee] - at[hip])
        return np.where(seen, turned, np.nan)

    def knee_medial(at: Scene) -> Floats:
        thigh, shank = in_frontal_plane(at)
        line = direction(thigh + shank)
        off_line = line[..., 0] * thigh[..., 1] - line[..., 1] * thigh[..., 0]
        return off_line / at.leg_length

    return [
        Definition("knee_valgus", side, "degrees", "front", joints, (), knee_valgus),
        Definition("knee_medial", side, "ratio", "front", joints, (), knee_medial),
    ]


def _arm(side: Side, top: tuple[str, ...]) -> list[Definition]:
    shoulder, elbow, wrist = (f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist"))
    upper, fore = (shoulder, elbow), (elbow, wrist)

    def elbow_flexion(at: Scene) -> Floats:
        return angle_between(at[elbow] - at[shoulder], at[wrist] - at[elbow])

    def shoulder_elevation(at: Scene) -> Floats:
        trunk = _middle(at, top) - _middle(at, HIPS)
        return angle_between(at[elbow] - at[shoulder], -trunk)

    def upper_arm_inclination(at: Scene) -> Floats:
        return angle_between(at[elbow] - at[shoulder], -at.up)

    def arm_inclination(at: Scene) -> Floats:
        return angle_between(at[wrist] - at[shoulder], at.up)

    return [
        Definition(
            "elbow_flexion", side, "degrees", "any", (*upper, wrist), (upper, fore), elbow_flexion
        ),
        Definition(
            "shoulder_elevation",
            side,
            "degrees",
            "any",
            tuple(dict.fromkeys((*HIPS, *upper, *top))),
            (upper,),
            shoulder_elevation,
        ),
        Definition(
            "upper_arm_inclination",
            side,
            "degrees",
            "any",
            upper,
            (upper,),
            upper_arm_inclination,
        ),
        Definition(
            "arm_inclination", side, "degrees", "any", (shoulder, wrist), (), arm_inclination
        ),
    ]


def _body_line(side: Side) -> Definition:
    shoulder, hip, ankle = (f"{side}_{joint}" for joint in ("shoulder", "hip", "ankle"))

    def body_line(at: Scene) -> Floats:
        whole = at[ankle] - at[shoulder]
        along = direction(whole)
        above = at.up - dot(along, at.up)[..., None] * along  # up, at right angles to it
        steep = length(above) < np.sin(np.radians(_STEEP))
        above = direction(above)
        trunk, leg = at[hip] - at[shoulder], at[ankle] - at[hip]
        sag = signed_angle(dot(trunk, along), -dot(trunk, above)) + signed_angle(
            dot(leg, along), dot(leg, above)
        )
        return np.where(steep, np.nan, sag)

    return Definition(
        "body_line", side, "degrees", "side", (shoulder, hip, ankle), ((hip, ankle),), body_line
    )


def _whole_body(top: tuple[str, ...]) -> list[Definition]:
    knees = ("left_knee", "right_knee")

    def trunk_lean(at: Scene) -> Floats:
        return angle_between(_middle(at, top) - _middle(at, HIPS), at.up)

    def knee_separation(at: Scene) -> Floats:
        left = left_axis(at["left_hip"], at["right_hip"], at.up)
        ankles = dot(at["left_ankle"] - at["right_ankle"], left)
        apart = ankles > 0.2 * length(at["left_hip"] - at["right_hip"])
        return dot(at["left_knee"] - at["right_knee"], left) / np.where(apart, ankles, np.nan)

    def pelvis_shift(at: Scene) -> Floats:
        left = left_axis(at["left_hip"], at["right_hip"], at.up)
        shift = dot(_middle(at, HIPS) - _middle(at, ANKLES), left)
        width = length(at["left_hip"] - at["right_hip"])
        return shift / np.where(width > 0, width, np.nan)

    return [
        Definition("trunk_lean", None, "degrees", "side", (*HIPS, *top), (), trunk_lean),
        Definition(
            "knee_separation", None, "ratio", "front", (*HIPS, *knees, *ANKLES), (), knee_separation
        ),
        Definition("pelvis_shift", None, "ratio", "front", (*HIPS, *ANKLES), (), pelvis_shift),
    ]
