"""How far angles in a picture are from the body's, by the direction of the view.

`python -m python_models.analysis.view_error --root DATA/ui-prmd` prints a table: UI-PRMD's squats
seen from far away at eye level, from the front (0 degrees) to the side (90).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from python_models.analysis import proportions
from python_models.analysis.angles import curves_of
from python_models.analysis.definitions import SIDED
from python_models.analysis.pose_sequence import PoseSequence
from python_models.motion.motion import Floats
from python_models.motion.ui_prmd import read_squats

_PIXELS = 0.25  # a millimetre; the angles do not depend on it


@dataclass(frozen=True)
class ViewErrors:
    """Of one direction.

    Attributes:
        azimuth: Degrees from the front.
        estimated: What `proportions.azimuths` says, of each recording.
        refused: Part of the recordings whose curve is refused.
        gaps: Part of the other recordings' frames that are gaps.
        errors: Degrees, projected minus true, of every frame that has a value.
        ungated: The same of all frames, whatever the view is.
    """

    azimuth: float
    estimated: Floats
    refused: float
    gaps: float
    errors: Floats
    ungated: Floats


def seen_from(sequence: PoseSequence, azimuth: float) -> PoseSequence:
    """A 3D sequence of a person who faces +X (Z up), from far away at eye level.

    Args:
        sequence: In millimetres.
        azimuth: Degrees from the front to the person's left.
    """
    angle = np.radians(azimuth)
    across = np.array([-np.sin(angle), np.cos(angle), 0.0])  # to the right in the picture
    down = np.array([0.0, 0.0, -1.0])
    points = np.stack([sequence.points @ across, sequence.points @ down], -1) * _PIXELS
    return PoseSequence.of_pixels(
        points, sequence.skeleton, sequence.frame_rate, name=sequence.name
    )


def view_errors(
    sequences: Sequence[PoseSequence], azimuth: float, kind: str = "knee_flexion"
) -> ViewErrors:
    """Errors of a sided kind of curve, of both sides of all sequences."""
    estimated, errors, ungated, refused, gaps = [], [], [], [], []
    for sequence in sequences:
        picture = seen_from(sequence, azimuth)
        estimated.append(proportions.azimuths(picture, picture.points)[0])
        true, seen = curves_of(sequence), curves_of(picture)
        # Angles in the picture without asking which view it is: a plane in space.
        flat = PoseSequence(
            np.pad(picture.points, ((0, 0), (0, 0), (0, 1))),
            sequence.skeleton,
            sequence.frame_rate,
            np.array([0.0, -1.0, 0.0]),
        )
        bare = curves_of(flat)
        for side in ("left", "right"):
            curve, exact = seen[f"{side}_{kind}"], true[f"{side}_{kind}"].values
            refused.append(curve.refused is not None)
            if curve.refused is None:
                gaps.append(np.isnan(curve.values).mean())
                errors.append(curve.values - exact)
            ungated.append(bare[f"{side}_{kind}"].values - exact)
    known = np.concatenate(errors) if errors else np.empty(0)
    return ViewErrors(
        azimuth,
        np.array(estimated),
        float(np.mean(refused)),
        float(np.mean(gaps)) if gaps else float("nan"),
        known[np.isfinite(known)],
        np.concatenate(ungated),
    )


def _row(found: ViewErrors) -> str:
    size, all_frames = np.abs(found.errors), np.abs(found.ungated)
    shown = (
        f"{size.mean():.1f} | {np.quantile(size, 0.95):.1f} | {found.errors.mean():+.1f}"
        if size.size
        else "- | - | -"
    )
    low, high = np.quantile(found.estimated, (0, 1))
    return (
        f"| {found.azimuth:.0f} | {low:.0f} to {high:.0f} | {found.refused:.0%} | "
        f"{found.gaps:.0%} | {shown} | {np.nanmean(all_frames):.1f} | "
        f"{np.nanquantile(all_frames, 0.95):.1f} |"
    ).replace("nan%", "-")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="UI-PRMD's folder")
    parser.add_argument("--curve", choices=sorted(SIDED), default="knee_flexion")
    args = parser.parse_args(arguments)
    try:
        motions = read_squats(args.root, incorrect=False)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    sequences = [PoseSequence.of_motion(motion) for motion in motions]
    print(
        "| azimuth | estimated | refused | gaps | mean error | 95 % | bias "
        "| mean error, all frames | 95 % |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for azimuth in range(0, 91, 15):
        print(_row(view_errors(sequences, azimuth, args.curve)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
