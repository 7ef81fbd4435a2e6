"""The record of a run, which is the only input of comparisons, figures and reports.

A run is one directory, `<experiment>_<test>_<network>_<hash of its resolved configuration>`:

    config.json      the configuration, fully resolved, with digests of the data
    metrics.jsonl    one line an epoch, append-only
    checkpoint.pt    the state to resume from; a run that trains no network has a folder `scratch` until it is finished
    summary.json     the outcome; written last, atomically: a run is finished if and only if it is there

Published runs are packed into one file for all (`packed`), which is read like directories. Where a run has a directory
as well, finished or begun anew, the directory counts.
"""

import json
import math
import os
import reprlib
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from empirical.runs.config import RunConfig, hash_in
from empirical.runs.environment import environment
from empirical.runs.json_files import parse_json, read_bytes, read_json
from empirical.runs.missing_metric import Metrics
from empirical.runs.packed import PACKED, Record, packed_names, packed_record
from empirical.training.epoch_record import EpochRecord
from theory.common.atomic import replacing
from theory.common.plain_text import visible

if TYPE_CHECKING:
    from empirical.training.state import TrainingState


@dataclass(frozen=True)
class Summary:
    """The outcome of a run.

    Attributes:
        metrics: what was measured; equal to the bit when the same run is repeated on the same machine's CPU.
        time: seconds and the like, which differ from run to run.
        environment: versions, machine, device, threads.
    """

    metrics: dict[str, Any]
    time: dict[str, Any]
    environment: dict[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", Metrics.of(self.metrics))


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run as read back: its directory, configuration, epochs and outcome."""

    path: Path
    config: RunConfig
    epochs: tuple[EpochRecord, ...]
    summary: Summary


_CONTENT = ("summary.json", "metrics.jsonl", "checkpoint.pt", "scratch")
"""The files of a run beside its configuration; the summary first, without which a run is not finished."""


_TRIES = 100  # tries to claim a directory that other processes remove


class BusyError(RuntimeError):
    """Raised where another process is at work on the run."""


class RemovedError(OSError):
    """Raised where the run's directory was removed or replaced while this process was at work on it."""


class RunDirectory:
    """A run's directory: every file is absent or whole, the metrics are whole lines.

    Writing is for whoever has claimed it: one process at a time. All writing is by path, and a path may lead to another
    directory than the claimed one: somebody removes it, and another process makes it anew. Whoever has claimed it looks
    for its own lock there before every write, and raises RemovedError if it is gone.
    """

    def __init__(self, root: Path, config: RunConfig, path: Path | None = None):
        # An older version may have named it otherwise: the hash decides.
        self.path = path or _found(root, config)
        self.config = config
        self._epochs: list[EpochRecord] = []
        self._held: TextIO | None = None

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Make the directory and claim it against other processes; a kill gives up the claim. Files that a kill has
        left half written are removed. Raises BusyError if another process has claimed the directory.
        """
        with self._locked():
            self._begin()
            yield

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Take the lock alone; a directory that was made for the lock and contains nothing else is removed in the
        end."""
        with _lock(self.path) as file:
            self._held = file
            try:
                yield
            finally:
                if self._is_claimed and not _begun(self.path):
                    _remove_empty(self.path)
                self._held = None

    def _begin(self) -> None:
        for leftover in self.path.glob(".*"):  # each is half a file, or a file that was moved aside to be deleted
            with suppress(OSError):  # a network's file system does so for files that another machine holds open
                _remove(leftover)
        write_json(self.path / "config.json", self.config.recorded())
        self._repair_metrics()

    @property
    def _is_claimed(self) -> bool:
        return self._held is not None and _is_at(self._held, self.path / "lock")

    def check_claim(self) -> None:
        """Raise RemovedError if another directory has taken the place of the claimed one."""
        if self._held is not None and not self._is_claimed:
            raise RemovedError(
                f"{self.path} was removed or replaced while this process was at work on it: the run is given up here, "
                "and nothing of it was written; the same command makes it anew"
            )

    @property
    def finished(self) -> bool:
        """Whether the run has its summary, in its directory or packed."""
        return (self.path / "summary.json").exists() or self._packed

    @property
    def _packed(self) -> bool:
        return not _begun(self.path) and self.path.name in packed_names(self.path.parent)

    def read(self) -> Run:
        """The finished run; raises ValueError if it cannot be read."""
        return _read_packed_run(self.path) if self._packed else read_run(self.path)

    @property
    def scratch(self) -> Path:
        """The folder in which a run without checkpoint keeps its state: useless once the run is finished, and for a
        kernel run as large as its Gram matrix.
        """
        return self.path / "scratch"

    def remove_scratch(self) -> None:
        """Remove the scratch folder, if there is one."""
        shutil.rmtree(self.scratch, ignore_errors=True)

    def remove_finished(self) -> None:
        """Remove the directory of a finished run, checkpoint included, unless it is being made anew.

        Raises BusyError if another process is at work on it.
        """
        with self._locked():
            if (self.path / "summary.json").exists():
                shutil.rmtree(self.path)

    def restart(self) -> None:
        """Forget everything but the configuration, and how far observers have been told."""
        self.check_claim()
        self._move_aside()
        self._delete_moved()

    def _move_aside(self) -> None:
        """Move the files of the run aside, all of them or none: the run is then not finished, and nothing is lost
        yet."""
        moved: list[str] = []
        try:
            for name in _CONTENT:
                if (self.path / name).exists():
                    os.rename(self.path / name, self.path / _aside(name))
                    moved.append(name)
        except BaseException:  # an interruption too
            self._move_back(moved)
            raise
        self._epochs = []

    def _move_back(self, names: Sequence[str] = _CONTENT) -> None:
        for name in reversed(names):
            if (self.path / _aside(name)).exists():
                os.rename(self.path / _aside(name), self.path / name)

    def _delete_moved(self) -> None:
        for name in _CONTENT:
            _remove(self.path / _aside(name))

    def load_state(self) -> "TrainingState | None":
        """Load the state to resume from, and cut off the metrics after it. Without a state of this run that is as it
        was saved, returns None and empties the metrics. The run must be claimed.
        """
        assert self._held is not None, "damaged files are removed, which needs a claim"
        from empirical.runs.checkpoint import load_checkpoint

        try:
            state = load_checkpoint(self.path / "checkpoint.pt", self.config.hash, self._epochs)
        except FileNotFoundError:
            self.restart()
            return None
        except (ValueError, KeyError, TypeError) as error:
            print(f"{error}: the run starts over", file=sys.stderr)
            self.restart()
            return None
        self._write_epochs([epoch for epoch in self._epochs if epoch.epoch <= state.recorded])
        return state

    def append(self, record: EpochRecord) -> None:
        """Add an epoch to the metrics, unless an interrupted run had already recorded it.

        Raises ValueError for a number that is not finite, which JSON does not define.
        """
        if self._epochs and record.epoch <= self._epochs[-1].epoch:
            return
        line = _line(record)
        self.check_claim()
        with open(self.path / "metrics.jsonl", "a", encoding="utf-8") as file:
            file.write(line)
        self._epochs.append(record)

    def read_epochs(self) -> list[EpochRecord]:
        """The epochs recorded so far: those that this process read when it claimed the run, and those that it wrote
        since."""
        return list(self._epochs)

    def save_state(self, state: "TrainingState") -> None:
        """Replace the checkpoint, whole or not at all. The epochs before it reach the disk first: a checkpoint without
        its epochs is not used."""
        self.check_claim()
        if (path := self.path / "metrics.jsonl").exists():
            with open(path, "rb+") as file:
                os.fsync(file.fileno())
        from empirical.runs.checkpoint import save_checkpoint

        save_checkpoint(self.path / "checkpoint.pt", state, self.config.hash, self._epochs)

    def finish(self, metrics: dict[str, Any], time: dict[str, Any], ranks: int = 1) -> None:
        """Write the summary: from now on the run is finished. `ranks` is how many processes have made it together."""
        content = {"metrics": metrics, "time": time, "environment": environment(self.config.device) | {"ranks": ranks}}
        self.check_claim()
        write_json(self.path / "summary.json", content)
        self.remove_scratch()

    def _repair_metrics(self) -> None:
        """Read the metrics and drop a line torn by a kill. With any other damage the run starts over."""
        path = self.path / "metrics.jsonl"
        content = read_bytes(path) if path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(path, len(whole))
        self._epochs = []
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                self._epochs.append(_epoch(parse_json(line)))
            except (ValueError, TypeError):
                print(f"{path}: line {number} is damaged: the run starts over", file=sys.stderr)
                self.restart()
                return

    def _write_epochs(self, epochs: list[EpochRecord]) -> None:
        if epochs != self._epochs:
            with replacing(self.path / "metrics.jsonl") as temporary:
                temporary.write_text("".join(map(_line, epochs)), encoding="utf-8")
            self._epochs = epochs


def restart_all(directories: Sequence[RunDirectory]) -> None:
    """Remove everything but the configurations of these runs: for all runs, or for none.

    All are claimed before anything is touched, then everything is moved aside, and deleted last. Raises BusyError if
    another process is at work on one of them, OSError if the system refuses.
    """
    with ExitStack() as claims:
        for directory in directories:
            claims.enter_context(directory._locked())
        moved: list[RunDirectory] = []
        try:
            for directory in directories:
                directory.check_claim()
                directory._move_aside()
                moved.append(directory)
        except BaseException:  # an interruption too
            for directory in moved:
                directory._move_back()
            raise
        for directory in directories:
            directory._begin()


def _aside(name: str) -> str:
    return f".removed-{name}"


def _line(record: EpochRecord) -> str:
    content = asdict(record)
    wrong = [
        f"{name} is {value}" for name, value in content.items() if isinstance(value, float) and not math.isfinite(value)
    ]
    if wrong:
        raise ValueError(
            f"epoch {record.epoch}: {', '.join(wrong)}: the images or the network's weights hold what is no finite "
            "number"
        )
    return json.dumps(content) + "\n"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_empty(path: Path) -> None:
    if [entry.name for entry in path.iterdir()] == ["lock"]:
        (path / "lock").unlink()
        with suppress(OSError):  # another process has just begun there
            path.rmdir()


def run_directories(root: Path, configs: Iterable[RunConfig]) -> list[RunDirectory]:
    """The directory of each run under `root`, which is listed once for all runs."""
    paths = sorted(root.iterdir(), reverse=True) if root.is_dir() else []
    packed = [root / name for name in reversed(packed_names(root))]
    by_hash = {hash_in(path.name): path for path in (*packed, *paths)}
    return [RunDirectory(root, config, by_hash.get(config.hash, root / config.directory_name)) for config in configs]


def _found(root: Path, config: RunConfig) -> Path:
    packed = [root / name for name in packed_names(root) if hash_in(name) == config.hash]
    return next(iter([*sorted(root.glob(f"*_{config.hash}")), *packed]), root / config.directory_name)


@contextmanager
def _lock(path: Path) -> Iterator[TextIO]:
    """Open the lock file of a directory, and make the directory if it is missing."""
    for _ in range(_TRIES):
        path.mkdir(parents=True, exist_ok=True)
        try:
            file = open(path / "lock", "w", encoding="utf-8")  # noqa: SIM115 - closed below
        except FileNotFoundError:  # the directory was removed in between
            continue
        with file:
            _take(file, path)
            if _is_at(file, path / "lock"):
                yield file
                return
    raise BusyError(f"another process removes {path} again and again")


def _is_at(file: TextIO, path: Path) -> bool:
    """Whether a path leads to this open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _take(file: TextIO, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # not POSIX: nothing keeps two processes apart there
        return
    for wait in (0.05, 0.0):  # a look at its status holds the lock for an instant
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if not wait:
                raise BusyError(f"another process is at work in {path}") from error
            time.sleep(wait)
        except OSError as error:
            raise ValueError(
                f"the file system of {path} has no locks ({error.strerror}), and without them two processes spoil each "
                "other's records: give an --out on a local disk, or mount it with flock"
            ) from error


def read_runs(root: str | Path, experiment: str | None = None) -> list[Run]:
    """The finished runs under the directory `root`, in order of their directories' names.

    Raises FileNotFoundError if there is no such directory, ValueError for a record that cannot be read.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"no directory of records at {root.absolute()}")
    runs = _once([*runs_in_directories(root), *(_read_packed_run(root / name) for name in unopened_names(root))])
    return sorted((run for run in runs if experiment in (None, run.config.experiment)), key=lambda run: run.path.name)


