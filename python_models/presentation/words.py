"""Words for people: units, numbers, what is wrong in which frames."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from python_models.analysis.advice import amount
from python_models.analysis.results import Issue

_ISSUES = {
    "missing": "missing",
    "low-confidence": "seen badly",
    "out-of-picture": "out of the picture",
    "swap": "left and right may be exchanged",
    "sides-unknown": "left and right cannot be told after a gap",
    "sides-alike": "left and right look alike and may be exchanged",
    "jump": "jumps",
    "another-person": "the body jumps: another person may be seen",
    "bone-length": "a bone of impossible length",
    "view": "not seen from where the angle shows",
}
NOTHING = "\N{EN DASH}"


def plain(name: str) -> str:
    """A name of the program as people write it: "left_knee.maximum" is "left knee, maximum"."""
    return name.replace("_", " ").replace("-", " ").replace(".", ", ")


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")


def reason_words(text: str) -> str:
    """A sentence that names joints and curves as the program does, as one for people."""
    return sentence(re.sub(r"(?<=[a-z])_(?=[a-z])", " ", text))


def joint_words(joints: Sequence[str], most: int = 4) -> str:
    """The joints' names; of many only how many more there are."""
    named = ", ".join(plain(joint) for joint in joints[:most])
    more = len(joints) - most
    return f"{named} and {more} more" if more > 0 else named


def issue_words(issue: Issue) -> str:
    """What is wrong: "left knee, left ankle: missing"."""
    kind = _ISSUES.get(issue.kind, plain(issue.kind))
    return f"{joint_words(issue.joints)}: {kind}" if issue.joints else kind


def quantity(value: float | None, unit: str) -> str:
    """A number with its unit; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return amount(value, unit)


def plus_or_minus(value: float, uncertainty: float | None, unit: str) -> str:
    """A number with what it is good for, if that is known; a dash where there is none."""
    text = quantity(value, unit)
    if uncertainty is None or text == NOTHING:
        return text
    give = quantity(uncertainty, unit) if math.isfinite(uncertainty) else "unknown"
    return f"{text} ± {give}"


def span_words(first: int, last: int, frame_rate: float | None, names: Sequence[str]) -> str:
    """When frames are: "1.20 to 1.60 s", or the pictures' names."""
    if frame_rate is None:
        return names[first] if first == last else f"{names[first]} to {names[last]}"
    if first == last:
        return f"{first / frame_rate:.2f} s"
    return f"{first / frame_rate:.2f} to {last / frame_rate:.2f} s"
