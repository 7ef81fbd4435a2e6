"""Named checks, each done once, within the time that is left: what is done is kept, and a second call goes on."""

import json
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Literal

Verdict = Literal["PASS", "FAIL", "INFO", "SKIP", "LATE"]
"""INFO is a measurement; SKIP does not apply here; LATE had no time and is done by the next call, as is FAIL."""

_DONE = ("PASS", "INFO", "SKIP")
_SHOWN = 300  # characters of an error


@dataclass
class Checklist:
    """The checks of a call. Times are those of `time.monotonic`.

    Attributes:
        path: the file of the results, a line of JSON each, appended as they come.
        end: when the call must be over.
        until: when the present stage must be.
    """

    path: Path
    end: float
    until: float = 0.0
    results: list[dict[str, Any]] = field(default_factory=list)
    _before: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            rows = [json.loads(line) for line in self.path.read_text().splitlines() if line.endswith("}")]
            self._before = {row["check"] for row in rows if row["verdict"] in _DONE}

    @property
    def seconds_left(self) -> float:
        """The seconds left for the call."""
        return self.end - time.monotonic()

    def begin(self, stage: str, share: float) -> None:
        """Begin a stage, which may take this share of the seconds left."""
        self.until = time.monotonic() + share * max(0.0, self.seconds_left)
        print(f"== {stage}: {self.until - time.monotonic():.0f} of {self.seconds_left:.0f} s left", flush=True)

    def done(self, name: str) -> bool:
        """Whether an earlier call has done the check."""
        return name in self._before

    def check(self, name: str, work: Callable[[], dict[str, Any] | None]) -> None:
        """Do it unless it was done: what it returns are facts, with the `verdict` among them if it is not PASS.

        Whatever it raises is its result. It is interrupted, between two operations of Python, at the stage's end.
        """
        if self.done(name):
            print(f"       done  {name}", flush=True)
            return
        seconds = self.until - time.monotonic()
        if seconds <= 0:
            self.note(name, "LATE")
            return
        begun = time.monotonic()
        before = signal.signal(signal.SIGALRM, _interrupt)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            facts = work() or {}
            verdict = facts.pop("verdict", "PASS")
        except _TimeIsOverError:
            verdict, facts = "LATE", {}
        except Exception as error:  # a check may find anything wrong
            where = traceback.extract_tb(error.__traceback__)[-1]
            verdict = "FAIL"
            facts = {"error": f"{type(error).__name__}: {error}"[:_SHOWN], "where": f"{where.filename}:{where.lineno}"}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        self.note(name, verdict, seconds=round(time.monotonic() - begun, 1), **facts)

    def note(self, name: str, verdict: Verdict, **facts: Any) -> None:
        """Add a result, and print it."""
        row = {"check": name, "verdict": verdict, **facts}
        self.results.append(row)
        with open(self.path, "a") as file:
            file.write(json.dumps(row, default=str) + "\n")
        shown = ", ".join(f"{key} {value}" for key, value in facts.items())
        print(f"{self.seconds_left:6.0f} s left  {verdict:<5}{name}: {shown}", flush=True)


class _TimeIsOverError(BaseException):
    """Raised when time is over. It is no Exception, so that no check catches it."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise _TimeIsOverError
