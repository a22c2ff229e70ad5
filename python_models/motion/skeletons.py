"""The skeletons in use: which joints a pose has, in which order, and how they hang together.

A joint has the same name in every skeleton, so that poses convert by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import lowerpose_ops as lp


@dataclass(frozen=True)
class Skeleton:
    """Names of the joints in their order, and of each one's parent; a root has none (None)."""

    name: str
    joints: tuple[str, ...]
    parents: tuple[str | None, ...]

    def __post_init__(self) -> None:
        if len(set(self.joints)) != len(self.joints) or len(self.parents) != len(self.joints):
            raise ValueError(f"Skeleton {self.name}: joints and parents must be one a name")
        unknown = set(self.parents) - {None, *self.joints}
        if unknown:
            raise ValueError(f"Skeleton {self.name}: parents must be joints, got {unknown}")

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Where a joint stands.

        Raises:
            ValueError: The skeleton has no such joint.
        """
        if joint not in self.joints:
            raise ValueError(f"{self.name} has no {joint}; its joints are {self.joints}")
        return self.joints.index(joint)

    def indices(self, *joints: str) -> list[int]:
        """Where the joints stand."""
        return [self.index(joint) for joint in joints]

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """Pairs (parent, child) of joint numbers."""
        return tuple(
            (self.joints.index(parent), child)
            for child, parent in enumerate(self.parents)
            if parent is not None
        )

    @cached_property
    def flip_pairs(self) -> tuple[tuple[int, int], ...]:
        """The joints (left, right) that a horizontal flip exchanges."""
        return tuple(
            (number, self.joints.index("right_" + joint.removeprefix("left_")))
            for number, joint in enumerate(self.joints)
            if joint.startswith("left_")
        )


ROOT = "pelvis"
"""What joints in space are relative to: the pelvis, or the middle of the hips without one."""

LEG = ("hip", "knee", "ankle")
"""A leg's joints, without their side."""

# A joint's parent where the skeleton has that one; else the parent's, and so on.
_PARENTS = {
    **{f"{side}_{joint}": f"{side}_{parent}" for side in ("left", "right") for joint, parent in (
        ("knee", "hip"), ("ankle", "knee"), ("heel", "ankle"), ("toe", "ankle"),
        ("elbow", "shoulder"), ("wrist", "elbow"), ("ear", "eye"),
    )},
    **{f"{side}_hip": "pelvis" for side in ("left", "right")},
    **{f"{side}_shoulder": "thorax" for side in ("left", "right")},
    **{f"{side}_eye": "nose" for side in ("left", "right")},
    "spine": "pelvis",
    "thorax": "spine",
    "neck": "thorax",
    "head": "neck",  # the middle of the head, as motion capture has it
    "nose": "neck",
    "head_top": "nose",
}  # fmt: skip


def skeleton(name: str, joints: tuple[str, ...]) -> Skeleton:
    """A skeleton of joints with the body's usual parents, nearest first."""
    return Skeleton(name, joints, tuple(_nearest_parent(joint, joints) for joint in joints))


def _nearest_parent(joint: str, joints: tuple[str, ...]) -> str | None:
    parent = _PARENTS.get(joint)
    while parent is not None and parent not in joints:
        parent = _PARENTS.get(parent)
    return parent


def legs(known: Skeleton) -> list[tuple[int, int, int]]:
    """Hip, knee and ankle of the left and of the right leg; empty where the skeleton lacks one."""
    names = [tuple(f"{side}_{joint}" for joint in LEG) for side in ("left", "right")]
    if not all(name in known.joints for leg in names for name in leg):
        return []
    return [(hip, knee, ankle) for hip, knee, ankle in (known.indices(*leg) for leg in names)]


LOWER_BODY_6 = skeleton("lower-body-6", lp.LOWER_BODY_JOINTS)
"""The six joints of the heatmap models; the root is the middle of the hips."""

COCO_17 = skeleton("coco-17", (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee",
    "right_knee", "left_ankle", "right_ankle",
))  # fmt: skip
"""COCO's keypoints."""

MPII_16 = skeleton("mpii-16", (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis",
    "thorax", "neck", "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder",
    "left_elbow", "left_wrist",
))  # fmt: skip
"""MPII Human Pose; its "upper neck" is `neck`."""

HUMAN36M_17 = skeleton("human36m-17", (
    "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "spine", "thorax", "nose", "head_top", "left_shoulder", "left_elbow", "left_wrist",
    "right_shoulder", "right_elbow", "right_wrist",
))  # fmt: skip
"""Human3.6M as VideoPose3D orders it; `thorax` is its "neck" between the shoulders."""

HUMAN36M_16 = skeleton(
    "human36m-16", tuple(joint for joint in HUMAN36M_17.joints if joint != "nose")
)
"""Human3.6M without the nose: the 16 joints of Martinez et al. and of the stacked hourglass."""

LSP_14 = skeleton("lsp-14", (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist",
    "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck",
    "head_top",
))  # fmt: skip
"""Leeds Sports Pose."""

ROOT_ALONE = skeleton("root", (ROOT,))
"""To convert poses to their root."""

SKELETONS = {
    known.name: known
    for known in (LOWER_BODY_6, COCO_17, MPII_16, HUMAN36M_17, HUMAN36M_16, LSP_14)
}
