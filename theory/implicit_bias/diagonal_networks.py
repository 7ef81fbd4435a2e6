r"""Diagonal linear networks: the scale of the initialisation moves the bias from the 2-norm to the 1-norm.

beta = u^2 - v^2 (elementwise), u_0 = v_0 = alpha, gradient flow on (1/4)||X beta - y||^2:

    du/dt = -u X^T r,   dv/dt = v X^T r,   r = X beta - y.

u v = alpha^2 is conserved and beta = 2 alpha^2 sinh(2 X^T nu) with nu = -int r dt: mirror descent with the hyperbolic
entropy. So the limit is the interpolant that minimises Q(beta) = alpha^2 sum q(beta_j / alpha^2).

Woodworth, Gunasekar, Lee, Moroshko, Savarese, Golan, Soudry, Srebro 2020, "Kernel and rich regimes in overparametrized
models", theorem 1. Q minimised over interpolants is also, with prior p = alpha^2,

    minimise KL(a, p) + KL(b, p) over a, b > 0 subject to X(a - b) = y,   beta = a - b (a = u^2, b = v^2),

which a conic solver takes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theory.common.arrays import as_points
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import norm, require_representable, scaled, scaled_number
from theory.implicit_bias.gradient_flow import gradient_flow, in_flow_units
from theory.implicit_bias.mirror_descent import BregmanInterpolant, mirror_descent
from theory.implicit_bias.potentials import Float64Array, hyperbolic_entropy_potential
from theory.implicit_bias.reference import in_units, minimum_p_norm, square_in_units
from theory.least_squares import minimum_norm_solution


@dataclass(frozen=True, eq=False)
class DiagonalNetworkLimit:
    """The end point of gradient flow on a diagonal network.

    Attributes:
        solution: beta (d,).
        residual: ||X beta - y||_2.
        conservation: the largest |u v - alpha^2| / alpha^2, zero but for the integration's error.
    """

    solution: Float64Array
    residual: float
    conservation: float


@plain_numbers
def train_diagonal_network(
    X: Float64Array, y: Float64Array, scale: float, *, tolerance: float = 1e-9
) -> DiagonalNetworkLimit:
    """Gradient flow from u = v = scale until ||X beta - y|| <= tolerance ||y||. X is (n, d), y (n,).

    Raises ValueError unless scale > 0, for other shapes, NaN or infinity, and ArithmeticError if the flow does not
    interpolate.
    """
    _require_scale(scale)
    X, y, half, label_unit = in_flow_units(X, y)
    if X.ndim != 2:
        raise ValueError(f"X must be (n, d), got shape {X.shape}")
    start = scaled_number(float(scale), -half)
    d = X.shape[1]

    def beta(x: Float64Array) -> Float64Array:
        difference: Float64Array = x[:d] ** 2 - x[d:] ** 2
        return difference

    def velocity(x: Float64Array) -> Float64Array:
        pull = X.T @ (X @ beta(x) - y)
        return np.concatenate([-x[:d] * pull, x[d:] * pull])

    def residual(x: Float64Array) -> float:
        return float(np.linalg.norm(X @ beta(x) - y))

    end = gradient_flow(velocity, residual, np.full(2 * d, start), tolerance=tolerance * float(np.linalg.norm(y)))
    return DiagonalNetworkLimit(
        solution=require_representable(scaled(beta(end), 2 * half), "the solution"),
        residual=scaled_number(residual(end), label_unit),
        conservation=float(np.abs((end[:d] / start) * (end[d:] / start) - 1).max()),
    )


@plain_numbers
def predicted_limit(X: Float64Array, y: Float64Array, scale: float) -> BregmanInterpolant:
    """The interpolant of least Q, by mirror descent on the dual, with its certificate."""
    return mirror_descent(hyperbolic_entropy_potential(scale), X, y, np.zeros(X.shape[1]))


@plain_numbers
def predicted_limit_conic(X: Float64Array, y: Float64Array, scale: float) -> Float64Array:
    """The interpolant of least Q by cvxpy (Clarabel), (d,), independent of `predicted_limit`.

    Raises ArithmeticError if the solver does not report an optimum.
    """
    import cvxpy  # takes a second to import

    X, y, unit = in_units(X, y)
    _require_scale(scale)
    prior = square_in_units(scale, unit)  # KL(c a, c p) = c KL(a, p)
    a, b = cvxpy.Variable(X.shape[1]), cvxpy.Variable(X.shape[1])
    objective = cvxpy.sum(cvxpy.kl_div(a, prior) + cvxpy.kl_div(b, prior))
    program = cvxpy.Problem(cvxpy.Minimize(objective), [X @ (a - b) == y])
    program.solve(solver=cvxpy.CLARABEL)
    if program.status != cvxpy.OPTIMAL:
        raise ArithmeticError(f"no interpolant of least Q: the solver reports {program.status}")
    return scaled(np.asarray(a.value - b.value, dtype=np.float64), unit)


@plain_numbers
def l1_excess_bound(sparse: Float64Array, scale: float) -> float:
    r"""Upper bound on ||beta||_1 / ||beta_1||_1 for the interpolant beta of least Q, beta_1 (d,) that of least 1-norm.

    z log z - z <= q(z) <= z log(1 + z) for z >= 0, Q(beta) <= Q(beta_1) and the convexity of z log z give, with
    L = log(1/alpha^2),

        ||beta||_1 / ||beta_1||_1 <= (L + log(alpha^2 + max|beta_1|)) / (L - 1 + log(||beta_1||_1 / d)),

    1 + O(1/log(1/alpha)); infinite where the denominator is not positive. Raises ValueError unless scale > 0, and for
    no number, NaN or infinity.
    """
    _require_scale(scale)
    sparse = as_points(sparse, "sparse").astype(np.float64)
    largest = float(np.abs(sparse).max())
    if largest == 0:
        return float("inf")
    log_scale, log_largest = -2 * np.log(scale), np.log(largest)
    denominator = log_scale - 1 + log_largest + np.log(np.abs(sparse / largest).mean())
    return float((log_scale + np.logaddexp(-log_scale, log_largest)) / denominator) if denominator > 0 else float("inf")


@plain_numbers
def l2_excess_bound(solution: Float64Array, scale: float) -> float:
    r"""Upper bound on ||beta||_2 / ||beta_2||_2 for the interpolant beta (d,) of least Q, beta_2 that of least 2-norm.

    (z^2/4)(1 - z^2/48) <= q(z) <= z^2/4 and Q(beta) <= Q(beta_2) give (1 - max|beta|^2 / (48 alpha^4))^(-1/2);
    infinite where that is not positive. Raises ValueError as `l1_excess_bound` does.
    """
    _require_scale(scale)
    ratio = float(np.abs(as_points(solution, "solution").astype(np.float64)).max()) / scale / scale
    remainder = 1 - ratio * ratio / 48
    return remainder**-0.5 if remainder > 0 else float("inf")


def _require_scale(scale: float) -> None:
    if not 0 < scale < np.inf:
        raise ValueError(f"scale must be positive and finite, got {scale}")


@dataclass(frozen=True)
class InitializationPath:
    """Excess norms and errors of diagonal networks against the scale of their initialisation.

    Attributes:
        scales: alpha.
        l1_excess: ||beta||_1 / (least 1-norm) - 1 of the trained network.
        l2_excess: ||beta||_2 / (least 2-norm) - 1.
        prediction_error: relative 2-norm distance from the interpolant of least Q.
    """

    scales: tuple[float, ...]
    l1_excess: tuple[float, ...]
    l2_excess: tuple[float, ...]
    prediction_error: tuple[float, ...]


@plain_numbers
def initialization_path(X: Float64Array, y: Float64Array, scales: Sequence[float]) -> InitializationPath:
    """Train a diagonal network from each scale and measure where it ends. X is (n, d), y (n,).

    Raises ValueError for y = 0: the least norms that others are compared with are 0 as well.
    """
    if not np.any(y):
        raise ValueError("y is zero: no norm exceeds the least one, 0, by a share of it")
    least_l1 = float(np.abs(minimum_p_norm(X, y, 1)).sum())
    least_l2 = norm(minimum_norm_solution(X, y))
    ends = [train_diagonal_network(X, y, scale).solution for scale in scales]
    predictions = [predicted_limit(X, y, scale).solution for scale in scales]
    return InitializationPath(
        scales=tuple(float(scale) for scale in scales),
        l1_excess=tuple(float(np.abs(end).sum()) / least_l1 - 1 for end in ends),
        l2_excess=tuple(norm(end) / least_l2 - 1 for end in ends),
        prediction_error=tuple(
            norm(end - prediction) / norm(prediction) for end, prediction in zip(ends, predictions, strict=True)
        ),
    )
