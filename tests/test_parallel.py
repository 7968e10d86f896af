"""Work divided among processes comes back in order, a little ahead of what is asked for."""

import os
from collections.abc import Iterator

import pytest

from slmcli.errors import DataError, SlmError
from slmcli.parallel import map_in_order

state: list[int] = []


def start(value: int) -> None:
    state[:] = [value]


def add(item: int) -> int:
    return state[0] + item


def fail(item: int) -> int:
    if item == 3:
        raise DataError("row 3 is wrong. Correct it.")
    return item


def die(item: int) -> int:
    os._exit(1)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_results_come_in_order(workers: int) -> None:
    assert list(map_in_order(start, (10,), add, range(20), workers=workers)) == list(range(10, 30))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_worker_is_the_callers(workers: int) -> None:
    with pytest.raises(DataError, match=r"row 3 is wrong\. Correct it\."):
        list(map_in_order(start, (0,), fail, range(5), workers=workers))


def test_a_process_that_dies_is_explained() -> None:
    with pytest.raises(SlmError, match=r"a worker process ended before its work was done.*Pass --workers 1\."):
        list(map_in_order(start, (0,), die, range(3), workers=2))


def test_items_are_read_only_a_little_ahead() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            read.append(item)
            yield item

    results = map_in_order(start, (0,), add, items(), workers=2)
    next(results)
    assert len(read) < 10
    results.close()
