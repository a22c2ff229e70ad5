"""Freed memory stays with the process, as it does between the steps of a training.

Otherwise glibc gives large blocks back, and whoever comes next pays for the page faults of whoever
came before. Forms with many intermediate results gain most by this.
"""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_TRIM_THRESHOLD, -1)  # never
        libc.mallopt(_M_MMAP_THRESHOLD, 2**31 - 1)
