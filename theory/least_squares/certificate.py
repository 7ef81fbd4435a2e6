r"""Evidence that w is the minimum-norm solution of Xw = y, checkable without trusting whoever computed w.

w is that solution if and only if Xw = y and w lies in the row space of X. Both are measured, with a bound that counts
the rounding of the measurement itself:

*   the residual: |fl(Xw - y) - (Xw - y)| <= gamma_{d+1} (|X||w| + |y|), entry by entry, whatever the order of
    summation, with gamma_m = m u / (1 - m u) (Higham, Accuracy and Stability, 2nd ed., section 3.5), and 2^-1075 more
    for every product that may underflow, every y and every |X_ij||w_j| that was moved to another unit. It is next to
    nothing until a row is multiplied by 2^1000;
*   the row space: for every alpha, ||w - X^T alpha|| is at least the distance of w from it. Where alpha, the dual
    variable, comes from does not matter: the result shows how good it is.

The row-space part of w - w* is X^+ (Xw - y) = (X^T X)^+ X^T (Xw - y), the rest is at most ||w - X^T alpha||. So

    ||w - w*||^2 <= min(||Xw - y|| / sigma, ||X^T (Xw - y)|| / sigma^2)^2 + ||w - X^T alpha||^2,

sigma being a lower bound on the smallest nonzero singular value. It is verified, too: for any matrices U, V and
diagonal S of size r, sigma_r(X) >= sigma_min(U) sigma_min(V) min S - ||X - U S V||_F by Weyl's inequality, and
sigma_min(U)^2 >= 1 - ||U^T U - I||_F.

That proves the rank of X to be at least r. It is r if r = min(n, d), or if exact elimination over the rational numbers
says so, which is tried for small X. Otherwise a singular value that was taken for zero may not be zero, the part of
w - w* along its vector is unknown, and the bound is infinite. Rows and columns of one size (`references`) show full
rank where X itself does not: then the residual is that of the scaled equations, and the bound on the scaled unknowns
is multiplied by the largest of the columns' factors. Where the columns are independent every w is in the row space.
Numbers of X that lose digits in the problem's unit, as only those below 2^-1022 of the largest do, leave no bound.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.common.arrays import Float64Array
from theory.common.rounding import SMALLEST, gamma
from theory.common.scaling import norm, scaled, scaled_bound, scaled_number
from theory.least_squares.exact import exact_rank
from theory.least_squares.problem import EPS, Problem
from theory.least_squares.references import RowSpace, rescaled


@dataclass(frozen=True, eq=False)
class MinimumNormCertificate:
    """How far w is from solving its problem, and how far from its minimum-norm solution, at most.

    Attributes:
        residual: ||Xw - y||_F as computed.
        residual_bound: what it is at most.
        row_space_distance: ||w - X^T alpha||_F as computed; 0 where scaled columns are proved to be independent.
        row_space_bound: what the distance of w from the row space is at most.
        dual: alpha, (n,) or (n, k).
        gap: ||w||^2 - (2 <y, alpha> - ||X^T alpha||^2), primal minus dual objective of: minimise ||w||^2 subject to
            Xw = y. Zero at the solution; it equals ||w - X^T alpha||^2 + 2 <alpha, Xw - y>.
        rank: the numerical rank r of X, the number of singular values above eps max(n, d) sigma_max, of X or of X
            with rows or columns of one size.
        smallest_singular_value: a lower bound on sigma_r, of the same matrix; 0 if conditioning leaves none.
        condition_number: sigma_max / sigma_r, of the same matrix.
        distance_bound: what ||w - X^+ y||_F is at most; infinite if `smallest_singular_value` is 0, or r is below
            min(n, d) and not proved to be the rank, or X lost digits in its unit.
        rank_proved: whether the rank of X is r without a doubt.
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
    rank_proved: bool = True

    def __str__(self) -> str:
        text = f"residual at most {self.residual_bound:.3g}, off the row space by at most {self.row_space_bound:.3g}"
        if not self.rank_proved:
            return (
                f"{text}; no bound on the distance from the minimum-norm solution: {self.rank} singular values are "
                "above rounding, and the others are not proved to be zero"
            )
        return f"{text}, from the minimum-norm solution by at most {self.distance_bound:.3g} (rank {self.rank})"


def certify_minimum_norm(X: Any, y: Any, w: Any) -> MinimumNormCertificate:
    """How far w can be from the minimum-norm least-squares solution X^+ y, at most.

    Arguments:
        X, y: (n, d) and (n,) or (n, k); numpy, torch or nested sequences.
        w: (d,) or (d, k).

    Raises ValueError for shapes that do not match, NaN or infinity. Time O(n d min(n, d)), that of the SVD.
    """
    problem = Problem.of(X, y, w)
    return certify(problem, problem.columns(w, "w"))


def certify(problem: Problem, w: Float64Array) -> MinimumNormCertificate:
    """The certificate of w (d, k), in the problem's units; its numbers are in the caller's."""
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is no bound: infinite
        return _certify(problem, w)


