"""The curves of a sequence: every angle and ratio for each frame, or why there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from python_models.analysis import proportions
from python_models.analysis.definitions import Definition, Plane, Scene, definitions
from python_models.analysis.deviation import deviation
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.results import Bools, Curve, Refused
from python_models.motion.known import known
from python_models.motion.motion import Floats

FORESHORTENED = 0.6
"""A bone in a picture shorter than this part of its longest points too much along the view."""


def curves_of(
    sequence: PoseSequence,
    points: Floats | None = None,
    *,
    kind: str | None = None,
    azimuth: Floats | None = None,
) -> dict[str, Curve]:
    """Every curve of `definitions.KINDS` by name, with sides: "left_knee_flexion", "trunk_lean".

    Of 2D points the curves are projected: an angle in the picture is the body's own only where
    the bones lie in the picture's plane. So curves of the sagittal plane are refused in a frontal
    view, curves of the frontal plane in any other, and frames are gaps where a bone is
    foreshortened.

    Args:
        sequence: The poses.
        points: [T, K, D] in their place, with what cannot be relied on as NaN.
        kind: The only kind that is wanted; None: all.
        azimuth: [T], of 2D points, if it is known already.
    """
    points = sequence.points if points is None else points
    points = np.where(known(points)[..., None], points, np.nan)
    scene = Scene({}, sequence.up, proportions.leg_length(sequence, points))
    if sequence.dimensions == 2 and azimuth is None:
        azimuth = proportions.azimuths(sequence, points)
    return {
        definition.name: _curve(definition, sequence, points, scene, azimuth)
        for definition in definitions(sequence.skeleton)
        if kind in (None, definition.kind)
    }


def combined(kind: str, curves: dict[str, Curve], how: str) -> Curve:
    """The left and the right curve of a kind as one.

    Args:
        kind: E.g. "knee_flexion"; one without sides is given back as it is.
        curves: By name.
        how: "mean" or "larger" of both; where one side is a gap, the other one by itself.
    """
    if kind in curves:
        return curves[kind]
    left, right = (curves[f"{side}_{kind}"] for side in ("left", "right"))
    known = [curve for curve in (left, right) if curve.refused is None]
    if len(known) < 2:
        one = known[0] if known else left
        return Curve(
            kind, kind, None, one.unit, one.values, one.deviation, one.projected, one.refused
        )
    a, b = left.values, right.values
    both = (a + b) / 2 if how == "mean" else np.maximum(a, b)
    values = np.where(np.isnan(a), b, np.where(np.isnan(b), a, both))
    spread = None
    if left.deviation is not None and right.deviation is not None:
        s, t = left.deviation, right.deviation
        both = np.hypot(s, t) / 2 if how == "mean" else np.where(a >= b, s, t)
        spread = np.where(np.isnan(a), t, np.where(np.isnan(b), s, both))
    return Curve(kind, kind, None, left.unit, values, spread, left.projected)


def _curve(
    definition: Definition,
    sequence: PoseSequence,
    points: Floats,
    scene: Scene,
    azimuth: Floats | None,
) -> Curve:
    missing = [joint for joint in definition.joints if joint not in sequence.skeleton.joints]
    if missing:
        reason = f"{sequence.skeleton.name} has no {' and no '.join(missing)}"
        return _refused(definition, sequence, Refused("missing-joints", reason))
    places = {name: proportions.joint(sequence, points, name) for name in definition.joints}
    scene = replace(scene, points=places)
    with np.errstate(invalid="ignore"):
        values = definition.formula(scene)
    if azimuth is not None:
        seen = shown(definition.plane, azimuth)
        if not seen.any():
            return _refused(definition, sequence, _wrong_view(definition, azimuth))
        values = np.where(seen & ~_foreshortened(definition, sequence, points), values, np.nan)
    if np.isnan(values).all():
        reason = f"no frame shows {', '.join(definition.joints)} reliably"
        return _refused(definition, sequence, Refused("unreliable", reason))
    spread = None
    if sequence.covariance is not None:
        covariance = {
            name: sequence.covariance[:, sequence.skeleton.index(name)]
            for name in definition.joints
        }
        with np.errstate(invalid="ignore"):
            spread = deviation(definition, scene, covariance)
        spread = np.where(np.isnan(values), np.nan, spread)
    return Curve(
        definition.name,
        definition.kind,
        definition.side,
        definition.unit,
        values,
        spread,
        projected=azimuth is not None,
    )


def _refused(definition: Definition, sequence: PoseSequence, why: Refused) -> Curve:
    return Curve(
        definition.name,
        definition.kind,
        definition.side,
        definition.unit,
        np.full(len(sequence), np.nan),
        projected=sequence.dimensions == 2,
        refused=why,
    )


def shown(plane: Plane, azimuth: Floats) -> Bools:
    """Whether pictures from these azimuths show what a curve of this plane measures.

    Where the azimuth is not known, a curve of the sagittal plane is let pass: one hip is hidden
    from the side, hardly ever from the front.
    """
    if plane == "front":
        return np.asarray(azimuth < proportions.FRONT)
    if plane == "side":
        return np.asarray(~(azimuth < proportions.FRONT))
    return np.ones_like(azimuth, dtype=bool)


def _wrong_view(definition: Definition, azimuth: Floats) -> Refused:
    middle = proportions.nan_quantile(azimuth, 0.5)
    angle = "from an unknown angle" if np.isnan(middle) else f"{middle:.0f} degrees from the front"
    needed = "front" if definition.plane == "front" else "side"
    return Refused(
        "view",
        f"the camera looks {angle}, and {definition.kind} in a picture can be judged from the "
        f"{needed} only; lift the joints to 3D or film from the {needed}",
    )


def _foreshortened(definition: Definition, sequence: PoseSequence, points: Floats) -> Bools:
    """[T]; a bone of the curve points too much along the view. Single pictures cannot tell."""
    short = np.zeros(len(sequence), dtype=bool)
    if sequence.frame_rate is None:
        return short
    for bone in definition.bones:
        lengths = proportions.bone_length(sequence, points, *bone)
        with np.errstate(invalid="ignore"):
            short |= lengths < FORESHORTENED * proportions.nan_quantile(lengths, 0.95)
    return short
