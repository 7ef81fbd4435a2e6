r"""Least squares: the minimum-norm solution, and stochastic gradient descent's way there.

Zhang et al. 2017, section 5. X is n x d with rows x_i, and Xw = y has solutions. SGD from zero moves along data points,

    w_{t+1} = w_t - eta (<w_t, x_i> - y_i) x_i,

so w_t = X^T alpha_t never leaves the row space of X. If it converges, its limit satisfies Xw = y and lies in the row
space: the only such point is the solution of least Euclidean norm, w* = X^T (X X^T)^+ y. Interpolation makes the
gradient noise vanish at the limit, so a constant step size up to 1/max ||x_i||^2 converges, linearly.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from theory.streams import generator

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MinimumNormCertificate:
    """Evidence that w is the minimum-norm solution of Xw = y, checkable without trusting whoever computed w.

    w is that solution if and only if Xw = y and w lies in the row space of X. With both residuals,

        ||w - w*|| <= residual / sigma_min+ + row_space_distance,

    sigma_min+ being the smallest nonzero singular value of X: the row-space part of w - w* is X^+ (Xw - y), the rest is
    the part of w outside the row space.

    Attributes:
        residual: ||Xw - y||_2.
        row_space_distance: ||w - P w||_2, P the projection onto the row space.
        distance_bound: the right-hand side above.
        condition_number: sigma_max / sigma_min+.
    """

    residual: float
    row_space_distance: float
    distance_bound: float
    condition_number: float


@dataclass(frozen=True, eq=False)
class LeastSquaresResult:
    """What an iterative solver returns: the solution (d,), the iterations made, ||Xw - y||, and the certificate."""

    solution: Float64Array
    iterations: int
    residual: float
    certificate: MinimumNormCertificate


def minimum_norm_solution(X: Float64Array, y: Float64Array) -> Float64Array:
    """w* = X^+ y by the singular value decomposition, float64 (d,)."""
    left, singular_values, right = _row_space(X)
    solution: Float64Array = right.T @ ((left.T @ y) / singular_values)
    return solution


def certify_minimum_norm(X: Float64Array, y: Float64Array, w: Float64Array) -> MinimumNormCertificate:
    """How far w can be from the minimum-norm solution of Xw = y, at most."""
    _, singular_values, right = _row_space(X)
    residual = float(np.linalg.norm(X @ w - y))
    outside = float(np.linalg.norm(w - right.T @ (right @ w)))
    return MinimumNormCertificate(
        residual=residual,
        row_space_distance=outside,
        distance_bound=residual / singular_values[-1] + outside,
        condition_number=float(singular_values[0] / singular_values[-1]),
    )


def stochastic_gradient_descent(
    X: Float64Array,
    y: Float64Array,
    *,
    start: Float64Array | None = None,
    step_size: float | None = None,
    tolerance: float = 1e-14,
    max_epochs: int = 10_000,
    seed: int = 0,
) -> LeastSquaresResult:
    """SGD on (1/2) (<w, x_i> - y_i)^2, one sample a step, each epoch in a fresh random order.

    Arguments:
        X, y: data, float64 (n, d) and (n,).
        start: w_0, (d,); zero by default.
        step_size: eta; 1/max ||x_i||^2 by default, half of what would make a single sample's step diverge.
        tolerance: stop once ||Xw - y|| <= tolerance (||X||_F ||w|| + ||y||), the size of rounding in the residual.
        max_epochs: stop after this many epochs in any case.
        seed: of the order of the samples.

    Raises ValueError if shapes do not match or the iteration diverges (naming the threshold of the step size).
    """
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if X.ndim != 2 or y.shape != X.shape[:1]:
        raise ValueError(f"X must be (n, d) and y (n,), got {X.shape} and {y.shape}")
    w = np.zeros(X.shape[1]) if start is None else np.array(start, dtype=np.float64)
    largest = float((X**2).sum(axis=1).max())
    step_size = 1 / largest if step_size is None else step_size
    random = generator(seed, "sgd-order")
    scale, start_residual = float(np.linalg.norm(X)), float(np.linalg.norm(X @ w - y))
    iterations = 0
    for _ in range(max_epochs):
        residual = float(np.linalg.norm(X @ w - y))
        if residual <= tolerance * (scale * np.linalg.norm(w) + np.linalg.norm(y)):
            break
        if not residual <= 1e6 * max(start_residual, 1e-300):
            raise ValueError(
                f"SGD diverges with step size {step_size:.3g}: a step on the longest sample contracts its error only "
                f"below 2/max ||x_i||^2 = {2 / largest:.3g}"
            )
        for i in random.permutation(len(X)):
            w -= step_size * (X[i] @ w - y[i]) * X[i]
        iterations += len(X)
    residual = float(np.linalg.norm(X @ w - y))
    return LeastSquaresResult(w, iterations, residual, certify_minimum_norm(X, y, w))


def _row_space(X: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Thin SVD without the singular values that are zero to working precision: sigma <= eps max(n, d) sigma_max."""
    left, singular_values, right = np.linalg.svd(X, full_matrices=False)
    kept = singular_values > np.finfo(np.float64).eps * max(X.shape) * singular_values[0]
    return left[:, kept], singular_values[kept], right[kept]
