"""What a user sees while runs go on: a live line on a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

from empirical.training.epoch_record import EpochRecord

_SECONDS_BETWEEN_LINES = 10.0


class RunProgress:
    """Progress over a list of runs; a context manager.

    On a terminal the current run is one live line and every finished one a line above it; elsewhere a run prints a
    line when it ends and every ten seconds before.
    """

    def __init__(self, total: int):
        self.console = Console(highlight=False, soft_wrap=True)
        self._total, self._index, self._name, self._printed = total, 0, "", time.monotonic()
        columns: list[ProgressColumn] = [
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        ]
        self._stage = ("", 0.0, 0.0)  # its name, when it was first heard of, and how far it was then
        self._live = Progress(*columns, console=self.console, transient=True) if sys.stdout.isatty() else None
        self._task = self._live.add_task("starting") if self._live else None

    def __enter__(self) -> "RunProgress":
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def start(self, name: str) -> None:
        """Begin the next run."""
        self._index += 1
        self._name = f"[{self._index}/{self._total}] {name}"
        self._stage = ("", 0.0, 0.0)
        self._printed = time.monotonic()
        self._show(self._name)

    def epoch(self, record: EpochRecord) -> None:
        """Show an epoch of the current run."""
        line = f"{self._name}: epoch {record.epoch}, {_on_training_images(record)}, test {record.test_accuracy:.2%}"
        self._show(line)
        if not self._live and time.monotonic() - self._printed > _SECONDS_BETWEEN_LINES:
            self._printed = time.monotonic()
            self._print(line)

    def stage(self, name: str, share: float) -> None:
        """Show how far a stage of the current run is, and about how long it will take."""
        now = time.monotonic()
        if name != self._stage[0]:
            self._stage = (name, now, share)
        _, begun, first = self._stage
        line = f"{self._name}: {name} {share:.0%}"
        if share > first and now - begun > 2:
            line += f", about {_duration((now - begun) * (1 - share) / (share - first))} left"
        self._show(line)
        if not self._live and now - self._printed > _SECONDS_BETWEEN_LINES:
            self._printed = now
            self._print(line)

    def end(self, outcome: str) -> None:
        """Say how the current run ended."""
        self._print(f"{self._name}: {outcome}")

    def _show(self, line: str) -> None:
        if self._live and self._task is not None:
            self._live.update(self._task, description=line.replace("[", r"\["))

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False)


def _on_training_images(record: EpochRecord) -> str:
    if record.train_loss is not None and record.train_accuracy is not None:
        return f"training loss {record.train_loss:.4f}, train {record.train_accuracy:.2%}"
    return f"as trained on: loss {record.online_loss:.4f}, accuracy {record.online_accuracy:.2%}"


def _duration(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
