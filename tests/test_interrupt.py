from __future__ import annotations

import signal

import pytest

from python_models.interrupt import Interrupt


def test_the_first_ctrl_c_waits_and_the_second_does_not():
    with Interrupt() as interrupt:
        interrupt.check()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_handler_before_comes_back():
    def handler(number, frame):
        raise AssertionError("not called")

    before = signal.signal(signal.SIGINT, handler)
    try:
        with Interrupt():
            assert signal.getsignal(signal.SIGINT) is not handler
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)
