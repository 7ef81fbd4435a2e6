r"""Full-batch gradient descent, with and without momentum, on (1/2n) ||Xw - y||^2.

    v_{t+1} = beta v_t - eta g(w_t)                   heavy ball (Polyak 1964); beta = 0: gradient descent
    v_{t+1} = beta v_t - eta g(w_t + beta v_t)        Nesterov (1983)
    w_{t+1} = w_t + v_{t+1},       g(w) = X^T (Xw - y) / n,  v_0 = 0.

With lambda the eigenvalues of X^T X / n on the row space, kappa = lambda_max / lambda_min, the error of gradient
descent along an eigenvector is exactly (1 - eta lambda)^t times the first one. The rates of the defaults below are
1 - 1/kappa, (sqrt(kappa) - 1) / (sqrt(kappa) + 1) and 1 - 1/sqrt(kappa) (Lessard, Recht, Packard 2016, section 4).

If n <= d then w = w_b + X^T alpha and v = X^T nu: the recursion runs on alpha with r = r_b + K alpha, K = X X^T,
O(n^2) an iteration. If n > d it runs on u = w - w_b with X^T X. From time to time w is summed up to become the new
w_b and r_b is computed afresh from X (iterative refinement), so that K's squared condition costs no accuracy.
"""

from typing import Any

import numpy as np

from theory.common.arrays import Float64Array
from theory.common.plain_numbers import plain_numbers
from theory.least_squares.problem import Problem
from theory.least_squares.result import LeastSquaresResult
from theory.least_squares.step_sizes import (
    GROWTH_LIMIT,
    Schedule,
    as_momentum,
    as_schedule,
    first_step,
    require_bounded,
)
from theory.least_squares.stochastic import DEFAULT_TOLERANCE, REFRESH_DROP

_MAX_ITERATIONS = 1_000_000
_REFRESH_ITERATIONS = 10_000
_FLATNESS_ITERATIONS = 100  # how often, if n <= d, the gradient is looked at beside the residual
_FLAT = 1e-7  # sqrt(<r, K r>) = ||X^T r|| is accurate to sqrt(eps) ||X|| ||r||


@plain_numbers
def gradient_descent(
    X: Any,
    y: Any,
    *,
    start: Any = None,
    step_size: float | Schedule | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int = _MAX_ITERATIONS,
) -> LeastSquaresResult:
    """Gradient descent: w -= eta_t X^T (Xw - y) / n.

    Arguments:
        X, y: data (n, d) and (n,) or (n, k), any n, d and rank; numpy, torch or nested sequences.
        start: w_0, (d,) or (d, k); zero by default.
        step_size: eta, or a schedule: a function of arrays of step numbers. Default 1/lambda_max.
        tolerance: stop once ||Xw - y|| <= tolerance s, s = ||X||_F ||w|| + ||y||, or the gradient, which is all that
            vanishes where Xw = y has no solution, is as small: if n > d, ||X^T (Xw - y)|| <= tolerance ||X||_F s;
            else, tested now and then, ||X^T (Xw - y)|| <= 10 tolerance ||X||_F ||Xw - y||.
        max_iterations: stop after this many steps in any case.

    Converges to w_0 projected onto the (least-squares) solutions of Xw = y.

    Raises ValueError if shapes do not match or for a step size that is not positive; DivergenceError, a ValueError,
    if the residual grows a million times, naming the threshold 2/lambda_max.
    """
    problem = Problem.of(X, y, start)
    largest = problem.largest_eigenvalue / len(problem.X)
    schedule = as_schedule(step_size, 1 / largest if largest > 0 else 1.0, problem)
    return _descend(problem, schedule, 0.0, False, start, tolerance, max_iterations, "gradient descent", 2.0)


@plain_numbers
def heavy_ball(
    X: Any,
    y: Any,
    *,
    momentum: float | None = None,
    start: Any = None,
    step_size: float | Schedule | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int = _MAX_ITERATIONS,
) -> LeastSquaresResult:
    """Gradient descent with Polyak's momentum, for the recursion see the module.

    Arguments and errors as `gradient_descent`, and momentum: beta in [0, 1). Defaults, from the extreme nonzero
    eigenvalues: eta = 4 / (sqrt(lambda_max) + sqrt(lambda_min))^2, beta = ((sqrt(kappa) - 1) / (sqrt(kappa) + 1))^2.
    Converges from every start if and only if eta < 2 (1 + beta) / lambda_max.
    """
    problem = Problem.of(X, y, start)
    root_low, root_high = _extreme_roots(problem)
    beta = as_momentum(momentum, ((root_high - root_low) / (root_high + root_low)) ** 2)
    schedule = as_schedule(step_size, 4 / (root_high + root_low) ** 2, problem)
    return _descend(problem, schedule, beta, False, start, tolerance, max_iterations, "heavy ball", 2 * (1 + beta))


