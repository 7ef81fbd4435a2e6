r"""Conjugate gradients on K alpha = y for all outputs at once, with a randomised Nystrom preconditioner.

Kernels of images have a few hundred large eigenvalues above a long flat tail. The preconditioner takes the large ones
from s random columns: C = K[:, S], W = K[S, S], K is about C W^-1 C^T = U diag(lambda) U^T; with the q leading pairs

    P^-1 = I + U diag(lambda_q / lambda_i - 1) U^T,

which maps the leading eigenvalues to about lambda_q and leaves the others (Frangella, Tropp, Udell 2023, "Randomized
Nystrom preconditioning"; by columns as in Williams, Seeger 2001, and EigenPro, Ma, Belkin 2017). Since every
lambda_q / lambda_i - 1 <= 0, P^-1 <= I whatever the accuracy of U, and so P >= I as long as P^-1 is positive definite.

One iteration multiplies K by all outputs' directions, 2 n^2 k operations, and reads each entry of half of K once. With
t iterations 2 n^2 k t stand against Cholesky's n^3/3.

The vectors are float64, and products with K are in K's own precision; when the recursion's residual is small the true
one, y - K alpha with K's entries as they are but products in float64, replaces it (residual replacement).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch

from theory.common.streams import words
from theory.kernels.panels import Report, SymmetricPanels, multiply

_RESTARTS = 3  # residual replacements after which rounding, not iterations, decides
_MAX_ITERATIONS = 2000
_LEAST_DAMPING = 1e-5  # well above float32's rounding


@dataclass(frozen=True, eq=False)
class NystromPreconditioner:
    """P^-1 = I + U diag(damping) U^T, damping in (-1, 0].

    Attributes:
        vectors: U (n, q).
        eigenvalues: lambda (q,), float64, falling; none if the kernel's matrix is to be taken as it is.
    """

    vectors: torch.Tensor
    eigenvalues: torch.Tensor

    def inverse(self, V: torch.Tensor) -> torch.Tensor:
        """P^-1 V, V (n, k)."""
        return self._scaled(V, self._damping - 1)

    def root(self, V: torch.Tensor) -> torch.Tensor:
        """P^(1/2) V, as far as U's columns are orthonormal."""
        return self._scaled(V, self._damping.rsqrt() - 1)

    @property
    def _damping(self) -> torch.Tensor:
        """lambda_q / lambda_i, not so small that rounding in U could make P^-1 indefinite."""
        return (self.eigenvalues[-1:] / self.eigenvalues).clamp_min(_LEAST_DAMPING)

    def _scaled(self, V: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        inside = multiply(self.vectors.T, V.to(self.vectors)).double() * weights.to(self.vectors.device)[:, None]
        return V + multiply(self.vectors, inside.to(self.vectors.dtype)).to(V)


def nystrom_preconditioner(matrix: SymmetricPanels, sample_size: int, seed: int = 0) -> NystromPreconditioner:
    """Make the preconditioner from `sample_size` random columns, half of whose eigenpairs are kept: the other half are
    too inaccurate.

    Columns that others span to working precision are dropped by the eigenvalue decomposition of K[S, S].
    """
    chosen = _sample(matrix.n, sample_size, seed)
    columns = matrix.columns(chosen)
    small = columns[chosen.to(columns.device)].double()
    values, rotation = torch.linalg.eigh((small + small.T) / 2)
    kept = values > torch.finfo(matrix.dtype).eps * len(chosen) * values[-1]
    # B B^T = C W^-1 C^T, and B^T B has the same nonzero eigenvalues. K's own precision does for the n x s products: it
    # is the large eigenvalues that are kept.
    factor = multiply(columns, (rotation[:, kept] / values[kept].sqrt()).to(columns.dtype))
    values, rotation = torch.linalg.eigh(multiply(factor.T, factor).double())
    leading = torch.arange(len(values) - 1, len(values) - 1 - max(1, len(values) // 2), -1)
    vectors = multiply(factor, (rotation[:, leading] / values[leading].sqrt()).to(factor.dtype))
    return NystromPreconditioner(vectors, values[leading].cpu())


@dataclass(frozen=True, eq=False)
class KrylovState:
    """The state of the iteration: everything that it needs to go on. Arrays (n, k), float64, and numbers."""

    solution: torch.Tensor
    residual: torch.Tensor
    direction: torch.Tensor
    product: torch.Tensor
    iterations: int
    restarts: int

    def tensors(self) -> dict[str, torch.Tensor | int]:
        """The state as a dictionary, for saving."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, eq=False)
class KrylovSolution:
    """The solution (n, k), float64; iterations; ||y - K alpha|| / ||y|| of the worst output; whether that is enough."""

    solution: torch.Tensor
    iterations: int
    relative_residual: float
    converged: bool


def conjugate_gradients(
    matrix: SymmetricPanels,
    right_side: torch.Tensor,
    preconditioner: NystromPreconditioner,
    *,
    tolerance: float,
    max_iterations: int = _MAX_ITERATIONS,
    state: KrylovState | None = None,
    observe: Callable[[KrylovState], None] = lambda state: None,
    report: Report = lambda share: None,
) -> KrylovSolution:
    """Solve K alpha = y, y (n, k) float64, until every output's ||y - K alpha|| <= tolerance ||y||.

    Arguments:
        matrix: K, positive definite.
        right_side: y.
        preconditioner: P.
        tolerance: relative to each output's norm; residuals of outputs that are zero are zero.
        max_iterations: products with K, at most.
        state: from an interrupted run: it goes on to the bit.
        observe: told the state after every iteration, to save it when it likes.
        report: told about how far the residual has come, on a logarithmic scale.
    """
    norms = right_side.norm(dim=0)
    goal = tolerance * norms
    if state is None:
        state = _restarted(matrix, right_side, preconditioner, torch.zeros_like(right_side), 0, -1)
    while state.iterations < max_iterations:
        sizes = state.residual.norm(dim=0)
        if bool((sizes <= goal).all()):
            if state.restarts >= _RESTARTS:
                break
            # A residual that was replaced and is small already ends the iteration.
            fresh = _restarted(matrix, right_side, preconditioner, state.solution, state.iterations, state.restarts)
            if bool((fresh.residual.norm(dim=0) <= goal).all()):
                state = fresh
                break
            state = fresh
        before, state = state, _step(matrix, preconditioner, state, goal)
        if torch.equal(before.solution, state.solution):
            break  # no direction with positive curvature is left: K is not positive definite to its precision
        observe(state)
        worst = float((state.residual.norm(dim=0) / goal.clamp_min(torch.finfo(torch.float64).tiny)).max())
        report(min(1.0, max(0.0, 1 - math.log(max(worst, 1.0)) / math.log(1 / tolerance))))
    residual = right_side - matrix.multiply(state.solution)
    relative = float((residual.norm(dim=0) / norms.clamp_min(torch.finfo(torch.float64).tiny)).max())
    return KrylovSolution(state.solution, state.iterations, relative, relative <= tolerance)


def _restarted(
    matrix: SymmetricPanels,
    right_side: torch.Tensor,
    preconditioner: NystromPreconditioner,
    solution: torch.Tensor,
    iterations: int,
    restarts: int,
) -> KrylovState:
    residual = right_side - matrix.multiply(solution) if bool(solution.any()) else right_side.clone()
    preconditioned = preconditioner.inverse(residual)
    product = (residual * preconditioned).sum(0)
    return KrylovState(solution, residual, preconditioned, product, iterations, restarts + 1)


def _step(
    matrix: SymmetricPanels, preconditioner: NystromPreconditioner, state: KrylovState, goal: torch.Tensor
) -> KrylovState:
    image = matrix.multiply(state.direction.to(matrix.dtype)).double()
    curvature = (state.direction * image).sum(0)
    active = (state.residual.norm(dim=0) > goal) & (curvature > 0)
    length = torch.where(active, state.product / curvature, 0.0)
    residual = state.residual - length * image
    preconditioned = preconditioner.inverse(residual)
    product = torch.where(active, (residual * preconditioned).sum(0), state.product)
    factor = torch.where(active, product / state.product, 0.0)
    return replace(
        state,
        solution=state.solution + length * state.direction,
        residual=residual,
        direction=torch.where(active, preconditioned + factor * state.direction, state.direction),
        product=product,
        iterations=state.iterations + 1,
    )


def _sample(n: int, size: int, seed: int) -> torch.Tensor:
    """Distinct indices, increasing: the first `size` of a random order."""
    keys = words(seed, "nystrom-columns", torch.arange(n).numpy(), 1)[:, 0]
    order = torch.from_numpy(keys.argsort(kind="stable")[: min(size, n)].copy())
    return order.sort().values
