r"""The minimum-norm least-squares solution w* = X^+ y by ways that share no algorithm.

    svd      X = U S V^T,  w* = V S^-1 U^T y  (LAPACK gesdd)
    gelsd    scipy.linalg.lstsq: bidiagonalisation, divide and conquer
    gelsy    scipy.linalg.lstsq: complete orthogonal factorisation, QR with column pivoting; no singular values
    gram     K alpha = y with K = X X^T by Cholesky, w* = X^T alpha: the paper's way (Zhang et al. 2017, section 5)
    cvxpy    minimise ||w||^2 subject to Xw = y, an interior-point method; also gives the dual variable

The first three are backward stable: relative error of order eps cond(X) where Xw = y has solutions, eps cond(X)^2
otherwise (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., sections 20 and 21). K squares the
condition number, so `gram` is refined: w grows by X^T of the solution for the residual, which brings the error back
to eps cond(X) as long as eps cond(X)^2 is well below 1.

Rows or columns of very different sizes can make X look singular that is not. Equations may be multiplied by numbers
without changing their solutions, and where columns are independent (n >= d) unknowns may be measured in other units
without changing the one least-squares solution. So where the numerical rank is below min(n, d), rows (if n <= d) and
columns (if n >= d) are brought to one size by powers of two, and if that shows the full rank, this system is solved.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.linalg

from theory.common.arrays import Float64Array
from theory.common.scaling import exponent, scaled
from theory.least_squares.problem import EPS, Problem

Method = Literal["svd", "gelsd", "gelsy", "gram", "cvxpy"]
METHODS: tuple[Method, ...] = ("svd", "gelsd", "gelsy", "gram", "cvxpy")
_REFINEMENTS = 3


def _none() -> npt.NDArray[np.int64]:
    return np.zeros(1, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class RowSpace:
    """Thin SVD of X, or of X with rows and columns of one size, without what is zero to working precision.

    2^row_exponents X 2^column_exponents = left diag(singular_values) right; left (n, r), right (r, d), r the numerical
    rank: the number of singular values above eps max(n, d) sigma_max. The exponents are zero, (1,), unless r would be
    below min(n, d) without them, and is not with them.
    """

    left: Float64Array
    singular_values: Float64Array
    right: Float64Array
    row_exponents: npt.NDArray[np.int64] = field(default_factory=_none)
    column_exponents: npt.NDArray[np.int64] = field(default_factory=_none)

    @classmethod
    def of(cls, X: Float64Array) -> "RowSpace":
        """Factorise X, (n, d)."""
        space = cls._as_it_is(X)
        if space.rank == min(X.shape):
            return space
        rows, columns = equilibrating_exponents(X)
        even = cls._as_it_is(rescaled(X, rows, columns))
        if even.rank < min(X.shape):
            return space
        return cls(even.left, even.singular_values, even.right, rows, columns)

    @classmethod
    def _as_it_is(cls, X: Float64Array) -> "RowSpace":
        left, values, right = np.linalg.svd(X, full_matrices=False)
        kept = values > EPS * max(X.shape) * values[0]
        return cls(left[:, kept], values[kept], right[kept])

    @property
    def rank(self) -> int:
        """The numerical rank r."""
        return len(self.singular_values)

    def solve(self, y: Float64Array) -> Float64Array:
        """X^+ y, (d, k) for y (n, k)."""
        inside = self.left.T @ np.ldexp(y, self.row_exponents[:, None])
        solution: Float64Array = np.ldexp(
            self.right.T @ (inside / self.singular_values[:, None]), self.column_exponents[:, None]
        )
        return solution

    def dual(self, w: Float64Array) -> Float64Array:
        """The alpha (n, k) of least norm whose X^T alpha is nearest to w (d, k); both as the equations are scaled."""
        inside = self.right @ np.ldexp(w, self.column_exponents[:, None])
        alpha: Float64Array = np.ldexp(
            self.left @ (inside / self.singular_values[:, None]), self.row_exponents[:, None]
        )
        return alpha


def equilibrating_exponents(X: Float64Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Exponents of powers of two for rows (1 or n,) and columns (1 or d,) that bring them to one size.

    Columns only if n >= d, rows only if n <= d: for other shapes they would change the minimum-norm solution.
    """
    rows, columns = _none(), _none()
    n, d = X.shape
    sizes = np.frexp(X)[1].astype(np.int64) - 1
    if n >= d:
        columns = -_largest(sizes, X, 0)
    if n <= d:
        rows = -_largest(sizes + columns, X, 1)
    return rows, columns


def _largest(sizes: npt.NDArray[np.int64], X: Float64Array, axis: int) -> npt.NDArray[np.int64]:
    """The largest of the sizes in each row or column of the numbers of X that are not zero, 0 where there is none."""
    filled = (X != 0).any(axis=axis)
    return np.where(filled, sizes.max(axis=axis, where=X != 0, initial=np.iinfo(np.int64).min), 0)


