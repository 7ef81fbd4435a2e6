r"""Large symmetric matrices as row panels of their lower triangle: half the memory, and half the memory traffic.

Panel i holds rows s_i .. e_i - 1 and columns 0 .. e_i - 1: what is left of the diagonal, and the whole square block on
it. A product with V reads every entry once and uses it twice,

    out[rows] += T V[columns],   out[columns]^T += V[rows]^T T,

tile by tile, while T is in the cache; both forms are those that BLAS does fastest for a thin V. Panels may lie on
different devices (several GPUs); each multiplies its own.

On the CPU products go through NumPy's BLAS: for the thin V of a dozen columns that iterations need, it is several times
as fast as torch's, and for square blocks a third faster (`benchmarks/kernels.py` measures both).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

HEIGHT = 1024
"""The number of rows in a panel."""

_TILE = 2048  # columns of a tile: with its panel's rows it fits a cache of a few MB

Report = Callable[[float], None]
"""Called with the share of the work that is done."""


def multiply(A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
    """A @ B by the faster library for the device, in the dtype of both."""
    if A.is_cuda:
        return A @ B
    return torch.from_numpy(np.matmul(A.numpy(), B.numpy()))


@dataclass(frozen=True, eq=False)
class SymmetricPanels:
    """A symmetric n x n matrix: row panels of its lower triangle, panel i of shape (e_i - s_i, e_i), s_i = e_{i-1}."""

    panels: tuple[torch.Tensor, ...]

    @property
    def n(self) -> int:
        """The number of rows and columns."""
        return self.panels[-1].shape[1]

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the entries."""
        return self.panels[0].dtype

    @property
    def device(self) -> torch.device:
        """The device of the first panel."""
        return self.panels[0].device

    def rows(self) -> Iterator[tuple[int, int, torch.Tensor]]:
        """(s_i, e_i, panel i) in order."""
        for panel in self.panels:
            yield panel.shape[1] - panel.shape[0], panel.shape[1], panel

    def multiply(self, V: torch.Tensor) -> torch.Tensor:
        """The product with V (n, k), in V's dtype and on its device; entries are converted tile by tile."""
        partial: dict[torch.device, tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]] = {}
        for start, stop, panel in self.rows():
            if panel.device not in partial:
                vectors = V.to(panel.device).contiguous()
                rows = vectors.T.contiguous()
                partial[panel.device] = vectors, rows, torch.zeros_like(vectors), torch.zeros_like(rows)
            vectors, rows, down, across = partial[panel.device]
            for left in range(0, start, _TILE):
                right = min(left + _TILE, start)
                tile = panel[:, left:right].to(V.dtype)
                down[start:stop] += multiply(tile, vectors[left:right])
                across[:, left:right] += multiply(rows[:, start:stop], tile)
            down[start:stop] += multiply(panel[:, start:].to(V.dtype), vectors[start:stop])
        return torch.stack([(down + across.T).to(V.device) for _, _, down, across in partial.values()]).sum(0)

    def columns(self, chosen: torch.Tensor) -> torch.Tensor:
        """The columns `chosen` (s,), increasing indices on the CPU: (n, s), on the first panel's device."""
        out = torch.empty(self.n, len(chosen), dtype=self.dtype, device=self.device)
        for start, stop, panel in self.rows():
            low, high = (int(at) for at in torch.searchsorted(chosen, torch.tensor([start, stop])))
            out[start:stop, :high] = panel[:, chosen[:high].to(panel.device)].to(self.device)
            if high > low:
                out[:start, low:high] = panel[(chosen[low:high] - start).to(panel.device), :start].T.to(self.device)
        return out

    def diagonal(self) -> torch.Tensor:
        """The diagonal (n,), on the CPU."""
        return torch.cat([panel[:, start:].diagonal().cpu() for start, _, panel in self.rows()])

    def add_to_diagonal(self, value: float) -> None:
        """Add a multiple of the identity, in place."""
        for start, _, panel in self.rows():
            panel[:, start:].diagonal().add_(value)

    def dense(self) -> torch.Tensor:
        """The whole matrix (n, n), on the CPU."""
        out = torch.empty(self.n, self.n, dtype=self.dtype)
        for start, stop, panel in self.rows():
            out[start:stop, :stop] = panel.cpu()
            out[:start, start:stop] = panel[:, :start].T.cpu()
        return out


def panel_bounds(n: int, height: int = HEIGHT) -> list[tuple[int, int]]:
    """(s_i, e_i) of the panels of an n x n matrix."""
    return [(start, min(start + height, n)) for start in range(0, n, height)]


def panel_bytes(n: int, itemsize: int, height: int = HEIGHT) -> int:
    """The bytes of all panels of an n x n matrix."""
    return sum((stop - start) * stop for start, stop in panel_bounds(n, height)) * itemsize


def empty_panels(
    n: int, dtype: torch.dtype, devices: Sequence[torch.device | str] = ("cpu",), height: int = HEIGHT
) -> SymmetricPanels:
    """Uninitialised panels of an n x n matrix, dealt out to the devices in turn."""
    return SymmetricPanels(
        tuple(
            torch.empty(stop - start, stop, dtype=dtype, device=devices[i % len(devices)])
            for i, (start, stop) in enumerate(panel_bounds(n, height))
        )
    )
