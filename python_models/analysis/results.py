"""What an analysis says: curves, repetitions, their measures, advice; and all of it as JSON.

A number that cannot be had is NaN (JSON: null), and `refused` says why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from python_models.motion.motion import Floats

SCHEMA_VERSION = 1

NOT_MEDICAL = (
    "These numbers are estimates from joint positions. They are no medical advice and no diagnosis:"
    " with pain, an injury or a doubt, ask a physician or a physiotherapist."
)

Bools = NDArray[np.bool_]
Side = Literal["left", "right"]
Verdict = Literal["good", "fault", "not sure", "refused"]


@dataclass(frozen=True)
class Refused:
    """Why there is no answer.

    Attributes:
        code: One word for programs, e.g. "missing-joints", "view", "unreliable", "too-short".
        reason: A sentence for people.
    """

    code: str
    reason: str


@dataclass(frozen=True)
class Curve:
    """A number for each frame.

    Attributes:
        name: E.g. "left_knee_flexion".
        kind: Without the side: "knee_flexion".
        side: None where the number is of the whole body.
        unit: "degrees" or "ratio".
        values: [T]; NaN is a gap.
        deviation: [T], the standard deviation that the joints' covariances give, or None where
            they are not known.
        projected: It is an angle in the picture, not the body's.
        refused: Why there are no values at all.
        sides: [T], by how much the value would be another one if left and right of a joint were
            exchanged, where a picture's legs look as likely then; None: nowhere.
    """

    name: str
    kind: str
    side: Side | None
    unit: str
    values: Floats
    deviation: Floats | None = None
    projected: bool = False
    refused: Refused | None = None
    sides: Floats | None = None


@dataclass(frozen=True)
class View:
    """From where a 2D sequence is seen, as far as its proportions say.

    Attributes:
        azimuth: Degrees between the camera's axis and the body's forward axis: 0 is a frontal view
            (or one from behind), 90 a side view. NaN where it cannot be told.
        foreshortening: Width of the hips in the picture over what a frontal view would show, 0..1.
        kind: "front" (also from behind), "oblique", "side" or "unknown".
    """

    azimuth: float
    foreshortening: float
    kind: Literal["front", "oblique", "side", "unknown"]


@dataclass(frozen=True)
class Issue:
    """Frames in which joints cannot be relied on.

    Attributes:
        kind: "missing", "low-confidence", "out-of-picture", "swap", "sides-unknown",
            "sides-alike", "jump", "another-person", "bone-length" or, of pictures that do not show
            the exercise's curve, "view".
        first: First frame of a run of frames.
        last: Its last frame, included.
        joints: Names.
    """

    kind: str
    first: int
    last: int
    joints: tuple[str, ...]


@dataclass(frozen=True)
class Reliability:
    """Which frames can be judged.

    Attributes:
        reliable: [T]; all joints that the exercise needs can be relied on.
        fraction: Of reliable frames.
        issues: Runs of frames with a cause, in order of their first frame.
    """

    reliable: Bools
    fraction: float
    issues: tuple[Issue, ...]


@dataclass(frozen=True)
class Measure:
    """A number of one repetition.

    Attributes:
        name: E.g. "depth".
        value: NaN where it was refused.
        unit: "degrees", "ratio", "seconds" or "none".
        deviation: Standard deviation that the joints' covariances give; None: they are not known;
            infinity: those of some joints are, but not of these.
        frame: Where it was measured; None: it is of the whole repetition.
        refused: Why there is no value.
        sides: By how much it may be another one where left and right look alike in a picture.
    """

    name: str
    value: float
    unit: str
    deviation: float | None = None
    frame: int | None = None
    refused: Refused | None = None
    sides: float = 0.0


@dataclass(frozen=True)
class Repetition:
    """A part of the sequence that is judged as one.

    Attributes:
        kind: "repetition"; "hold", of an exercise that is held; "pose", of a single picture.
        number: From 1.
        start: First frame.
        bottom: Frame of the turning point: the deepest of a squat, the top of a press; a hold's
            and a pose's worst frame.
        end: Last frame, included.
        start_time: Seconds; None of single pictures. So are the others.
        complete: False where the sequence starts or ends, or has a long gap, inside it, and where
            it is refused.
        measures: By name.
        refused: Why it is not judged as this exercise.
        view: From where it is seen, as far as that tells what its angles are good for; None in 3D.
    """

    kind: Literal["repetition", "hold", "pose"]
    number: int
    start: int
    bottom: int
    end: int
    start_time: float | None
    bottom_time: float | None
    end_time: float | None
    complete: bool
    measures: Mapping[str, Measure]
    refused: Refused | None = None
    view: View | None = None


@dataclass(frozen=True)
class Advice:
    """What a rule says of a repetition.

    Attributes:
        rule: Its name in the rule file.
        repetition: Its number.
        verdict: "good": the rule is met; "fault": it is not; "not sure": the threshold lies within
            the uncertainty; "refused": there is no measured value.
        words: For the person, about this verdict.
        measure: Its name.
        value: Measured; NaN where refused.
        uncertainty: What the value is good for, plus or minus, about 95 %; None: not known.
        comparison: How the value must be to the threshold: ">=", "<=", ">" or "<".
        threshold: Of the rule.
        unit: Of value, uncertainty and threshold.
        reason: Why the rule is.
        source: Where the rule comes from.
        frame: Where the value was measured; None: it is of the whole repetition.
    """

    rule: str
    repetition: int
    verdict: Verdict
    words: str
    measure: str
    value: float
    uncertainty: float | None
    comparison: str
    threshold: float
    unit: str
    reason: str
    source: str
    frame: int | None = None


@dataclass(frozen=True)
class Analysis:
    """All that is said about a sequence.

    Attributes:
        exercise: "squat", "push_up", "plank", "overhead_press", "lunge" or a rule file's name.
        name: The sequence's.
        dimensions: 2: angles are those of the picture; 3: the body's.
        frames: T.
        frame_rate: Per second; None: single pictures.
        curves: By name.
        main_curve: Name of the curve in which repetitions were looked for.
        view: Of a 2D sequence; None in 3D.
        reliability: Which frames can be judged.
        repetitions: In time's order.
        advice: By repetition, then by rule.
        warnings: What a reader of the numbers must know.
        refused: Why nothing was judged; curves are still there.
        disclaimer: To be shown with every result.
        schema_version: Of this structure's JSON.
    """

    exercise: str
    name: str
    dimensions: int
    frames: int
    frame_rate: float | None
    curves: Mapping[str, Curve]
    main_curve: str
    view: View | None
    reliability: Reliability
    repetitions: tuple[Repetition, ...]
    advice: tuple[Advice, ...]
    warnings: tuple[str, ...]
    refused: Refused | None = None
    disclaimer: str = NOT_MEDICAL
    schema_version: int = SCHEMA_VERSION


def as_json(value: Any) -> Any:
    """An analysis, or a part of it, as dictionaries, lists, texts and numbers that JSON can say.

    What is not finite becomes None: JSON has no NaN.
    """
    if is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): as_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return as_json(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
