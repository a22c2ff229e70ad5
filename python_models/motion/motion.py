"""A person's motion in 3D, whatever it was recorded with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from python_models.motion.skeletons import Skeleton

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Motion:
    """Poses at a fixed rate.

    Attributes:
        joints: [T, K, 3] in millimetres; NaN where a joint is not known.
        skeleton: Names the K joints.
        frame_rate: Poses per second.
        subject: Whose motion it is: data are split by it.
        action: What the person does, as the data set calls it.
        name: Of the recording, one of its own in its data set.
        frame: "world": right-handed, Z up; "camera": x right, y down, z forward.

    Raises:
        ValueError: The shape does not fit the skeleton, or the frame rate is not positive.
    """

    joints: Floats
    skeleton: Skeleton
    frame_rate: float
    subject: str
    action: str
    name: str
    frame: Literal["world", "camera"] = "world"

    def __post_init__(self) -> None:
        expected = (len(self.skeleton), 3)
        if self.joints.ndim != 3 or self.joints.shape[1:] != expected:
            raise ValueError(
                f"Motion {self.name}: joints must be [T, {expected[0]}, 3], "
                f"got {list(self.joints.shape)}"
            )
        if not 0 < self.frame_rate < np.inf:
            raise ValueError(
                f"Motion {self.name}: frame_rate must be positive, got {self.frame_rate}"
            )

    def __len__(self) -> int:
        return len(self.joints)

    def of(self, *joints: str) -> Floats:
        """Trajectories [T, len(joints), 3] of the named joints."""
        return self.joints[:, self.skeleton.indices(*joints)]

    def with_joints(self, joints: Floats, skeleton: Skeleton) -> Motion:
        """The same recording with other joints."""
        return replace(self, joints=joints, skeleton=skeleton)

    def map(self, change: Callable[[Floats], Floats]) -> Motion:
        """The same recording with its joints [T, K, 3] changed."""
        return replace(self, joints=change(self.joints))