@plain_numbers
def nesterov(
    X: Any,
    y: Any,
    *,
    momentum: float | None = None,
    start: Any = None,
    step_size: float | Schedule | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int = _MAX_ITERATIONS,
) -> LeastSquaresResult:
    """Gradient descent with Nesterov's momentum, for the recursion see the module.

    Arguments and errors as `gradient_descent`, and momentum: beta in [0, 1). Defaults: eta = 1/lambda_max,
    beta = (sqrt(kappa) - 1) / (sqrt(kappa) + 1). Converges from every start if and only if
    eta < 2 (1 + beta) / ((1 + 2 beta) lambda_max).
    """
    problem = Problem.of(X, y, start)
    root_low, root_high = _extreme_roots(problem)
    beta = as_momentum(momentum, (root_high - root_low) / (root_high + root_low))
    schedule = as_schedule(step_size, 1 / root_high**2, problem)
    threshold = 2 * (1 + beta) / (1 + 2 * beta)
    return _descend(problem, schedule, beta, True, start, tolerance, max_iterations, "Nesterov's method", threshold)


def _extreme_roots(problem: Problem) -> tuple[float, float]:
    """sqrt(lambda_min) and sqrt(lambda_max) of X^T X / n on the row space; 1 and 1 if X = 0."""
    if not problem.X.any():
        return 1.0, 1.0
    values = np.sqrt(problem.nonzero_eigenvalues[[0, -1]] / len(problem.X))
    return float(values[0]), float(values[1])


def _descend(
    problem: Problem,
    schedule: Schedule,
    beta: float,
    look_ahead: bool,
    start: Any,
    tolerance: float,
    max_iterations: int,
    name: str,
    stable: float,
) -> LeastSquaresResult:
    """The recursion of the module; `stable` is the threshold of eta lambda_max."""
    first = problem.columns(start, "start")
    (n, d), X, gram = problem.X.shape, problem.X, problem.gram
    dual = n <= d
    largest = problem.largest_eigenvalue / n
    threshold = problem.step_size(stable / largest if largest > 0 else float("inf"))
    divergence = (
        f"{name} diverges with step size {problem.step_size(first_step(schedule)):.3g}: it converges only below "
        f"{stable:.3g}/lambda_max = {threshold:.3g}, lambda_max = ||X||_2^2 / n"
    )

    def restart(w: Float64Array) -> tuple[Float64Array, float, bool]:
        """Residual (n, k) or gradient times n (d, k) at w, the goal for its norm, and whether w is good enough."""
        residual = problem.residual(w)
        scale = tolerance * problem.residual_scale(w)
        size = float(np.linalg.norm(residual))
        gradient = X.T @ residual
        if dual:
            flat = float(np.linalg.norm(gradient)) <= 10 * tolerance * problem.frobenius_norm * size
            return residual, scale, size <= scale or flat
        goal = scale * problem.frobenius_norm
        return gradient, goal, size <= scale or float(np.linalg.norm(gradient)) <= goal

    w = first.copy()
    base, goal, converged = restart(w)
    velocity, position = np.zeros_like(base), np.zeros_like(base)
    size = at_refresh = float(np.linalg.norm(base))
    outputs = float(np.linalg.norm(problem.y if dual else X.T @ problem.y))
    ceiling = GROWTH_LIMIT * (size + outputs)
    iterations = refinements = since = 0
    while not converged and iterations < max_iterations:
        eta = float(schedule(np.array([iterations]))[0]) / n
        with np.errstate(over="ignore", invalid="ignore"):
            ahead = position + beta * velocity if look_ahead else position
            slope = base + gram @ ahead
            size = float(np.linalg.norm(slope))
            velocity = beta * velocity - eta * slope
            position = position + velocity
        require_bounded(size, ceiling, divergence)
        iterations, since = iterations + 1, since + 1
        small = size <= max(goal, REFRESH_DROP * at_refresh)
        if dual and since % _FLATNESS_ITERATIONS == 0:
            squared_gradient = float((slope * (gram @ slope)).sum())
            small = small or squared_gradient <= (_FLAT * problem.frobenius_norm * size) ** 2
        if small or since >= _REFRESH_ITERATIONS:
            w = w + (X.T @ position if dual else position)
            base, goal, converged = restart(w)
            position = np.zeros_like(base)
            at_refresh, since, refinements = float(np.linalg.norm(base)), 0, refinements + 1
    w = w + (X.T @ position if dual else position)
    residual = float(np.linalg.norm(problem.residual(w)))
    return LeastSquaresResult(
        problem.solution(w),
        iterations,
        problem.residual_norm(residual),
        converged,
        problem.step_size(first_step(schedule)),
        refinements,
        problem,
        first,
    )
