from __future__ import annotations

import signal

import pytest

from python_models.interrupt import SIGNALS, Interrupt, leave_to_parent


@pytest.fixture
def handlers():
    """Those of the process, put back afterwards."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_noted(handlers, number):
    with Interrupt() as interrupt:
        assert interrupt.number is None
        signal.raise_signal(number)
        assert interrupt.number == number


def test_a_second_ctrl_c_stops_at_once(handlers):
    with Interrupt():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_second_sigterm_ends_the_process_as_if_nobody_had_asked(handlers):
    with Interrupt():
        signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_handlers_before_come_back(handlers):
    def handler(number, frame):
        raise AssertionError("not called")

    for number in SIGNALS:
        signal.signal(number, handler)
    with Interrupt() as interrupt:
        assert signal.getsignal(signal.SIGTERM) is not handler
        signal.raise_signal(signal.SIGINT)
    assert interrupt.number == signal.SIGINT
    assert [signal.getsignal(number) for number in SIGNALS] == [handler, handler]


def test_workers_leave_signals_to_their_parent(handlers):
    leave_to_parent(0)
    for number in SIGNALS:
        signal.raise_signal(number)  # nothing happens
