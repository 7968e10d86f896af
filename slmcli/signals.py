"""Two-step interruption: the first signal asks for an orderly end, the second ends at once."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class StopRequest:
    """Whether a signal has asked for an orderly end."""

    def __init__(self) -> None:
        self.is_set = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Remember the first signal; raise on the second."""
        if self.is_set:
            raise KeyboardInterrupt
        self.is_set = True


class Terminated(KeyboardInterrupt):
    """SIGTERM came: as Ctrl-C does, it unwinds the program, so that nothing half-written stays."""


@contextlib.contextmanager
def unwind_on_termination() -> Iterator[None]:
    """Raise `Terminated` on SIGTERM while the block runs (in the main thread; elsewhere nothing is caught)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, _unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _unwind(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not interrupt the clearing away
    raise Terminated


@contextlib.contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Catch SIGINT and SIGTERM while the block runs (in the main thread; elsewhere nothing is caught)."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    previous = {number: signal.signal(number, request.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