def _certify(problem: Problem, w: Float64Array) -> MinimumNormCertificate:
    X, y = problem.X, problem.y
    space = RowSpace.of(X) if X.any() else None
    n, d = X.shape
    alpha = space.dual(w) if space else np.zeros_like(y)

    lost = 0.0 if problem.exact else np.inf
    y_moved, w_moved = problem.y_exponent != 0, problem.y_exponent != problem.X_exponent
    residual = problem.residual(w)
    underflow = _underflow(X, w) + SMALLEST * (y_moved + w_moved * np.abs(X).sum(axis=1, keepdims=True))
    rounding = _gamma(d + 1) * (np.abs(X) @ np.abs(w) + np.abs(y)) + underflow + lost
    residual_norm, residual_bound = _norm(residual), _norm_bound(np.abs(residual) + rounding)
    outside = w - X.T @ alpha
    outside_norm = _norm(outside)
    outside_rounding = _gamma(n + 1) * (np.abs(X.T) @ np.abs(alpha) + np.abs(w)) + _underflow(X.T, alpha) + lost
    outside_bound = _norm_bound(np.abs(outside) + outside_rounding + SMALLEST * w_moved)

    sigma, condition, proved, inside_bound = np.inf, 1.0, True, 0.0  # X = 0: every w is a least-squares solution
    if space:
        rows, columns = space.row_exponents, space.column_exponents
        even, off = rescaled(X, rows, columns), np.ldexp(np.abs(residual), rows[:, None])
        off_rounding = np.ldexp(rounding, rows[:, None]) + SMALLEST * bool(rows.any())
        sigma = _smallest_singular_value(even, space) if problem.exact else 0.0
        condition = float(space.singular_values[0] / space.singular_values[-1])
        proved = problem.exact and (space.rank == min(n, d) or _has_rank(X, space.rank))
        gradient = even.T @ np.ldexp(residual, rows[:, None])
        gradient_rounding = np.abs(even.T) @ (_gamma(n) * off + off_rounding) + SMALLEST * (n + off.sum(axis=0))
        gradient_bound = _norm_bound(np.abs(gradient) + gradient_rounding)
        inside_bound = np.inf
        if sigma > 0 and proved:
            inside_bound = min(_norm_bound(off + off_rounding) / sigma, gradient_bound / sigma**2)
            inside_bound = scaled_bound(inside_bound, int(columns.max()))
            if columns.any():
                outside_norm = outside_bound = 0.0
    unit, solution_unit = problem.y_exponent, problem.y_exponent - problem.X_exponent
    distance_bound = float(np.hypot(inside_bound, outside_bound)) * (1 + 8 * EPS)
    distance_bound += SMALLEST * w_moved * math.sqrt(w.size)
    return MinimumNormCertificate(
        residual=scaled_number(residual_norm, unit),
        residual_bound=scaled_bound(residual_bound, unit),
        row_space_distance=scaled_number(outside_norm, solution_unit),
        row_space_bound=scaled_bound(outside_bound, solution_unit),
        dual=problem.shaped(scaled(alpha, unit - 2 * problem.X_exponent)),
        gap=scaled_number(float((outside**2).sum() + 2 * (alpha * residual).sum()), 2 * solution_unit),
        rank=space.rank if space else 0,
        smallest_singular_value=scaled_number(sigma, problem.X_exponent),
        condition_number=condition,
        distance_bound=scaled_bound(distance_bound, solution_unit),
        rank_proved=proved,
    )


_EXACT_RANK_UP_TO = 60**3  # n d min(n, d): a fifth of a second


def _has_rank(X: Float64Array, rank: int) -> bool:
    """Whether the rank of X is proved to be that, by exact elimination; False for matrices too large for it."""
    return X.size * min(X.shape) <= _EXACT_RANK_UP_TO and exact_rank(X) == rank


def _smallest_singular_value(X: Float64Array, space: RowSpace) -> float:
    """A lower bound on sigma_r(X), r = space.rank, that holds whatever the accuracy of the factors."""
    n, d = X.shape
    left, values, right, r = space.left, space.singular_values, space.right, space.rank
    scaled = values[:, None] * right
    error = np.abs(X - left @ scaled) + _gamma(r + 3) * (np.abs(X) + np.abs(left) @ np.abs(scaled))
    error += 2 * (r + 1) * SMALLEST  # for products, and for X if its rows were brought to one size
    squared = [max(1 - _orthogonality_defect(rows, length), 0.0) for rows, length in ((left.T, n), (right, d))]
    return max((math.sqrt(math.prod(squared)) * float(values[-1]) - _norm_bound(error)) * (1 - 8 * EPS), 0.0)


def _orthogonality_defect(rows: Float64Array, length: int) -> float:
    """An upper bound on ||Q Q^T - I||_F, Q = rows (r, length)."""
    magnitude = np.abs(rows)
    return _norm_bound(np.abs(rows @ rows.T - np.eye(len(rows))) + _gamma(length + 1) * (magnitude @ magnitude.T + 1))


def _underflow(A: Float64Array, B: Float64Array) -> Float64Array:
    """What underflow takes from A B, at most, entry by entry: half the smallest number for each product but zeros. The
    other half is for what gamma times |A||B| leaves out."""
    products: Float64Array = SMALLEST * ((A != 0).astype(np.float64) @ (B != 0))
    return products


def _gamma(m: int) -> float:
    """What m roundings change, at most, relative to |A||B| as computed: that sum of products rounds as well."""
    return gamma(m) * (1 + 2 * gamma(m + 8))


def _norm(array: Float64Array) -> float:
    value = norm(array)
    return math.inf if math.isnan(value) else value


def _norm_bound(array: Float64Array) -> float:
    """An upper bound on the Frobenius norm of a nonnegative array: a sum of m squares and its root round by
    gamma_{m+2}."""
    return _norm(array) * (1 + _gamma(array.size + 2))
