"""An analysis of any curves, without a body."""

from __future__ import annotations

from typing import Any

import numpy as np

from python_models.analysis.results import (
    Advice,
    Analysis,
    Curve,
    Issue,
    Measure,
    Refused,
    Reliability,
    Repetition,
)


def curve(name: str, values: Any, **fields: Any) -> Curve:
    side = name.split("_")[0] if name.startswith(("left_", "right_")) else None
    kind = name.removeprefix(f"{side}_") if side else name
    unit = fields.pop("unit", "degrees")
    return Curve(name, kind, side, unit, np.asarray(values, float), **fields)


def repetition(number: int, start: int, end: int, **fields: Any) -> Repetition:
    times = dict.fromkeys(("start_time", "bottom_time", "end_time"))
    given = {"kind": "repetition", "complete": True, "measures": {}, **times, **fields}
    return Repetition(number=number, start=start, bottom=(start + end) // 2, end=end, **given)


def advice(rule: str, number: int, verdict: str, **fields: Any) -> Advice:
    given = {
        "words": f"{rule} is {verdict}",
        "measure": "depth",
        "value": 90.0,
        "uncertainty": 5.0,
        "comparison": ">=",
        "threshold": 100.0,
        "unit": "degrees",
        "reason": "because",
        "source": "a book",
        **fields,
    }
    return Advice(rule=rule, repetition=number, verdict=verdict, **given)


def analysis(*curves: Curve, **fields: Any) -> Analysis:
    frames = len(curves[0].values) if curves else 3
    reliable = np.ones(frames, bool)
    issues: tuple[Issue, ...] = fields.pop("issues", ())
    for issue in issues:
        reliable[issue.first : issue.last + 1] = False
    given = {
        "exercise": "squat",
        "name": "made up",
        "dimensions": 2,
        "frame_rate": 10.0,
        "main_curve": curves[0].name if curves else "knee_flexion",
        "view": None,
        "repetitions": (),
        "advice": (),
        "warnings": (),
        **fields,
    }
    reliability = Reliability(reliable, float(reliable.mean()), issues)
    by_name = {one.name: one for one in curves}
    return Analysis(frames=frames, curves=by_name, reliability=reliability, **given)


__all__ = ["Issue", "Measure", "Refused", "advice", "analysis", "curve", "repetition"]