def runs_in_directories(root: Path) -> list[Run]:
    """The finished runs in directories of their own; raises ValueError for a record that cannot be read."""
    return _once([read_run(path.parent) for path in sorted(root.glob("*/summary.json"))])


def _once(runs: Sequence[Run]) -> list[Run]:
    """Keep each run once where its directory was copied: from the directory that `RunDirectory` finds, whose name ends
    in the hash."""
    ordered = sorted(runs, key=lambda run: (not run.path.name.endswith(f"_{run.config.hash}"), run.path.name))
    runs_by_hash: dict[str, Run] = {}
    for run in ordered:
        runs_by_hash.setdefault(run.config.hash, run)
    return list(runs_by_hash.values())


def has_records(root: Path) -> bool:
    """Whether a directory contains finished runs, packed or not; only names are read."""
    return any(root.glob("*/summary.json")) or (root / PACKED).exists()


def unopened_names(root: Path) -> list[str]:
    """The names of the packed runs of a directory that have no directory of their own."""
    directories = {hash_in(path.parent.name) for path in root.glob("*/config.json")}
    return [name for name in packed_names(root) if hash_in(name) not in directories]


def read_run(path: Path) -> Run:
    """Read one finished run from its directory."""
    try:
        return run_from(path, read_record(path))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"the record in {path.absolute()} is damaged ({error}): remove it, and what made it makes it anew"
        ) from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"the record in {path.absolute()} cannot be read: {error}") from error


