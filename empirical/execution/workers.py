"""Resident processes that carry out run after run, and report the progress of each.

On Linux the processes are forked from this process, in which everything is imported and the data are loaded, if every
run is on a CPU and takes one thread: OpenMP does not survive a fork in a process that it has made threads in, but with
one thread it makes none. Otherwise they are started anew.

They end with this process, however it ends, in the middle of a run if need be: its records are whole at any moment.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import connection
from pathlib import Path
from types import FrameType
from typing import Any

from empirical.execution.gpu_shares import GpuShares
from empirical.execution.progress import RunLine, RunProgress, Watcher
from empirical.runs.config import RunConfig, trained_run
from empirical.runs.records import RunDirectory
from empirical.training.epoch_record import EpochRecord
from theory.common.terminal import prepare_output

_SECONDS_BETWEEN_REPORTS = (
    0.2  # seconds between a run's epochs that are reported: reading them costs the launching process time
)


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        text: the outcome in words.
        failure: why the run failed, "" if it did not.
        busy: whether another process is at work on the run.
    """

    text: str
    failure: str = ""
    busy: bool = False


Perform = Callable[[RunDirectory, Watcher], Outcome]
"""Carries out the run of a directory."""


@dataclass(frozen=True)
class WorkerConfig:
    """The processes that carry out runs.

    Attributes:
        count: the number of processes at a time.
        threads: the threads of each process.
        perform: what a process does with a run.
        forked: whether the processes may be forked from this process.
        log: the file for what is printed during a run; None leaves it where this process prints.
        gpus: the GPUs that the processes share; None where every process sees what this process sees.
    """

    count: int
    threads: int
    perform: Perform
    forked: bool
    log: Callable[[RunDirectory], Path] | None = None
    gpus: GpuShares | None = None


def carry_out(
    directories: Sequence[RunDirectory], workers: WorkerConfig, progress: RunProgress
) -> list[tuple[RunConfig, Outcome]]:
    """Carry out runs in worker processes; a study of a trained network waits for the run that trains it.

    A process that a run kills is replaced, and the other runs go on. Returns the outcomes, in the order in which the
    runs ended.
    """
    waiting = {directory.config.hash: directory for directory in directories}
    idle: list[_Worker] = []
    busy: dict[Any, tuple[_Worker, RunDirectory, RunLine]] = {}  # by the channel to the worker
    outcomes: list[tuple[RunConfig, Outcome]] = []
    with _ending(idle, busy):
        while waiting or busy:
            unfinished = waiting.keys() | {directory.config.hash for _, directory, _ in busy.values()}
            ready = (run for run, directory in waiting.items() if not needed_runs(directory.config) & unfinished)
            for run in list(islice(ready, workers.count - len(busy))):
                directory = waiting.pop(run)
                _end_dead(idle)
                worker = idle.pop() if idle else _Worker(workers)
                busy[worker.channel] = worker, directory, progress.start(directory.config.title)
                with suppress(BrokenPipeError):  # the worker has died, which shows where its messages are read
                    worker.channel.send(directory)
            for channel in connection.wait(list(busy)):
                worker, directory, line = busy[channel]
                match worker.next_message():
                    case EpochRecord() as record:
                        line.epoch(record)
                    case (name, share):
                        line.stage(name, share)
                    case Outcome() as outcome:
                        del busy[channel]
                        idle.append(worker)
                        line.end(f"failed: {outcome.failure}" if outcome.failure else outcome.text)
                        outcomes.append((directory.config, outcome))
    return outcomes


def needed_runs(config: RunConfig) -> set[str]:
    """The runs that must come first: a study of a trained network needs the run that trains the network."""
    return {trained_run(config).hash} if config.study and config.training else set()


