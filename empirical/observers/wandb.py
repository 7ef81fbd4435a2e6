"""Epochs to Weights & Biases; nothing leaves this machine unless WANDB_MODE=online asks for it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb

from empirical.observers.observer import numbers
from empirical.runs.config import RunConfig
from empirical.training.epoch_record import EpochRecord


class WeightsAndBiases:
    """A run of theirs for each of ours, of our run's hash, so that one that goes on is the same there.

    Arguments:
        folder: where its files are written; `wandb sync` sends them later. WANDB_PROJECT names another project.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._run: Any = None

    def begin(self, run: RunConfig) -> None:
        """Open the run."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "rethinking-generalization"),
            id=run.hash,
            name=run.directory_name,
            config=run.recorded(),
            dir=str(self.folder),
            mode=os.environ.get("WANDB_MODE", "offline"),
            resume="allow",
        )

    def epoch(self, run: RunConfig, record: EpochRecord) -> None:
        """Log the epoch's numbers against its number."""
        self._run.log(numbers(record), step=record.epoch)

    def end(self, run: RunConfig, metrics: Mapping[str, Any] | None) -> None:
        """Put a finished run's metrics into its summary, and close it."""
        if metrics is not None:
            self._run.summary.update(numbers(metrics))
        self._run.finish()


def observer(out: Path) -> WeightsAndBiases:
    """The one behind `--observe wandb`."""
    return WeightsAndBiases(out)
