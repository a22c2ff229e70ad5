"""How much the joints of a video tremble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from python_models.arrays import Array


@dataclass(frozen=True)
class Jitter:
    """Root mean squares over the triples of frames; NaN where there is none.

    `joints` and `all` are in image pixels, `joints_of_box` and `all_of_box` in parts of the box's
    longer side. `joints` has one number a joint, `all` is over all joints.
    """

    joints: Array
    all: float
    joints_of_box: Array
    all_of_box: float
    triples: int


def jitter(tracks: Sequence[tuple[Array, Array, Array]], num_joints: int = 6) -> Jitter:
    """The root mean square of |p[t + 1] - 2 p[t] + p[t - 1]|, over persons and frames.

    A joint that rests or moves evenly has none. Noise of standard deviation s along both axes,
    independent in each frame, has s times the root of 12. The frame rate is not divided out:
    compare only videos of the same rate.

    Args:
        tracks: One a person: frame numbers [T], rising; joints [T, K, 2] in image pixels; the
            longer side of the person's box [T]. Only three frames in a row count, and the box is
            that of the middle one.
        num_joints: K.

    Example:
        >>> import numpy as np
        >>> joints = np.zeros((3, 1, 2))
        >>> joints[1, 0] = 3, 4
        >>> found = jitter([(np.arange(3), joints, np.full(3, 100.0))], 1)
        >>> found.all, found.all_of_box
        (10.0, 0.1)
    """
    squares = [np.zeros((0, num_joints))]
    relative = [np.zeros((0, num_joints))]
    for frames, joints, sides in tracks:
        if len(frames) < 3:
            continue
        in_a_row = np.asarray(frames)[2:] - np.asarray(frames)[:-2] == 2
        points = np.asarray(joints, np.float64)
        second = (points[2:] - 2 * points[1:-1] + points[:-2])[in_a_row]
        square = (second**2).sum(-1)
        squares.append(square)
        relative.append(square / np.asarray(sides, np.float64)[1:-1][in_a_row, None] ** 2)
    pixels, of_box = np.concatenate(squares), np.concatenate(relative)
    if not len(pixels):
        nothing = np.full(num_joints, np.nan)
        return Jitter(nothing, np.nan, nothing, np.nan, 0)
    return Jitter(
        np.sqrt(pixels.mean(0)),
        float(np.sqrt(pixels.mean())),
        np.sqrt(of_box.mean(0)),
        float(np.sqrt(of_box.mean())),
        len(pixels),
    )
