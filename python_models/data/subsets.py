"""Which persons of an annotation file are used."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from python_models.arrays import Array

MINI = 20_000  # persons of the mini subset
JOINTS = 6


@dataclass(frozen=True)
class Subset:
    """A choice among the persons that have a labelled lower-body joint.

    Args:
        persons: How many; None: all that are left by the other conditions.
        fully_visible: Only persons with all six lower-body joints annotated (COCO's flag 1 or 2).
        min_joints: Only persons with at least as many annotated lower-body joints.
        seed: Of the choice of `persons`.
    """

    persons: int | None = None
    fully_visible: bool = False
    min_joints: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.persons is not None and self.persons < 1:
            raise ValueError(f"Subset: persons must be at least 1, got {self.persons}")
        if not 1 <= self.min_joints <= JOINTS:
            raise ValueError(f"Subset: min_joints must be 1 to {JOINTS}, got {self.min_joints}")

    def choose(self, identifiers: Sequence[object], visibility: Array) -> list[int]:
        """The positions of the chosen persons, in order.

        Who is chosen follows from the seed and the annotation ids alone: neither the file's order
        nor NumPy's version matters, and a smaller choice with the same seed lies in a larger one.

        Args:
            identifiers: The annotation id of each person.
            visibility: COCO's flags [N, 6] of the lower-body joints.

        Raises:
            ValueError: There are fewer persons than asked for.
        """
        least = JOINTS if self.fully_visible else self.min_joints
        labelled = (np.asarray(visibility).reshape(-1, JOINTS) > 0).sum(1)
        fitting = [int(position) for position in np.flatnonzero(labelled >= least)]
        if self.persons is None:
            return fitting
        if self.persons > len(fitting):
            raise ValueError(
                f"subset: {self.persons} persons asked for, but only {len(fitting)} have at least "
                f"{least} annotated lower-body joint{'s' if least > 1 else ''}"
            )
        fitting.sort(key=lambda position: self._lot(identifiers[position]))
        return sorted(fitting[: self.persons])

    def _lot(self, identifier: object) -> bytes:
        return hashlib.sha256(f"{self.seed}/{identifier}".encode()).digest()
