r"""Gram matrices K_ij = k(x_i, x_j), in panels, from points or from blocks of features.

Features f_1, f_2, ... come in blocks F of columns, (n, w): <x_i, x_j> is the sum of F F^T over the blocks, so that the
features never need to sit in memory at once. Points are one block. When all blocks have been added up the kernel's map
is applied in place. For a translation-invariant kernel each block is centred by the mean of its first array: distances
stay as they are, products become small, and with them the rounding of ||x||^2 + ||z||^2 - 2 <x, z>. Pairs that are
near nevertheless (`kernels`) are measured by differences at the end: with several blocks, in a second pass over them,
which is made only if there is such a pair.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from theory.common.plain_numbers import plain_numbers
from theory.kernels.checkpoint import Checkpoint
from theory.kernels.kernels import Kernel, evaluate, near_squares, squared_norms
from theory.kernels.panels import HEIGHT, Report, SymmetricPanels, empty_panels, multiply

_TILE = 4096
_SECONDS_BETWEEN_CHECKPOINTS = 60.0  # or ten times what saving takes, whichever is more


@dataclass(frozen=True, eq=False)
class Gram:
    """The matrices that fitting and predicting need.

    Attributes:
        training: K of the training points, in panels, the ridge added to its diagonal.
        others: for each further set of points k(z_i, x_j), (m, n), z a point of the set, x a training point.
    """

    training: SymmetricPanels
    others: tuple[torch.Tensor, ...]


@plain_numbers
def gram_from_blocks(
    kernel: Kernel,
    blocks: Sequence[tuple[torch.Tensor, ...]],
    *,
    ridge: float = 0.0,
    devices: Sequence[torch.device | str] = ("cpu",),
    height: int | None = None,
    checkpoint: Checkpoint | None = None,
    report: Report = lambda share: None,
) -> Gram:
    """Add up the products of blocks of features, then apply the kernel.

    Arguments:
        kernel: k.
        blocks: for each block of features the training points' (n, w) and those of further sets (m, w), of one dtype;
            a sequence, which may compute a block when it is asked for it.
        ridge: added to the diagonal of K in the end.
        devices: where the panels are to lie, dealt out in turn; the further sets' matrices lie on the first.
        height: rows of a panel; `panels.HEIGHT` by default.
        checkpoint: where to save the sums now and then, and K, and to go on from.
        report: told the share of the work that is done.

    Raises ValueError if there is no block, and for features so large or so small that their squares leave their dtype.
    """
    if not len(blocks):
        raise ValueError("there are no features: a Gram matrix needs at least one block")
    sums = _Sums.load(checkpoint, devices)
    if sums and sums.blocks == len(blocks):
        return Gram(sums.training, tuple(sums.others))
    saved, saving = time.monotonic(), 0.0
    for index in range(sums.blocks if sums else 0, len(blocks)):
        block = _centred(blocks[index]) if kernel.translation_invariant else blocks[index]
        if sums is None:
            sums = _Sums.zero(block, devices, height or HEIGHT)
        sums.add(block, first=index == 0, report=_part(report, index, len(blocks)))
        if checkpoint and index + 1 < len(blocks):
            due = max(_SECONDS_BETWEEN_CHECKPOINTS, 10 * saving)
            if time.monotonic() - saved > due:
                start = time.monotonic()
                checkpoint.save_gram(sums.content(), wait=True)
                saved = time.monotonic()
                saving = saved - start
    assert sums is not None
    _require_no_underflow(torch.cat(sums.norms), sums.training.dtype)
    _apply_kernel(kernel, sums, ridge, blocks)
    if checkpoint:
        checkpoint.save_gram(sums.content(), wait=False)
    return Gram(sums.training, tuple(sums.others))


def _part(report: Report, index: int, total: int) -> Report:
    return lambda share: report((index + share) / total)


@dataclass
class _Sums:
    """The sums of products and of ||x||^2 so far, and the number of blocks added."""

    training: SymmetricPanels
    others: list[torch.Tensor]
    norms: list[torch.Tensor]
    blocks: int

    @classmethod
    def zero(cls, block: tuple[torch.Tensor, ...], devices: Sequence[torch.device | str], height: int) -> "_Sums":
        n = len(block[0])
        return cls(
            empty_panels(n, block[0].dtype, devices, height),
            [torch.empty(len(part), n, dtype=part.dtype, device=devices[0]) for part in block[1:]],
            [torch.zeros(len(part), dtype=torch.float64) for part in block],
            0,
        )

    @classmethod
    def load(cls, checkpoint: Checkpoint | None, devices: Sequence[torch.device | str]) -> "_Sums | None":
        content = checkpoint.load_gram() if checkpoint else None
        if content is None:
            return None
        panels = tuple(panel.to(devices[i % len(devices)]) for i, panel in enumerate(content.pop("training")))
        content["others"] = [other.to(devices[0]) for other in content["others"]]
        return cls(SymmetricPanels(panels), **content)

    def content(self) -> dict[str, object]:
        training = [panel.cpu() for panel in self.training.panels]
        others = [other.cpu() for other in self.others]
        return {"training": training, "others": others, "norms": self.norms, "blocks": self.blocks}

    def add(self, block: tuple[torch.Tensor, ...], *, first: bool, report: Report) -> None:
        for norm, part in zip(self.norms, block, strict=True):
            norm += squared_norms(part).double().cpu()
        _require_no_overflow(torch.cat(self.norms), self.training.dtype)
        for start, stop, panel in self.training.rows():
            points = block[0].to(panel.device)
            _add_product(panel, points[start:stop], points[:stop], first)
            report((stop / self.training.n) ** 2)
        for other, part in zip(self.others, block[1:], strict=True):
            _add_product(other, part.to(other.device), block[0].to(other.device), first)
        self.blocks += 1


def _apply_kernel(kernel: Kernel, sums: _Sums, ridge: float, blocks: Sequence[tuple[torch.Tensor, ...]]) -> None:
    """Turn products into K, in place."""
    training, *others = sums.norms
    spots: list[_NearPairs] = []
    only = blocks[0] if len(blocks) == 1 else None
    for start, stop, panel in sums.training.rows():
        _apply(kernel, panel, training[start:stop], training[:stop], 0, start, spots, only)
    for index, (other, norm) in enumerate(zip(sums.others, others, strict=True), start=1):
        _apply(kernel, other, norm, training, index, None, spots, only)
    if spots:
        for block in blocks:
            for spot in spots:
                spot.add(kernel, block)
        for spot in spots:
            spot.write(kernel)
    for start, stop, panel in sums.training.rows():
        square = panel[:, start:]
        square.copy_(square.tril() + square.tril(-1).T)  # the product's two halves differ by rounding
        square.diagonal().copy_(kernel.diagonal(training[start:stop].to(panel)) + ridge)


@dataclass(eq=False)
class _NearPairs:
    """Near pairs of a tile, what they add up to over blocks of features, and where the kernel's values go.

    `part` is the set of the points of rows, in a block; rows and columns count from `row` and `column` on.
    """

    tile: torch.Tensor
    part: int
    row: int
    column: int
    rows: torch.Tensor
    columns: torch.Tensor
    signs: torch.Tensor
    left: torch.Tensor
    right: torch.Tensor
    squares: torch.Tensor | float = 0.0

    def add(self, kernel: Kernel, block: tuple[torch.Tensor, ...]) -> None:
        device = self.tile.device
        here = block[self.part][self.row : self.row + len(self.left)].to(device)
        there = block[0][self.column : self.column + len(self.right)].to(device)
        pairs = near_squares(kernel, here, there, self.left, self.right, self.rows, self.columns, self.signs)
        self.squares = self.squares + pairs

    def write(self, kernel: Kernel) -> None:
        scale = (self.left[self.rows] * self.right[self.columns]).sqrt()
        assert isinstance(self.squares, torch.Tensor)
        self.tile[self.rows, self.columns] = kernel.from_near(self.squares, self.signs, scale)


def _require_no_overflow(squared_norms: torch.Tensor, dtype: torch.dtype) -> None:
    """Raise ValueError where squares of the data overflow their dtype."""
    if not bool((squared_norms < torch.finfo(dtype).max / 16).all()):
        raise ValueError(f"X is so large that its squares overflow {dtype}: measure it in a larger unit")


def _require_no_underflow(squared_norms: torch.Tensor, dtype: torch.dtype) -> None:
    """Raise ValueError where squares of the largest of the data underflow their dtype."""
    limits = torch.finfo(dtype)
    if 0 < float(squared_norms.max()) < limits.tiny / limits.eps**2:
        raise ValueError(f"X is so small that its squares underflow {dtype}: measure it in a smaller unit")


def cross_product(kernel: Kernel, Z: torch.Tensor, X: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
    """sum_j k(z_i, x_j) c_j: (m, k) for Z (m, d), X (n, d) and coefficients (n, k), a block of rows at a time.

    Raises ValueError for Z so large that its squares overflow its dtype.
    """
    mean = X.mean(0) if kernel.translation_invariant else torch.zeros_like(X[0])
    centred = X - mean
    norms = squared_norms(centred)
    out = torch.empty(len(Z), coefficients.shape[1], dtype=coefficients.dtype, device=coefficients.device)
    for start in range(0, len(Z), HEIGHT):
        points = Z[start : start + HEIGHT]
        rows = points - mean
        own = squared_norms(rows)
        _require_no_overflow(own, X.dtype)
        block = multiply(rows, centred.T)
        for column in range(0, block.shape[1], _TILE):
            tile = block[:, column : column + _TILE]
            part = X[column : column + _TILE]
            tile.copy_(evaluate(kernel, tile.clone(), own, norms[column : column + _TILE], points, part))
        out[start : start + HEIGHT] = multiply(block, coefficients.to(block.dtype)).to(out.dtype)
    return out


def _centred(block: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    mean = block[0].mean(0, dtype=torch.float64).to(block[0].dtype)
    return tuple(part - mean for part in block)


def _add_product(out: torch.Tensor, left: torch.Tensor, right: torch.Tensor, first: bool) -> None:
    if first and not out.is_cuda:
        np.matmul(left.numpy(), right.T.numpy(), out=out.numpy())
    elif first:
        torch.mm(left, right.T, out=out)
    elif out.is_cuda:
        out.addmm_(left, right.T)
    else:
        for start in range(0, len(right), _TILE):
            out[:, start : start + _TILE] += multiply(left, right[start : start + _TILE].T)


def _apply(
    kernel: Kernel,
    block: torch.Tensor,
    left: torch.Tensor,
    right: torch.Tensor,
    part: int,
    diagonal: int | None,
    spots: list[_NearPairs],
    only: tuple[torch.Tensor, ...] | None,
) -> None:
    """The kernel's map in place, a tile at a time, so that what it needs on the way stays small.

    Near pairs are measured at once if there is only one block of features, else noted. `diagonal` is the column of the
    first row's own point, if there is one: points are not near to themselves.
    """
    first = diagonal or 0
    for row in range(0, len(block), HEIGHT):
        for column in range(0, block.shape[1], _TILE):
            tile = block[row : row + HEIGHT, column : column + _TILE]
            above = left[row : row + HEIGHT].to(block)
            beside = right[column : column + _TILE].to(block)
            near = kernel.near(tile, above, beside)
            if near is not None and diagonal is not None:
                near = near.tril(first + row - column - 1)  # the other half is a copy of this one
            spot = None
            if near is not None and bool(near.any()):
                rows, columns = near.nonzero(as_tuple=True)
                signs = tile[rows, columns].sign()
                spot = _NearPairs(tile, part, first + row, column, rows, columns, signs, above, beside)
            tile.copy_(kernel.from_products(tile.clone(), above, beside))
            if spot is not None and only is not None:
                spot.add(kernel, only)
                spot.write(kernel)
            elif spot is not None:
                spots.append(spot)
