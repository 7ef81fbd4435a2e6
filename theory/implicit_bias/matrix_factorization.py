r"""Matrix factorisation: gradient descent on W = U U^T from a small start finds the least nuclear norm.

Loss (1/4) sum_i (<A_i, U U^T> - y_i)^2 with symmetric measurements A_i (d x d), U_0 = alpha I. The flow is
dU/dt = -A(r) U, A(r) = sum r_i A_i, so for commuting A_i

    W = alpha^2 exp(2 A(nu)),   nu = -int r dt.

In the common eigenbasis, with a_ij the j-th eigenvalue of A_i, the eigenvalues of W are those of exponentiated gradient
from alpha^2: the limit has the least Kullback-Leibler divergence from alpha^2 among lambda >= 0 with a lambda = y. As
alpha -> 0 that is the least trace, the nuclear norm of a positive semidefinite W.

Gunasekar, Woodworth, Bhojanapalli, Neyshabur, Srebro 2017, "Implicit regularization in matrix factorization",
theorem 1.
"""

from dataclasses import dataclass

import numpy as np

from theory.common.arrays import as_points
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import exponent, require_representable, scaled, scaled_number
from theory.implicit_bias.gradient_flow import gradient_flow, in_flow_units
from theory.implicit_bias.mirror_descent import mirror_descent
from theory.implicit_bias.potentials import Float64Array, entropy_potential
from theory.implicit_bias.reference import in_units


@dataclass(frozen=True, eq=False)
class CommutingMeasurements:
    """Measurements of a matrix that share an eigenbasis.

    Attributes:
        basis: orthogonal V (d, d), eigenvectors in columns.
        eigenvalues: a (m, d); A_i = V diag(a_i) V^T.
        values: y (m,).
    """

    basis: Float64Array
    eigenvalues: Float64Array
    values: Float64Array

    @property
    def matrices(self) -> Float64Array:
        """A (m, d, d)."""
        matrices: Float64Array = np.einsum("jk,ik,lk->ijl", self.basis, self.eigenvalues, self.basis)
        return matrices


@dataclass(frozen=True, eq=False)
class Factorization:
    """The end point of the flow on U: W = U U^T (d, d), its nuclear norm, and ||(<A_i, W> - y_i)_i||_2."""

    solution: Float64Array
    nuclear_norm: float
    residual: float


@plain_numbers
def random_commuting_measurements(
    random: np.random.Generator, dimension: int, measurements: int, rank: int
) -> CommutingMeasurements:
    """Gaussian eigenvalues in a random basis, measuring a random positive semidefinite matrix of the given rank."""
    basis, _ = np.linalg.qr(random.standard_normal((dimension, dimension)))
    eigenvalues = random.standard_normal((measurements, dimension))
    factor = random.standard_normal((dimension, rank))
    rotated = basis.T @ factor
    return CommutingMeasurements(basis, eigenvalues, eigenvalues @ (rotated**2).sum(axis=1) / dimension)


@plain_numbers
def factorize(matrices: Float64Array, values: Float64Array, scale: float, *, tolerance: float = 1e-8) -> Factorization:
    """Gradient flow on U from scale times the identity, until the residual is at most tolerance ||y||.

    Arguments:
        matrices: A, symmetric (m, d, d), commuting or not.
        values: y (m,).
        scale: alpha > 0.
        tolerance: relative residual to stop at.

    Raises ValueError for a scale that is not positive, matrices that are not symmetric, other shapes, NaN or infinity,
    and ArithmeticError if the flow does not fit the measurements.
    """
    _require_scale(scale)
    matrices, values, half, value_unit = in_flow_units(matrices, values)
    d = matrices.shape[1]
    if matrices.shape[1:] != (d, d) or not np.allclose(matrices, matrices.swapaxes(1, 2)):
        raise ValueError(f"matrices must be symmetric (m, d, d), got shape {matrices.shape}")

    def residuals(x: Float64Array) -> Float64Array:
        U = x.reshape(d, d)
        difference: Float64Array = np.tensordot(matrices, U @ U.T, axes=2) - values
        return difference

    def velocity(x: Float64Array) -> Float64Array:
        pull: Float64Array = -np.tensordot(residuals(x), matrices, axes=1) @ x.reshape(d, d)
        return pull.ravel()

    target = tolerance * float(np.linalg.norm(values))
    start = scaled_number(float(scale), -half) * np.eye(d).ravel()
    end = gradient_flow(velocity, lambda x: float(np.linalg.norm(residuals(x))), start, tolerance=target)
    U = end.reshape(d, d)
    return Factorization(
        require_representable(scaled(U @ U.T, 2 * half), "the solution"),
        scaled_number(float(np.sum(U**2)), 2 * half),
        scaled_number(float(np.linalg.norm(residuals(end))), value_unit),
    )


