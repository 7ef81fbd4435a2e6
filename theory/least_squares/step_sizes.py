r"""Step sizes: what theory permits, schedules, and divergence.

For the loss (1/2n) ||Xw - y||^2 with largest curvature lambda_max = ||X||_2^2 / n, gradient descent converges from
every start if and only if eta < 2 / lambda_max. A step on the mean gradient of a batch B of b rows multiplies
w - w* by I - eta X_B^T X_B / b where Xw* = y: no batch of b different rows lengthens it if eta <= 2 / c_b, with

    c_b = min(M, ||X||_2^2 / b) >= ||X_B||_2^2 / b,    M = max ||x_i||^2,

which is M for single samples and lambda_max for the full batch. Drawn with replacement, a batch may hold the longest
row b times: ||X_B||_2^2 / b = M, and no step lengthens the error up to 2 / M alone. In the mean it shrinks for more.
With A = X_B^T X_B / b and H = X^T X / n, E A = H and

    E A^2 = E ||x||^2 x x^T / b + (1 - 1/b) H^2 <= m_b H,    m_b = M / b + (1 - 1/b) lambda_max,

so E ||(I - eta A) e||^2 <= ||e||^2 - eta (2 - eta m_b) <e, H e>, which shrinks e in the row space for eta < 2 / m_b
(Ma, Bassily, Belkin 2018, theorem 1). The default 1 / c_b is below that, since m_b < 2 c_b: m_b <= M as
lambda_max <= M, and b m_b < 2 ||X||_2^2 as M <= ||X||_2^2 and (b - 1) lambda_max < n lambda_max = ||X||_2^2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.common.arrays import Float64Array
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import scaled
from theory.least_squares.problem import Problem

Schedule = Callable[[npt.NDArray[np.int64]], Float64Array]
GROWTH_LIMIT = 1e6
"""A residual this many times the first one, or ||y||, is divergence."""


@plain_numbers
@dataclass(frozen=True)
class InverseDecay:
    """eta_t = initial / (1 + t / delay): sum eta_t is infinite, sum eta_t^2 finite (Robbins, Monro 1951)."""

    initial: float
    delay: float

    def __post_init__(self) -> None:
        if not (0 < self.initial < np.inf and self.delay > 0):  # an infinite delay is a constant step size
            raise ValueError(
                f"initial must be positive and finite, delay positive, got {self.initial} and {self.delay}"
            )

    def __call__(self, steps: npt.NDArray[np.int64]) -> Float64Array:
        """eta_t for t = steps."""
        sizes: Float64Array = self.initial / (1 + steps / self.delay)
        return sizes


@dataclass(frozen=True)
class Constant:
    """eta_t = value."""

    value: float

    def __call__(self, steps: npt.NDArray[np.int64]) -> Float64Array:
        """eta_t for t = steps."""
        return np.full(steps.shape, self.value)


def batch_curvature(problem: Problem, batch_size: int) -> float:
    """c_b above: at least the curvature of the mean loss of any b different rows."""
    largest_row = largest_row_curvature(problem)
    return largest_row if batch_size == 1 else min(largest_row, problem.largest_eigenvalue / batch_size)


def largest_row_curvature(problem: Problem) -> float:
    """M above: at least the curvature of the mean loss of any rows, one of them as often as the others or not."""
    return float(problem.squared_row_norms.max())


def as_schedule(step_size: float | Schedule | None, default: float, problem: Problem | None = None) -> Schedule:
    """A schedule from a number, a schedule, or None for the default. ValueError for a number that is not positive.

    With a problem the caller's step sizes are converted to its units, in which the default is.
    """
    if callable(step_size):
        function = step_size
        if problem is None:
            return function
        return lambda steps: scaled(np.asarray(function(steps), dtype=np.float64), 2 * problem.X_exponent)
    value = default if step_size is None else float(step_size)
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"step_size must be positive and finite, got {value}")
    return Constant(value if step_size is None or problem is None else problem.internal_step_size(value))


def as_momentum(momentum: float | None, default: float) -> float:
    """beta, or the default for None. ValueError unless it is in [0, 1)."""
    beta = default if momentum is None else float(momentum)
    if not 0 <= beta < 1:
        raise ValueError(f"momentum must be in [0, 1), got {beta}")
    return beta


def first_step(schedule: Schedule) -> float:
    """eta_0."""
    return float(schedule(np.zeros(1, dtype=np.int64))[0])


class DivergenceError(ValueError):
    """The iteration diverges; the message names the threshold of the step size."""


def require_bounded(size: Any, limit: float, explanation: str) -> None:
    """Raise DivergenceError with the explanation unless size <= limit; NaN and infinity are not."""
    if not size <= limit:
        raise DivergenceError(explanation)
