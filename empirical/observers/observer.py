"""What is told of runs as they are recorded."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

from empirical.runs.config import RunConfig
from empirical.training.epoch_record import EpochRecord


class Observer(Protocol):
    """Receives the progress of runs, one run after another in a process. A class of yours needs only the methods that
    it uses.

    An observer is no part of a run's identity and changes nothing of it. An exception that it raises is printed, and
    the run goes on without it.
    """

    def begin(self, run: RunConfig) -> None:
        """A run begins, or goes on after an interruption."""

    def epoch(self, run: RunConfig, record: EpochRecord) -> None:
        """An epoch has been recorded; each is told once, epoch 0, the untrained network, first."""

    def end(self, run: RunConfig, metrics: Mapping[str, Any] | None) -> None:
        """The run is finished, with these metrics; None if it stops before, and may go on later."""


def numbers(content: EpochRecord | Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of an epoch or of a run's metrics by name, which a dashboard can draw.

    Whole numbers are among them; absent values (None), texts and lists are not, and neither are an epoch's number and
    its step.
    """
    values = asdict(content) if isinstance(content, EpochRecord) else content
    place = ("epoch", "step") if isinstance(content, EpochRecord) else ()
    return {
        name: float(value) for name, value in values.items() if isinstance(value, int | float) and name not in place
    }
