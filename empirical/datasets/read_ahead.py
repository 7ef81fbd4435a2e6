"""Work that threads do ahead of its use: results come in order, and a bounded number of results waits."""

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_SECONDS_BETWEEN_LINES = 20.0

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int | None = None, ahead: int | None = None
) -> Generator[Result, None, None]:
    """Yield function(item) for each item, in their order, whatever the number of threads.

    Threads, since Pillow and NumPy leave Python's lock while they work: they share the images with the process, and
    decode as fast as processes do (benchmarks/README.md).

    Arguments:
        workers: threads; by default the cores that this process may use.
        ahead: items at most that are worked on or wait to be taken; by default twice the threads.

    An exception is raised where its result would have come. The threads end with the iterator: when it is exhausted,
    closed, or no longer referred to.
    """
    workers = workers or usable_cores()
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="read-ahead")
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= (ahead or 2 * workers):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class ProgressLines:
    """Print a line on standard error now and then, for work on many images; none if the work ends within seconds."""

    def __init__(self, title: str, total: int):
        self._title, self._total, self._done = title, total, 0
        self._begun = self._printed = time.monotonic()

    def advance(self, images: int) -> None:
        """Count this many more images as done."""
        self._done += images
        now = time.monotonic()
        if now - self._printed < _SECONDS_BETWEEN_LINES:
            return
        self._printed = now
        rate = self._done / (now - self._begun)
        print(
            f"{self._title}: {self._done:,} of {self._total:,} images, {rate:,.0f} a second, "
            f"about {(self._total - self._done) / rate / 60:.0f} minutes left",
            file=sys.stderr,
            flush=True,
        )