def read_record(path: Path) -> Record:
    """The content of a finished run's directory, as JSON; raises OSError or ValueError for files that cannot be
    read."""
    return {
        "config": read_json(path / "config.json"),
        "epochs": list(_read_lines(path / "metrics.jsonl")),
        "summary": read_json(path / "summary.json"),
    }


def run_from(path: Path, record: Record) -> Run:
    """The run of a record. Raises TypeError, ValueError or KeyError for a value that is no record."""
    config, epochs, summary = record["config"], record["epochs"], record["summary"]
    return Run(path, config_from(config), tuple(map(_epoch, epochs)), _summary(summary))


def config_from(content: Any) -> RunConfig:
    """The configuration of a record. Raises TypeError, ValueError or KeyError for a value that is none."""
    if not isinstance(content, dict):
        raise TypeError(f"the config is no object but {reprlib.repr(content)}")
    for attribute in fields(RunConfig):
        value = content.get(attribute.name, "")
        if attribute.type is str and not isinstance(value, str):
            raise TypeError(f"{attribute.name} of the config is no text but {reprlib.repr(value)}")
        if attribute.type is int and attribute.name in content and type(value) is not int:
            raise TypeError(f"{attribute.name} of the config is no integer but {reprlib.repr(value)}")
    try:
        return RunConfig.restored(content)
    except (AttributeError, LookupError) as error:
        raise ValueError(f"the config is no run's: {type(error).__name__}: {error}") from error


