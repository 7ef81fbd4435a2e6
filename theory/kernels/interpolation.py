"""Solve K alpha = y: the minimum-norm interpolant in a Hilbert space (Zhang et al. 2017, section 5)."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from theory.common.plain_numbers import plain_numbers
from theory.kernels.checkpoint import Checkpoint, Stage
from theory.kernels.cholesky import CholeskyFactor, NotPositiveDefiniteError, cholesky
from theory.kernels.krylov import KrylovState, NystromPreconditioner, conjugate_gradients, nystrom_preconditioner
from theory.kernels.panels import SymmetricPanels
from theory.kernels.plan import LARGEST_DIRECT, FitPlan
from theory.kernels.smallest_eigenvalue import EigenvalueBound, bound_by_cholesky, bound_by_lanczos

StageReport = Callable[[str, float], None]
"""Called with the name of a stage and the share of the stage that is done."""

_REFINEMENTS = 5
_USELESS = 0.1  # a relative residual with which labels are not reproduced
_INVERSE_ITERATIONS = 10
_ENTRIES = (2.0**-300, 2.0**300)  # labels of moderate size, divided by these and squared, stay within float64
TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-4}
"""Relative residual that is solved for: what the precision of K leaves, with room for its condition number."""


@dataclass(frozen=True, eq=False)
class Interpolation:
    """A solved Gram system.

    Attributes:
        coefficients: alpha (n, k), float64.
        solver: `cholesky`, `conjugate-gradients`, or `eigenvalues` where K is singular to working precision.
        iterations: refinements, or products with K.
        relative_residual: ||K alpha - y|| / ||y|| of the worst output, K as stored.
        converged: whether that is within the tolerance.
        leave_one_out: (n, k) or None: the value at x_i of the minimum-norm interpolant of the other points.
        smallest_eigenvalue: a lower bound on lambda_min(K), K as stored; None if it was not asked for.
        seconds: by stage.
    """

    coefficients: torch.Tensor
    solver: str
    iterations: int
    relative_residual: float
    converged: bool
    leave_one_out: torch.Tensor | None
    smallest_eigenvalue: EigenvalueBound | None
    seconds: dict[str, float] = field(default_factory=dict)


@plain_numbers
def interpolate_gram(
    matrix: SymmetricPanels,
    y: torch.Tensor,
    plan: FitPlan,
    *,
    leave_one_out: bool = False,
    bound_eigenvalue: bool = True,
    tolerance: float | None = None,
    seed: int = 0,
    checkpoint: Checkpoint | None = None,
    report: StageReport = lambda stage, share: None,
) -> Interpolation:
    """Solve K alpha = y.

    Arguments:
        matrix: K, positive definite, a ridge included if there is to be one.
        y: (n, k), float64.
        plan: the solver.
        leave_one_out: also the values of the interpolants that leave one point out, in closed form: y_i - alpha_i /
            (K^-1)_ii. Needs Cholesky, and n^3/3 operations more.
        bound_eigenvalue: also a lower bound on lambda_min(K), for the certificate.
        tolerance: relative residual to reach; by K's precision, 1e-12 or 1e-4, if None.
        seed: the seed of the preconditioner's columns and of the random start of the eigenvalue bound.
        checkpoint: where to save progress, and to go on from.
        report: told of progress.

    If K is singular to working precision Cholesky gives way to the eigenvalue decomposition, up to 8,192 points: the
    function of least norm among those nearest to y; one point with two labels gets their mean. Singular is a K whose
    smallest eigenvalue is below n eps of the largest: whether Cholesky happens to finish does not matter. (float32,
    whose factor is refined with products in float64, is judged by what comes out: the residual.) Leave-one-out values
    are then those of the function of least norm nearest to the other labels.

    Raises ValueError for a larger singular K, for entries so large or small that squares of the coefficients could
    leave float64, and where conjugate gradients do not come near a solution.
    """
    largest = float(matrix.diagonal().max())
    if largest > 0 and not _ENTRIES[0] <= largest <= _ENTRIES[1]:
        better = "larger" if largest > 1 else "smaller"
        raise ValueError(f"the Gram matrix has entries up to {largest:.1e}: measure X in a {better} unit")
    goal = TOLERANCES[matrix.dtype] if tolerance is None else tolerance
    if plan.solver == "conjugate-gradients":
        assert not leave_one_out, "the plan sees to that"
        return _by_conjugate_gradients(matrix, y, plan, goal, bound_eigenvalue, seed, checkpoint, report)
    return _by_cholesky(matrix, y, plan, goal, leave_one_out, bound_eigenvalue, seed, checkpoint, report)


class StageClock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.restart()

    def restart(self) -> None:
        """Begin the next stage."""
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """End the stage and begin the next."""
        now = time.perf_counter()
        self.seconds[stage], self._last = now - self._last, now


def _by_cholesky(
    matrix: SymmetricPanels,
    y: torch.Tensor,
    plan: FitPlan,
    tolerance: float,
    leave_one_out: bool,
    bound_eigenvalue: bool,
    seed: int,
    checkpoint: Checkpoint | None,
    report: StageReport,
) -> Interpolation:
    clock = StageClock()
    try:
        factor = cholesky(
            matrix,
            done=checkpoint.load_factor(matrix) if checkpoint else (),
            observe=checkpoint.append_factor if checkpoint else lambda panel: None,
            report=lambda share: report("factorise", share),
        )
    except NotPositiveDefiniteError as error:
        if matrix.n > LARGEST_DIRECT:
            raise ValueError(f"{error}: are there equal points? Remove them, or add a small ridge") from error
        return _by_eigenvalues(matrix, y, tolerance, leave_one_out, bound_eigenvalue, clock)
    clock.lap("factorise")
    # In float32 the residual after refinement tells whether the factor is of use; nothing else asks for the eigenvalue.
    if matrix.dtype == torch.float64:
        estimate = _inverse_iteration(factor)
        if not estimate > _cutoff(matrix, _power_iteration(matrix)):
            if matrix.n > LARGEST_DIRECT:
                raise ValueError(f"{_SINGULAR}: are there equal points? Remove them, or add a small ridge")
            return _by_eigenvalues(matrix, y, tolerance, leave_one_out, bound_eigenvalue, clock)
    norms = y.norm(dim=0).clamp_min(torch.finfo(torch.float64).tiny)
    solution, relative, refinements = torch.zeros_like(y), torch.inf, 0
    for refinements in range(_REFINEMENTS + 1):
        candidate = solution + factor.solve(y - matrix.multiply(solution) if refinements else y)
        after = float(((y - matrix.multiply(candidate)).norm(dim=0) / norms).max())
        if not after < relative:
            break  # rounding, not the factor, decides from here on
        solution, relative = candidate, after
        if relative <= tolerance:
            break
    clock.lap("solve")
    if matrix.dtype != torch.float64 and not relative <= tolerance:
        if matrix.n <= LARGEST_DIRECT:
            return _by_eigenvalues(matrix, y, tolerance, leave_one_out, bound_eigenvalue, clock)
        if not relative <= _USELESS:
            raise ValueError(
                f"{_SINGULAR}, residual {relative:.1g}: are there equal points? Remove them, or add a small ridge"
            )
    held_out = None
    if leave_one_out:
        diagonal = factor.inverse_diagonal(lambda share: report("leave one out", share))
        held_out = y - solution / diagonal[:, None]
        clock.lap("leave one out")
    bound = None
    if bound_eigenvalue:
        if matrix.dtype == torch.float64:
            del factor  # the bound needs its memory
            bound = bound_by_cholesky(matrix, estimate)
        else:
            preconditioner = nystrom_preconditioner(matrix, plan.sample_size, seed)
            bound = _bound_by_lanczos(matrix, preconditioner, seed, checkpoint, report)
        clock.lap("eigenvalue bound")
    return Interpolation(
        solution, plan.solver, refinements, relative, relative <= tolerance, held_out, bound, clock.seconds
    )


_SINGULAR = "the Gram matrix is singular to working precision"
_DEPENDENT = float(torch.finfo(torch.float64).eps) ** 0.5  # null vectors are known to about this


def _cutoff(matrix: SymmetricPanels, largest: float) -> float:
    """Eigenvalues below n eps of the largest are rounding."""
    return matrix.n * torch.finfo(matrix.dtype).eps * largest


def _by_eigenvalues(
    matrix: SymmetricPanels,
    y: torch.Tensor,
    tolerance: float,
    leave_one_out: bool,
    bound_eigenvalue: bool,
    clock: StageClock,
) -> Interpolation:
    """The solution alpha = K^+ y: the function of least norm among those nearest to y, which interpolates if anything
    does.

    Without point i: with f = K alpha and h = (K K^+)_ii, y_i - (y_i - f_i) / (1 - h) where the other points' functions
    span that of x_i, so that h < 1 (least squares); f_i - alpha_i / (K^+)_ii where they do not, h = 1 and f_i = y_i
    (the point is projected out of the feature space; Cook's and Craven and Wahba's formulas).
    """
    values, vectors = torch.linalg.eigh(matrix.dense().double())
    kept = values > _cutoff(matrix, float(values[-1]))
    basis, spectrum = vectors[:, kept], values[kept]
    solution = basis @ ((basis.T @ y) / spectrum[:, None])
    norms = y.norm(dim=0).clamp_min(torch.finfo(torch.float64).tiny)
    relative = float(((y - matrix.multiply(solution)).norm(dim=0) / norms).max())
    clock.lap("solve")
    held_out = None
    if leave_one_out:
        fitted = basis @ (basis.T @ y)
        outside = vectors[:, ~kept].square().sum(1)[:, None]  # 1 - h
        inverse = (basis.square() / spectrum).sum(1)[:, None]
        alternatives = fitted - solution / inverse.clamp_min(torch.finfo(torch.float64).tiny)
        held_out = torch.where(outside > _DEPENDENT, y - (y - fitted) / outside.clamp_min(_DEPENDENT), alternatives)
        clock.lap("leave one out")
    bound = EigenvalueBound(0.0, "cholesky", 0.0) if bound_eigenvalue else None
    return Interpolation(solution, "eigenvalues", 0, relative, relative <= tolerance, held_out, bound, clock.seconds)


def _power_iteration(matrix: SymmetricPanels) -> float:
    """An estimate of lambda_max, from below: only its order of magnitude is needed."""
    vector = torch.ones(matrix.n, 1, dtype=torch.float64)
    vector[::3] = 2  # not orthogonal to much
    value = 0.0
    for _ in range(_INVERSE_ITERATIONS):
        image = matrix.multiply(vector / vector.norm())
        value, vector = float(image.norm()), image
        if not value > 0:
            break
    return value


def _inverse_iteration(factor: CholeskyFactor) -> float:
    """An estimate of lambda_min, from above, by a few inverse iterations."""
    vector = torch.ones(factor.panels.n, 1, dtype=torch.float64)
    vector[1::2] = -1  # rough vectors are near the smallest eigenvalues, constant ones near the largest
    value = torch.inf
    for _ in range(_INVERSE_ITERATIONS):
        vector = vector / vector.norm()
        image = factor.solve(vector)
        value, vector = 1 / float(image.norm()), image
    return value


def _by_conjugate_gradients(
    matrix: SymmetricPanels,
    y: torch.Tensor,
    plan: FitPlan,
    tolerance: float,
    bound_eigenvalue: bool,
    seed: int,
    checkpoint: Checkpoint | None,
    report: StageReport,
) -> Interpolation:
    clock = StageClock()
    preconditioner = nystrom_preconditioner(matrix, plan.sample_size, seed)
    clock.lap("precondition")
    digest = hashlib.sha256(y.numpy().tobytes()).hexdigest()
    stage = Stage(checkpoint, "krylov", f"{digest} {seed} {plan.sample_size} {tolerance}")
    state = stage.load(matrix.device)
    solved = conjugate_gradients(
        matrix,
        y.to(matrix.device),  # all vectors of the iteration are where the matrix is
        preconditioner,
        tolerance=tolerance,
        state=KrylovState(**state) if state else None,
        observe=lambda state: stage.save(state.tensors()) if stage.due else None,
        report=lambda share: report("solve", share),
    )
    clock.lap("solve")
    if solved.relative_residual > _USELESS:
        raise ValueError(
            f"conjugate gradients end at a relative residual of {solved.relative_residual:.1g} after "
            f"{solved.iterations} steps: the Gram matrix is singular, or nearly, in this precision. Are there equal "
            "points? Remove them, add a small ridge, or ask for solver 'cholesky' in float64"
        )
    bound = None
    if bound_eigenvalue:
        bound = _bound_by_lanczos(matrix, preconditioner, seed, checkpoint, report)
        clock.lap("eigenvalue bound")
    return Interpolation(
        solved.solution.to(y.device),
        plan.solver,
        solved.iterations,
        solved.relative_residual,
        solved.converged,
        None,
        bound,
        clock.seconds,
    )


def _bound_by_lanczos(
    matrix: SymmetricPanels,
    preconditioner: NystromPreconditioner,
    seed: int,
    checkpoint: Checkpoint | None,
    report: StageReport,
) -> EigenvalueBound:
    return bound_by_lanczos(
        matrix,
        preconditioner,
        seed=seed,
        stage=Stage(checkpoint, "lanczos", f"{seed} {preconditioner.vectors.shape}"),
        report=lambda share: report("bound lambda_min", share),
    )
