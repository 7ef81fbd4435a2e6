"""Interpolants of least p-norm by a convex solver: references that share no code with the algorithms they judge."""

import numpy as np

from theory.implicit_bias.potentials import Float64Array


def minimum_p_norm(X: Float64Array, y: Float64Array, p: float) -> Float64Array:
    """The w (d,) that minimises ||w||_p subject to Xw = y, for 1 <= p <= infinity, by cvxpy (Clarabel, gap 1e-8).

    p = 1 is basis pursuit. Unique for p strictly between; for p = 1 and infinity if X (n, d) is in general position.
    Raises ArithmeticError if the solver does not report an optimum (Xw = y without a solution).
    """
    import cvxpy

    w = cvxpy.Variable(X.shape[1])
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.pnorm(w, p)), [X @ w == y])
    problem.solve(solver=cvxpy.CLARABEL)
    if problem.status != cvxpy.OPTIMAL:
        raise ArithmeticError(f"no interpolant of least {p:g}-norm: the solver reports {problem.status}")
    solution: Float64Array = np.asarray(w.value, dtype=np.float64)
    return solution
