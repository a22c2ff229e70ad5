"""Repetitions and depths in pictures whose joints are off, against those in space.

`python -m python_models.analysis.count_error --root DATA/ui-prmd` prints a table: UI-PRMD's deep
squats, correct and incorrect, at 33 frames a second, seen from far away at eye level.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from python_models.analysis.analysis import analyse
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.results import Analysis
from python_models.analysis.view_error import seen_from
from python_models.motion.motion import Floats
from python_models.motion.ui_prmd import read_squats

_STEP = 3  # of 100 frames a second


@dataclass(frozen=True)
class CountErrors:
    """Of one direction and one noise.

    Attributes:
        right: Sequences with as many whole repetitions as in space.
        refused: Sequences that were not judged.
        wrong: The others.
        depths: Degrees, in the picture minus in space, of repetitions that have a depth.
    """

    right: int
    refused: int
    wrong: int
    depths: Floats


def count_errors(
    sequences: Sequence[PoseSequence], azimuth: float, noise: float, seed: int
) -> CountErrors:
    """Errors of sequences in space whose pictures' joints are off at random.

    Args:
        sequences: In millimetres, facing +X, Z up.
        azimuth: Degrees from the front.
        noise: Standard deviation of each coordinate of each joint, in parts of a leg's length
            (thigh and shank), from frame to frame independent.
        seed: Of the noise.
    """
    generator = np.random.default_rng(seed)
    counts = {"right": 0, "refused": 0, "wrong": 0}
    depths = []
    for sequence in sequences:
        exact = seen_from(sequence, azimuth)
        size = noise * _leg(exact)
        off = exact.points + generator.normal(0, size, exact.points.shape)
        true, seen = analyse(sequence), analyse(replace(exact, points=off))
        if seen.refused:
            counts["refused"] += 1
            continue
        a, b = _depths(true), _depths(seen)
        counts["right" if len(a) == len(b) == len(seen.repetitions) else "wrong"] += 1
        if len(a) == len(b):
            depths.append(b - a)
    found = np.concatenate(depths) if depths else np.empty(0)
    return CountErrors(**counts, depths=found[np.isfinite(found)])


def _depths(found: Analysis) -> Floats:
    return np.array([rep.measures["depth"].value for rep in found.repetitions if rep.complete])


def _leg(sequence: PoseSequence) -> float:
    """Thigh and shank of the first frame, in which the person stands."""
    skeleton = sequence.skeleton
    hip, knee, ankle = sequence.points[0, skeleton.indices("left_hip", "left_knee", "left_ankle")]
    return float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle))


def squats(root: Path) -> list[PoseSequence]:
    """The Vicon recordings of UI-PRMD's deep squats, every third frame.

    Raises:
        ValueError: There is none.
    """
    return [
        PoseSequence.of_motion(
            replace(motion, joints=motion.joints[::_STEP], frame_rate=motion.frame_rate / _STEP)
        )
        for motion in read_squats(root)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="UI-PRMD's folder")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    try:
        sequences = squats(args.root)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("| azimuth | noise | count right | refused | wrong | depth: mean error | bias |")
    print("|---|---|---|---|---|---|---|")
    for azimuth in (45, 60, 75, 90):
        for noise in (0.0, 0.01, 0.025, 0.04):
            found = count_errors(sequences, azimuth, noise, args.seed)
            print(
                f"| {azimuth} | {noise:.1%} | {found.right} of {len(sequences)} "
                f"| {found.refused} | {found.wrong} | {np.abs(found.depths).mean():.1f} "
                f"| {found.depths.mean():+.1f} |"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
