"""Whether the upper body agrees with the legs which side is left."""

from __future__ import annotations

import numpy as np

from python_models.analysis import proportions
from python_models.analysis.definitions import HIPS
from python_models.analysis.geometry import dot
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.results import Bools
from python_models.motion.motion import Floats

_SHOULDERS = ("left_shoulder", "right_shoulder")
_FACE = ("nose", "left_eye", "right_eye")
_APART = 0.1  # leg lengths from which two joints lie beside one another and not before
_SEEN = 0.5  # confidence of a face that is seen, and not guessed from behind
_FEWEST = 3  # frames of a motion
_MOST = 0.8  # of them that agree


def disagreements(sequence: PoseSequence, points: Floats) -> tuple[str, ...]:
    """Sentences about a picture's upper body that says other sides than the hips do.

    Shoulders lie as hips do, for nobody turns that far in the waist. Where nose and eyes are seen
    with confidence, the person faces the camera and their left is on the picture's right. A picture
    that is mirrored is not told: whoever finds joints in it takes one leg for the other.

    Args:
        sequence: Of pictures of an upright camera.
        points: [T, K, 2], what is believed.
    """
    if sequence.dimensions != 2:
        return ()
    hips = _beside(sequence, points, HIPS)
    shoulders = _beside(sequence, points, _SHOULDERS)
    made = []
    if _hold(sequence, hips * shoulders < 0, hips * shoulders != 0):
        made.append(
            "The left shoulder lies on the side of the right hip: left and right of the legs, or "
            "of the upper body, are exchanged."
        )
    face = _face_seen(sequence)
    if _hold(sequence, face & (hips < 0), face & (hips != 0)):
        made.append(
            "The face is seen, and the left hip lies to the left in the picture, where the right "
            "one should be: left and right are exchanged, or there is no face where it was found."
        )
    return tuple(made)


def _beside(sequence: PoseSequence, points: Floats, pair: tuple[str, str]) -> Floats:
    """[T]: 1 where the pair's left one lies clearly to the right in the picture, -1 to the left."""
    across = np.array([-sequence.up[1], sequence.up[0]])  # to the right
    left, right = (proportions.joint(sequence, points, name) for name in pair)
    apart = dot(left - right, across) / proportions.leg_length(sequence, points)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(apart) > _APART, np.sign(apart), 0.0)


def _face_seen(sequence: PoseSequence) -> Bools:
    if sequence.confidence is None or not set(_FACE) <= set(sequence.skeleton.joints):
        return np.zeros(len(sequence), dtype=bool)
    seen = sequence.confidence[:, sequence.skeleton.indices(*_FACE)] >= _SEEN
    return np.asarray(seen.all(-1))


def _hold(sequence: PoseSequence, flags: Bools, of: Bools) -> bool:
    """Whether flags hold in most of the frames that tell."""
    told = int(np.count_nonzero(of))
    fewest = 1 if sequence.frame_rate is None else _FEWEST
    return told >= fewest and int(np.count_nonzero(flags)) >= _MOST * told
