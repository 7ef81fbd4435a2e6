r"""Cholesky factorisation of a matrix in panels, L L^T = K, row panel by row panel.

With L_j, j < i, known, panel i is solved for from left to right,

    L_ij = (K_ij - sum_{l < j} L_il L_jl^T) L_jj^-T,      L_ii L_ii^T = K_ii - sum_{l < i} L_il L_il^T :

n^3/3 operations, all but O(n^2 height) of them in large matrix products. A panel is final once it is computed, so a
factorisation that is interrupted goes on after the panels that it has. K's panels and L's together are as large as one
square matrix: K in one triangle, L in the other. So K stays at hand for iterative refinement at no more memory than an
in-place factorisation of a full array takes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import scipy.linalg
import torch

from theory.kernels.panels import Report, SymmetricPanels, multiply


class NotPositiveDefiniteError(ValueError):
    """A pivot is not positive: the matrix is singular to working precision, or not positive semi-definite."""

    def __init__(self, start: int, stop: int):
        super().__init__(
            f"the Gram matrix is not positive definite to working precision, in rows {start} to {stop - 1}"
        )


@dataclass(frozen=True, eq=False)
class CholeskyFactor:
    """L, lower triangular, in panels of the same shape as those of the matrix; above the diagonal zeros."""

    panels: SymmetricPanels

    def solve(self, B: torch.Tensor) -> torch.Tensor:
        """(L L^T)^-1 B for B (n, k), computed in the factor's dtype, returned in B's."""
        out = self._forward(B.to(self.panels.dtype))
        for start, stop, panel in reversed(list(self.panels.rows())):
            block = torch.linalg.solve_triangular(panel[:, start:].T, out[start:stop].to(panel.device), upper=True)
            out[start:stop] = block.to(out.device)
            out[:start] -= multiply(panel[:, :start].T, block).to(out.device)
        return out.to(B.dtype)

    def _forward(self, B: torch.Tensor) -> torch.Tensor:
        """L^-1 B."""
        out = B.clone()
        for start, stop, panel in self.panels.rows():
            right = out[start:stop] - multiply(panel[:, :start], out[:start].to(panel.device)).to(out.device)
            block = torch.linalg.solve_triangular(panel[:, start:], right.to(panel.device), upper=False)
            out[start:stop] = block.to(out.device)
        return out

    def inverse_diagonal(self, report: Report = lambda share: None) -> torch.Tensor:
        """The diagonal of (L L^T)^-1, (n,), float64: the squared norms of the columns of L^-1; n^3/3 operations.

        Column block J of L^-1 is zero above J: forward substitution with the panels from J on.
        """
        panels = list(self.panels.rows())
        n = self.panels.n
        out = torch.empty(n, dtype=torch.float64)
        for at, (first, last, own) in enumerate(panels):
            columns = torch.zeros(n - first, last - first, dtype=own.dtype, device=own.device)
            for start, stop, panel in panels[at:]:
                right = -multiply(panel[:, first:start].to(own.device), columns[: start - first])
                if start == first:
                    right.diagonal().add_(1)
                columns[start - first : stop - first] = torch.linalg.solve_triangular(
                    panel[:, start:].to(own.device), right, upper=False
                )
            out[first:last] = columns.double().square().sum(0).cpu()
            report(1 - (1 - last / n) ** 3)
        return out


def cholesky(
    matrix: SymmetricPanels,
    *,
    done: Sequence[torch.Tensor] = (),
    observe: Callable[[torch.Tensor], None] = lambda panel: None,
    report: Report = lambda share: None,
) -> CholeskyFactor:
    """Factorise; the matrix stays as it is.

    Arguments:
        matrix: K, positive definite.
        done: the first panels of L, from an interrupted factorisation.
        observe: given every new panel of L, which will not change any more.
        report: told the share of the operations done after every panel.

    Raises NotPositiveDefiniteError, naming the panel, if K is not, to working precision.
    """
    factor: list[torch.Tensor] = list(done)
    for start, stop, panel in list(matrix.rows())[len(factor) :]:
        row = panel.clone()
        for earlier in factor:
            low, high = earlier.shape[1] - earlier.shape[0], earlier.shape[1]
            block = row[:, low:high]
            if low:
                block = block - multiply(row[:, :low], earlier[:, :low].T.to(row.device))
            row[:, low:high] = _divide_by_transpose(block, earlier[:, low:].to(row.device))
        square = row[:, start:] - multiply(row[:, :start], row[:, :start].T)
        triangle, failed = torch.linalg.cholesky_ex(square)
        if failed:
            raise NotPositiveDefiniteError(start, stop)
        row[:, start:] = triangle
        factor.append(row)
        observe(row)
        report((stop / matrix.n) ** 3)
    return CholeskyFactor(SymmetricPanels(tuple(factor)))


def _divide_by_transpose(B: torch.Tensor, L: torch.Tensor) -> torch.Tensor:
    """B L^-T for L lower triangular; on the CPU by SciPy's BLAS, which is about twice as fast as torch's here."""
    solution: torch.Tensor
    if B.is_cuda:
        solution = torch.linalg.solve_triangular(L.T, B, upper=True, left=False)
        return solution
    (trsm,) = scipy.linalg.get_blas_funcs(("trsm",), dtype=B.numpy().dtype)
    # The transposes of row-major arrays are what BLAS calls arrays: solves L X = B^T for X^T.
    solution = torch.from_numpy(trsm(1.0, L.numpy().T, B.numpy().T, lower=0, trans_a=1).T)
    return solution