class _Worker:
    """A process and its channel."""

    def __init__(self, workers: WorkerConfig):
        context = multiprocessing.get_context("fork" if workers.forked and sys.platform == "linux" else "spawn")
        self.channel, inner = context.Pipe()
        self.process: Any = context.Process(target=_work, args=(inner, replace(workers, gpus=None)))  # type: ignore[attr-defined]
        self._gpus, self._name = workers.gpus or GpuShares([]), self.process.name
        with warnings.catch_warnings(), _environment(self._gpus.take(self._name)):
            warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)  # see above
            self.process.start()
        inner.close()

    def next_message(self) -> Any:
        """The worker's next message about its run; the message that it died, once it has."""
        try:
            return self.channel.recv()
        except (EOFError, OSError):  # between messages, or within one
            self.process.join()
            self._gpus.give_back(self._name)
            return Outcome("", _cause_of_death(self.process.exitcode or 0))

    def end(self) -> None:
        """Stop the process, whatever it is doing."""
        self.process.terminate()
        self.process.join()
        self.channel.close()
        self._gpus.give_back(self._name)


def _end_dead(idle: list[_Worker]) -> None:
    """Take off the list the workers that ended with their run, or were killed while they waited for another."""
    for worker in [worker for worker in idle if not worker.process.is_alive()]:
        idle.remove(worker)
        worker.end()


@contextmanager
def _environment(changed: Mapping[str, str]) -> Iterator[None]:
    """Set the environment that a process begins with, for the time of the block that starts it."""
    before = dict(os.environ)
    os.environ.update(changed)
    try:
        yield
    finally:
        for name in changed:
            os.environ.pop(name)
        os.environ.update(before)


def _cause_of_death(status: int) -> str:
    """Describe an exit status as Python gives it: negative for a signal, which need not have a name."""
    if status >= 0:
        return f"its process ended with exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by real-time signal {-status}"


@contextmanager
def _ending(idle: Sequence[_Worker], busy: Mapping[Any, tuple[_Worker, RunDirectory, RunLine]]) -> Iterator[None]:
    """End the processes at the end of the block, whatever ends it, SIGTERM included."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, interrupt) if main_thread else None
    try:
        yield
    finally:
        for worker in [*idle, *(worker for worker, _, _ in busy.values())]:
            worker.end()
        if main_thread:
            signal.signal(signal.SIGTERM, before)


def _work(channel: Any, workers: WorkerConfig) -> None:
    """The worker process: it carries out run after run, until it is ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # a live display belongs to the other process
    prepare_output()
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(workers.threads)
    with threadpool_limits(workers.threads):
        while True:
            directory = channel.recv()
            if workers.log:
                _print_to(workers.log(directory))
            try:
                outcome = workers.perform(directory, _Reporter(channel))
            except Exception as error:
                traceback.print_exc()
                outcome = Outcome("", f"{type(error).__name__}: {error}")
            channel.send(outcome)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker has been started"
    connection.wait([parent.sentinel])
    os._exit(1)


def _print_to(log: Path) -> None:
    """Append whatever is printed from now on to a file."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    kept_open = open(log, "a", buffering=1, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115, to the next run
    sys.stdout = sys.stderr = kept_open
    for stream, descriptor in ((sys.__stdout__, 1), (sys.__stderr__, 2)):
        if stream is not None:  # standard output was closed from the beginning: another file may have its number
            os.dup2(kept_open.fileno(), descriptor)


class _Reporter:
    """Sends the progress of a run, at most a few times a second."""

    def __init__(self, channel: Any):
        self._channel, self._sent = channel, 0.0

    def epoch(self, record: EpochRecord) -> None:
        """Send an epoch that has been recorded."""
        self._send(record)

    def stage(self, name: str, share: float) -> None:
        """Send the share of a stage that is done."""
        self._send((name, share))

    def _send(self, message: EpochRecord | tuple[str, float]) -> None:
        if time.monotonic() - self._sent > _SECONDS_BETWEEN_REPORTS:
            self._sent = time.monotonic()
            self._channel.send(message)
