"""A sweep at a glance, from its records alone: which runs are finished, at work, stopped, not begun.

Nothing is written. The lock of a run tells whether a process is at work on the run: the kernel frees the lock when the
process dies. The test takes the lock, shared, for microseconds. Across machines the test is as good as the file
system's flock.
"""

import os
import re
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from rich.console import Console

from empirical.runs.config import RunConfig
from empirical.runs.json_files import parse_json, read_json
from empirical.runs.packed import packed_names, packed_record
from empirical.runs.records import read_config, unopened_names, write_json
from empirical.text_table import TextTable, rendered
from empirical.training.config import TrainingConfig
from theory.common.regular_files import open_regular

State = Literal["running", "stopped", "waiting", "finished"]

PLANNED = Path("launcher") / "runs.json"
"""The file under the directory of records that lists the runs a command was asked for, `{directory: {"title": ...,
"job": ...}}`."""

_LONGEST_LINE = 65_536  # bytes of the metrics' end that are read


@dataclass(frozen=True)
class RunStatus:
    """The status of a run; None where a value is not known.

    Attributes:
        name: the name of its directory.
        title: the test, the network and what regularises it.
        state: finished: it has its summary; running: a live process holds its lock; stopped: it has begun and nobody is
            at work, by failure or interruption; waiting: it was asked for and has not begun.
        epochs, steps: recorded so far.
        max_steps: the limit; a run that fits its labels ends sooner.
        train_accuracy: at the last record; the accuracy on samples as they were trained on, where no other is known.
        seconds: the seconds of work, over interruptions.
        age: seconds since anything was written.
    """

    name: str
    title: str
    state: State
    epochs: int | None = None
    steps: int | None = None
    max_steps: int | None = None
    train_accuracy: float | None = None
    seconds: float | None = None
    age: float | None = None


def read_status(out: Path) -> list[RunStatus]:
    """Every run under `out`: the running ones first, then stopped, waiting and finished, each by name.

    It is safe at any moment: a file that is not whole yet counts as not known. Raises FileNotFoundError if there is no
    such directory.
    """
    if not out.is_dir():
        raise FileNotFoundError(f"no directory of records at {out.absolute()}")
    # A directory that vanishes meanwhile counts as missing, or as a run about which nothing is known.
    paths = {path.name: path for path in out.iterdir() if re.search(r"_[0-9a-f]{12}$", path.name) and path.is_dir()}
    waiting = [
        RunStatus(name, str(planned.get("title", name)), "waiting")
        for name, planned in read_planned(out).items()
        if name not in paths and name not in packed_names(out)
    ]
    states = get_args(State)
    packed = [_packed_status(out, name) for name in unopened_names(out) if name not in paths]
    statuses = [run_status(path) for path in paths.values()] + waiting + packed
    return sorted(statuses, key=lambda status: (states.index(status.state), status.name))


def run_status(path: Path) -> RunStatus:
    """The status of the run in this directory."""
    at_work = _locked(path / "lock")  # before the summary is looked for: it is written under the lock
    finished = (path / "summary.json").exists()
    summary = _read_json(path / "summary.json")
    last = _last_record(path / "metrics.jsonl")
    try:
        config = read_config(path)
        title, training = config.title, config.training
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        title, training = path.name, None
    written = [path / name for name in ("config.json", "metrics.jsonl", "checkpoint.pt", "summary.json")]
    # `os.walk`, unlike globbing, goes on where a folder vanishes under it.
    scratch = [Path(folder) / name for folder, _, names in os.walk(path / "scratch") for name in names]
    stamps = [_modified(file) for file in (*written, *scratch)]
    latest = max(stamps, default=0.0)
    state: State = "finished" if finished else "running" if at_work else "stopped"
    age = max(time.time() - latest, 0.0) if latest else None
    return _status(path.name, title, training, state, summary, [last] if last else [], age)


def _packed_status(out: Path, name: str) -> RunStatus:
    try:
        record = packed_record(out, name)
        config, summary = RunConfig.restored(record["config"]), record["summary"]
        return _status(name, config.title, config.training, "finished", summary, record["epochs"][-1:], None)
    except (ValueError, TypeError, KeyError, AttributeError):
        return RunStatus(name, name, "finished")


def _status(
    name: str,
    title: str,
    training: TrainingConfig | None,
    state: State,
    summary: dict[str, Any],
    last_record: list[dict[str, Any]],
    age: float | None,
) -> RunStatus:
    measured, taken = _mapping(summary.get("metrics")), _mapping(summary.get("time"))
    last = measured if "step" in measured or not last_record else last_record[0]
    return RunStatus(
        name=name,
        title=title,
        state=state,
        epochs=_count(last.get("epoch")),
        steps=_count(last.get("step")),
        max_steps=_count(training.max_steps) if training else None,
        train_accuracy=_number(
            measured.get("train_accuracy", last.get("train_accuracy") or last.get("online_accuracy"))
        ),
        seconds=_number(taken.get("seconds", last.get("seconds"))),
        age=age,
    )