def rescaled(X: Float64Array, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> Float64Array:
    """2^rows X 2^columns, in one step: what two would lose on the way, a second one that enlarges cannot bring back."""
    even: Float64Array = np.ldexp(X, rows[:, None] + columns)
    return even


def minimum_norm_solution(X: Any, y: Any, method: Method = "svd") -> Float64Array:
    """w* = X^+ y: the least-squares solution of least Euclidean norm; float64, (d,) or (d, k) as y is.

    Arguments:
        X, y: (n, d) and (n,) or (n, k); numpy, torch or nested sequences.
        method: see the module. `gram` needs rows that are linearly independent, `cvxpy` equations with a solution.

    Raises ValueError for an unknown method, and where the method does not apply; whatever `Problem.of` raises.
    """
    problem, units = Problem.by_output(X, y)
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if not problem.X.any():
        return problem.solution(problem.columns(None, "w"))
    if method == "svd":
        w = RowSpace.of(problem.X).solve(problem.y)
    elif method == "gram":
        w = _by_gram(problem.X, problem.y)
    elif method == "cvxpy":
        w = _by_convex_program(problem)[0]
    else:
        w = _by_lapack(problem.X, problem.y, method)
    return problem.solution(w, units)


def solve_convex_program(X: Any, y: Any) -> tuple[Float64Array, Float64Array]:
    """Minimise ||w||^2 subject to Xw = y by cvxpy, and its dual variable, scaled so that w = X^T alpha.

    The Lagrangian ||w||^2 + <nu, Xw - y> is stationary at 2w + X^T nu = 0: alpha = -nu/2. Returns w (d,) or (d, k)
    and alpha (n,) or (n, k), accurate to what Clarabel stops at, about 1e-8.
    Raises ValueError if the equations have no solution or the solver gives up.
    """
    problem, units = Problem.by_output(X, y)
    w, alpha = _by_convex_program(problem)
    # w = X^T alpha: alpha is in units of those of y over those of X, squared.
    return problem.solution(w, units), problem.shaped(scaled(alpha, units - 2 * problem.X_exponent))


def _by_convex_program(problem: Problem) -> tuple[Float64Array, Float64Array]:
    """w (d, k) and alpha (n, k) in the problem's units.

    An interior-point method stops at absolute errors: it gets equations of one size, labels and unknowns about 1.
    """
    import cvxpy  # takes a second to import

    rows = np.array([-exponent(row, moderate=0) for row in problem.X])
    X, y = rescaled(problem.X, rows, _none()), np.ldexp(problem.y, rows[:, None])
    units = np.array([exponent(column, moderate=0) for column in y.T])
    w = cvxpy.Variable((X.shape[1], y.shape[1]))
    equations = X @ w == scaled(y, -units)
    program = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(w)), [equations])
    program.solve(solver=cvxpy.CLARABEL)
    if program.status != cvxpy.OPTIMAL:
        raise ValueError(
            f"cvxpy ends {program.status}: either Xw = y has no solution, or X is too badly conditioned for it"
        )
    dual: Float64Array = -np.asarray(equations.dual_value) / 2
    return scaled(np.asarray(w.value), units), np.ldexp(dual, rows[:, None] + units)


def _by_lapack(X: Float64Array, y: Float64Array, driver: str) -> Float64Array:
    cutoff, full = EPS * max(X.shape), min(X.shape)
    lstsq: Any = scipy.linalg.lstsq  # its stubs want each driver by itself
    w, _, rank, _ = lstsq(X, y, cond=cutoff, lapack_driver=driver)
    if rank < full:
        rows, columns = equilibrating_exponents(X)
        even, _, rank, _ = lstsq(
            rescaled(X, rows, columns), np.ldexp(y, rows[:, None]), cond=cutoff, lapack_driver=driver
        )
        if rank == full:
            w = np.ldexp(even, columns[:, None])
    return np.asarray(w, dtype=np.float64)


def _by_gram(X: Float64Array, y: Float64Array) -> Float64Array:
    n, d = X.shape
    rows = np.array([-exponent(row, moderate=0) for row in X])
    X, y = rescaled(X, rows, _none()), np.ldexp(y, rows[:, None])
    try:
        factor = scipy.linalg.cho_factor(X @ X.T)
    except scipy.linalg.LinAlgError:
        raise ValueError(
            f"K = X X^T is singular to working precision: 'gram' needs linearly independent rows, X is {n} x {d}"
        ) from None
    w = np.zeros((d, y.shape[1]))
    for _ in range(1 + _REFINEMENTS):
        w -= X.T @ scipy.linalg.cho_solve(factor, X @ w - y)
    return w
