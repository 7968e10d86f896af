"""What a graph is traced for, when that decides by which operations a layer says the same."""

import contextlib
import contextvars
from collections.abc import Iterator

_PURPOSE = contextvars.ContextVar("purpose", default="")
_PART = contextvars.ContextVar("part", default=0)
_CONVERSION, _FUSING_CONVERSION, _COMPILATION = "conversion", "fusing conversion", "compilation"


@contextlib.contextmanager
def conversion(*, fuses_recurrences: bool = False) -> Iterator[None]:
    """Make what is traced in this block of operations that every format has, and for inference alone.

    Args:
        fuses_recurrences: The format has an operation for a whole LSTM or GRU, so that a layer stands as one (`fused_recurrences`).
    """
    with _purpose(_FUSING_CONVERSION if fuses_recurrences else _CONVERSION):
        yield


@contextlib.contextmanager
def compilation() -> Iterator[None]:
    """Make what is traced in this block of operations that XLA has, which puts small ones together by itself."""
    with _purpose(_COMPILATION):
        yield


@contextlib.contextmanager
def part_of_step(number: int) -> Iterator[None]:
    """Let what is traced in this block read some of the rows of a step (`divided_steps`), those of this number."""
    before = _PART.set(number)
    try:
        yield
    finally:
        _PART.reset(before)


@contextlib.contextmanager
def _purpose(name: str) -> Iterator[None]:
    before = _PURPOSE.set(name)
    try:
        yield
    finally:
        _PURPOSE.reset(before)


def traced_part() -> int:
    """Return which part of a step's rows is read; 0 where it is not divided."""
    return _PART.get()


def is_converting() -> bool:
    """Say whether a layer is traced for inference alone, so that what only a gradient needs can be left out."""
    return _PURPOSE.get() in (_CONVERSION, _FUSING_CONVERSION)


def is_fusing() -> bool:
    """Say whether a recurrence is traced for a format that has an operation for all of it."""
    return _PURPOSE.get() == _FUSING_CONVERSION


def is_compiling() -> bool:
    """Say whether a layer is traced for XLA."""
    return _PURPOSE.get() == _COMPILATION
