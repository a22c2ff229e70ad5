"""The log of a training run: a CSV file and TensorBoard, one row an epoch."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from torch.utils.tensorboard import SummaryWriter

Row = dict[str, float]


class RunLog:
    """Writes rows to log.csv and to TensorBoard files in `folder`; `rows` has them all.

    A resumed run gives its earlier rows: the CSV file is written anew with them.
    """

    def __init__(self, folder: Path, rows: Sequence[Row] = ()) -> None:
        self.rows: list[Row] = []
        self._file = (folder / "log.csv").open("w", newline="")
        self._writer: csv.DictWriter[str] | None = None
        # Steps that an interrupted run had logged beyond its checkpoint are dropped.
        self._board = SummaryWriter(folder / "tensorboard", purge_step=len(rows) + 1)
        for row in rows:
            self._write(row)

    def add(self, row: Row) -> None:
        """Logs an epoch; the file is complete up to it whatever happens afterwards."""
        self._write(row)
        epoch = int(row["epoch"])
        for name, value in row.items():
            if name != "epoch":
                self._board.add_scalar(name.replace("_", "/", 1), value, epoch)
        self._board.flush()

    def _write(self, row: Row) -> None:
        if self._writer is None:
            self._writer = csv.DictWriter(self._file, fieldnames=list(row))
            self._writer.writeheader()
        self.rows.append(row)
        self._writer.writerow(row)
        self._file.flush()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Any:
        self._file.close()
        self._board.close()
