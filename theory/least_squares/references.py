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
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.linalg

from theory.common.arrays import Float64Array
from theory.least_squares.problem import EPS, Problem

Method = Literal["svd", "gelsd", "gelsy", "gram", "cvxpy"]
METHODS: tuple[Method, ...] = ("svd", "gelsd", "gelsy", "gram", "cvxpy")
_REFINEMENTS = 3


@dataclass(frozen=True, eq=False)
class RowSpace:
    """Thin SVD of X without the singular values that are zero to working precision.

    X = left diag(singular_values) right; left (n, r), right (r, d), r the numerical rank: the number of singular
    values above eps max(n, d) sigma_max.
    """

    left: Float64Array
    singular_values: Float64Array
    right: Float64Array

    @classmethod
    def of(cls, X: Float64Array) -> "RowSpace":
        """Factorise X, (n, d)."""
        left, values, right = np.linalg.svd(X, full_matrices=False)
        kept = values > EPS * max(X.shape) * values[0]
        return cls(left[:, kept], values[kept], right[kept])

    @property
    def rank(self) -> int:
        """The numerical rank r."""
        return len(self.singular_values)

    def solve(self, y: Float64Array) -> Float64Array:
        """X^+ y, (d, k) for y (n, k)."""
        solution: Float64Array = self.right.T @ ((self.left.T @ y) / self.singular_values[:, None])
        return solution

    def dual(self, w: Float64Array) -> Float64Array:
        """The alpha (n, k) of least norm whose X^T alpha is nearest to w (d, k)."""
        alpha: Float64Array = self.left @ ((self.right @ w) / self.singular_values[:, None])
        return alpha


def minimum_norm_solution(X: Any, y: Any, method: Method = "svd") -> Float64Array:
    """w* = X^+ y: the least-squares solution of least Euclidean norm; float64, (d,) or (d, k) as y is.

    Arguments:
        X, y: (n, d) and (n,) or (n, k); numpy, torch or nested sequences.
        method: see the module. `gram` needs rows that are linearly independent, `cvxpy` equations with a solution.

    Raises ValueError for an unknown method, and where the method does not apply; whatever `Problem.of` raises.
    """
    problem = Problem.of(X, y)
    if not problem.X.any():
        return problem.shaped(problem.columns(None, "w"))
    if method == "svd":
        w = RowSpace.of(problem.X).solve(problem.y)
    elif method in ("gelsd", "gelsy"):
        cutoff = EPS * max(problem.X.shape)
        w = np.asarray(scipy.linalg.lstsq(problem.X, problem.y, cond=cutoff, lapack_driver=method)[0])
    elif method == "gram":
        w = _by_gram(problem)
    elif method == "cvxpy":
        w = solve_convex_program(problem.X, problem.y)[0]
    else:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    return problem.shaped(w)


def solve_convex_program(X: Any, y: Any) -> tuple[Float64Array, Float64Array]:
    """minimise ||w||^2 subject to Xw = y by cvxpy, and its dual variable, scaled so that w = X^T alpha.

    The Lagrangian ||w||^2 + <nu, Xw - y> is stationary at 2w + X^T nu = 0: alpha = -nu/2. Returns w (d,) or (d, k)
    and alpha (n,) or (n, k), accurate to what Clarabel stops at, about 1e-8.
    Raises ValueError if the equations have no solution or the solver gives up.
    """
    import cvxpy  # takes a second to import

    problem = Problem.of(X, y)
    w = cvxpy.Variable((problem.X.shape[1], problem.y.shape[1]))
    equations = problem.X @ w == problem.y
    program = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(w)), [equations])
    program.solve(solver=cvxpy.CLARABEL)
    if program.status != cvxpy.OPTIMAL:
        raise ValueError(
            f"cvxpy ends {program.status}: either Xw = y has no solution, or X is too badly conditioned for it"
        )
    dual: npt.NDArray[np.float64] = -equations.dual_value / 2
    return problem.shaped(np.asarray(w.value)), problem.shaped(dual)


def _by_gram(problem: Problem) -> Float64Array:
    n, d = problem.X.shape
    try:
        factor = scipy.linalg.cho_factor(problem.X @ problem.X.T)
    except scipy.linalg.LinAlgError:
        raise ValueError(
            f"K = X X^T is singular to working precision: 'gram' needs linearly independent rows, X is {n} x {d}"
        ) from None
    w = problem.columns(None, "w")
    for _ in range(1 + _REFINEMENTS):
        w -= problem.X.T @ scipy.linalg.cho_solve(factor, problem.residual(w))
    return w
