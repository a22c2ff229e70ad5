"""Knee angles in pictures whose joints have the wrong side, and what is said of them.

`python -m python_models.analysis.side_error --root DATA/ui-prmd` prints a table: UI-PRMD's
movements of both legs, seen from far away at eye level, with the knees, or the ankles, of left and
right exchanged in all frames: how far knee flexion is off without likeness.py and with it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from python_models.analysis import likeness
from python_models.analysis.analysis import analyse
from python_models.analysis.angles import curves_of
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.results import Analysis, Bools
from python_models.analysis.view_error import seen_from
from python_models.motion.motion import Floats
from python_models.motion.ui_prmd import read_vicon

_STEP = 3  # of 100 frames a second
_FILES = {"deep squat": "m01", "inline lunge": "m03", "hurdle step": "m02", "sit to stand": "m05"}
# Who lunges stands askew: from 0 to 45 degrees in the room these show their side.
_AZIMUTHS = {"inline lunge": (15, 30, 45)}


@dataclass(frozen=True)
class SideErrors:
    """Of one movement and direction; of sequences whose knee flexion the view shows.

    Attributes:
        sequences: How many.
        lost: Part of the frames of true sequences that are gaps since left and right look alike.
        without: Degrees by kind of exchanged joint: the largest change of a knee's flexion by the
            exchange, if nothing were done about it.
        silent: The largest one that is left where the analysis has a value, less what `Curve.sides`
            says of it.
    """

    sequences: int
    lost: float
    without: dict[str, float]
    silent: dict[str, float]


def side_errors(
    sequences: Sequence[PoseSequence], azimuth: float, exercise: str = "squat"
) -> SideErrors:
    """Errors of sequences in millimetres that face +X, Z up.

    Args:
        sequences: In space.
        azimuth: Degrees from the front.
        exercise: Whose analysis.
    """
    lost: list[Bools] = []
    without, silent = ({"knee": [0.0], "ankle": [0.0]} for _ in range(2))
    for sequence in sequences:
        picture = seen_from(sequence, azimuth)
        true = curves_of(picture)
        if true["left_knee_flexion"].refused is not None:
            continue
        lost.append(_alike(analyse(picture, exercise)))
        for kind in without:
            given = exchanged(picture, kind)
            bare, found = curves_of(given), analyse(given, exercise)
            for side in ("left", "right"):
                name = f"{side}_knee_flexion"
                without[kind].append(_largest(np.abs(bare[name].values - true[name].values)))
                off = np.abs(found.curves[name].values - true[name].values)
                said = found.curves[name].sides
                silent[kind].append(_largest(off if said is None else off - said))
    return SideErrors(
        len(lost),
        float(np.concatenate(lost).mean()) if lost else float("nan"),
        {kind: max(errors) for kind, errors in without.items()},
        {kind: max(errors) for kind, errors in silent.items()},
    )


def exchanged(picture: PoseSequence, kind: str, frames: slice = slice(None)) -> PoseSequence:
    """A sequence with left and right of a kind of joint exchanged in some frames."""
    points = picture.points.copy()
    points[frames] = likeness.exchanged(picture, picture.points, kind)[frames]
    return replace(picture, points=points)


def _alike(found: Analysis) -> Bools:
    frames = np.zeros(found.frames, dtype=bool)
    for issue in found.reliability.issues:
        if issue.kind == "sides-alike":
            frames[issue.first : issue.last + 1] = True
    return frames


def _largest(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if known.size else 0.0


def movements(root: Path, number: str) -> list[PoseSequence]:
    """The Vicon recordings of a movement, correct and incorrect, every third frame.

    Raises:
        ValueError: There is none.
    """
    files = sorted(root.glob(f"vicon-positions*/{number}_*"))
    if not files:
        raise ValueError(f"{root}: expected vicon-positions/{number}_*")
    return [
        PoseSequence.of_motion(
            replace(motion, joints=motion.joints[::_STEP], frame_rate=motion.frame_rate / _STEP)
        )
        for motion in map(read_vicon, files)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="UI-PRMD's folder")
    args = parser.parse_args(arguments)
    print(
        "| movement | azimuth | recordings | true frames lost "
        "| knees: without | with | ankles: without | with |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for movement, number in _FILES.items():
        try:
            sequences = movements(args.root, number)
        except (OSError, ValueError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        exercise = "lunge" if "lunge" in movement else "squat"
        for azimuth in _AZIMUTHS.get(movement, (45, 60, 75, 85, 90)):
            found = side_errors(sequences, azimuth, exercise)
            pairs = zip(found.without.values(), found.silent.values(), strict=True)
            cells = (f"{without:.0f} | {silent:.0f}" for without, silent in pairs)
            print(
                f"| {movement} | {azimuth} | {found.sequences} | {found.lost:.1%} "
                f"| {' | '.join(cells)} |"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
