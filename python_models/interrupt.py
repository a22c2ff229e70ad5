"""Ctrl-C and SIGTERM at a place of the program's choice."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """While entered, the first signal is only noted; a second one stops the program at once.

    Python raises KeyboardInterrupt wherever it is, in the middle of writing a file or where nothing
    can catch it, and SIGTERM, which job schedulers send before they kill, ends it without a word. A
    loop looks at `number` between its steps instead.
    """

    def __init__(self) -> None:
        self.number: int | None = None  # of the signal that came
        self._before: dict[int, Any] = {}

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.number = number
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def __enter__(self) -> Interrupt:
        # Only the main thread may have a handler, and only it is interrupted.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def leave_to_parent(worker: int) -> None:  # noqa: ARG001
    """For a loader's worker: signals reach it too, but the loop decides when to end it.

    (The loader ends its workers by an event, and they end by themselves when their parent is gone.)
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