def _epoch(content: Any) -> EpochRecord:
    if not isinstance(content, dict):
        raise TypeError(f"an epoch is no object but {reprlib.repr(content)}")
    hits = content.get("test_hits")
    if hits is not None and not isinstance(hits, str):
        raise TypeError(f"test_hits of an epoch is no text but {reprlib.repr(hits)}")
    _require_numbers("an epoch", content, content.keys() - {"test_hits"})
    return EpochRecord(**content)


_MEASURED = ("accuracy", "loss", "epoch", "step", "parameters", "norm", "error")  # how the names of numbers end


def _summary(content: Any) -> Summary:
    if not isinstance(content, dict):
        raise TypeError(f"the summary is no object but {reprlib.repr(content)}")
    for name in ("metrics", "time", "environment"):
        if not isinstance(content.get(name), dict):
            raise TypeError(f"{name} of the summary is no object but {reprlib.repr(content.get(name))}")
    metrics = content["metrics"]
    _require_numbers("the metrics", metrics, [name for name in metrics if name.endswith(_MEASURED)])
    _require_numbers("the time", content["time"], content["time"].keys() & {"seconds", "images_per_second"})
    return Summary(**content)


def _require_numbers(where: str, content: dict[str, Any], names: Iterable[str]) -> None:
    for name in names:
        value = content[name]
        if value is not None and type(value) not in (int, float):
            raise TypeError(f"{visible(name, 80)} of {where} is no number but {reprlib.repr(value)}")


def _read_packed_run(path: Path) -> Run:
    try:
        return run_from(path, packed_record(path.parent, path.name))
    except (ValueError, TypeError, KeyError) as error:
        where = (path.parent / PACKED).absolute()
        raise ValueError(f"the record of {path.name} in {where} cannot be read: {error}") from error


def read_config(path: Path) -> RunConfig:
    """Read a run's configuration."""
    return config_from(read_json(path / "config.json"))


def _begun(path: Path) -> bool:
    return (path / "config.json").exists()


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        for line in read_bytes(path).splitlines():
            yield parse_json(line)


def write_json(path: Path, content: Any) -> None:
    """Write JSON whole or not at all, durably."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
