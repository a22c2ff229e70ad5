"""Rule files: what an exercise is and how it should be done, in TOML.

```toml
[exercise]
kind = "repetitions"        # or "hold"
curve = "knee_flexion"      # it rises and falls in a repetition; it stays in a hold
sides = "mean"              # of its left and right: "mean" or "larger"
minimum_depth = 30.0        # rise of a repetition, in the curve's unit
minimum_duration = 0.5      # seconds
both_sides = 0.5            # left out, or the least rise of one side over the other's
lowered = 0.03              # left out, or by how much the hips come down, in leg lengths
travel = 0.25               # left out, or how far the feet may end from their start, leg lengths
stride = 0.35               # left out, or how far one foot may be before the other, leg lengths
measures = ["tempo.descent"]  # what to measure besides the rules' measures

[[rules]]
name = "knees"
measure = "{side}_knee_medial.maximum"  # {side}: once for each side, in the words too
comparison = "<="           # how the measure must be to the threshold: <=, <, >=, >
threshold = 0.0
unit = "ratio"              # the measure's own, for the reader
margin = 0.02               # the least uncertainty (95 %), for what covariances do not know
good = "Your {side} knee stays over the foot."
fault = "Keep your {side} knee out."
reason = "Why the rule is."
source = "Where it comes from."
```

A hold has `lowest` and `highest` of its curve instead of `minimum_depth`.
"""

from __future__ import annotations

import math
import operator
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from python_models.analysis.definitions import KINDS, SIDES
from python_models.analysis.measures import is_measure, unit_of

RULES = Path(__file__).parent / "rules"

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
}
"""How a measure must be to a rule's threshold."""

_TEXTS = ("name", "measure", "comparison", "unit", "good", "fault", "reason", "source")


@dataclass(frozen=True)
class Rule:
    """One rule of a file; what its fields mean stands above."""

    name: str
    measure: str
    comparison: str
    threshold: float
    unit: str
    margin: float
    good: str
    fault: str
    reason: str
    source: str


@dataclass(frozen=True)
class RuleFile:
    """An exercise and its rules; {side} is already both sides."""

    exercise: str
    kind: Literal["repetitions", "hold"]
    curve: str
    sides: Literal["mean", "larger"]
    minimum_depth: float
    minimum_duration: float
    lowest: float
    highest: float
    both_sides: float
    lowered: float
    travel: float
    stride: float
    measures: tuple[str, ...]
    rules: tuple[Rule, ...]


def exercises(folder: Path | None = None) -> list[str]:
    """Names of the rule files in a folder; by default of ours."""
    return sorted(path.stem for path in (folder or RULES).glob("*.toml"))


def load_rules(exercise: str, folder: Path | None = None) -> RuleFile:
    """The rule file `exercise`.toml of a folder; by default of ours.

    Raises:
        ValueError: There is no such file, or it does not hold what it should: the message names the
            file and the key.
    """
    folder = folder or RULES
    if not re.fullmatch(r"\w[\w-]*", exercise) or exercise not in exercises(folder):
        raise ValueError(
            f"load_rules: {folder} has no rules for {exercise!r}, only {exercises(folder)}"
        )
    return read_rules(folder / f"{exercise}.toml")


