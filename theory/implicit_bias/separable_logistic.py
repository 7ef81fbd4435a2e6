r"""Logistic regression on separable data: the direction of the iterates converges to a maximum-margin separator.

Rows z_i = y_i x_i of Z (n, d), loss sum log(1 + exp(-<z_i, w>)) without a minimum: w grows for ever. Soudry, Hoffer,
Nacson, Gunasekar, Srebro 2018, "The implicit bias of gradient descent on separable data", theorem 3: for
almost all data

    w(t) = w_svm log t + O(1),   w_svm = argmin ||w||_2 subject to Zw >= 1,

so w / ||w|| is off by O(1 / log t). With alpha the dual variables, w_svm = Z^T alpha, the bounded part makes

    <z_i, w(t)> - log t -> -log alpha_i   for support vectors i (alpha_i > 0).

The flow is integrated in s = log t, dw/ds = e^s sum_i z_i / (1 + exp(<z_i, w>)): times like e^10000 are within reach.

Adam without its epsilon converges to the maximum l-infinity margin instead (Zhang, Zou, Cao 2024, "The implicit bias of
Adam on separable data"); with a fixed epsilon, once gradients are below it, to the l2 margin again (Wang, Meng, Chen,
Liu 2021, "The implicit bias for adaptive optimization algorithms on homogeneous neural networks").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.integrate
import scipy.special
import scipy.stats
import torch

from theory.implicit_bias.potentials import Float64Array


@dataclass(frozen=True, eq=False)
class MaxMargin:
    """The separator of largest margin in one norm, with its optimality evidence.

    Attributes:
        separator: w (d,), of least norm subject to Zw >= 1.
        dual: alpha (n,), nonnegative; positive at support vectors.
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


def max_margin(Z: Float64Array, p: float = 2) -> MaxMargin:
    """Hard-margin separator through the origin by cvxpy (Clarabel), Z (n, d) being the rows times their labels.

    Raises ValueError if the data are not separable.
    """
    import cvxpy

    w = cvxpy.Variable(Z.shape[1])
    constraint = Z @ w >= 1
    objective = cvxpy.sum_squares(w) / 2 if p == 2 else cvxpy.pnorm(w, p)
    problem = cvxpy.Problem(cvxpy.Minimize(objective), [constraint])
    problem.solve(solver=cvxpy.CLARABEL)
    if problem.status != cvxpy.OPTIMAL:
        raise ValueError(f"no hyperplane through the origin separates the data: the solver reports {problem.status}")
    separator, dual = np.asarray(w.value), np.asarray(constraint.dual_value)
    off = float(np.linalg.norm(separator - Z.T @ dual) / np.linalg.norm(separator)) if p == 2 else float("nan")
    strict = float(np.maximum(dual / dual.max(), Z @ separator - 1).min())
    return MaxMargin(separator, dual, 1 / float(np.linalg.norm(separator, p)), strict, off)


def margin(Z: Float64Array, w: Float64Array, p: float = 2) -> float:
    """min_i <z_i, w> / ||w||_p."""
    return float((Z @ w).min() / np.linalg.norm(w, p))


def direction_error(w: Float64Array, separator: Float64Array) -> float:
    """|| w/||w|| - separator/||separator|| ||_2."""
    return float(np.linalg.norm(w / np.linalg.norm(w) - separator / np.linalg.norm(separator)))


def logistic_flow(Z: Float64Array, log_times: Sequence[float]) -> Float64Array:
    """Gradient flow from zero at the times exp(log_times), increasing and above -20: (len(log_times), d).

    Raises ArithmeticError if the integration fails.
    """

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
        (-20.0, log_times[-1]),
        np.zeros(Z.shape[1]),
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


def logistic_gradient_descent(Z: Float64Array, steps: int) -> tuple[Float64Array, float]:
    """Gradient descent from zero with step size 4 / sigma_max(Z)^2, 1 / smoothness: w (d,) and that step size."""
    step_size = 4 / float(np.linalg.norm(Z, 2)) ** 2
    w = np.zeros(Z.shape[1])
    for _ in range(steps):
        w += step_size * (scipy.special.expit(-(Z @ w)) @ Z)
    return w, step_size


def logistic_adam(
    Z: Float64Array, steps: int, *, learning_rate: float = 0.01, beta2: float = 0.999, epsilon: float = 0.0
) -> Float64Array:
    """torch's Adam from zero, full-batch, at a constant learning rate: w (d,). Its theory has epsilon = 0.

    sqrt(v) cannot fall faster than beta2^(t/2). Where the gradients would, steps shrink and w grows slower than the
    theory's learning_rate a step: that takes learning rates well below (1 - beta2) / 2 over the margin.
    """
    rows = torch.from_numpy(Z)
    w = torch.nn.Parameter(torch.zeros(Z.shape[1], dtype=torch.float64))
    optimizer = torch.optim.Adam([w], lr=learning_rate, betas=(0.9, beta2), eps=epsilon)
    for _ in range(steps):
        w.grad = -(torch.sigmoid(-(rows @ w.detach())) @ rows)
        optimizer.step()
    end: Float64Array = w.detach().numpy().copy()
    return end


@dataclass(frozen=True)
class DirectionCurve:
    """Error of the flow's direction against log t, for one data set.

    Attributes:
        log_times: s = log t.
        errors: distance of the unit vectors of w(t) and w_svm.
        slope: d log(error) / d log(log t), fitted by least squares; theory says -1.
        offset_error: the largest |<z_i, w(t)> - log t + log alpha_i| over support vectors at the last time.
    """

    log_times: tuple[float, ...]
    errors: tuple[float, ...]
    slope: float
    offset_error: float


def direction_curve(Z: Float64Array, log_times: Sequence[float]) -> DirectionCurve:
    """Integrate the flow and measure its direction at each time. Z is (n, d); separable."""
    best = max_margin(Z)
    path = logistic_flow(Z, log_times)
    errors = [direction_error(w, best.separator) for w in path]
    support = best.dual > 1e-5 * best.dual.max()
    offsets = Z[support] @ path[-1] - log_times[-1] + np.log(best.dual[support])
    return DirectionCurve(
        log_times=tuple(float(s) for s in log_times),
        errors=tuple(errors),
        slope=float(np.polyfit(np.log(log_times), np.log(errors), 1)[0]),
        offset_error=float(np.abs(offsets).max()),
    )


def mean_interval(values: Sequence[float], confidence: float) -> tuple[float, float]:
    """Student's interval for the mean of independent values."""
    spread = (
        scipy.stats.t.ppf((1 + confidence) / 2, len(values) - 1) * float(np.std(values, ddof=1)) / len(values) ** 0.5
    )
    return float(np.mean(values) - spread), float(np.mean(values) + spread)


def separable_data(random: np.random.Generator, samples: int, dimension: int) -> Float64Array:
    """Gaussian points labelled by a hyperplane, each at least 0.1 from it; rows times labels, (samples, dimension)."""
    points = random.standard_normal((samples, dimension))
    normal = random.standard_normal(dimension)
    normal /= np.linalg.norm(normal)
    labels = np.where(points @ normal >= 0, 1.0, -1.0)
    rows: Float64Array = points * labels[:, None] + 0.1 * normal
    return rows
