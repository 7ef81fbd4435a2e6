"""Interpolants of least p-norm by a convex solver: references that share no code with the algorithms they judge.

An interior-point method stops at absolute errors, so it is given equations and unknowns whose largest numbers are
about 1, by powers of two: `in_units`. Without them the answer depends on the unit of the data, while the status says
"optimal".
"""

import numpy as np

from theory.common.arrays import as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import exponent, scaled, scaled_number
from theory.implicit_bias.potentials import Float64Array


@plain_numbers
def minimum_p_norm(X: Float64Array, y: Float64Array, p: float) -> Float64Array:
    """The w (d,) that minimises ||w||_p subject to Xw = y, for 1 <= p <= infinity, by cvxpy (Clarabel, gap 1e-8).

    p = 1 is basis pursuit. Unique for p strictly between; for p = 1 and infinity if X (n, d) is in general position.
    Raises ArithmeticError if the solver does not report an optimum (Xw = y without a solution).
    """
    import cvxpy  # takes a second to import

    X, y, unit = in_units(X, y)
    w = cvxpy.Variable(X.shape[1])
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.pnorm(w, p)), [X @ w == y])
    problem.solve(solver=cvxpy.CLARABEL)
    if problem.status != cvxpy.OPTIMAL:
        raise ArithmeticError(f"no interpolant of least {p:g}-norm: the solver reports {problem.status}")
    return scaled(np.asarray(w.value, dtype=np.float64), unit)


def in_units(X: Float64Array, y: Float64Array) -> tuple[Float64Array, Float64Array, int]:
    """Equations X'w' = y' with the solutions w' = w / 2^unit of Xw = y, the largest number of a row and of y' about 1.

    Arguments:
        X, y: (n, d) or (n, ...), and (n,).

    Raises ValueError for arguments of the wrong shape and for NaN or infinity.
    """
    X, y = as_real(X, "X").astype(np.float64), as_real(y, "y").astype(np.float64)
    if X.ndim < 2 or not X.size or y.shape != X.shape[:1]:
        raise ValueError(f"X must be (n, d) and y (n,), at least one number each, got shapes {X.shape} and {y.shape}")
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        raise ValueError("X and y must be finite")
    rows = np.array([-exponent(row, moderate=0) for row in X])
    right = np.ldexp(y, rows)
    unit = exponent(right, moderate=0)
    return np.ldexp(X, rows.reshape(-1, *[1] * (X.ndim - 1))), scaled(right, -unit), unit


def square_in_units(scale: float, unit: int) -> float:
    """The number scale^2 / 2^unit, by way of no number that leaves float64."""
    part = scaled_number(scale, -(unit // 2))
    return scaled_number(part * part, -(unit % 2))
