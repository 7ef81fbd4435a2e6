r"""Stochastic gradient descent, with and without momentum, and randomized Kaczmarz, many steps at a time.

Step t takes the gradient g_t of batch B_t with weights c_i, 1 / |B_t| for SGD and 1 / ||x_i||^2 for Kaczmarz:

    g_t = sum over i in B_t of gamma_i x_i,    gamma_i = c_i (<w_t, x_i> - y_i),
    v_{t+1} = beta v_t + g_t,                  v_0 = 0, the velocity of torch.optim.SGD,
    w_{t+1} = w_t - eta_t v_{t+1}              heavy ball; beta = 0: no momentum
    w_{t+1} = w_t - eta_t (g_t + beta v_{t+1})  Nesterov.

A window of m samples in the order in which they are visited, whatever its batches, is one triangular system. Counting t
from the start of the window, w_t = w_0 - a_t v_0 - sum of C_ts g_s over s < t, where

    C_ts = sum of eta_u h_{u-s} over s <= u < t,    a_t = C_{t,-1} from u = 0 on,
    h_k = beta^k (heavy ball),    h_0 = 1 + beta, h_k = beta^{k+1} for k > 0 (Nesterov),

so that with r = X w_0 - y, q = X v_0, G_jl = <x_j, x_l> and s(j) the step that visits j

    gamma_j + c_j * sum of C_{s(j)s(l)} G_jl gamma_l over the l in earlier batches = c_j (r_j - a_{s(j)} q_j).

It is solved by BLAS. The iterates at the ends of windows are those of the algorithm, up to rounding; only the order of
summation differs. What is carried from window to window is one of two:

primal    w itself. A pass over the samples reads X from memory once.
dual      if n < d: alpha and r of w = w_b + X^T alpha. G is a block of K = X X^T, a pass reads K, n/d of X. Rounding
          in r would pile up, so from time to time w is summed up to become the new w_b and r is computed afresh
          from X (iterative refinement).

K costs n/2 multiplications for each number of X (it is symmetric), a primal pass one read of it from memory, which
takes as long as _BALANCE multiplications. So K pays for itself within p passes if p (1 - n/d) _BALANCE >= n/2. How
many passes are to come is not known but forecast from the fall of the residual from pass to pass; before the second, by
sqrt(n/d) a pass, which is what independent features come to. The rate gets worse as the fast directions die out: the
forecast is rather too low, and corrected after each pass.
"""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import daxpy, ddot, dtrsm
from threadpoolctl import ThreadpoolController

from theory.common.arrays import Float64Array
from theory.common.plain_numbers import plain_numbers
from theory.common.streams import generator
from theory.least_squares.problem import Problem
from theory.least_squares.result import LeastSquaresResult
from theory.least_squares.step_sizes import (
    GROWTH_LIMIT,
    Schedule,
    as_momentum,
    as_schedule,
    batch_curvature,
    first_step,
    largest_row_curvature,
    require_bounded,
)

IntArray = npt.NDArray[np.int64]

DEFAULT_TOLERANCE = 1e-15
DEFAULT_EPOCHS = 100_000
_DUAL_WINDOW = 96  # samples a window: long enough to hide the interpreter, short enough for the cache
_PRIMAL_WINDOW = 32  # shorter: the products G of a window cost as many multiplications for each number of X
_LONG_ROW = 1000  # numbers: steps on rows this long hide the interpreter one by one, without a window's copy of rows
_BALANCE = 20  # a primal pass takes 0.6 to 1.2 ns for a number, a matrix product does 33 multiplications in a ns
REFRESH_DROP = 1e-8  # r is computed afresh when it has fallen by this factor,
REFRESH_EPOCHS = 1000  # or after so many passes


