"""Memory that a training step frees, kept for the next one.

glibc, the C library of most Linux systems, takes every block of more than 32 MiB from the system and gives it back when
it is freed. The system fills new pages with zeros one at a time, as they are touched. A convolutional network takes and
frees gigabytes at each step: small AlexNet evaluates images twice as fast if they are kept (`benchmarks.kept_memory`).
Where numbers lie does not change them.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # the options of glibc's mallopt
_NEVER = -1
_MIB = 2**20


@contextmanager
def kept_memory() -> Iterator[bool]:
    """Have this process keep what it frees, but for blocks above a gigabyte; then give everything back.

    Gives whether the C library could be told so: others than glibc cannot. Afterwards the thresholds are the highest
    that glibc itself comes to.
    """
    library = _glibc()
    kept = library is not None and _set(library, 1024 * _MIB, _NEVER)
    try:
        yield kept
    finally:
        if library is not None and kept:
            _set(library, 32 * _MIB, 64 * _MIB)
            library.malloc_trim(0)


def _glibc() -> Any | None:
    try:
        library = ctypes.CDLL(None)
        return library if library.mallopt and library.malloc_trim else None
    except (OSError, TypeError, AttributeError):  # no such function, or no such library
        return None


def _set(library: Any, largest: int, trimmed: int) -> bool:
    return bool(library.mallopt(_MMAP_THRESHOLD, largest) == 1 and library.mallopt(_TRIM_THRESHOLD, trimmed) == 1)
