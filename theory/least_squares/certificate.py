r"""Evidence that w is the minimum-norm solution of Xw = y, checkable without trusting whoever computed w.

w is that solution if and only if Xw = y and w lies in the row space of X. Both are measured, with a bound that counts
the rounding of the measurement itself:

*   the residual: |fl(Xw - y) - (Xw - y)| <= gamma_{d+1} (|X||w| + |y|), entry by entry, whatever the order of
    summation, with gamma_m = m u / (1 - m u) (Higham, Accuracy and Stability, 2nd ed., section 3.5);
*   the row space: for every alpha, ||w - X^T alpha|| is at least the distance of w from it. Where alpha, the dual
    variable, comes from does not matter: the result shows how good it is.

The row-space part of w - w* is X^+ (Xw - y) = (X^T X)^+ X^T (Xw - y), the rest is at most ||w - X^T alpha||. So

    ||w - w*||^2 <= min(||Xw - y|| / sigma, ||X^T (Xw - y)|| / sigma^2)^2 + ||w - X^T alpha||^2,

sigma being a lower bound on the smallest nonzero singular value. It is verified, too: for any matrices U, V and
diagonal S of size r, sigma_r(X) >= sigma_min(U) sigma_min(V) min S - ||X - U S V||_F by Weyl's inequality, and
sigma_min(U)^2 >= 1 - ||U^T U - I||_F.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.common.arrays import Float64Array
from theory.least_squares.problem import EPS, Problem
from theory.least_squares.references import RowSpace


@dataclass(frozen=True, eq=False)
class MinimumNormCertificate:
    """How far w is from solving its problem, and how far from its minimum-norm solution, at most.

    Attributes:
        residual: ||Xw - y||_F as computed.
        residual_bound: what it is at most.
        row_space_distance: ||w - X^T alpha||_F as computed.
        row_space_bound: what the distance of w from the row space is at most.
        dual: alpha, (n,) or (n, k).
        gap: ||w||^2 - (2 <y, alpha> - ||X^T alpha||^2), primal minus dual objective of: minimise ||w||^2 subject to
            Xw = y. Zero at the solution; it equals ||w - X^T alpha||^2 + 2 <alpha, Xw - y>.
        rank: the numerical rank r of X, the number of singular values above eps max(n, d) sigma_max. If it is
            min(n, d), all bounds are unconditional; else they hold provided that the rank of X is r.
        smallest_singular_value: a lower bound on sigma_r; 0 if conditioning leaves none.
        condition_number: sigma_max / sigma_r.
        distance_bound: what ||w - X^+ y||_F is at most; infinite if `smallest_singular_value` is 0.
    """

    residual: float
    residual_bound: float
    row_space_distance: float
    row_space_bound: float
    dual: Float64Array
    gap: float
    rank: int
    smallest_singular_value: float
    condition_number: float
    distance_bound: float


def certify_minimum_norm(X: Any, y: Any, w: Any) -> MinimumNormCertificate:
    """How far w can be from the minimum-norm least-squares solution X^+ y, at most.

    Arguments:
        X, y: (n, d) and (n,) or (n, k); numpy, torch or nested sequences.
        w: (d,) or (d, k).

    Raises ValueError for shapes that do not match, NaN or infinity. The bounds assume no underflow. Time O(n d min(n,
    d)), that of the SVD.
    """
    problem = Problem.of(X, y)
    X, y, w = problem.X, problem.y, problem.columns(w, "w")
    space = RowSpace.of(X) if X.any() else None
    n, d = X.shape
    alpha = space.dual(w) if space else np.zeros_like(y)

    residual = problem.residual(w)
    rounding = _gamma(d + 1) * (np.abs(X) @ np.abs(w) + np.abs(y))
    residual_norm, residual_bound = _norm(residual), _norm_bound(np.abs(residual) + rounding)
    gradient_bound = _norm_bound(np.abs(X.T @ residual) + np.abs(X.T) @ (_gamma(n) * np.abs(residual) + rounding))
    outside = w - X.T @ alpha
    outside_bound = _norm_bound(np.abs(outside) + _gamma(n + 1) * (np.abs(X.T) @ np.abs(alpha) + np.abs(w)))

    sigma = _smallest_singular_value(X, space) if space else np.inf  # X = 0: every w is a least-squares solution
    inside_bound = min(residual_bound / sigma, gradient_bound / sigma**2) if sigma > 0 else np.inf
    return MinimumNormCertificate(
        residual=residual_norm,
        residual_bound=residual_bound,
        row_space_distance=_norm(outside),
        row_space_bound=outside_bound,
        dual=problem.shaped(alpha),
        gap=float((outside**2).sum() + 2 * (alpha * residual).sum()),
        rank=space.rank if space else 0,
        smallest_singular_value=sigma,
        condition_number=float(space.singular_values[0] / space.singular_values[-1]) if space else 1.0,
        distance_bound=float(np.hypot(inside_bound, outside_bound)) * (1 + 8 * EPS),
    )


def _smallest_singular_value(X: Float64Array, space: RowSpace) -> float:
    """A lower bound on sigma_r(X), r = space.rank, that holds whatever the accuracy of the factors."""
    n, d = X.shape
    left, values, right, r = space.left, space.singular_values, space.right, space.rank
    scaled = values[:, None] * right
    error = np.abs(X - left @ scaled) + _gamma(r + 3) * (np.abs(X) + np.abs(left) @ np.abs(scaled))
    shrinkage = (1 - _orthogonality_defect(left.T, n)) * (1 - _orthogonality_defect(right, d))
    if shrinkage <= 0:
        return 0.0
    return max((float(np.sqrt(shrinkage) * values[-1]) - _norm_bound(error)) * (1 - 8 * EPS), 0.0)


def _orthogonality_defect(rows: Float64Array, length: int) -> float:
    """At least ||Q Q^T - I||_F, Q = rows (r, length)."""
    magnitude = np.abs(rows)
    return _norm_bound(np.abs(rows @ rows.T - np.eye(len(rows))) + _gamma(length + 1) * (magnitude @ magnitude.T + 1))


def _gamma(m: int) -> float:
    """m u / (1 - m u), u = eps / 2, once more rounded up; the products |A||B| it multiplies round as well."""
    product = m * EPS / 2
    return product / (1 - product) * (1 + 4 * product + 8 * EPS)


def _norm(array: Float64Array) -> float:
    return float(np.linalg.norm(array))


def _norm_bound(array: Float64Array) -> float:
    """At least the Frobenius norm of a nonnegative array: a sum of m squares and its root round by gamma_{m+2}."""
    return _norm(array) * (1 + _gamma(array.size + 2))
