"""Each epoch told to each observer once, however often the run is interrupted.

How far each has been told stands in `observed.json` in the run's directory. So an observer that comes later is told
what was recorded before, and an epoch that is trained again after a kill is not told twice. A kill within the telling
itself may have one epoch told twice, and none left out.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from empirical.execution.progress import Watcher
from empirical.observers.observer import Observer
from empirical.runs.json_files import read_json
from empirical.runs.records import BusyError, RunDirectory, read_run, write_json
from empirical.training.epoch_record import EpochRecord
from theory.common.plain_text import visible

Observers = Mapping[str, Observer]
"""Observers by the name under which a run's directory notes how far each has been told."""

_ENDED = "ended"


class Told:
    """A watcher of a run that passes on what it is told, and has the observers told what is recorded.

    Arguments:
        directory: the directory of the run, claimed by this process.
        observers: the observers by name.
        watcher: told first.
    """

    def __init__(self, directory: RunDirectory, observers: Observers, watcher: Watcher) -> None:
        self._directory, self._watcher = directory, watcher
        self._path = directory.path / "observed.json"
        self._told = _read(self._path)
        self._observers = {name: observer for name, observer in observers.items() if self._told.get(name) != _ENDED}
        for name in list(self._observers):
            self._tell(name, "begin")
        for record in directory.read_epochs():
            self._pass_on(record)

    def epoch(self, record: EpochRecord) -> None:
        """An epoch has been recorded."""
        self._watcher.epoch(record)
        self._pass_on(record)

    def stage(self, name: str, share: float) -> None:
        """This share of a stage is done."""
        self._watcher.stage(name, share)

    def end(self) -> None:
        """The run ends here, finished or not."""
        finished = (self._directory.path / "summary.json").exists()
        metrics = read_run(self._directory.path).summary.metrics if finished and self._observers else None
        for name in list(self._observers):
            if self._tell(name, "end", metrics) and finished:
                self._note(name, _ENDED)

    def _pass_on(self, record: EpochRecord) -> None:
        for name in list(self._observers):
            if record.epoch > self._told.get(name, -1) and self._tell(name, "epoch", record):
                self._note(name, record.epoch)

    def _tell(self, name: str, event: str, *what: Any) -> bool:
        """Tell an observer, and return whether that worked; an observer that fails is left out from now on."""
        call: Callable[..., None] | None = getattr(self._observers[name], event, None)
        if call is None:
            return True
        try:
            call(self._directory.config, *what)
        except Exception as error:  # the user's own observer may raise anything
            reason = visible(f"{type(error).__name__}: {error}")
            print(f"observer {name}: {reason}: this run goes on without it", file=sys.stderr, flush=True)
            del self._observers[name]
            return False
        return True

    def _note(self, name: str, place: int | str) -> None:
        self._told[name] = place
        with suppress(OSError):  # the directory was removed, which is for the run to say, or the disk is full
            write_json(self._path, self._told)


@contextmanager
def observed(directory: RunDirectory, observers: Observers, watcher: Watcher) -> Iterator[Watcher]:
    """Give a watcher for a claimed run; the observers are told of the run until the block ends."""
    if not observers:
        yield watcher
        return
    teller = Told(directory, observers, watcher)
    try:
        yield teller
    finally:
        teller.end()


def tell_finished(directory: RunDirectory, observers: Observers, watcher: Watcher) -> None:
    """Tell the observers what they have not been told yet about a finished run. Nothing is told about a packed run,
    which has no directory to note it in.
    """
    path = directory.path / "observed.json"
    if (directory.path / "summary.json").exists() and any(_read(path).get(name) != _ENDED for name in observers):
        with suppress(BusyError), directory.claim(), observed(directory, observers, watcher):
            pass


def _read(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except (OSError, ValueError):  # not there, or damaged: everything is told then
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: place for name, place in content.items() if isinstance(place, int) or place == _ENDED}
