"""What a user sees while runs go on: a live line on a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

from empirical.training.epoch_record import EpochRecord
from theory.common.plain_text import visible

_SECONDS_BETWEEN_LINES = 10.0


class Watcher(Protocol):
    """Receives the progress of a run."""

    def epoch(self, record: EpochRecord) -> None:
        """Receive an epoch that has been recorded."""

    def stage(self, name: str, share: float) -> None:
        """Receive the share of a stage that is done."""


class RunProgress:
    """Progress over a list of runs, of which several may be at work; a context manager.

    On a terminal every run at work is a live line and every finished one a line above them; elsewhere a run prints a
    line when it ends and every ten seconds before.
    """

    def __init__(self, total: int, finished: int = 0):
        self.console = Console(highlight=False, soft_wrap=True)
        self._total, self._started = total, finished
        columns: list[ProgressColumn] = [
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        ]
        self.live = Progress(*columns, console=self.console, transient=True) if sys.stdout.isatty() else None

    def __enter__(self) -> "RunProgress":
        if self.live:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.live.stop()

    def start(self, name: str) -> "RunLine":
        """Begin the next run."""
        self._started += 1
        return RunLine(self, f"[{self._started}/{self._total}] {name}")


class RunLine:
    """The display of a run."""

    def __init__(self, progress: RunProgress, name: str):
        self._console, self._live, self._name = progress.console, progress.live, name
        self._stage = ("", 0.0, 0.0)  # the stage's name, the time of its first report, and the share done then
        self._printed = time.monotonic()
        self._task = self._live.add_task(_plain(name)) if self._live else None

    def epoch(self, record: EpochRecord) -> None:
        """Show an epoch."""
        self._show(
            f"{self._name}: epoch {record.epoch}, {_on_training_images(record)}, test {record.test_accuracy:.2%}"
        )

    def stage(self, name: str, share: float) -> None:
        """Show the share of a stage that is done, and about how long the rest will take."""
        now = time.monotonic()
        if name != self._stage[0]:
            self._stage = (name, now, share)
        _, begun, first = self._stage
        line = f"{self._name}: {name} {share:.0%}"
        if share > first and now - begun > 2:
            line += f", about {_duration((now - begun) * (1 - share) / (share - first))} left"
        self._show(line)

    def end(self, outcome: str) -> None:
        """Say how the run ended."""
        if self._live and self._task is not None:
            self._live.remove_task(self._task)
        self._print(f"{self._name}: {outcome}")

    def _show(self, line: str) -> None:
        if self._live and self._task is not None:
            self._live.update(self._task, description=_plain(line))
        elif time.monotonic() - self._printed > _SECONDS_BETWEEN_LINES:
            self._printed = time.monotonic()
            self._print(line)

    def _print(self, line: str) -> None:
        self._console.print(visible(line), markup=False)


def _plain(line: str) -> str:
    """Show a line without markup."""
    return visible(line).replace("[", r"\[")


def _on_training_images(record: EpochRecord) -> str:
    if record.train_loss is not None and record.train_accuracy is not None:
        return f"training loss {record.train_loss:.4f}, train {record.train_accuracy:.2%}"
    return f"as trained on: loss {record.online_loss:.4f}, accuracy {record.online_accuracy:.2%}"


def _duration(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