def minimum_nuclear_norm(matrices: Float64Array, values: Float64Array) -> Float64Array:
    """The W (d, d) that minimises its nuclear norm subject to <A_i, W> = y_i, W positive semidefinite: cvxpy's SDP."""
    import cvxpy  # takes a second to import

    matrices, values, unit = in_units(matrices, values)
    W = cvxpy.Variable(matrices.shape[1:], PSD=True)
    constraints = [cvxpy.trace(A @ W) == value for A, value in zip(matrices, values, strict=True)]
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.trace(W)), constraints)
    problem.solve(solver=cvxpy.CLARABEL)
    if problem.status != cvxpy.OPTIMAL:
        raise ArithmeticError(f"no matrix of least nuclear norm: the solver reports {problem.status}")
    return scaled(np.asarray(W.value, dtype=np.float64), unit)


@plain_numbers
def predicted_factorization(measurements: CommutingMeasurements, scale: float) -> Float64Array:
    """The limit W (d, d) from alpha = scale for commuting measurements: least divergence from alpha^2.

    Raises ValueError for a scale that is not positive, or whose square is beyond float64.
    """
    _require_scale(scale)
    start = np.full(measurements.eigenvalues.shape[1], float(scale) ** 2)
    limit = mirror_descent(entropy_potential(), measurements.eigenvalues, measurements.values, start)
    solution: Float64Array = (measurements.basis * limit.solution) @ measurements.basis.T
    return solution


@plain_numbers
def nuclear_excess_bound(least: Float64Array, scale: float) -> float:
    r"""Upper bound on trace(W) / trace(W_1), W the limit from alpha = scale, W_1 (d, d) of least trace.

    The divergence of W's eigenvalues is at most that of W_1's; with the convexity of z log z and L = log(1/alpha^2),

        trace(W) / trace(W_1) <= (L - 1 + log ||W_1||_2) / (L - 1 + log(trace(W_1) / d)),

    infinite where the denominator is not positive, and without a trace. Raises ValueError for a scale that is not
    positive, a matrix that is not symmetric, NaN or infinity.
    """
    _require_scale(scale)
    least = as_points(least, "least").astype(np.float64)
    unit = exponent(least, moderate=0)
    least = scaled(least, -unit)
    if len(least) != least.shape[1] or not np.allclose(least, least.T):
        raise ValueError(f"least must be a symmetric matrix (d, d), got shape {least.shape}")
    eigenvalues = np.linalg.eigvalsh(least)
    mean = eigenvalues.mean()
    if not mean > 0:
        return float("inf")
    log_scale = unit * np.log(2) - 2 * np.log(scale)  # with the unit of W_1, which both logarithms share
    denominator = log_scale - 1 + np.log(mean)
    return float((log_scale - 1 + np.log(eigenvalues[-1])) / denominator) if denominator > 0 else float("inf")


def _require_scale(scale: float) -> None:
    if not 0 < scale < np.inf:
        raise ValueError(f"scale must be positive and finite, got {scale}")
