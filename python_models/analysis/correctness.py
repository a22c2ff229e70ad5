"""Correct and incorrect deep squats of UI-PRMD told apart, each subject by what others showed.

`python -m python_models.analysis.correctness --root DATA/ui-prmd` prints the table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from python_models.analysis.analysis import analyse
from python_models.analysis.definitions import SIDES
from python_models.analysis.logistic import Logistic
from python_models.analysis.measures import Subject, measure
from python_models.analysis.pose_sequence import PoseSequence
from python_models.analysis.repetitions import Span
from python_models.analysis.results import Analysis, Bools
from python_models.motion.motion import Floats
from python_models.motion.ui_prmd import read_squats

FEATURES: dict[str, tuple[str, ...]] = {
    "depth, trunk lean, knees inside": (
        "depth",
        "trunk_lean.maximum",
        "{side}_knee_medial.maximum",
    ),
    "depth, trunk over shin, knees' distance": (
        "depth",
        "{side}_trunk_over_shin.bottom",
        "knee_separation.bottom",
    ),
    "depth": ("depth",),
    "knees' distance": ("knee_separation.bottom",),
    "trunk over shin": ("{side}_trunk_over_shin.bottom",),
}
"""Measures that a model sees; {side}: the larger of both. The first set was chosen before any
of these measures was looked at: what a deep squat is judged by. The others came after."""

PLANNED = next(iter(FEATURES))


@dataclass(frozen=True)
class Trial:
    """One recording.

    Attributes:
        subject: Whose.
        incorrect: Done wrongly on purpose.
        features: By feature set.
        faults: Rules of squat.toml that it does not meet.
    """

    subject: str
    incorrect: bool
    features: dict[str, Floats]
    faults: int


@dataclass(frozen=True)
class Result:
    """How well incorrect trials are told from correct ones.

    Attributes:
        found: Incorrect trials called so, and all of them.
        spared: Correct trials called so, and all of them.
        p: Part of the permutations of the labels within subjects that do as well; NaN: not asked.
    """

    found: tuple[int, int]
    spared: tuple[int, int]
    p: float

    @property
    def balanced_accuracy(self) -> float:
        """The mean of both rates; 0.5 by chance."""
        return (self.found[0] / self.found[1] + self.spared[0] / self.spared[1]) / 2


def read_trials(root: Path) -> list[Trial]:
    """The Vicon recordings of deep squats, correct and incorrect.

    Raises:
        ValueError: There is none, a recording has not one whole repetition, or a measure of it was
            refused.
    """
    trials = []
    for motion in read_squats(root):
        found = analyse(PoseSequence.of_motion(motion))
        if len(found.repetitions) != 1 or not found.repetitions[0].complete:
            raise ValueError(f"correctness: {motion.name} must be one repetition")
        trials.append(
            Trial(
                motion.subject,
                motion.action.endswith("incorrect"),
                {name: features_of(found, measures) for name, measures in FEATURES.items()},
                sum(advice.verdict == "fault" for advice in found.advice),
            )
        )
    return trials


def features_of(found: Analysis, measures: Sequence[str]) -> Floats:
    """Measures of an analysis's first repetition; of {side} the larger of both.

    Raises:
        ValueError: One was refused.
    """
    rep = found.repetitions[0]
    span = Span(rep.start, rep.bottom, rep.end, rep.complete)
    subject = Subject(found.curves, found.curves[found.main_curve], span, found.frame_rate)
    values = []
    for name in measures:
        sides = SIDES if "{side}" in name else ("",)
        taken = [measure(name.replace("{side}", side), subject) for side in sides]
        for one in taken:
            if one.refused is not None:
                raise ValueError(f"{found.name}: {one.name} was refused: {one.refused.reason}")
        values.append(max(one.value for one in taken))
    return np.array(values)


def told_apart(features: Floats, incorrect: Bools, subjects: Sequence[str]) -> Bools:
    """Which trials [N] a model calls incorrect that was fitted to the other subjects' trials.

    Args:
        features: [N, F].
        incorrect: [N].
        subjects: [N]; each is left out once.
    """
    called = np.zeros(len(features), dtype=bool)
    names = np.array(subjects)
    for subject in np.unique(names):
        held_out = names == subject
        model = Logistic.fit(features[~held_out], incorrect[~held_out])
        called[held_out] = model.probability(features[held_out]) > 0.5
    return called


def score(called: Bools, incorrect: Bools, p: float = float("nan")) -> Result:
    """Of calls [N] against the truth [N]."""
    return Result(
        (int((called & incorrect).sum()), int(incorrect.sum())),
        (int((~called & ~incorrect).sum()), int((~incorrect).sum())),
        p,
    )


def evaluate(trials: Sequence[Trial], features: str, *, permutations: int, seed: int) -> Result:
    """Leave one subject out, with one set of features.

    Args:
        trials: All.
        features: Name of the set.
        permutations: Of the labels, within each subject, for p. 0: none.
        seed: Of the permutations.
    """
    values = np.stack([trial.features[features] for trial in trials])
    truth = np.array([trial.incorrect for trial in trials])
    subjects = [trial.subject for trial in trials]

    def balanced(labels: Bools) -> float:
        return score(told_apart(values, labels, subjects), labels).balanced_accuracy

    p = float("nan")
    if permutations:
        best = balanced(truth)
        shuffles = _shuffles(truth, subjects, permutations, seed)
        as_good = sum(balanced(labels) >= best for labels in shuffles)
        p = (1 + as_good) / (1 + permutations)
    return score(told_apart(values, truth, subjects), truth, p)


def _shuffles(truth: Bools, subjects: Sequence[str], count: int, seed: int) -> list[Bools]:
    """Labels exchanged within each subject."""
    generator = np.random.default_rng(seed)
    names = np.array(subjects)
    made = []
    for _ in range(count):
        labels = truth.copy()
        for subject in np.unique(names):
            own = np.flatnonzero(names == subject)
            labels[own] = truth[generator.permutation(own)]
        made.append(labels)
    return made


def _row(name: str, found: Result) -> str:
    p = "-" if np.isnan(found.p) else f"{found.p:.3f}"
    return (
        f"| {name} | {found.found[0]} of {found.found[1]} | {found.spared[0]} of "
        f"{found.spared[1]} | {found.balanced_accuracy:.2f} | {p} |"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="UI-PRMD's folder")
    parser.add_argument("--permutations", type=int, default=999)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    try:
        trials = read_trials(args.root)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    truth = np.array([trial.incorrect for trial in trials])
    print("| told by | incorrect found | correct spared | balanced accuracy | p |")
    print("|---|---|---|---|---|")
    print(_row('chance: always "correct"', score(np.zeros_like(truth), truth)))
    for name in FEATURES:
        found = evaluate(trials, name, permutations=args.permutations, seed=args.seed)
        print(_row(name + (" (planned)" if name == PLANNED else ""), found))
    faults = np.array([trial.faults > 0 for trial in trials])
    print(_row("a fault by squat.toml, nothing fitted", score(faults, truth)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
