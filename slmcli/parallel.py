"""Map a function over many blocks in several processes, in order, with few blocks in memory."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext
from typing import Any  # Any: what a worker is told, given and returns

from slmcli.errors import SlmError

Start = Callable[..., None]
Work = Callable[[Any], Any]


def usable_processors() -> int:
    """Return the number of processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_in_order(start: Start, arguments: tuple[Any, ...], work: Work, items: Iterable[Any], *, workers: int) -> Iterator[Any]:
    """Yield `work(item)` for each item, in order.

    Args:
        start: Called once in each process, with `arguments`, before any work; it keeps its state in a module's variable.
        arguments: What `start` is told.
        work: A function at the top of a module.
        items: What to work on; read only a little ahead of the results.
        workers: Processes; 1 or fewer: this one does the work.

    Raises:
        SlmError: A process was killed, for want of memory most likely; or whatever `work` raised.
    """
    if workers <= 1:
        start(*arguments)
        yield from map(work, items)
        return
    context = _context(work)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(start, arguments))
    try:
        yield from _in_order(pool, work, items, waiting=workers + 2)
    except BrokenProcessPool as error:
        raise SlmError("a worker process ended before its work was done, most likely for want of memory. Pass --workers 1.") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _context(work: Work) -> BaseContext:
    """Return how processes are started: forked from a server that has imported what they need, where there is such a thing.

    Not forked from this process, which may hold threads of TensorFlow; and not each started anew, which costs an import of
    everything for each process of each stage.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", work.__module__])
    return context


def _begin(start: Start, arguments: tuple[Any, ...]) -> None:
    """Start a worker process; Ctrl-C reaches it too, but it is the parent that ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    start(*arguments)


def _in_order(pool: ProcessPoolExecutor, work: Work, items: Iterable[Any], *, waiting: int) -> Iterator[Any]:
    results: deque[Future[Any]] = deque()
    for item in items:
        results.append(pool.submit(work, item))
        if len(results) >= waiting:
            yield results.popleft().result()
    while results:
        yield results.popleft().result()
