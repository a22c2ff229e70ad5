"""What a training run is at a moment: kept in its folder, and taken up again from there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from python_models.training import checkpoint
from python_models.training.run_log import Row


@dataclass
class Progress:
    """How far a run is: whole epochs have a row; then the steps of the epoch in work."""

    rows: list[Row]
    step: int = 0
    loss_sum: float = 0.0  # of the epoch in work, over all processes
    samples: float = 0.0


class Stateful(Protocol):
    """A model, an optimizer, a schedule ..."""

    def state_dict(self) -> Mapping[str, Any]:
        """Its tensors and numbers."""

    def load_state_dict(self, state_dict: Any) -> Any:
        """Takes them."""


class RunState:
    """The checkpoints of a run.

    `last.pt` has all that the next step depends on, `best.pt` the weights of the best epoch.

    Args:
        folder: The run's.
        members: What has a state, by name.
        settings: Kept in the checkpoints; texts, numbers, flags, lists of them and None.
        settled: Names of those settings that must be the same when the run goes on.
    """

    def __init__(
        self,
        folder: Path,
        members: Mapping[str, Stateful],
        settings: Mapping[str, Any],
        settled: Iterable[str],
    ) -> None:
        self.last, self.best = folder / "last.pt", folder / "best.pt"
        self.settings = dict(settings)
        self._members = members
        self._settled = sorted(settled)

    def start(self) -> None:
        """Looks that no run is overwritten.

        Raises:
            ValueError: The folder has one that has begun, or the best weights of one.
        """
        if self.best.exists() and not self.last.exists():
            raise ValueError(
                f"{self.best} is of a run whose {self.last.name} is gone, and would be written "
                "over: choose another --output"
            )
        if self.last.exists():
            progress = self._progress(checkpoint.load(self.last))
            rows, step = progress.rows, progress.step
            if rows or step:
                raise ValueError(
                    f"{self.last.parent} has a run of {len(rows)} epochs and {step} steps: "
                    "go on with --resume, or choose another --output"
                )

    def save_last(self, progress: Progress) -> None:
        """Writes last.pt."""
        members = {name: member.state_dict() for name, member in self._members.items()}
        state = {"settings": self.settings, "progress": asdict(progress), **members}
        checkpoint.save(self.last, state)

    def save_best(self, model: Stateful, rows: Sequence[Row]) -> None:
        """Writes best.pt."""
        state = {"settings": self.settings, "model": model.state_dict(), "rows": list(rows)}
        checkpoint.save(self.best, state)

    def resume(self) -> Progress:
        """Takes up last.pt.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It is broken, or of a run with other settings or another model.
        """
        state = checkpoint.load(self.last)
        missing = {"settings", "progress", *self._members} - state.keys()
        if missing:
            raise ValueError(
                f"{self.last}: no training can go on from it, it has no {min(missing)}"
            )
        before = state["settings"]
        if not isinstance(before, dict):
            kind = type(before).__name__
            raise ValueError(f"{self.last}: its settings must be named, got a {kind}")  # noqa: TRY004
        for name in self._settled:
            if before.get(name) != self.settings[name]:
                raise ValueError(
                    f"{self.last}: {name} must be {before.get(name)} as before, "
                    f"got {self.settings[name]}"
                )
        for name, member in self._members.items():
            try:
                member.load_state_dict(state[name])
            except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"{self.last}: its {name} is another one: {error}") from error
        return self._progress(state)

    def _progress(self, state: dict[str, Any]) -> Progress:
        try:
            progress = Progress(**state["progress"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{self.last}: it does not say how far it is: {error}") from error
        if not (isinstance(progress.rows, list) and isinstance(progress.step, int)):
            raise ValueError(f"{self.last}: it does not say how far it is: {progress}")  # noqa: TRY004
        return progress


def best_row(rows: Sequence[Row], name: str, *, lowest: bool = False) -> Row:
    """The first row with the highest value, or with the lowest; NaN is worse than any number."""
    sign = -1 if lowest else 1
    return max(rows, key=lambda row: -np.inf if np.isnan(row[name]) else sign * row[name])
