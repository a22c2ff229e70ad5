"""How commands end that leave nothing to go on with."""

from __future__ import annotations

import sys
from collections.abc import Callable


def exit_status(run: Callable[[], object]) -> int:
    """Runs it: 0, or 2 after a line that says what is wrong with the options or the files."""
    try:
        run()
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0
