r"""Stochastic gradient descent and randomized Kaczmarz, many steps at a time.

A step on the mean gradient of batch B_t is w_{t+1} = w_t + sum over i in B_t of delta_i x_i, where

    delta_i = -c_i (<w_t, x_i> - y_i),        c_i = eta_t / |B_t|  (SGD)  or  1 / ||x_i||^2  (Kaczmarz).

A window of m samples in the order in which they are visited, whatever its batches, is one triangular system: with
r = Xw - y before the window and G_jl = <x_j, x_l>,

    delta_j + c_j * sum of G_jl delta_l over the l in earlier batches = -c_j r_j.

It is solved by BLAS, then w grows by sum_j delta_j x_j. The iterates at the ends of windows are those of the algorithm,
up to rounding; only the order of summation differs. If n <= d, G is a block of K = X X^T, and instead of w the pair
(alpha, r), w = w_b + X^T alpha, is carried on: O(n) work for a step instead of O(d). Rounding in r would pile up, so
from time to time w is summed up to become the new w_b and r is computed afresh from X (iterative refinement).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import dtrsm

from theory.expressivity.points import Float64Array
from theory.least_squares.problem import Problem
from theory.least_squares.result import LeastSquaresResult
from theory.least_squares.step_sizes import (
    GROWTH_LIMIT,
    Schedule,
    as_schedule,
    batch_curvature,
    first_step,
    require_bounded,
)
from theory.streams import generator

IntArray = npt.NDArray[np.int64]

DEFAULT_TOLERANCE = 1e-15
DEFAULT_EPOCHS = 100_000
_DUAL_WINDOW = 96  # samples a window: long enough to hide the interpreter, short enough for the cache
_PRIMAL_WINDOW = 64
REFRESH_DROP = 1e-8  # r is computed afresh when it has fallen by this factor,
REFRESH_EPOCHS = 1000  # or after so many passes


class _Window(NamedTuple):
    """Samples in order, the batch of each (ascending from 0), c of each."""

    samples: IntArray
    batches: IntArray
    coefficients: Float64Array


def stochastic_gradient_descent(
    X: Any,
    y: Any,
    *,
    batch_size: int = 1,
    replacement: bool = False,
    start: Any = None,
    step_size: float | Schedule | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int | None = None,
    seed: int = 0,
) -> LeastSquaresResult:
    """SGD on (1/2n) ||Xw - y||^2: w -= eta_t * the mean over a batch of (<w, x_i> - y_i) x_i.

    Arguments:
        X, y: data (n, d) and (n,) or (n, k), any n, d and rank; numpy, torch or nested sequences.
        batch_size: b, 1 .. n.
        replacement: draw every sample uniformly and independently; else each epoch is a fresh random order of all
            samples, cut into batches of b, the last one smaller if b does not divide n.
        start: w_0, (d,) or (d, k); zero by default.
        step_size: eta, or a schedule: a function of arrays of step numbers t = 0, 1, ... Default: 1/c_b, half of what
            could make a single step lengthen the error, c_b = min(max ||x_i||^2, ||X||_2^2 / b), b the size of the
            smallest batch (the last one of an epoch, if b does not divide n).
        tolerance: stop once ||Xw - y|| <= tolerance (||X||_F ||w|| + ||y||).
        max_iterations: stop after this many steps in any case; 100,000 epochs by default.
        seed: of the order of the samples.

    Converges linearly to w_0 projected onto the solutions of Xw = y if there are any (Zhang et al. 2017, section 5; Ma,
    Bassily, Belkin, "The power of interpolation", ICML 2018); else a constant step size ends in a ball around
    the least-squares solutions, and a decaying one converges.

    Raises ValueError if shapes do not match, for a batch size outside 1 .. n or a step size that is not positive;
    DivergenceError, a ValueError, if the residual grows a million times, naming the threshold.
    """
    problem = Problem.of(X, y)
    n = len(problem.X)
    if not 1 <= batch_size <= n:
        raise ValueError(f"batch_size must be in 1 .. n = {n}, got {batch_size}")
    smallest = batch_size if replacement else n % batch_size or batch_size
    curvature = batch_curvature(problem, smallest)
    schedule = as_schedule(step_size, 1 / curvature if curvature > 0 else 1.0)
    per_epoch = -(-n // batch_size)
    limit = DEFAULT_EPOCHS * per_epoch if max_iterations is None else max_iterations
    random = generator(seed, "sgd-order")
    # Several epochs are drawn at once where they fit into one window; the order of the draws stays the same.
    length = _window_length(problem)
    epochs = max(1, length // (per_epoch * batch_size))
    visits = per_epoch * batch_size if replacement else n
    batches = np.concatenate([epoch * per_epoch + np.arange(visits) // batch_size for epoch in range(epochs)])
    sizes = np.bincount(batches)[batches]
    length = len(batches) if epochs > 1 else max(batch_size, length // batch_size * batch_size)

    def windows() -> Iterator[_Window]:
        done = 0
        while done < limit:
            drawn = [random.integers(0, n, visits) if replacement else random.permutation(n) for _ in range(epochs)]
            order, end = np.concatenate(drawn), int(np.searchsorted(batches, limit - done))
            for first in range(0, end, length):
                part = slice(first, min(first + length, end))
                yield _Window(order[part], batches[part] - batches[first], schedule(done + batches[part]) / sizes[part])
            done += int(batches[end - 1]) + 1

    name = "max ||x_i||^2" if smallest == 1 else "min(max ||x_i||^2, ||X||_2^2 / b)"
    return _run(
        problem,
        windows(),
        start,
        tolerance,
        first_step(schedule),
        f"SGD diverges with step size {first_step(schedule):.3g}: "
        f"no step lengthens the error only up to 2/{name} = {_ratio(2, curvature):.3g}",
    )


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
    problem = Problem.of(X, y)
    n, norms = len(problem.X), problem.squared_row_norms
    schedule = as_schedule(relaxation, 1.0)
    limit = DEFAULT_EPOCHS * n if max_iterations is None else max_iterations
    random = generator(seed, "kaczmarz-rows")
    cumulative = np.cumsum(norms)

    def windows() -> Iterator[_Window]:
        done = 0
        while done < limit and cumulative[-1] > 0:
            steps = np.arange(min(_window_length(problem), limit - done))
            uniform = random.random(len(steps)) * cumulative[-1]
            rows = np.minimum(np.searchsorted(cumulative, uniform, side="right"), np.flatnonzero(norms)[-1])
            yield _Window(rows, steps, schedule(done + steps) / norms[rows])
            done += len(steps)

    return _run(
        problem,
        windows(),
        start,
        tolerance,
        first_step(schedule),
        f"randomized Kaczmarz diverges with relaxation {first_step(schedule):.3g}: "
        "a step contracts the error only below 2",
    )


def _window_length(problem: Problem) -> int:
    return _DUAL_WINDOW if problem.X.shape[0] <= problem.X.shape[1] else _PRIMAL_WINDOW


def _run(
    problem: Problem, windows: Iterator[_Window], start: Any, tolerance: float, step_size: float, divergence: str
) -> LeastSquaresResult:
    """Follow the windows until the residual is small, the windows end, or the residual explodes."""
    first = problem.columns(start, "start")
    n, d = problem.X.shape
    state = _Dual(problem, first) if n <= d else _Primal(problem, first)
    norm = float(np.linalg.norm(state.residual()))
    ceiling = GROWTH_LIMIT * (norm + float(np.linalg.norm(problem.y)))
    goal = tolerance * problem.residual_scale(state.w)
    at_refresh, iterations, samples, epochs, refinements = norm, 0, 0, 0, 0
    converged = norm <= goal
    while not converged and (window := next(windows, None)) is not None:
        with np.errstate(over="ignore", invalid="ignore"):
            state.advance(window)
            iterations += int(window.batches[-1]) + 1
            samples += len(window.samples)
            if samples < n:
                continue
            samples, epochs = 0, epochs + 1
            norm = float(np.linalg.norm(state.residual()))
        require_bounded(norm, ceiling, divergence)
        if norm <= max(goal, REFRESH_DROP * at_refresh) or epochs >= REFRESH_EPOCHS:
            state.refresh()
            norm = at_refresh = float(np.linalg.norm(state.residual()))
            goal = tolerance * problem.residual_scale(state.w)
            converged, epochs, refinements = norm <= goal, 0, refinements + 1
    state.refresh()
    residual = float(np.linalg.norm(state.residual()))
    require_bounded(residual, ceiling, divergence)
    return LeastSquaresResult(
        problem.shaped(state.w), iterations, residual, converged, step_size, refinements, problem, first
    )


class _Dual:
    """n <= d: w = base + X^T alpha; alpha and r = Xw - y are carried on, by columns of K."""

    def __init__(self, problem: Problem, start: Float64Array) -> None:
        self.problem, self.w = problem, start.copy()
        self.r = problem.residual(start)
        self.alpha = np.zeros_like(self.r)

    def residual(self) -> Float64Array:
        """Xw - y, up to the rounding since `refresh`."""
        return self.r

    def advance(self, window: _Window) -> None:
        """The steps of one window."""
        rows = self.problem.gram[window.samples]
        delta = _solve_window(rows[:, window.samples], self.r[window.samples], window)
        np.add.at(self.alpha, window.samples, delta)
        self.r += rows.T @ delta

    def refresh(self) -> None:
        """Sum up w and compute its residual from X; nothing to do if there was no step since the last time."""
        if not self.alpha.any():
            return
        self.w = self.w + self.problem.X.T @ self.alpha
        self.alpha = np.zeros_like(self.alpha)
        self.r = self.problem.residual(self.w)


class _Primal:
    """n > d: w itself is carried on."""

    def __init__(self, problem: Problem, start: Float64Array) -> None:
        self.problem, self.w = problem, start.copy()

    def residual(self) -> Float64Array:
        """Xw - y."""
        return self.problem.residual(self.w)

    def advance(self, window: _Window) -> None:
        """The steps of one window."""
        rows = self.problem.X[window.samples]
        residual = rows @ self.w - self.problem.y[window.samples]
        self.w += rows.T @ _solve_window(rows @ rows.T, residual, window)

    def refresh(self) -> None:
        """Nothing to do: w is always at hand."""


def _solve_window(gram: Float64Array, residual: Float64Array, window: _Window) -> Float64Array:
    """The delta (m, k) of the module's triangular system, from G (m, m) and r (m, k)."""
    coefficients = window.coefficients[:, None]
    right_side = -coefficients * residual
    batches = window.batches
    if batches[-1] == 0:
        return right_side
    matrix = gram * coefficients
    if batches[-1] + 1 < len(batches):
        matrix *= batches[:, None] > batches
    # BLAS wants columns: the transpose of the row-major matrix, upper triangular, unit diagonal, used transposed.
    solution: Float64Array = dtrsm(1.0, matrix.T, right_side, lower=0, trans_a=1, diag=1)
    return solution


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else float("inf")
