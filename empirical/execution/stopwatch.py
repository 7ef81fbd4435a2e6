"""Time of work on a shared machine: the time that a thread waits for a core is measured apart from the time that it
runs."""

import time
from pathlib import Path

_SCHEDSTAT = Path("/proc/thread-self/schedstat")  # nanoseconds on a core, nanoseconds ready but waiting for one, slices


def seconds_waited() -> float:
    """Seconds that this thread has been ready to run and waited for a core; 0 where the system does not tell."""
    try:
        return int(_SCHEDSTAT.read_text(encoding="utf-8").split()[1]) * 1e-9
    except (OSError, ValueError, IndexError):
        return 0.0


class Stopwatch:
    """A stopwatch that starts when it is made."""

    def __init__(self) -> None:
        self._begun, self._waited = time.perf_counter(), seconds_waited()

    @property
    def elapsed(self) -> float:
        """The seconds by the clock."""
        return time.perf_counter() - self._begun

    @property
    def waited(self) -> float:
        """The seconds by the clock that were spent waiting for a core."""
        return seconds_waited() - self._waited

    @property
    def undisturbed(self) -> float:
        """The seconds that the work would take on an idle machine: by the clock, less the waiting. At least a
        microsecond."""
        return max(self.elapsed - self.waited, 1e-6)
