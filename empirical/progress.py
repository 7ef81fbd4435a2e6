"""What a user sees while runs go on: a live line on a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

from empirical.training import EpochRecord

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
        self._printed = time.monotonic()
        self._show(self._name)

    def epoch(self, record: EpochRecord) -> None:
        """Show an epoch of the current run."""
        line = (
            f"{self._name}: epoch {record.epoch}, training loss {record.train_loss:.4f}, "
            f"train {record.train_accuracy:.2%}, test {record.test_accuracy:.2%}"
        )
        self._show(line)
        if not self._live and time.monotonic() - self._printed > _SECONDS_BETWEEN_LINES:
            self._printed = time.monotonic()
            self._print(line)

    def end(self, outcome: str) -> None:
        """Say how the current run ended."""
        self._print(f"{self._name}: {outcome}")

    def _show(self, line: str) -> None:
        if self._live and self._task is not None:
            self._live.update(self._task, description=line.replace("[", r"\["))

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False)
