"""Ctrl-C at a place of the program's choice."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class Interrupt:
    """While entered, the first Ctrl-C is only noted; a second one stops the program at once.

    Python raises KeyboardInterrupt wherever it is, in the middle of writing a file or where nothing
    can catch it. A loop asks `check` between its steps instead.
    """

    def __init__(self) -> None:
        self._noted = False

    def check(self) -> None:
        """Raises KeyboardInterrupt if Ctrl-C was pressed."""
        if self._noted:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._noted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def __enter__(self) -> Interrupt:
        # Only the main thread may have a handler, and only it is interrupted.
        self._in_main_thread = threading.current_thread() is threading.main_thread()
        if self._in_main_thread:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._in_main_thread:
            signal.signal(signal.SIGINT, self._before)


def leave_to_parent(worker: int) -> None:  # noqa: ARG001
    """For a loader's worker: Ctrl-C reaches it too, but the loop decides when to end it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
