r"""The exact mean squared error of SGD on equations without a solution: the noise ball.

One sample a step, drawn uniformly with replacement. With w* a least-squares solution, noise e_i = y_i - <w*, x_i> and
H = X^T X / n, the error of w_t has mean m_t and second moment S_t given by

    m_{t+1} = (I - eta H) m_t,
    S_{t+1} = S_t - eta (H S_t + S_t H) + eta^2 (1/n) sum_i (<x_i, S_t x_i> - 2 e_i <x_i, m_t> + e_i^2) x_i x_i^T,

because sum_i e_i x_i = 0: expand E (w_{t+1} - w*)(w_{t+1} - w*)^T. No approximation is made. For a constant step size
S_t tends to a multiple of eta to first order, the ball; for step sizes of order 1/t it tends to zero.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from theory.common.arrays import Float64Array
from theory.common.scaling import scaled
from theory.least_squares.problem import Problem
from theory.least_squares.references import minimum_norm_solution


def sgd_mean_squared_error(X: Any, y: Any, step_sizes: Iterable[float], start: Any = None) -> Float64Array:
    """E ||w_t - w*||^2 for t = 0 .. T, (T + 1,), along SGD with the T step sizes given.

    Arguments:
        X, y: data (n, d) and (n,), columns of X linearly independent so that w* is unique.
        step_sizes: eta_0, ..., eta_{T-1}.
        start: w_0 (d,); zero by default.

    Time O(T n d^2). Raises ValueError for shapes that do not match.
    """
    problem = Problem.of(X, y, start)
    if not problem.vector:
        raise ValueError(f"y must be a vector (n,), got shape {problem.y.shape}")
    data, n = problem.X, len(problem.X)
    best = minimum_norm_solution(data, problem.y[:, 0])
    noise = problem.y[:, 0] - data @ best
    hessian = data.T @ data / n
    mean = problem.columns(start, "start")[:, 0] - best
    moment = np.outer(mean, mean)
    errors = [float(np.trace(moment))]
    for eta in map(problem.internal_step_size, step_sizes):
        weights = np.einsum("ij,jk,ik->i", data, moment, data) - 2 * noise * (data @ mean) + noise**2
        drift = hessian @ moment
        moment = moment - eta * (drift + drift.T) + eta**2 * (data.T * weights) @ data / n
        moment = (moment + moment.T) / 2  # the recursion never shrinks what rounding adds antisymmetrically
        mean = mean - eta * (hessian @ mean)
        errors.append(float(np.trace(moment)))
    return scaled(np.array(errors), 2 * (problem.y_exponent - problem.X_exponent))
