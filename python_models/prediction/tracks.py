"""The joints of each person through a video, as found and smoothed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from python_models.arrays import Array
from python_models.prediction.jitter import Jitter, jitter
from python_models.prediction.person_boxes import Box
from python_models.prediction.smoothing import OneEuro


@dataclass
class _Track:
    one_euro: OneEuro | None
    frames: list[int] = field(default_factory=list)
    found: list[Array] = field(default_factory=list)
    smoothed: list[Array] = field(default_factory=list)
    sides: list[float] = field(default_factory=list)


class Tracks:
    """Smooths the joints of each person by a One Euro filter of its own, and keeps them.

    Args:
        smoothing: Makes the filter of a person, given the longer side of its first box, in which
            speeds are measured; None: nothing is smoothed.
    """

    def __init__(self, smoothing: Callable[[float], OneEuro] | None) -> None:
        self._smoothing = smoothing
        self._tracks: dict[int, _Track] = {}

    def add(self, person: int, frame: int, time: float, joints: Array, box: Box) -> Array:
        """The joints [6, 2] to show for a person's joints in a frame, at a time in seconds."""
        side = max(box[2:])
        if person not in self._tracks:
            self._tracks[person] = _Track(self._smoothing(side) if self._smoothing else None)
        track = self._tracks[person]
        smoothed = joints if track.one_euro is None else track.one_euro(joints, time)
        track.frames.append(frame)
        track.found.append(joints)
        track.smoothed.append(smoothed)
        track.sides.append(side)
        return smoothed

    def jitter_before(self) -> Jitter:
        """Of the joints as they were found."""
        return self._jitter([track.found for track in self._tracks.values()])

    def jitter_after(self) -> Jitter:
        """Of the smoothed joints."""
        return self._jitter([track.smoothed for track in self._tracks.values()])

    def _jitter(self, joints: list[list[Array]]) -> Jitter:
        tracks = self._tracks.values()
        return jitter(
            [
                (np.array(track.frames), np.stack(points), np.array(track.sides))
                for track, points in zip(tracks, joints, strict=True)
            ]
        )


def scaled_one_euro(
    min_cutoff: float, beta: float, speed_cutoff: float
) -> Callable[[float], OneEuro]:
    """Filters whose beta is Hz per box side a second, so that it fits images of any size."""
    OneEuro(min_cutoff, beta, speed_cutoff)  # refuses bad numbers now, not in the first frame
    return lambda side: OneEuro(min_cutoff, beta / side, speed_cutoff)
