"""How average precision of keypoints is counted, by name: what a preset fixes.

The projects agree in the formula and differ in what they do with unusual data. A preset with a
project's name does what the project does; with `fixed` what its authors meant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from . import _arguments as arguments


@dataclass(frozen=True)
class KeypointAPRules:
    """What is done with unusual data.

    zero_ids: Whether a match with a ground truth of id 0 is one ("matched"), or no match to the
        counts ("unmatched"). Negative ids: a match under "unmatched", none under "matched". "any"
        looks at no id.
    label_count: What makes a ground truth without labelled joints: its `num_keypoints` is 0
        ("given"), or no joint has v > 0 ("counted").
    unscored: Detections without a joint score above 0: "keep" or "drop" them.
    nan_similarity: A similarity that is NaN, where a coordinate is, is better than any other
        ("match") or none ("miss").
    pooled_categories: Without categories (useCats=0), detections find people of any category
        ("matched") or nobody at all ("unmatched").
    extent: The box of a detection without box or area, whose area puts it into a range or not:
        around "all" its joints, or around the "scored" ones, whose third number is above 0.
    """

    zero_ids: Literal["unmatched", "matched", "any"] = "unmatched"
    label_count: Literal["given", "counted"] = "given"
    unscored: Literal["keep", "drop"] = "keep"
    nan_similarity: Literal["match", "miss"] = "match"
    pooled_categories: Literal["unmatched", "matched"] = "unmatched"
    extent: Literal["all", "scored"] = "all"


CHOICES = {
    "zero_ids": ("unmatched", "matched", "any"),
    "label_count": ("given", "counted"),
    "unscored": ("keep", "drop"),
    "nan_similarity": ("match", "miss"),
    "pooled_categories": ("unmatched", "matched"),
    "extent": ("all", "scored"),
}

PRESETS = {
    "coco": KeypointAPRules(),
    "xtcoco": KeypointAPRules(zero_ids="matched", label_count="counted", unscored="drop"),
}

_REPAIRS = {
    "zero_ids": "any",
    "nan_similarity": "miss",
    "pooled_categories": "matched",
    "extent": "scored",
}


def rules(operation: str, preset: object, fixed: object, **given: str | None) -> KeypointAPRules:
    """The rules of a preset, with those that are given in place of its own."""
    arguments.choice(operation, "preset", preset, PRESETS)
    chosen: dict[str, Any] = (
        dict(_REPAIRS) if arguments.check_flag(operation, "fixed", fixed) else {}
    )
    for name, word in given.items():
        if word is not None:
            arguments.choice(operation, name, word, CHOICES[name])
            chosen[name] = word
    return replace(PRESETS[str(preset)], **chosen)