class _Visits(NamedTuple):
    """Samples in order, the batch of each (ascending from 0), c of each; eta of each batch."""

    samples: IntArray
    batches: IntArray
    weights: Float64Array
    step_sizes: Float64Array

    def windows(self, length: int) -> Iterator["_Visits"]:
        """Parts of whole batches: as many as have `length` samples, at least one. No batch is larger than the first."""
        together = max(1, length // int(np.searchsorted(self.batches, 1)))
        firsts = np.arange(0, len(self.step_sizes) + together, together)
        for batch, (first, last) in zip(firsts, pairwise(np.searchsorted(self.batches, firsts)), strict=False):
            yield _Visits(
                self.samples[first:last],
                self.batches[first:last] - batch,
                self.weights[first:last],
                self.step_sizes[batch : batch + together],
            )


@plain_numbers
def stochastic_gradient_descent(
    X: Any,
    y: Any,
    *,
    batch_size: int = 1,
    replacement: bool = False,
    start: Any = None,
    step_size: float | Schedule | None = None,
    momentum: float = 0.0,
    nesterov: bool = False,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int | None = None,
    seed: int = 0,
) -> LeastSquaresResult:
    """SGD on (1/2n) ||Xw - y||^2: w -= eta_t * the mean over a batch of (<w, x_i> - y_i) x_i, or with momentum.

    Arguments:
        X, y: data (n, d) and (n,) or (n, k), any n, d and rank; numpy, torch or nested sequences.
        batch_size: b, 1 .. n.
        replacement: draw every sample uniformly and independently; else each epoch is a fresh random order of all
            samples, cut into batches of b, the last one smaller if b does not divide n.
        start: w_0, (d,) or (d, k); zero by default.
        step_size: eta, or a schedule: a function of arrays of step numbers t = 0, 1, ... Default: 1/c_b,
            c_b = min(max ||x_i||^2, ||X||_2^2 / b), b the size of the smallest batch (the last one of an epoch, if b
            does not divide n); times 1 - momentum, so that a lasting gradient moves w as far as without. It is half of
            what could make a single step lengthen the error. With replacement and b > 1 a row may be drawn twice: a
            step may lengthen the error from 2/max ||x_i||^2 on, and the default shrinks it in the mean square
            (`step_sizes`).
        momentum: beta in [0, 1), and whether it is Nesterov's: torch.optim.SGD's, for the recursion see the module.
        tolerance: stop once ||Xw - y|| <= tolerance (||X||_F ||w|| + ||y||).
        max_iterations: stop after this many steps in any case; 100,000 epochs by default.
        seed: the seed of the order of the samples.

    Converges linearly to w_0 projected onto the solutions of Xw = y if there are any (Zhang et al. 2017, section 5; Ma,
    Bassily, Belkin, "The power of interpolation", ICML 2018); else a constant step size ends in a ball around
    the least-squares solutions, and a decaying one converges.

    Raises ValueError if shapes do not match, for a batch size outside 1 .. n, a step size that is not positive or a
    momentum outside [0, 1);
    DivergenceError, a ValueError, if the residual grows a million times, naming the threshold.
    """
    problem = Problem.of(X, y, start)
    n = len(problem.X)
    if not 1 <= batch_size <= n:
        raise ValueError(f"batch_size must be in 1 .. n = {n}, got {batch_size}")
    beta = as_momentum(momentum, 0.0)
    smallest = batch_size if replacement else n % batch_size or batch_size
    curvature = batch_curvature(problem, smallest)
    steepest = largest_row_curvature(problem) if replacement else curvature
    schedule = as_schedule(step_size, (1 - beta) / curvature if curvature > 0 else 1.0, problem)
    per_epoch = -(-n // batch_size)
    limit = DEFAULT_EPOCHS * per_epoch if max_iterations is None else max_iterations
    random = generator(seed, "sgd-order")
    visits = per_epoch * batch_size if replacement else n
    # Several epochs are drawn at once where they fit into one window; the order of the draws stays the same.
    epochs = max(1, _DUAL_WINDOW // visits)
    batches = np.concatenate([epoch * per_epoch + np.arange(visits) // batch_size for epoch in range(epochs)])
    weights = 1 / np.bincount(batches)[batches]

    def passes() -> Iterator[_Visits]:
        for done in range(0, limit, epochs * per_epoch):
            drawn = [random.integers(0, n, visits) if replacement else random.permutation(n) for _ in range(epochs)]
            steps = np.arange(done, min(done + epochs * per_epoch, limit))
            end = int(np.searchsorted(batches, len(steps)))
            yield _Visits(np.concatenate(drawn)[:end], batches[:end], weights[:end], schedule(steps))

    name = "max ||x_i||^2" if replacement or smallest == 1 else "min(max ||x_i||^2, ||X||_2^2 / b)"
    return _run(
        problem,
        passes(),
        limit,
        start,
        tolerance,
        problem.step_size(first_step(schedule)),
        f"SGD diverges with step size {problem.step_size(first_step(schedule)):.3g}: "
        f"{'without momentum ' if beta else ''}no step lengthens the error only up to 2/{name} = "
        f"{problem.step_size(_ratio(2, steepest)):.3g}",
        _Recursion(beta, nesterov),
    )


@plain_numbers
def randomized_kaczmarz(
    X: Any,
    y: Any,
    *,
    start: Any = None,
    relaxation: float | Schedule = 1.0,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int | None = None,
    seed: int = 0,
) -> LeastSquaresResult:
    """Randomized Kaczmarz: project w onto the hyperplane of a row drawn with probability ||x_i||^2 / ||X||_F^2.

    w -= relaxation_t * (<w, x_i> - y_i) x_i / ||x_i||^2: SGD with importance sampling. If Xw = y has solutions,
    E ||w_t - w*||^2 <= (1 - sigma_min+^2 / ||X||_F^2)^t ||w_0 - w*||^2 for relaxation 1 (Strohmer, Vershynin 2009,
    theorem 2; for any rank: Zouzias, Freris 2013). Rows of zeros are never drawn.

    Arguments and errors: as `stochastic_gradient_descent`; relaxation is a number in (0, 2) or a schedule.
    """
    problem = Problem.of(X, y, start)
    n, norms = len(problem.X), problem.squared_row_norms
    schedule = as_schedule(relaxation, 1.0)
    limit = DEFAULT_EPOCHS * n if max_iterations is None else max_iterations
    random = generator(seed, "kaczmarz-rows")
    cumulative = np.cumsum(norms)

    def passes() -> Iterator[_Visits]:
        length = max(n, _DUAL_WINDOW)
        for done in range(0, limit if cumulative[-1] > 0 else 0, length):
            steps = np.arange(done, min(done + length, limit))
            uniform = random.random(len(steps)) * cumulative[-1]
            rows = np.minimum(np.searchsorted(cumulative, uniform, side="right"), np.flatnonzero(norms)[-1])
            yield _Visits(rows, steps - done, 1 / norms[rows], schedule(steps))

    return _run(
        problem,
        passes(),
        limit,
        start,
        tolerance,
        first_step(schedule),
        f"randomized Kaczmarz diverges with relaxation {first_step(schedule):.3g}: "
        "a step contracts the error only below 2",
        _Recursion(0.0, False),
    )


class _Recursion(NamedTuple):
    """How w and v follow from the gradients: beta, and whether w's step looks ahead as Nesterov's does.

    What is carried on, S, has k columns: w; with momentum 2k: w and v.
    """

    beta: float
    nesterov: bool

    def with_velocity(self, columns: Float64Array) -> Float64Array:
        """S, or X S, of k columns and velocity zero."""
        return np.hstack([columns, np.zeros_like(columns)]) if self.beta else columns

    def solve(self, gram: Float64Array, met: Float64Array, visits: _Visits) -> tuple[Float64Array, Float64Array | None]:
        """The change (m, 2k or k) and the transition (2k, 2k or None, which is I) of a window: S := S T + x^T change.

        From G (m, m) and met, the rows of [X w - y, X v] before the window.
        """
        batches, steps, k = visits.batches, len(visits.step_sizes), met.shape[1] // (2 if self.beta else 1)
        position, drift = self._response(visits.step_sizes)
        right_side = met[:, :k] - drift[batches, None] * met[:, k:] if self.beta else met
        gamma = visits.weights[:, None] * right_side
        if steps > 1:
            single = steps == len(batches)
            matrix = gram * visits.weights[:, None] * (position[:-1] if single else position[batches[:, None], batches])
            if not single:
                matrix *= batches[:, None] > batches
            # BLAS wants columns: the transpose of the row-major matrix, upper triangular, unit diagonal, transposed.
            gamma = dtrsm(1.0, matrix.T, gamma, lower=0, trans_a=1, diag=1)
        change = -position[-1, batches, None] * gamma
        if not self.beta:
            return change, None
        velocity = self.beta ** (steps - 1 - batches)[:, None] * gamma
        transition = np.kron([[1.0, 0.0], [-drift[-1], self.beta**steps]], np.eye(k))
        return np.hstack([change, velocity]), transition

    def _response(self, step_sizes: Float64Array) -> tuple[Float64Array, Float64Array]:
        """C (T + 1, T) and a (T + 1,) of the module; without momentum C_ts = eta_s, on both sides of the diagonal."""
        steps = len(step_sizes)
        if not self.beta:
            return np.broadcast_to(step_sizes, (steps + 1, steps)), np.zeros(steps + 1)
        weights = self.beta ** np.arange(steps + 1)  # h
        if self.nesterov:
            weights = self.beta * weights
            weights[0] += 1
        lag = np.arange(steps)[:, None] - np.arange(-1, steps)
        response = np.zeros((steps + 1, steps + 1))
        np.cumsum(np.where(lag >= 0, weights[lag], 0) * step_sizes[:, None], axis=0, out=response[1:])
        return response[:, 1:], response[:, 0]


def _run(
    problem: Problem,
    passes: Iterator[_Visits],
    limit: int,
    start: Any,
    tolerance: float,
    step_size: float,
    divergence: str,
    recursion: _Recursion,
) -> LeastSquaresResult:
    """Follow the passes until the residual is small, the passes end, or the residual explodes."""
    first = problem.columns(start, "start")
    n, d = problem.X.shape
    state: _Primal | _Dual = _Primal(problem, recursion, first)
    norm = state.refresh()
    ceiling = GROWTH_LIMIT * (norm + float(np.linalg.norm(problem.y)))
    goal = tolerance * problem.residual_scale(state.w)
    at_refresh, iterations, epochs, refinements = norm, 0, 0, 0
    converged = norm <= goal
    while not converged and (visits := next(passes, None)) is not None:
        steps = len(visits.step_sizes)
        if isinstance(state, _Primal) and n < d:
            to_come = min(_passes_to_come(norm, goal, state.rate), (limit - iterations) / steps)
            if to_come * (1 - n / d) * _BALANCE >= n / 2:
                state = _Dual(problem, recursion, state.S)
        with np.errstate(over="ignore", invalid="ignore"):
            state.advance(visits)
            norm = state.residual_norm()
        require_bounded(norm, ceiling, divergence)
        iterations, epochs = iterations + steps, epochs + 1
        if norm <= max(goal, REFRESH_DROP * at_refresh) or epochs >= REFRESH_EPOCHS:
            norm = at_refresh = state.refresh()
            goal = tolerance * problem.residual_scale(state.w)
            converged, epochs, refinements = norm <= goal, 0, refinements + 1
    residual = norm if converged else state.refresh()
    require_bounded(residual, ceiling, divergence)
    return LeastSquaresResult(
        problem.solution(state.w),
        iterations,
        problem.residual_norm(residual),
        converged,
        step_size,
        refinements,
        problem,
        first,
    )


def _passes_to_come(norm: float, goal: float, rate: float) -> float:
    """How many passes take the residual from norm to goal, if each multiplies it by rate; infinity if none does."""
    if rate >= 1 or goal == 0:
        return np.inf
    return float(np.log(goal / norm) / np.log(rate)) if rate > 0 and norm > 0 else 1.0


class _Primal:
    """S = w, or w and v, is carried on."""

    def __init__(self, problem: Problem, recursion: _Recursion, start: Float64Array) -> None:
        self.problem, self.recursion = problem, recursion
        self.outputs = start.shape[1]
        self.S = recursion.with_velocity(start.copy())
        self.targets = recursion.with_velocity(problem.y)
        self.squares, self.before = 0.0, 0.0
        self.rate = float(np.sqrt(len(problem.X) / problem.X.shape[1]))  # rate of the residual, from pass to pass

    @property
    def w(self) -> Float64Array:
        """w, (d, k)."""
        return self.S[:, : self.outputs]

    def residual_norm(self) -> float:
        """||Xw - y|| as the samples of the last pass met it, carried on at the present rate: no pass of its own."""
        met, self.squares = float(np.sqrt(self.squares)), 0.0
        if self.before > 0:
            self.rate = met / self.before
        self.before = met
        return met * min(1.0, self.rate)

    def advance(self, visits: _Visits) -> None:
        """The steps of one pass."""
        if self.S.shape[1] == 1 and len(self.S) >= _LONG_ROW and len(visits.step_sizes) == len(visits.samples):
            self._row_by_row(visits)
            return
        for window in visits.windows(_PRIMAL_WINDOW):
            rows = self.problem.X[window.samples]
            met = rows @ self.S - self.targets[window.samples]
            self.squares += float((met[:, : self.outputs] ** 2).sum())
            change, transition = self.recursion.solve(rows @ rows.T, met, window)
            self.S = (self.S if transition is None else self.S @ transition) + rows.T @ change

    def _row_by_row(self, visits: _Visits) -> None:
        """The same for single samples, one output and no momentum, by one pass over each row as it lies in memory.

        On one thread: a row is too short to gain from a second, and on a busy machine each product would wait for it.
        """
        X, w = self.problem.X, self.S[:, 0]
        sizes, labels = visits.step_sizes * visits.weights, self.targets[visits.samples, 0]
        with _thread_pools().limit(limits=1, user_api="blas"):
            for i, size, label in zip(visits.samples.tolist(), sizes.tolist(), labels.tolist(), strict=True):
                residual = ddot(X[i], w) - label
                daxpy(X[i], w, a=-size * residual)  # in place
                self.squares += residual * residual

    def refresh(self) -> float:
        """||Xw - y||, from X."""
        return float(np.linalg.norm(self.problem.residual(self.w)))


class _Dual:
    """n < d: S = base P + X^T A; A and R = X S - [y, 0] are carried on, by columns of K."""

    def __init__(self, problem: Problem, recursion: _Recursion, base: Float64Array) -> None:
        self.problem, self.recursion = problem, recursion
        self.outputs = problem.y.shape[1]
        self.targets = recursion.with_velocity(problem.y)
        self._restart(base)

    def _restart(self, base: Float64Array) -> None:
        self.base, self.P = base, np.eye(base.shape[1])
        self.A = np.zeros_like(self.targets)
        self.R = self.problem.X @ base - self.targets if base.any() else -self.targets

    @property
    def w(self) -> Float64Array:
        """w at the last `refresh`, (d, k)."""
        return self.base[:, : self.outputs]

    def residual_norm(self) -> float:
        """||Xw - y||, up to the rounding since `refresh`."""
        return float(np.linalg.norm(self.R[:, : self.outputs]))

    def advance(self, visits: _Visits) -> None:
        """The steps of one pass."""
        for window in visits.windows(_DUAL_WINDOW):
            rows = self.problem.gram[window.samples]
            change, transition = self.recursion.solve(rows[:, window.samples], self.R[window.samples], window)
            if transition is not None:
                self.P, self.A, self.R = self.P @ transition, self.A @ transition, self.R @ transition
            np.add.at(self.A, window.samples, change)
            self.R += rows.T @ change

    def refresh(self) -> float:
        """Sum up S and compute its residual from X; ||Xw - y||."""
        self._restart(self.base @ self.P + self.problem.X.T @ self.A)
        return self.residual_norm()


@cache
def _thread_pools() -> ThreadpoolController:
    return ThreadpoolController()


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else float("inf")
