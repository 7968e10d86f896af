"""The first signal asks for an orderly end, the second ends at once."""

import signal
import threading
from typing import Any

import pytest

from slmcli.signals import StopRequest, Terminated, stop_on_signal, unwind_on_termination

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])


def test_nothing_is_asked_for_without_a_signal() -> None:
    with stop_on_signal() as request:
        assert not request.is_set


@BOTH
def test_the_first_signal_asks_for_an_orderly_end(number: signal.Signals) -> None:
    with stop_on_signal() as request:
        signal.raise_signal(number)
    assert request.is_set


@BOTH
def test_the_second_signal_ends_at_once(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), stop_on_signal():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(number)


@BOTH
def test_the_earlier_handler_is_back_after_the_block(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_on_signal():
        assert signal.getsignal(number) is not before
    assert signal.getsignal(number) is before


@BOTH
def test_the_earlier_handler_is_back_after_an_error(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(ValueError, match="no"), stop_on_signal():
        raise ValueError("no")
    assert signal.getsignal(number) is before


def test_one_block_does_not_remember_the_signals_of_another() -> None:
    with stop_on_signal():
        signal.raise_signal(signal.SIGINT)
    with stop_on_signal() as request:
        assert not request.is_set


def test_outside_the_main_thread_nothing_is_caught() -> None:
    seen: list[Any] = []

    def block() -> None:
        with stop_on_signal() as request:
            seen.extend([signal.getsignal(signal.SIGINT), request.is_set])

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert seen == [before, False]


def test_a_request_can_be_told_of_a_signal_by_hand() -> None:
    request = StopRequest()
    request.handle(signal.SIGTERM, None)
    assert request.is_set


def test_termination_unwinds_the_program() -> None:
    with pytest.raises(Terminated), unwind_on_termination():
        signal.raise_signal(signal.SIGTERM)


def test_a_second_termination_does_not_interrupt_the_clearing_away() -> None:
    cleared = False
    with pytest.raises(Terminated), unwind_on_termination():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
            cleared = True
    assert cleared


def test_the_earlier_handler_is_back_after_unwinding() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated), unwind_on_termination():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
