r"""Mirror descent on least squares: the limit is the interpolant of least Bregman divergence from the start.

For the loss (1/2)||Xw - y||^2 and a potential psi (`potentials`),

    psi'(w_{t+1}) = psi'(w_t) - eta_t X^T (X w_t - y),

so psi'(w_t) = psi'(w_0) + X^T nu_t with nu_{t+1} = nu_t - eta_t (X w_t - y): gradient descent on the dual of

    minimise D(w, w_0) subject to Xw = y.

A point is its solution if and only if Xw = y and psi'(w) - psi'(w_0) lies in the row space of X (the gradient of D
has no part along the solutions). The second holds at every step, the first in the limit. psi = ||w||_2^2 / 2 is
gradient descent and the minimum norm; negative entropy is exponentiated gradient.

Gunasekar, Lee, Soudry, Srebro 2018, "Characterizing implicit bias in terms of optimization geometry", theorem 1.
"""

from dataclasses import dataclass

import numpy as np

from theory.common.arrays import BeyondFloat64Error, as_real
from theory.common.plain_numbers import plain_numbers
from theory.common.scaling import exponent, norm, scaled
from theory.implicit_bias.potentials import Float64Array, Potential


@dataclass(frozen=True, eq=False)
class BregmanInterpolant:
    """A solution of Xw = y with the evidence that its divergence from its start is least.

    Attributes:
        solution: w (d,).
        dual: nu (n,).
        divergence: D(w, w_0).
        iterations: steps made.
        residual: ||Xw - y||_2.
        stationarity: ||psi'(w) - psi'(w_0) - X^T nu||_2, recomputed from w.
        duality_gap: |<nu, Xw - y>|. The dual's value at nu is D(w, w_0) + <nu, y - Xw>, a lower bound on the least
            divergence.
    """

    solution: Float64Array
    dual: Float64Array
    divergence: float
    iterations: int
    residual: float
    stationarity: float
    duality_gap: float


@plain_numbers
def mirror_descent(
    potential: Potential,
    X: Float64Array,
    y: Float64Array,
    start: Float64Array,
    *,
    tolerance: float = 1e-11,
    max_iterations: int = 50_000,
) -> BregmanInterpolant:
    """Full-batch mirror descent from `start`, with step sizes found by growing and backtracking on the dual.

    Any step sizes keep the limit; these decrease the dual objective, which no constant one can promise where the
    potential's curvature vanishes.

    Arguments:
        potential: psi.
        X, y, start: data (n, d), (n,) and w_0 (d,), inside the potential's domain.
        tolerance: stop once ||Xw - y|| <= tolerance ||y||.
        max_iterations: stop after this many steps in any case; the residual says how far they came.

    Raises ValueError if shapes do not match, for NaN or infinity, and for a start outside the potential's domain;
    BeyondFloat64Error if Xw overflows there.
    """
    X, y, start = (as_real(value, name).astype(np.float64) for value, name in ((X, "X"), (y, "y"), (start, "start")))
    if X.ndim != 2 or y.shape != X.shape[:1] or start.shape != X.shape[1:]:
        raise ValueError(f"X must be (n, d), y (n,) and start (d,), got {X.shape}, {y.shape} and {start.shape}")
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        raise ValueError("X and y must be finite")
    with np.errstate(all="ignore"):
        start_theta = potential.mirror_map(start)
    if not np.isfinite(start_theta).all():
        raise ValueError(f"start lies outside the domain of the potential {potential.name}, or at its end")

    def residual(nu: Float64Array) -> Float64Array:
        with np.errstate(over="ignore", invalid="ignore"):
            gradient: Float64Array = X @ potential.inverse_map(start_theta + X.T @ nu) - y
        return gradient

    nu, step, iteration = np.zeros(len(y)), 1.0, 0
    gradient = residual(nu)
    if not np.isfinite(gradient).all():
        raise BeyondFloat64Error("Xw - y overflows float64 at the start: measure X, or start, in a larger unit")
    target = tolerance * norm(y)
    while iteration < max_iterations and norm(gradient) > target:
        # A quarter of the linear model's decrease at least, by the trapezoidal rule on the dual's derivative: the
        # difference of its values would drown in rounding near the minimum. Overflow makes the comparison false.
        unit = exponent(gradient)
        slope = scaled(gradient, -unit)
        while True:
            after = residual(nu - step * gradient)
            with np.errstate(over="ignore", invalid="ignore"):
                if slope @ (slope + scaled(after, -unit)) >= slope @ slope / 2:
                    break
            step /= 2
        nu, gradient = nu - step * gradient, after
        step *= 1.5
        iteration += 1
    w = potential.inverse_map(start_theta + X.T @ nu)
    return BregmanInterpolant(
        solution=w,
        dual=nu,
        divergence=potential.divergence(w, start),
        iterations=iteration,
        residual=norm(gradient),
        stationarity=norm(potential.mirror_map(w) - start_theta - X.T @ nu),
        duality_gap=float(abs(nu @ gradient)),
    )
