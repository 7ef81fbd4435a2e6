"""A least-squares problem: X is n x d, y has n rows, and the loss is (1/2n) ||Xw - y||^2.

Its Hessian X^T X / n and the matrix K = X X^T share their nonzero eigenvalues, the squares of X's singular values.
Everything that the iterations need to know of X beyond its rows follows from the smaller of the two.

Very large or very small data are held in units (`theory.common.scaling`): X / 2^a and y / 2^b, so that w is in units of
2^(b - a) and step sizes in units of 2^(-2a). All solvers compute in these; `columns` and `internal_step_size` take
their arguments there, `solution`, `residual_norm` and `step_size` bring results back. Nothing is rounded by it.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse.linalg

from theory.common.arrays import Float64Array, as_float64, as_labels, as_points
from theory.common.scaling import exponent, output_exponents, require_representable, scaled, scaled_number

_DENSE_EIGENVALUES = 1000  # up to this size all eigenvalues are computed; beyond, the largest by Lanczos' method
_LANCZOS_TOLERANCE = 1e-6
EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Problem:
    """X float64 (n, d), y float64 (n, k), and whether y came as a vector (n,), so that solutions leave as (d,).

    `X_exponent` and `y_exponent` are a and b of the module; 0 for data of moderate size. `exact` tells whether X / 2^a
    is not rounded: a number 2^1022 times smaller than the largest may lose digits there, or all of them.
    """

    X: Float64Array
    y: Float64Array
    vector: bool
    X_exponent: int = 0
    y_exponent: int = 0
    exact: bool = True

    @classmethod
    def of(cls, X: Any, y: Any, w: Any = None) -> Self:
        """Make a problem from numpy arrays, torch tensors or nested sequences: X (n, d) and y (n,) or (n, k), any real
        dtype.

        The units are chosen so that Xw is of moderate size as well, for a start or a candidate w. Zeros have no size:
        neither a w nor a y of zeros has a say in the unit of the other.

        Raises TypeError for a dtype that is not real; ValueError for empty input, shapes that do not match, NaN or
        infinity.
        """
        X = np.ascontiguousarray(as_float64(as_points(X, "X", check_finite=False), "X"))
        y = as_labels(y, len(X), "y")
        if not np.isfinite(largest := float(np.maximum(X.max(), -X.min()))):
            as_points(X, "X")  # says which rows
        a, b = exponent(largest), exponent(y)
        w = None if w is None else as_float64(as_points(w, "w"), "w")
        if w is not None and w.any():
            b = exponent(w, moderate=0) + exponent(largest, moderate=0)
            b = max(exponent(y, moderate=0), b) if y.any() else b
            b = 0 if abs(b) <= 200 and a == 0 else b
        even = scaled(X, -a)
        exact = a <= 0 or np.array_equal(scaled(even, a), X)
        return cls(even, scaled(y.reshape(len(X), -1), -b), y.ndim == 1, a, b, exact)

    @classmethod
    def by_output(cls, X: Any, y: Any) -> tuple[Self, npt.NDArray[np.int64]]:
        """The problem for a method that treats every output by itself: each column of y in its own unit.

        Returns the problem, b = 0, and the exponents of the columns, (k,), for `solution`. Raises as `of`.
        """
        problem = cls.of(X, y)
        labels = as_labels(y, len(problem.X), "y").reshape(problem.y.shape)
        units = output_exponents(labels)
        return replace(problem, y=scaled(labels, -units), y_exponent=0), units

    @cached_property
    def squared_row_norms(self) -> Float64Array:
        """||x_i||^2, (n,)."""
        norms: Float64Array = (self.X[:, None, :] @ self.X[:, :, None])[:, 0, 0]  # n products by BLAS: one pass over X
        return norms

    @cached_property
    def frobenius_norm(self) -> float:
        """||X||_F."""
        return float(np.sqrt(self.squared_row_norms.sum()))

    @cached_property
    def gram(self) -> Float64Array:
        """The smaller of K = X X^T, (n, n), and X^T X, (d, d)."""
        n, d = self.X.shape
        product: Float64Array = self.X @ self.X.T if n <= d else self.X.T @ self.X
        return product

    @cached_property
    def nonzero_eigenvalues(self) -> Float64Array:
        """The squared singular values of X, ascending, above rounding: max(n, d) eps times the largest."""
        values = np.asarray(np.linalg.eigvalsh(self.gram), dtype=np.float64)
        kept: Float64Array = values[values > max(self.X.shape) * EPS * values[-1]]
        return kept

    @cached_property
    def largest_eigenvalue(self) -> float:
        """||X||_2^2, not below by more than rounding."""
        n, d = self.X.shape
        size = min(n, d)
        if size <= _DENSE_EIGENVALUES:
            return max(float(np.linalg.eigvalsh(self.gram)[-1]), 0.0)
        wide, tall = (self.X.T, self.X) if n <= d else (self.X, self.X.T)
        # Some dozens of products with X, where X X^T would take size / 2 multiplications for each number of X.
        product = scipy.sparse.linalg.LinearOperator((size, size), matvec=lambda v: tall @ (wide @ v), dtype=np.float64)
        start = np.random.default_rng(0).standard_normal(size)
        values = scipy.sparse.linalg.eigsh(product, k=1, tol=_LANCZOS_TOLERANCE, v0=start, return_eigenvectors=False)
        return float(values[0]) * (1 + _LANCZOS_TOLERANCE)

    def residual(self, w: Float64Array) -> Float64Array:
        """Xw - y, (n, k), for w (d, k)."""
        product: Float64Array = self.X @ w - self.y if w.any() else -self.y
        return product

    def residual_scale(self, w: Float64Array) -> float:
        """||X||_F ||w|| + ||y||: rounding in `residual` is a few eps of this."""
        return self.frobenius_norm * float(np.linalg.norm(w)) + float(np.linalg.norm(self.y))

    def columns(self, w: Any, name: str) -> Float64Array:
        """A copy of w, (d,) or (d, k) as the outputs are, as (d, k), in the problem's units.

        None is zero. Raises ValueError for another shape.
        """
        shape = (self.X.shape[1], self.y.shape[1])
        if w is None:
            return np.zeros(shape)
        w = as_float64(as_points(w, name), name)
        if w.shape != shape:
            raise ValueError(f"{name} must have shape {shape[:1] if self.vector else shape}, got {w.shape}")
        return np.array(scaled(w, self.X_exponent - self.y_exponent))

    def solution(self, w: Float64Array, units: npt.NDArray[np.int64] | int = 0) -> Float64Array:
        """w (d, k) in the caller's units, shaped as the outputs came; `units` are those of `by_output`.

        BeyondFloat64Error if that overflows.
        """
        exponents = units + self.y_exponent - self.X_exponent
        return self.shaped(require_representable(scaled(w, exponents), "the solution"))

    def residual_norm(self, value: float) -> float:
        """A norm of a residual, in the caller's units."""
        return scaled_number(value, self.y_exponent)

    def step_size(self, value: float) -> float:
        """A step size, in the caller's units."""
        return scaled_number(value, -2 * self.X_exponent)

    def internal_step_size(self, value: float) -> float:
        """A step size of the caller's, in the problem's units."""
        return scaled_number(value, 2 * self.X_exponent)

    def shaped(self, w: Float64Array) -> Float64Array:
        """(m, k) as the outputs came: (m,) if y was a vector."""
        return w[:, 0] if self.vector else w
