r"""Logistic regression on separable data: the direction of the iterates converges to a maximum-margin separator.

Rows z_i = y_i x_i of Z (n, d), loss sum log(1 + exp(-<z_i, w>)) without a minimum: w grows for ever. Soudry, Hoffer,
Nacson, Gunasekar, Srebro 2018, "The implicit bias of gradient descent on separable data", theorem 3: for
almost all data

    w(t) = w_svm log t + O(1),   w_svm = argmin ||w||_2 subject to Zw >= 1,

so w / ||w|| is off by O(1 / log t). With alpha the dual variables, w_svm = Z^T alpha, the bounded part makes

    <z_i, w(t)> - log t -> -log alpha_i   for support vectors i (alpha_i > 0)

for the flow; after t steps of gradient descent with step size eta the time is eta t, and the offset from log t is
-log(alpha_i / eta).

The flow is integrated in s = log t, dw/ds = e^s sum_i z_i / (1 + exp(<z_i, w>)): times like e^10000 are within reach.

Adam without its epsilon converges to the maximum l-infinity margin instead (Zhang, Zou, Cao 2024, "The implicit bias of
Adam on separable data"); with a fixed epsilon, once gradients are below it, to the l2 margin again (Wang, Meng, Chen,
Liu 2021, "The implicit bias for adaptive optimization algorithms on homogeneous neural networks").
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.integrate
import scipy.special
import scipy.stats
import torch

from theory.common.arrays import as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import exponent, scaled, scaled_number
from theory.implicit_bias.potentials import Float64Array


@dataclass(frozen=True, eq=False)
class MaxMargin:
    """The separator of largest margin in one norm, with its optimality evidence.

    Attributes:
        separator: w (d,), of least norm subject to Zw >= 1.
        dual: alpha (n,), nonnegative; positive at support vectors. For p = 2 the objective is half of ||w||_2^2 and
            sum alpha = ||w||_2^2; for other norms the objective is ||w||_p, and sum alpha = ||w||_p.
        margin: 1 / ||w||, the largest min_i <z_i, w> over ||w|| <= 1.
        strict_complementarity: min_i max(alpha_i / max alpha, <z_i, w> - 1): near zero, a point is nearly a support
            vector, or nearly not one, and the asymptotic rate sets in late.
        stationarity: ||w - Z^T alpha||_2 / ||w||_2 for the 2-norm; for others not a number.
    """

    separator: Float64Array
    dual: Float64Array
    margin: float
    strict_complementarity: float
    stationarity: float


@plain_numbers
def max_margin(Z: Float64Array, p: float = 2) -> MaxMargin:
    """Hard-margin separator through the origin by cvxpy (Clarabel), Z (n, d) being the rows times their labels.

    The solver gets data of size 1, and in a second run a separator of size 1: it stops at absolute errors.

    Raises ValueError if the data are not separable, not a matrix, or not finite.
    """
    small, unit = _in_units(Z)
    degree = 2 if p == 2 else 1  # w is in units of 1/Z, and alpha, objective over constraint, as the objective is
    separator, dual = _separate(small, p)
    if length := exponent(separator, moderate=8):
        small = scaled(small, length)
        separator, dual = _separate(small, p)
        unit -= length
    norm = float(np.linalg.norm(separator, p))
    rows = small
    off = float(np.linalg.norm(separator - rows.T @ dual) / np.linalg.norm(separator)) if p == 2 else float("nan")
    strict = float(np.maximum(dual / dual.max(), rows @ separator - 1).min())
    return MaxMargin(scaled(separator, -unit), scaled(dual, -degree * unit), scaled_number(1 / norm, unit), strict, off)


def _separate(Z: Float64Array, p: float) -> tuple[Float64Array, Float64Array]:
    """Separator and dual variables by cvxpy."""
    import cvxpy  # takes a second to import

    w = cvxpy.Variable(Z.shape[1])
    constraint = Z @ w >= 1
    objective = cvxpy.sum_squares(w) / 2 if p == 2 else cvxpy.pnorm(w, p)
    problem = cvxpy.Problem(cvxpy.Minimize(objective), [constraint])
    problem.solve(solver=cvxpy.CLARABEL)
    if problem.status != cvxpy.OPTIMAL:
        raise ValueError(f"no hyperplane through the origin separates the data: the solver reports {problem.status}")
    return np.asarray(w.value, dtype=np.float64), np.asarray(constraint.dual_value, dtype=np.float64)


@plain_numbers
def margin(Z: Float64Array, w: Float64Array, p: float = 2) -> float:
    """min_i <z_i, w> / ||w||_p."""
    Z, w = as_real(Z, "Z").astype(np.float64), as_real(w, "w").astype(np.float64)
    unit, length = exponent(Z), exponent(w)
    least = (scaled(Z, -unit) @ scaled(w, -length)).min() / np.linalg.norm(scaled(w, -length), p)
    return scaled_number(float(least), unit)


def direction_error(w: Float64Array, separator: Float64Array) -> float:
    """|| w/||w|| - separator/||separator|| ||_2."""
    return float(np.linalg.norm(_direction(w) - _direction(separator)))


def _direction(w: Float64Array) -> Float64Array:
    w = as_real(w, "w").astype(np.float64)
    unit: Float64Array = scaled(w, -exponent(w))
    return unit / float(np.linalg.norm(unit))


@plain_numbers
def logistic_flow(Z: Float64Array, log_times: Sequence[float]) -> Float64Array:
    """Gradient flow from zero at the times exp(log_times), increasing: (len(log_times), d).

    In the unit 2^k of the data w = 2^-k w' and t = 2^-2k t', with w' and t' of data of size 1. Until t' = e^-20 the
    flow has not bent, and w = t sum_i z_i / 2 up to a share of n e^-20.

    Raises ValueError for data that are no matrix of finite numbers, or times that do not increase, ArithmeticError if
    the integration fails.
    """
    Z, unit = _in_units(Z)
    times = np.asarray(log_times, dtype=np.float64) + 2 * unit * np.log(2)
    if not len(times) or not np.isfinite(times).all() or not (np.diff(times) > 0).all():
        raise ValueError("log_times must be finite and increasing, at least one")
    early = times <= _START
    start = np.exp(times[early])[:, None] * Z.sum(axis=0) / 2
    return scaled(np.concatenate([start, _integrated(Z, times[~early])]), -unit)


def _in_units(Z: Float64Array) -> tuple[Float64Array, int]:
    """Z / 2^k, its largest number about 1, and k."""
    Z = as_real(Z, "Z").astype(np.float64)
    if Z.ndim != 2 or not Z.size or not np.isfinite(Z).all():
        raise ValueError(f"Z must be a matrix (n, d) of finite numbers, got shape {Z.shape}")
    unit = exponent(Z, moderate=0)
    return scaled(Z, -unit), unit


_START = -20.0  # log t, for data of size 1


def _integrated(Z: Float64Array, log_times: Float64Array) -> Float64Array:
    """The flow for data of size 1, at times after its start."""
    if not len(log_times):
        return np.empty((0, Z.shape[1]))

    def velocity(s: float, w: Float64Array) -> Float64Array:
        pull: Float64Array = np.exp(s - np.logaddexp(0.0, Z @ w)) @ Z
        return pull

    def jacobian(s: float, w: Float64Array) -> Float64Array:
        margins = Z @ w
        weights = np.exp(s - np.logaddexp(0.0, margins)) * scipy.special.expit(margins)
        slope: Float64Array = -(Z.T * weights) @ Z
        return slope

    flow = scipy.integrate.solve_ivp(
        velocity,
        (_START, log_times[-1]),
        np.exp(_START) * Z.sum(axis=0) / 2,
        method="LSODA",
        t_eval=log_times,
        rtol=1e-9,
        atol=1e-9,
        jac=jacobian,
    )
    if not flow.success:
        raise ArithmeticError(f"the flow failed: {flow.message}")
    path: Float64Array = np.asarray(flow.y.T)
    return path


@plain_numbers
def logistic_gradient_descent(Z: Float64Array, steps: int) -> tuple[Float64Array, float]:
    """Gradient descent from zero with step size 4 / sigma_max(Z)^2, 1 / smoothness: w (d,) and that step size."""
    Z, unit = _in_units(Z)
    largest = float(np.linalg.norm(Z, 2))
    if largest == 0:
        raise ValueError("Z is zero: it has no direction")
    step_size = 4 / largest**2
    w = np.zeros(Z.shape[1])
    for _ in range(steps):
        w += step_size * (scipy.special.expit(-(Z @ w)) @ Z)
    return scaled(w, -unit), scaled_number(step_size, -2 * unit)


@plain_numbers
def logistic_adam(
    Z: Float64Array, steps: int, *, learning_rate: float = 0.01, beta2: float = 0.999, epsilon: float = 0.0
) -> Float64Array:
    """torch's Adam from zero, full-batch, at a constant learning rate: w (d,). Its theory has epsilon = 0.

    sqrt(v) cannot fall faster than beta2^(t/2). Where the gradients would, steps shrink and w grows slower than the
    theory's learning_rate a step: that takes learning rates well below (1 - beta2) / 2 over the margin.
    """
    Z, unit = _in_units(Z)
    learning_rate, epsilon = scaled_number(learning_rate, unit), scaled_number(epsilon, -unit)
    rows = torch.from_numpy(Z)
    w = torch.nn.Parameter(torch.zeros(Z.shape[1], dtype=torch.float64))
    optimizer = torch.optim.Adam([w], lr=learning_rate, betas=(0.9, beta2), eps=epsilon)
    for _ in range(steps):
        w.grad = -(torch.sigmoid(-(rows @ w.detach())) @ rows)
        optimizer.step()
    return scaled(w.detach().numpy().copy(), -unit)


@dataclass(frozen=True)
class DirectionCurve:
    """Error of the flow's direction against log t, for one data set.

    Attributes:
        log_times: s = log t.
        errors: distance of the unit vectors of w(t) and w_svm.
        slope: d log(error) / d log(log t), fitted by least squares; theory says -1. NaN where an error is 0.
        offset_error: the largest |<z_i, w(t)> - log t + log alpha_i| over support vectors at the last time.
    """

    log_times: tuple[float, ...]
    errors: tuple[float, ...]
    slope: float
    offset_error: float


@plain_numbers
def direction_curve(Z: Float64Array, log_times: Sequence[float]) -> DirectionCurve:
    """Integrate the flow and measure its direction at each time. Z is (n, d); separable.

    Raises ValueError for fewer than two times, or one that is not after t = 1, where log t is 0.
    """
    if len(log_times) < 2 or not all(s > 0 for s in log_times):
        raise ValueError(f"log_times must be at least two positive numbers, got {list(log_times)}")
    best = max_margin(Z)
    path = logistic_flow(Z, log_times)
    errors = [direction_error(w, best.separator) for w in path]
    support = best.dual > 1e-5 * best.dual.max()
    offsets = Z[support] @ path[-1] - log_times[-1] + np.log(best.dual[support])
    return DirectionCurve(
        log_times=tuple(float(s) for s in log_times),
        errors=tuple(errors),
        slope=float(np.polyfit(np.log(log_times), np.log(errors), 1)[0]) if all(errors) else math.nan,
        offset_error=float(np.abs(offsets).max()),
    )


@plain_numbers
def mean_interval(values: Sequence[float], confidence: float) -> tuple[float, float]:
    """Student's interval for the mean of independent values."""
    sample = as_real(values, "values").astype(np.float64)
    spread = (
        scipy.stats.t.ppf((1 + confidence) / 2, len(sample) - 1) * float(np.std(sample, ddof=1)) / len(sample) ** 0.5
    )
    return float(np.mean(sample) - spread), float(np.mean(sample) + spread)


@plain_numbers
def separable_data(random: np.random.Generator, samples: int, dimension: int) -> Float64Array:
    """Gaussian points labelled by a hyperplane, each at least 0.1 from it; rows times labels, (samples, dimension)."""
    points = random.standard_normal((samples, dimension))
    normal = random.standard_normal(dimension)
    normal /= np.linalg.norm(normal)
    labels = np.where(points @ normal >= 0, 1.0, -1.0)
    rows: Float64Array = points * labels[:, None] + 0.1 * normal
    return rows
