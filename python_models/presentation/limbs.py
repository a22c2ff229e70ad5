"""What of a skeleton is drawn: lines between joints, right side red, left side blue."""

from __future__ import annotations

from dataclasses import dataclass

from python_models.motion.skeletons import Skeleton
from python_models.overlay import LEFT, RIGHT, Colour

MIDDLE: Colour = (110, 110, 110)
# Lines that no parent stands for: across the body, and the trunk of skeletons without a spine.
_ACROSS = (("left_hip", "right_hip"), ("left_shoulder", "right_shoulder"))
_TRUNK = (("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"))
_SPINES = frozenset({"pelvis", "spine", "thorax"})


@dataclass(frozen=True)
class Limb:
    """A line between two joints' numbers."""

    start: int
    end: int
    colour: Colour


def colour_of(joint: str) -> Colour:
    """Of a joint, by its side."""
    if joint.startswith("left_"):
        return LEFT
    return RIGHT if joint.startswith("right_") else MIDDLE


def limbs(skeleton: Skeleton) -> tuple[Limb, ...]:
    """The skeleton's bones, and the lines that close its trunk; the sides are drawn last."""
    joints = skeleton.joints
    lines = [Limb(parent, child, colour_of(joints[child])) for parent, child in skeleton.bones]
    trunk = () if _SPINES & set(joints) else _TRUNK
    for start, end in (*_ACROSS, *trunk):
        if start in joints and end in joints:
            colour = colour_of(start) if (start, end) in _TRUNK else MIDDLE
            lines.append(Limb(joints.index(start), joints.index(end), colour))
    return tuple(sorted(lines, key=lambda limb: limb.colour != MIDDLE))
