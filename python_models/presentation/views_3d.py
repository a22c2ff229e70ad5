"""The 3D pose from the front, from the side and from above: right side red, left side blue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from python_models.analysis.pose_sequence import PoseSequence
from python_models.motion.known import extremes, known
from python_models.motion.motion import Floats
from python_models.overlay import hex_colour
from python_models.presentation.limbs import colour_of, limbs
from python_models.whole_file import whole_file

VIEWS = ("front", "side", "top")
_LEAST_WIDTH = 0.2  # of the hips' vector that is level, to say where the body faces
_SIDES = (("left_hip", "right_hip"), ("left_shoulder", "right_shoulder"))


def body_axes(sequence: PoseSequence) -> tuple[Floats, bool]:
    """[3, 3]: unit vectors to the body's left, forward and up, over the whole sequence.

    Forward is level, and so is left, which the hips say, or the shoulders where there are no hips.
    The second value is False where neither says it: left and forward are then any level directions.
    """
    up = sequence.up
    joints = sequence.skeleton.joints
    for left, right in _SIDES:
        if left not in joints or right not in joints:
            continue
        places = sequence.skeleton.indices(left, right)
        across = sequence.points[:, places[0]] - sequence.points[:, places[1]]
        across = across[known(across)]
        if not len(across):
            continue
        middle = np.median(across, axis=0)
        level = middle - (middle @ up) * up
        length = float(np.linalg.norm(level))
        if length > _LEAST_WIDTH * float(np.median(np.linalg.norm(across, axis=1))) > 0:
            level /= length
            return np.stack([level, np.cross(level, up), up]), True
    helper = np.eye(3)[int(np.argmin(np.abs(up)))]
    level = helper - (helper @ up) * up
    level /= np.linalg.norm(level)
    return np.stack([level, np.cross(level, up), up]), False


def seen(points: Floats, axes: Floats) -> dict[str, Floats]:
    """Points [..., 3] in the plane [..., 2] (right, up) of each view.

    From the front the body's left side is on the right; from its right side it faces to the right;
    from above it faces up.
    """
    left, forward, up = (points @ axis for axis in axes)
    return {
        "front": np.stack([left, up], axis=-1),
        "side": np.stack([forward, up], axis=-1),
        "top": np.stack([-left, forward], axis=-1),
    }


def figure_of(sequence: PoseSequence, frames: Sequence[int], titles: Sequence[str]) -> Figure:
    """A row a frame, a column a view; all of one scale, in millimetres from the body's middle.

    Raises:
        ValueError: The sequence is not 3D, or there is no frame.
    """
    if sequence.dimensions != 3 or not frames:
        raise ValueError("views_3d: must have 3D poses and a frame to draw")
    axes, sure = body_axes(sequence)
    poses = sequence.points[list(frames)]
    poses = poses - np.stack([_middle(pose) for pose in poses])[:, None]
    planes = seen(poses, axes)
    flat = np.concatenate([plane.reshape(-1, 2) for plane in planes.values()])
    reach = float(np.nanmax(np.abs(flat))) * 1.08 if np.isfinite(flat).any() else 1.0
    figure = Figure(figsize=(9, 3.1 * len(frames) + 0.9), layout="constrained")
    grid = figure.subplots(len(frames), len(VIEWS), squeeze=False, sharex=True, sharey=True)
    for row, (pose, title) in enumerate(zip(poses, titles, strict=True)):
        for column, view in enumerate(VIEWS):
            axis = grid[row][column]
            _draw(axis, planes[view][row], sequence)
            axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
            axis.set_title(view if column else f"{title}: {view}", fontsize=10)
            axis.tick_params(labelsize=7)
            axis.grid(alpha=0.25)
        if not known(pose).any():
            grid[row][1].text(0, 0, "no pose known", ha="center", va="center")
    handles = [
        grid[0][0].plot([], [], color=hex_colour(colour_of(f"{side}_")), lw=3, label=side)[0]
        for side in ("left", "right")
    ]
    note = "mm" if sure else "mm; where the body faces is not known: any level axes"
    figure.legend(handles=handles, loc="outside lower center", ncols=2, title=note, fontsize=9)
    return figure


def save_views(
    path: Path, sequence: PoseSequence, frames: Sequence[int], titles: Sequence[str]
) -> None:
    """The figure as a PNG."""
    with whole_file(path) as file:
        figure_of(sequence, frames, titles).savefig(file, dpi=110)


def _middle(pose: Floats) -> Floats:
    low, high = extremes(pose)
    return (low + high) / 2 if np.isfinite(low).all() else np.zeros(3)


def _draw(axis: Axes, plane: Floats, sequence: PoseSequence) -> None:
    for limb in limbs(sequence.skeleton):
        ends = plane[[limb.start, limb.end]]
        axis.plot(*ends.T, color=hex_colour(limb.colour), lw=2.5, solid_capstyle="round")
    for joint, point in zip(sequence.skeleton.joints, plane, strict=True):
        axis.plot(*point, "o", color=hex_colour(colour_of(joint)), ms=4)
