"""The checkpoint of an interrupted fit: a directory with the Gram matrix, the factor so far, the iteration's state.

Every file is whole or not there, but for the factor, to which whole panels are appended, each with its checksum; a torn
or damaged panel is dropped with all that follow. Checksums are verified: what is read is what was written. Files belong
to a key, which names data, kernel and precision: under another key they are not used. A kill loses what was done since
the last save:

    Gram matrix of points     all of it, until it is complete
    Gram matrix of features   up to a minute, or ten times what saving takes
    factor                    a panel
    other stages              20 seconds: the iteration, the bound on the smallest eigenvalue, the certificate's sweep
"""

import time
import warnings
import zlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from theory.common.atomic import replacing
from theory.common.tensor_files import load_tensors, save_tensors
from theory.kernels.panels import SymmetricPanels, panel_bounds

_SECONDS_BETWEEN_CHECKPOINTS = 20.0


class Checkpoint:
    """A directory for one fit at a time. A kill at any moment loses what is not yet in it, and nothing else."""

    def __init__(self, path: str | Path, key: str):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self._writer = ThreadPoolExecutor(max_workers=1)
        # The thread begins now, while there is memory: for one that finds none as it begins, Python waits for ever.
        self._writer.submit(int).result()
        self._written: Future[OSError | None] | None = None
        for leftover in self.path.glob(".*"):  # half a file each, left by a kill while it was written
            leftover.unlink()
        name = self.path / "key.txt"
        if not name.exists() or name.read_text(encoding="utf-8") != key:
            self.clear()
            with replacing(name) as temporary:
                temporary.write_text(key, encoding="utf-8")

    def clear(self) -> None:
        """Remove everything but the directory."""
        for path in (self.path / "key.txt", self.path / "factor.bin", *self.path.glob("*.pt")):
            path.unlink(missing_ok=True)

    def save_gram(self, content: dict[str, Any], *, wait: bool) -> None:
        """Keep tensors. Without waiting, a thread writes them while the caller goes on, and they must not change.

        Raises OSError if they cannot be written: at once, or from the next call of `wait`.
        """
        self.wait()
        self._written = self._writer.submit(_failure, self.path / "gram.pt", content)
        if wait:
            self.wait()

    def load_gram(self) -> dict[str, Any] | None:
        """The sums that `save_gram` kept; None if there are none."""
        return _load(self.path / "gram.pt")

    def wait(self) -> None:
        """Wait until the thread has written. Raises OSError if the thread could not write."""
        written, self._written = self._written, None
        failure = written.result() if written else None
        if failure:
            try:
                raise failure
            finally:  # its traceback refers to this frame: in a circle, they would keep the callers' matrices
                del failure, written

    def close(self) -> None:
        """End the fit: `wait`, but only warn of files that could not be written."""
        try:
            self.wait()
        except OSError as error:
            warnings.warn(f"the checkpoint in {self.path} could not be written: {error}", stacklevel=2)

    def append_factor(self, panel: torch.Tensor) -> None:
        """Add a panel of the factor, and its checksum."""
        values = panel.cpu().contiguous().numpy()
        with open(self.path / "factor.bin", "ab") as file:
            values.tofile(file)
            file.write(_checksum(values))

    def load_factor(self, matrix: SymmetricPanels) -> Sequence[torch.Tensor]:
        """The whole panels of the factor in the directory; they are cut off from the first torn or damaged panel on."""
        path = self.path / "factor.bin"
        if not path.exists():
            return []
        size, done, panels = path.stat().st_size, 0, []
        bounds = panel_bounds(matrix.n, matrix.panels[0].shape[0])
        with open(path, "r+b") as file:
            for (start, stop), like in zip(bounds, matrix.panels, strict=True):
                count = (stop - start) * stop
                taken = count * matrix.dtype.itemsize + _CHECKSUM_SIZE
                if done + taken > size:
                    break
                values = np.fromfile(file, dtype=np.dtype(str(matrix.dtype).removeprefix("torch.")), count=count)
                if file.read(_CHECKSUM_SIZE) != _checksum(values):
                    break
                panels.append(torch.from_numpy(values).reshape(stop - start, stop).to(like.device))
                done += taken
            file.truncate(done)
        return panels


class Stage:
    """A stage of a fit, whose state is saved now and then to go on from. Without a checkpoint nothing is saved."""

    def __init__(self, checkpoint: Checkpoint | None, name: str, system: str):
        """`system` names all that the stage depends on beside the fit's key: of another system nothing is used."""
        self._path = checkpoint.path / f"{name}.pt" if checkpoint else None
        self._system = system
        self._saved = time.monotonic()

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """The state saved last, its tensors on this device; None if there is no state of this system."""
        content = _load(self._path) if self._path else None
        if not content or content.pop("system", None) != self._system:
            return None
        return {name: value.to(device) if isinstance(value, torch.Tensor) else value for name, value in content.items()}

    @property
    def due(self) -> bool:
        """Whether it is time to save: 20 seconds after the last time."""
        return self._path is not None and time.monotonic() - self._saved > _SECONDS_BETWEEN_CHECKPOINTS

    def save(self, state: dict[str, Any]) -> None:
        """Replace the saved state: tensors, numbers, lists of numbers."""
        assert self._path is not None, "due only with a checkpoint"
        on_cpu = {name: value.cpu() if isinstance(value, torch.Tensor) else value for name, value in state.items()}
        save_tensors(self._path, on_cpu | {"system": self._system})
        self._saved = time.monotonic()


NO_STAGE = Stage(None, "", "")
"""Save nothing."""


_CHECKSUM_SIZE = 4


def _checksum(values: npt.NDArray[Any]) -> bytes:
    """CRC-32: a factor that is wrong in one bit solves another system."""
    return zlib.crc32(values.data).to_bytes(_CHECKSUM_SIZE, "little")


def _failure(path: Path, content: dict[str, Any]) -> OSError | None:
    """Write a file of tensors; the error if that fails, without the traceback, whose frames hold the tensors."""
    try:
        save_tensors(path, content)
    except OSError as error:
        return OSError(*error.args)
    return None


def _load(path: Path) -> dict[str, Any] | None:
    try:
        return load_tensors(path)
    except (FileNotFoundError, ValueError):  # a damaged file is made again
        return None
