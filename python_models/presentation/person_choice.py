"""Which of a frame's persons is looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from python_models.motion.known import extremes
from python_models.motion.motion import Floats
from python_models.prediction.person_boxes import Box

LEAST_OVERLAP = 0.1  # of the boxes in two frames, intersection over union, to be the same person


class Follower:
    """Chooses one person in each frame: the one of a number, or the largest, who is then followed.

    The person of the next frame is the one whose box overlaps most with the last box. If none
    does, the person is missing: somebody else's angles would be worse than none. Only where there
    was never more than one person in a frame, or a number says who it is, is the one who jumps
    taken all the same; it is noted, and `analysis.another_person` looks at how far.

    Args:
        person: The number to choose; None: the largest.
        follow: The frames are moments of one motion. If not, each has its own largest person.
    """

    def __init__(self, person: int | None = None, *, follow: bool = True) -> None:
        self._person = person
        self._follow = follow
        self._last: Box | None = None
        self.most = 0
        """Persons in one frame, of the frames so far."""
        self.lost = 0
        """Frames with persons, none of whom was the chosen one."""
        self.jumps = 0
        """Frames in which the chosen one is where they do not overlap with the last box."""

    def __call__(self, persons: Sequence[tuple[int, Box]]) -> int | None:
        """The place of the chosen one among (number, box); None if it is not there."""
        self.most = max(self.most, len(persons))
        place = self._choose(persons)
        if place is None:
            self.lost += bool(persons)
        elif self._follow:
            box = persons[place][1]
            self.jumps += self._last is not None and overlap(self._last, box) < LEAST_OVERLAP
            self._last = box
        return place

    def _choose(self, persons: Sequence[tuple[int, Box]]) -> int | None:
        if self._person is not None:
            return next((i for i, (n, _) in enumerate(persons) if n == self._person), None)
        last = self._last

        def rank(place: int) -> float:
            box = persons[place][1]
            return box[2] * box[3] if last is None else overlap(last, box)

        best = max(range(len(persons)), key=rank, default=None)
        alone = len(persons) == 1 and self.most == 1  # nobody to be taken for
        if best is None or last is None or alone or rank(best) >= LEAST_OVERLAP:
            return best
        return None

    def notes(self) -> list[str]:
        """What a reader of the results must know about the choice."""
        found = []
        if self.most > 1:
            way = "the largest" if self._person is None else f"number {self._person}"
            if self._person is None and self._follow:
                way += " at first, then whoever overlaps with the last box"
            found.append(f"up to {self.most} persons in a frame; the one looked at is {way}")
        if self.lost:
            found.append(f"in {self.lost} frames with persons, none of them was the chosen one")
        if self.jumps:
            found.append(
                f"in {self.jumps} frames the person is not where they were last seen: another "
                "person may be seen from there on"
            )
        return found


def extent(points: Floats) -> Box:
    """The box around points [N, 2]: those that are known, an empty one if none is."""
    low, high = extremes(points)
    if not np.isfinite(low).all():
        return 0.0, 0.0, 0.0, 0.0
    left, top, right, bottom = map(float, (*low, *high))
    return left, top, right - left, bottom - top


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    union = a[2] * a[3] + b[2] * b[3] - shared
    return shared / union if union > 0 and math.isfinite(union) else 0.0
