"""What a run leaves behind, and the only input of comparisons, figures and reports.

A run is one directory, `<experiment>_<hash of its resolved configuration>`:

    config.json      what was asked for, fully resolved, digests of the data included
    metrics.jsonl    one line an epoch, append-only
    checkpoint.pt    the state to resume from; a run that trains no network has a folder `scratch` until it is finished
    summary.json     the outcome; written last, atomically: a run is finished if and only if it is there
"""

import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from empirical.kernels.config import KernelConfig
from empirical.randomization import Randomization
from empirical.runs.config import RunConfig, _tuples
from empirical.runs.studies import STUDIES
from empirical.training.config import TrainingConfig
from empirical.training.epoch_record import EpochRecord
from theory.common.atomic import replacing

if TYPE_CHECKING:
    from empirical.training.loop import State


@dataclass(frozen=True)
class Summary:
    """The outcome of a run.

    Attributes:
        metrics: what was measured; equal to the bit when the same run is repeated on the same machine's CPU.
        time: seconds and the like: differ from run to run.
        environment: versions, machine, device, threads.
    """

    metrics: dict[str, Any]
    time: dict[str, Any]
    environment: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run as read back: its directory, configuration, epochs and outcome."""

    path: Path
    config: RunConfig
    epochs: tuple[EpochRecord, ...]
    summary: Summary


def networks_on_tests(runs: Iterable[Run]) -> list[Run]:
    """Trained networks of the paper's tests: not the many small ones of the capacity experiment."""
    return [run for run in runs if run.config.kind == "trained" and run.config.experiment != "capacity"]


class BusyError(RuntimeError):
    """Another process is at work on the run."""


class RunDirectory:
    """A run's directory: every file is absent or whole, the metrics are whole lines.

    Writing is for whoever has claimed it: one process at a time.
    """

    def __init__(self, root: Path, config: RunConfig, path: Path | None = None):
        # An older version may have named it otherwise: the hash decides.
        self.path = path or next(iter(sorted(root.glob(f"*_{config.hash}"))), root / config.directory_name)
        self.config = config
        self._recorded_epochs = 0

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Make the directory and keep it from other processes; a kill gives it up.

        Raises BusyError if another process has it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self.path / "lock", "w") as file:
            _lock(file, self.path)
            write_json(self.path / "config.json", asdict(self.config))
            self._recorded_epochs = self._repair_metrics()
            yield

    @property
    def finished(self) -> bool:
        """Whether the run has its summary."""
        return (self.path / "summary.json").exists()

    @property
    def scratch(self) -> Path:
        """Where a run without checkpoint keeps what it goes on from: of no use once it is finished, and of a kernel run
        as large as its Gram matrix.
        """
        return self.path / "scratch"

    def remove_scratch(self) -> None:
        """Remove it, if it is there."""
        shutil.rmtree(self.scratch, ignore_errors=True)

    def restart(self) -> None:
        """Forget everything but the configuration."""
        self.remove_scratch()
        for name in ("summary.json", "metrics.jsonl", "checkpoint.pt"):
            (self.path / name).unlink(missing_ok=True)
        self._recorded_epochs = 0

    def load_state(self) -> "State | None":
        """The state to resume from; None if none can be read, or the metrics before it are incomplete."""
        path = self.path / "checkpoint.pt"
        if not path.exists():
            return None
        import torch

        try:
            state: State = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged file makes the unpickler raise whatever it likes
            self._start_over(f"cannot be read ({type(error).__name__})")
            return None
        if "online" not in (state if isinstance(state, dict) else ()):
            self._start_over("is an older version's")
            return None
        return state if state["recorded"] < self._recorded_epochs else None

    def _start_over(self, why: str) -> None:
        print(f"{self.path / 'checkpoint.pt'} {why}: the run starts over", file=sys.stderr)
        self.restart()

    def append(self, record: EpochRecord) -> None:
        """Add an epoch to the metrics, unless an interrupted run had already got that far."""
        if record.epoch >= self._recorded_epochs:
            with open(self.path / "metrics.jsonl", "a") as file:
                file.write(json.dumps(asdict(record)) + "\n")
            self._recorded_epochs = record.epoch + 1

    def read_epochs(self) -> list[EpochRecord]:
        """The epochs recorded so far."""
        return list(_read_epochs(self.path / "metrics.jsonl"))

    def save_state(self, state: "State") -> None:
        """Replace the checkpoint, whole or not at all."""
        import torch

        with replacing(self.path / "checkpoint.pt") as temporary, open(temporary, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())

    def finish(self, metrics: dict[str, Any], time: dict[str, Any], ranks: int = 1) -> None:
        """Write the summary: from now on the run is finished. `ranks` is how many processes have made it together."""
        content = {"metrics": metrics, "time": time, "environment": environment() | {"ranks": ranks}}
        write_json(self.path / "summary.json", content)
        self.remove_scratch()

    def _repair_metrics(self) -> int:
        """Drop a line torn by a kill; returns the number of the first epoch that is not recorded."""
        path = self.path / "metrics.jsonl"
        if not path.exists():
            return 0
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(path, len(whole))
        last = whole[whole.rfind(b"\n", 0, -1) + 1 :]
        try:
            return int(json.loads(last)["epoch"]) + 1 if last else 0
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: the last line is damaged; remove {path.parent} to make the run anew") from error