def read_rules(path: Path) -> RuleFile:
    """A rule file.

    Raises:
        ValueError: As `load_rules`.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no TOML file: {error}") from None
    except RecursionError:
        raise ValueError(f"{path}: values are nested too deeply") from None
    top = _Table(path, "", content)
    exercise = _Table(path, "exercise", top.take("exercise", dict))
    rules = top.take("rules", list)
    top.finish()
    curve = exercise.choice("curve", tuple(KINDS))
    kind = exercise.choice("kind", ("repetitions", "hold"))
    made = RuleFile(
        exercise=path.stem,
        kind=cast(Literal["repetitions", "hold"], kind),
        curve=curve,
        sides=cast(Literal["mean", "larger"], exercise.choice("sides", ("mean", "larger"))),
        minimum_depth=exercise.positive("minimum_depth") if kind == "repetitions" else math.nan,
        minimum_duration=exercise.positive("minimum_duration"),
        lowest=exercise.number("lowest") if kind == "hold" else math.nan,
        highest=exercise.number("highest") if kind == "hold" else math.nan,
        both_sides=exercise.condition("both_sides", kind),
        lowered=exercise.condition("lowered", kind),
        travel=exercise.condition("travel", kind),
        stride=exercise.condition("stride", kind),
        measures=_both_sides(exercise.take("measures", list, [])),
        rules=tuple(
            rule
            for number, entry in enumerate(rules, 1)
            for rule in _rules(path, number, entry, curve)
        ),
    )
    exercise.finish()
    if kind == "hold" and not made.lowest < made.highest:
        raise ValueError(f"{path}: exercise.lowest must be below highest")
    for measure in made.measures:
        if not is_measure(measure):
            raise ValueError(f"{path}: exercise.measures: there is no measure {measure!r}")
    names = [rule.name for rule in made.rules]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{path}: rules.name: {name!r} is there twice")
    return made


def _rules(path: Path, number: int, entry: Any, curve: str) -> list[Rule]:
    """A rule, or two, if it is of each side."""
    entries = _Table(path, "", {f"rules[{number}]": entry})
    table = _Table(path, f"rules[{number}]", entries.take(f"rules[{number}]", dict))
    texts = {key: table.take(key, str) for key in _TEXTS}
    threshold, margin = table.number("threshold"), table.number("margin", 0.0)
    table.finish()
    if texts["comparison"] not in COMPARISONS:
        raise table.error("comparison", f"one of {(*COMPARISONS,)}", texts["comparison"])
    if margin < 0:
        raise table.error("margin", "0 or more", margin)
    sides = SIDES if "{side}" in texts["measure"] else ("",)
    made = []
    for side in sides:
        said = {key: text.replace("{side}", side) for key, text in texts.items()}
        if side:
            said["name"] = f"{side} {said['name']}"
        measure = said["measure"]
        if not is_measure(measure):
            raise table.error("measure", "a curve and a statistic", measure)
        if said["unit"] != unit_of(measure, curve):
            raise table.error("unit", f"{unit_of(measure, curve)!r} of {measure}", said["unit"])
        made.append(Rule(**said, threshold=threshold, margin=margin))
    return made


def _both_sides(measures: list[Any]) -> tuple[str, ...]:
    made = []
    for measure in map(str, measures):
        sides = SIDES if "{side}" in measure else ("",)
        made += [measure.replace("{side}", side) for side in sides]
    return tuple(made)


class _Table:
    """A TOML table whose keys are taken one by one; what is left at the end is unknown."""

    def __init__(self, path: Path, name: str, content: dict[str, Any]) -> None:
        self.path = path
        self.name = name
        self.left = dict(content)

    def error(self, key: str, expected: str, got: Any) -> ValueError:
        where = f"{self.name}.{key}" if self.name else key
        return ValueError(f"{self.path}: {where} must be {expected}, got {got!r}")

    def take(self, key: str, kind: type, default: Any = None) -> Any:
        value = self.left.pop(key, default)
        if not isinstance(value, kind) or value == "":
            raise self.error(key, f"a {kind.__name__}", value)
        return value

    def number(self, key: str, default: Any = None) -> float:
        value = self.left.pop(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not _finite(value):
            raise self.error(key, "a finite number", value)
        return float(value)

    def positive(self, key: str) -> float:
        value = self.number(key)
        if not value > 0:
            raise self.error(key, "positive", value)
        return value

    def condition(self, key: str, kind: str) -> float:
        """A condition of a repetition; NaN: there is none, and no number is below or above it."""
        return self.positive(key) if kind == "repetitions" and key in self.left else math.nan

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.take(key, str)
        if value not in choices:
            raise self.error(key, f"one of {choices}", value)
        return str(value)

    def finish(self) -> None:
        if self.left:
            where = f"{self.name}." if self.name else ""
            raise ValueError(f"{self.path}: unknown {where}{min(self.left)}")


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond floating point
        return False