def status_table(statuses: list[RunStatus], out: Path) -> TextTable:
    """The table of the runs, with the number of runs in each state in its title."""
    counts = Counter(status.state for status in statuses)
    states = ", ".join(f"{counts[state]} {state}" for state in ("finished", "running", "stopped", "waiting"))
    rows = [
        (
            status.title if status.title == status.name else f"{status.title} ({status.name[-12:]})",
            status.state,
            "—" if status.epochs is None else f"{status.epochs:,}",
            "—" if status.steps is None else f"{status.steps:,}" + _limit(status),
            "—" if status.train_accuracy is None else f"{status.train_accuracy:.2%}",
            "—" if status.seconds is None else duration(status.seconds),
            "—" if status.age is None else f"{duration(status.age)} ago",
        )
        for status in statuses
    ]
    return TextTable(
        f"{out}: {len(statuses)} runs: {states}",
        ("run", "state", "epochs", "steps", "train", "time", "last written"),
        tuple(rows),
        "stopped: begun, not finished, and nobody at work; the command that began it goes on with it",
    )


def print_status(out: Path, console: Console) -> int:
    """Print the table; returns the exit status. Raises as `read_status` does."""
    console.print(rendered(status_table(read_status(out), out)))
    return 0


def read_planned(out: Path) -> dict[str, dict[str, Any]]:
    """The runs that a command was asked for; a job is a launcher's."""
    return {name: entry for name, entry in _read_json(out / PLANNED).items() if isinstance(entry, dict)}


def plan_to_run(out: Path, titles: Mapping[str, str]) -> list[str]:
    """Note under `out` what a command is asked for, `{directory: title}`, so that runs not begun are known; returns the
    directories that were not noted before.

    What was asked for before stays; of what is noted already nothing changes. A run with a directory is not noted, so
    that a command whose runs are all finished writes nothing.
    """
    with changed_plan(out) as planned:
        added = [name for name in titles if name not in planned and not (out / name).exists()]
        planned |= {name: {"title": titles[name], "job": ""} for name in added}
    return added


def forget_begun(out: Path, refused: Collection[str] = ()) -> None:
    """Take what has begun off the note, and the directories that a refused command had noted; a note of nothing is
    removed. A launcher's jobs stay on it."""
    with changed_plan(out) as planned:
        for name in [name for name, entry in planned.items() if not entry.get("job")]:
            if name in refused or (out / name).exists():
                del planned[name]


@contextmanager
def changed_plan(out: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """The note of the runs asked for under `out`, to be changed in place: in the end it is written, or removed if it is
    empty. One command at a time has it."""
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out):
        before = read_planned(out)
        planned = dict(before)
        yield planned
        if planned and planned != before:
            (out / PLANNED).parent.mkdir(exist_ok=True)
            write_json(out / PLANNED, planned)
        elif before and not planned:
            (out / PLANNED).unlink(missing_ok=True)
            with suppress(OSError):  # a launcher's own files are there
                (out / PLANNED).parent.rmdir()


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Wait until no other process has a directory for itself, and have it; where the system has no such locks, all
    have it."""
    try:
        import fcntl
    except ImportError:  # not POSIX
        yield
        return
    opened = os.open(directory, os.O_RDONLY)
    try:
        with suppress(OSError):  # a network's file system may lock no directories
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def duration(seconds: float) -> str:
    """A time in its two largest units: 4 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    whole = int(seconds)
    for size, unit, smaller, part in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // smaller} {part}"
    return f"{whole} s"


def _limit(status: RunStatus) -> str:
    return f" of {status.max_steps:,}" if status.max_steps and status.state != "finished" else ""


def _locked(lock: Path) -> bool:
    try:
        import fcntl
    except ImportError:  # not POSIX: there are no locks there
        return False
    try:
        with open_regular(lock) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, ValueError):  # no lock has been made, as in records that were copied
        return False
    return False


def _last_record(metrics: Path) -> dict[str, Any]:
    """The last whole line; a line that is still being written does not count."""
    try:
        with open_regular(metrics) as file:
            file.seek(max(0, file.seek(0, 2) - _LONGEST_LINE))
            lines = file.read().split(b"\n")[:-1]
        return _mapping(parse_json(lines[-1]))
    except (OSError, ValueError, IndexError):
        return {}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return _mapping(read_json(path))
    except (OSError, ValueError):
        return {}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    """The value if it is a number that can be printed; else None."""
    return value if type(value) in (int, float) and abs(value) < 1e15 else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and abs(value) < 10**15 else None


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