def run_directories(root: Path, configs: Iterable[RunConfig]) -> list[RunDirectory]:
    """The directory of each run under `root`, which is listed once for all of them."""
    paths = sorted(root.iterdir(), reverse=True) if root.is_dir() else []
    by_hash = {path.name.rpartition("_")[2]: path for path in paths}
    return [RunDirectory(root, config, by_hash.get(config.hash, root / config.directory_name)) for config in configs]


def _lock(file: TextIO, path: Path) -> None:
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


def read_runs(root: Path, experiment: str | None = None) -> list[Run]:
    """The finished runs under `root`, in order of their directories' names.

    Raises FileNotFoundError if there is no such directory, ValueError for a record that cannot be read.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"no directory of records at {root.absolute()}")
    return [
        run
        for path in sorted(root.glob("*/summary.json"))
        if (run := read_run(path.parent)) and experiment in (None, run.config.experiment)
    ]


def read_run(path: Path) -> Run:
    """Read one finished run."""
    try:
        summary = Summary(**json.loads((path / "summary.json").read_text()))
        return Run(path, read_config(path), tuple(_read_epochs(path / "metrics.jsonl")), summary)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"the record in {path.absolute()} is damaged ({error}): remove it, and what made it makes it anew"
        ) from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"the record in {path.absolute()} cannot be read: {error}") from error


def read_config(path: Path) -> RunConfig:
    """Read a run's configuration."""
    content = json.loads((path / "config.json").read_text())
    training, kernel, study = content["training"], content.get("kernel"), content.get("study")
    return replace(
        RunConfig(**content),
        randomization=Randomization(**content["randomization"]),
        training=TrainingConfig(**training) if training else None,
        kernel=KernelConfig(**kernel) if kernel else None,
        study=STUDIES[content["kind"]](**_tuples(study)) if study else None,
    )


def _read_epochs(path: Path) -> Iterator[EpochRecord]:
    if path.exists():
        with open(path) as lines:
            for line in lines:
                yield EpochRecord(**json.loads(line))


def write_json(path: Path, content: Any) -> None:
    """Write JSON whole or not at all, durably."""
    with replacing(path) as temporary, open(temporary, "w") as file:
        json.dump(content, file, indent=1, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def environment() -> dict[str, Any]:
    """What a result may depend on beside its configuration."""
    import torch

    packages = ("numpy", "scipy", "scikit-learn", "torch", "cvxpy", "matplotlib", "rethinking-generalization")
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in packages},
        "machine": platform.machine(),
        "system": platform.system(),
        "processor": _processor(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        match = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        match = None
    return match.group(1) if match else platform.processor()
