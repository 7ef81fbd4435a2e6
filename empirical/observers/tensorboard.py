"""Epochs as event files of TensorBoard, a folder for each run: `tensorboard --logdir OUT/tensorboard`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from empirical.observers.observer import numbers
from empirical.runs.config import RunConfig
from empirical.training.epoch_record import EpochRecord


class TensorBoard:
    """Writes scalars against the epoch, and a run's configuration as text.

    Arguments:
        folder: the folder of the event files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer: Any = None

    def begin(self, run: RunConfig) -> None:
        """Open the run's own file; TensorBoard puts those of one folder together."""
        self._writer = SummaryWriter(str(self.folder / run.directory_name))
        self._writer.add_text("configuration", "\n".join(f"    {k}: {v}" for k, v in run.recorded().items()))

    def epoch(self, run: RunConfig, record: EpochRecord) -> None:
        """Add the epoch's numbers."""
        for name, value in numbers(record).items():
            self._writer.add_scalar(name, value, record.epoch)
        self._writer.flush()

    def end(self, run: RunConfig, metrics: Mapping[str, Any] | None) -> None:
        """Close the file."""
        self._writer.close()


def observer(out: Path) -> TensorBoard:
    """The one behind `--observe tensorboard`."""
    return TensorBoard(out / "tensorboard")
